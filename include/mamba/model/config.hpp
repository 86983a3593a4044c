// SPDX-License-Identifier: MIT
// mamba/model/config.hpp — the sizes of a Mamba language model, and the published ones by name.  [floor 6]
#pragma once

#include <mamba/core/error.hpp>
#include <mamba/model/input_map.hpp>
#include <mamba/model/output_map.hpp>
#include <mamba/nn/block.hpp>
#include <mamba/nn/mamba1_state.hpp>

#include <string>

namespace mamba::inline MAMBA_ABI::model {

/// A structural value: a template argument for a static model, a constructor argument for a run-time one.
///
/// Shapes:  any extent may be `dynamic` where the config is a template argument.
/// See:     transformers' names for them: hidden_size = d_model, state_size = d_state, conv_kernel = d_conv,
///          time_step_rank = dt_rank, layer_norm_epsilon = norm_epsilon.
struct config {
  std::size_t d_model;
  std::size_t n_layer;
  std::size_t vocab_size;                   ///< logits per token
  std::size_t d_state = 16;                 ///< N
  std::size_t d_conv = 4;                   ///< K
  std::size_t expand = 2;                   ///< d_inner / d_model
  std::size_t dt_rank = 0;                  ///< 0: ⌈d_model / 16⌉
  std::size_t pad_vocab_size_multiple = 1;  ///< rows of the embedding are padded to it
  bool tie_embeddings = true;               ///< the head is the embedding
  bool bias = false;                        ///< of the input and the output projection
  bool conv_bias = true;                    ///< of conv1d
  double norm_epsilon = 1e-5;

  [[nodiscard]] constexpr std::size_t d_inner() const noexcept { return mixer().d_inner(); }
  [[nodiscard]] constexpr std::size_t rank() const noexcept { return mixer().rank(); }

  /// Rows of the embedding: vocab_size rounded up. Logits beyond vocab_size are not computed or sampled.
  [[nodiscard]] constexpr std::size_t padded_vocab() const noexcept {
    if (vocab_size == dynamic || pad_vocab_size_multiple == dynamic) return dynamic;
    if (pad_vocab_size_multiple == 0) return vocab_size;  // weights and state report it
    std::size_t const over = vocab_size % pad_vocab_size_multiple;
    return over == 0 ? vocab_size : vocab_size + (pad_vocab_size_multiple - over);
  }

  [[nodiscard]] constexpr nn::mamba1_config mixer() const noexcept {
    return {d_model, d_state, d_conv, expand, dt_rank, bias, conv_bias};
  }
  [[nodiscard]] constexpr nn::block_config<nn::mamba1_config> block() const noexcept { return {mixer(), norm_epsilon}; }
  [[nodiscard]] constexpr token_config input() const noexcept { return {padded_vocab(), d_model}; }
  [[nodiscard]] constexpr language_config output() const noexcept {
    return {vocab_size, d_model, padded_vocab(), tie_embeddings, norm_epsilon};
  }

  friend constexpr bool operator==(config const&, config const&) noexcept = default;
};

/// Every extent dynamic: the sizes are those of a checkpoint.
inline constexpr config any{.d_model = dynamic,
                            .n_layer = dynamic,
                            .vocab_size = dynamic,
                            .d_state = dynamic,
                            .d_conv = dynamic,
                            .expand = dynamic,
                            .dt_rank = dynamic,
                            .pad_vocab_size_multiple = dynamic};

// The published models (state-spaces/mamba-*); vocab_size is the padded 50280 of their checkpoints.
inline constexpr config mamba_130m{.d_model = 768, .n_layer = 24, .vocab_size = 50280};
inline constexpr config mamba_370m{.d_model = 1024, .n_layer = 48, .vocab_size = 50280};
inline constexpr config mamba_790m{.d_model = 1536, .n_layer = 48, .vocab_size = 50280};
inline constexpr config mamba_1_4b{.d_model = 2048, .n_layer = 48, .vocab_size = 50280};
inline constexpr config mamba_2_8b{.d_model = 2560, .n_layer = 64, .vocab_size = 50280};

/// True if every extent is static.
[[nodiscard]] constexpr bool all_static(config const& c) noexcept {
  for (std::size_t const extent : {c.n_layer, c.vocab_size, c.pad_vocab_size_multiple}) {
    if (extent == dynamic) return false;
  }
  return all_static(c.mixer());
}

/// True if types with the extents of `declared` can hold a model of these sizes.
[[nodiscard]] constexpr bool fits(config const& declared, config const& sizes) noexcept {
  auto const same = [](std::size_t a, std::size_t b) { return a == dynamic || a == b; };
  return same(declared.d_model, sizes.d_model) && same(declared.n_layer, sizes.n_layer) &&
         same(declared.vocab_size, sizes.vocab_size) && same(declared.d_state, sizes.d_state) &&
         same(declared.d_conv, sizes.d_conv) && same(declared.expand, sizes.expand) &&
         same(declared.rank(), sizes.rank()) && same(declared.padded_vocab(), sizes.padded_vocab()) &&
         (!all_static(declared.mixer()) || (declared.bias == sizes.bias && declared.conv_bias == sizes.conv_bias));
}

/// The run-time sizes of a model, if they are valid and fit `declared`.
///
/// Throws:  mamba::error that names `what` otherwise. Only dt_rank may be 0 (⌈d_model / 16⌉).
[[nodiscard]] constexpr config const& checked(config const& declared, config const& sizes, char const* what) {
  for (std::size_t const extent : {sizes.d_model, sizes.n_layer, sizes.vocab_size, sizes.d_state, sizes.d_conv,
                                   sizes.expand, sizes.pad_vocab_size_multiple}) {
    if (extent == 0) core::fail(std::string(what) + ": a size of the configuration is zero");
  }
  if (!all_static(sizes)) core::fail(std::string(what) + ": a size of the configuration is not known");
  if (!fits(declared, sizes)) {
    core::fail(std::string(what) + ": the sizes given are not those of the static configuration");
  }
  return sizes;
}

}  // namespace mamba::inline MAMBA_ABI::model
