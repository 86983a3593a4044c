// SPDX-License-Identifier: MIT
// mamba/model/weights.hpp — the parameters of a Mamba language model, and its state.  [floor 6]
#pragma once

#include <mamba/model/config.hpp>
#include <mamba/model/network.hpp>
#include <mamba/nn/mamba1.hpp>

namespace mamba::inline MAMBA_ABI::model {

/// The layers of a Mamba language model.
template <config C = any, class W = float, class Storage = nn::packed>
using mamba_block = nn::block<nn::mamba1<C.mixer(), W, Storage>>;

/// The network of a Mamba language model: a token embedding, blocks of one kind, a head.
template <config C = any, class W = float, class Storage = nn::packed>
using mamba_network =
    network<token_embedding<W, C.padded_vocab(), C.d_model, Storage>,
            uniform_stack<mamba_block<C, W, Storage>, C.n_layer>, language_head<W, C.d_model, Storage>>;

/// The weights of a model: C has the static sizes, W is the format of the matrices or a policy.
///
///     model::weights<> weights(sizes);                     // any checkpoint
///     model::weights<model::mamba_130m, bfloat16> weights; // one shape, 16-bit matrices
///     model::weights<model::any, careful> weights(sizes);  // by role, see nn/format_policy.hpp
///
/// Shapes:  named as in checkpoints; filled by for_each_tensor. Matrices are stored as the policy of W says (float,
///          double, float16, bfloat16, or a block format: q8, q4, ternary); norms, biases, conv1d, A_log and D in the
///          arithmetic type. Storage: nn/storage.hpp.
/// Throws:  mamba::error if `sizes` are not those of C, or one is zero; std::bad_alloc.
template <config C = any, class W = float, class Storage = nn::packed>
class weights : public mamba_network<C, W, Storage> {
  using base = mamba_network<C, W, Storage>;

 public:
  using storage_format = W;
  using network_type = base;
  static constexpr config declared = C;

  constexpr weights()
    requires(C.n_layer != dynamic)
      : weights(C) {}

  constexpr explicit weights(config const& sizes)
      : base(parts_of(checked(C, sizes, "model::weights"))), sizes_(sizes) {}

  [[nodiscard]] constexpr config const& sizes() const noexcept { return sizes_; }

  /// The configuration of the network's three parts.
  [[nodiscard]] static constexpr typename base::config parts_of(config const& c) {
    return {c.input(), {c.block(), c.n_layer}, c.output()};
  }

 private:
  config sizes_;
};

/// The shapes of a model in the storage format W, without numbers, for checking a file. One layer is stored for
/// all, so that absurd sizes cost no memory.
template <class W = float>
using manifest = weights<any, W, nn::meta>;

/// The state of a Mamba language model between calls, a regular value: copies of it are checkpoints to return to.
///
/// Shapes:  per layer, the last d_conv−1 inputs of the convolution [d_conv−1, d_inner] and h [d_inner, d_state], both
///          in the arithmetic type T. Its size does not depend on the number of tokens.
/// Throws:  mamba::error if `sizes` are not those of C; std::bad_alloc.
template <config C = any, class T = float>
class state : public mamba_network<C, T>::state {
  using network = mamba_network<C, T>;

 public:
  using scalar = T;
  state()
    requires(C.n_layer != dynamic)
      : state(C) {}
  explicit state(config const& sizes)
      : network::state{uniform_stack<mamba_block<C, T>, C.n_layer>::initial_state(
                           {checked(C, sizes, "model::state").block(), sizes.n_layer}),
                       {}} {}
  /// What a session returns.
  state(typename network::state const& values) : network::state(values) {}
};

}  // namespace mamba::inline MAMBA_ABI::model
