// SPDX-License-Identifier: MIT
// mamba/model/state.hpp — everything a model remembers of what it has read: a value.  [floor 6]
#pragma once

#include <mamba/model/config.hpp>

#include <algorithm>
#include <vector>

namespace mamba::inline MAMBA_ABI::model {

/// Tokens that forward() takes through all layers at a time: scratch is bounded by it (9.4 MB for mamba-130m), results do
/// not depend on it. Half as many were 1 (float) to 5 % (q4) slower with one thread, a quarter 5 to 12 %.
inline constexpr std::size_t chunk_tokens = 256;

/// The state of a model between calls: copy it, compare it, keep it, go back to it.
///
/// Shapes:  per layer, the last d_conv−1 inputs of the convolution [d_conv−1, d_inner] and h [d_inner, d_state], both
///          in the arithmetic type T. Its size does not depend on how much was read.
/// Why:     it also owns the scratch of forward(), so that step() never allocates. Scratch is no part of the value:
///          it is neither copied nor compared.
/// Throws:  mamba::error if `sizes` are not those of C; std::bad_alloc.
template <config C = any, class T = float>
class state {
 public:
  using scalar = T;
  using layer_state = nn::block_state<C.block(), T>;

  /// Intermediate values of one chunk.
  struct scratch {
    nn::block_workspace<T> block;
    tensor<T, dynamic, dynamic> residual, normed;

    scratch() = default;
    scratch(config const& sizes, std::size_t rows) { reserve(sizes, rows); }
    void reserve(config const& sizes, std::size_t rows) {
      if (rows <= residual.extent(0)) return;
      block.reserve(sizes.block(), rows);
      normed = tensor<T, dynamic, dynamic>(rows, sizes.d_model);
      residual = tensor<T, dynamic, dynamic>(rows, sizes.d_model);  // last: it says how much room there is
    }
  };

  state() requires(C.n_layer != dynamic) : state(C) {}

  explicit state(config const& sizes) : sizes_(checked(C, sizes, "model::state")), room_(sizes_, 1) {
    layers_.reserve(sizes.n_layer);
    for (std::size_t i = 0; i < sizes.n_layer; ++i) layers_.emplace_back(sizes.block());
  }

  state(state const& other) : sizes_(other.sizes_), layers_(other.layers_), room_(other.sizes_, 1) {}
  state(state&&) noexcept = default;
  /// Between states of one model this allocates nothing.
  state& operator=(state const& other) {
    if (!(sizes_ == other.sizes_) || room_.residual.empty()) room_ = scratch(other.sizes_, 1);
    sizes_ = other.sizes_;
    layers_ = other.layers_;
    return *this;
  }
  state& operator=(state&&) noexcept = default;
  ~state() = default;

  /// Forgets everything: all zero, as before the first token.
  void reset() noexcept {
    for (layer_state& layer : layers_) layer.reset();
  }

  [[nodiscard]] config const& sizes() const noexcept { return sizes_; }
  [[nodiscard]] std::span<layer_state> layers() noexcept { return layers_; }
  [[nodiscard]] std::span<layer_state const> layers() const noexcept { return layers_; }

  /// Makes room for calls of up to `tokens` tokens, so that they allocate nothing either.
  void reserve(std::size_t tokens) { room_.reserve(sizes_, std::min(tokens, chunk_tokens)); }
  [[nodiscard]] scratch& room() noexcept { return room_; }

  /// Equal memories: the same numbers in every layer.
  friend bool operator==(state const& a, state const& b) noexcept { return a.layers_ == b.layers_; }

 private:
  config sizes_;
  std::vector<layer_state> layers_;
  scratch room_;
};

}  // namespace mamba::inline MAMBA_ABI::model
