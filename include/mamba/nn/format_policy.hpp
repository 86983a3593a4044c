// SPDX-License-Identifier: MIT
// mamba/nn/format_policy.hpp — the storage format of each matrix of a model, by its role.  [floor 5]
#pragma once

#include <mamba/kernels/gemm/packed_matrix.hpp>

#include <concepts>
#include <type_traits>

namespace mamba::inline MAMBA_ABI::nn {

/// The role of a parameter in its layer. It selects a matrix's format; vectors stay in the arithmetic type.
enum class role {
  embedding,     ///< from tokens or features to the model's width; a tied head, too
  head,          ///< from the model's width to logits or outputs
  input,         ///< a mixer's projection of its input
  selection,     ///< from a mixer's input to Δ, B and C
  output,        ///< a mixer's projection back to the model's width
  feed_forward,  ///< of a multilayer perceptron
  attention,     ///< of an attention layer
  vector         ///< norms, biases, short convolutions, A and D: no matrix
};

/// A format for each role.
///
///     struct careful {  // q4, but q8 for Δ, B and C
///       template <nn::role R>
///       using format = std::conditional_t<R == nn::role::selection, q8, q4>;
///     };
///     model::weights<model::any, careful> weights(sizes);
///
/// Domain:  all formats are multiplied in one arithmetic (double with double, everything else with everything else).
template <class P>
concept format_policy = requires {
  typename P::template format<role::embedding>;
  typename P::template format<role::input>;
};

/// One format for all roles. (All ternary is uniform_format<ternary>.)
template <class W>
struct uniform_format {
  template <role>
  using format = W;
};

/// The policy of `ternary` as the format of a model: q4 for the embedding, the head, the projections to Δ, B and C, and
/// those back to the model's width.
///
/// Why:     these cause most of the loss for the bits that they cost, measured by KL divergence from f32, on text seen
///          in training and unseen; benchmarks/README.md has the table.
struct ternary_mixture {
  template <role R>
  using format =
      std::conditional_t<R == role::embedding || R == role::head || R == role::selection || R == role::output, q4,
                         ternary>;
};

namespace detail {

template <class W>
struct policy_of {
  using type = uniform_format<W>;
};
template <>
struct policy_of<ternary> {
  using type = ternary_mixture;
};
template <format_policy P>
struct policy_of<P> {
  using type = P;
};

template <class P, class... W>
constexpr bool same_arithmetic =
    (std::same_as<kernels::arithmetic<typename P::template format<role::embedding>>, kernels::arithmetic<W>> && ...);

template <class P>
struct arithmetic_of_policy {
  static_assert(
      same_arithmetic<P, typename P::template format<role::head>, typename P::template format<role::input>,
                      typename P::template format<role::selection>, typename P::template format<role::output>,
                      typename P::template format<role::feed_forward>, typename P::template format<role::attention>>,
      "format_policy: matrices in double and others cannot be mixed");
  using type = kernels::arithmetic<typename P::template format<role::embedding>>;
};

}  // namespace detail

/// The policy of W: W itself, if it is one; the mixture for ternary; else one format for all matrices.
template <class W>
using policy = typename detail::policy_of<W>::type;

/// The format of the matrices with role R where W, a format or a policy, is that of the model.
template <class W, role R>
using format_for = typename policy<W>::template format<R>;

/// The type that a model in W computes in: double for double, float for all others.
template <class W>
using arithmetic = typename detail::arithmetic_of_policy<policy<W>>::type;

}  // namespace mamba::inline MAMBA_ABI::nn
