// SPDX-License-Identifier: MIT
// mamba/nn/format_policy.hpp — which matrix of a model is stored in which format.  [floor 5]
#pragma once

#include <mamba/kernels/gemm/packed_matrix.hpp>

#include <type_traits>

namespace mamba::inline MAMBA_ABI {

/// A format for each of a model's matrices: six aliases. Norms, biases, conv1d, A_log and D have none, they stay in the
/// arithmetic type.
///
///     struct careful : mamba::uniform_recipe<mamba::q4> {  // q4, but what makes Δ, B and C
///       using x_proj = mamba::q8;
///       using dt_proj = mamba::q8;
///     };
///     model::weights<model::any, careful> weights(sizes);
///
/// Domain:  all six are multiplied in one arithmetic (double with double, everything else with everything else).
template <class R>
concept weight_recipe = requires {
  typename R::embedding;  // the head, too, where it is tied
  typename R::lm_head;
  typename R::in_proj;
  typename R::x_proj;
  typename R::dt_proj;
  typename R::out_proj;
};

/// One format for all. (All ternary is uniform_recipe<ternary>.)
template <class W>
struct uniform_recipe {
  using embedding = W;
  using lm_head = W;
  using in_proj = W;
  using x_proj = W;
  using dt_proj = W;
  using out_proj = W;
};

/// What `ternary` stands for as the format of a model: in_proj, two thirds of a layer, and the embedding.
///
/// Why:     what was measured on the model that ships with the examples, in bits per byte of a text it has not seen
///          against 2.2594 in f32, and the bytes of all matrices of mamba-130m:
///
///              all ternary                              + 3.5 %      40 MB
///              x_proj, dt_proj in q4                    + 2.3 %      42
///              out_proj in q4                           + 1.3 %      49
///              x_proj, dt_proj, out_proj in q4          − 0.2 %      51     this recipe
///              these and the embedding in q4            − 0.4 %      63
///              all q4                                   − 0.0 %      81
///              all q8                                   + 0.0 %     138
///
///          q4 and q8 need no exception: with x_proj and dt_proj in q8, q4 was no better (+ 0.1 %).
struct ternary_recipe {
  using embedding = ternary;
  using lm_head = ternary;
  using in_proj = ternary;
  using x_proj = q4;
  using dt_proj = q4;
  using out_proj = q4;
};

namespace detail {

template <class W>
struct recipe_of {
  using type = uniform_recipe<W>;
};
template <>
struct recipe_of<ternary> {
  using type = ternary_recipe;
};
template <weight_recipe R>
struct recipe_of<R> {
  using type = R;
};

}  // namespace detail

/// The recipe of a model whose weights are W: a recipe is its own; ternary has one; any other format is that of every
/// matrix.
template <class W>
using recipe = typename detail::recipe_of<W>::type;

}  // namespace mamba::inline MAMBA_ABI

namespace mamba::inline MAMBA_ABI::kernels {

template <weight_recipe R>
struct arithmetic_of<R> {
  using type = typename arithmetic_of<typename R::embedding>::type;

  template <class... W>
  static constexpr bool same = (std::is_same_v<type, typename arithmetic_of<W>::type> && ...);
  static_assert(
      same<typename R::lm_head, typename R::in_proj, typename R::x_proj, typename R::dt_proj, typename R::out_proj>,
      "weight_recipe: matrices in double and others cannot be mixed");
};

}  // namespace mamba::inline MAMBA_ABI::kernels
