// SPDX-License-Identifier: MIT
// mamba/simd/lane_sums.hpp — the sums across the lanes of W batches, all at once, in one order.  [floor 1]
//
//     out[i] = Σ_j rows[i][j],        lane j and lane j + W/2 first, then W/4, … , 1 apart
#pragma once

#include <mamba/simd/load_store.hpp>

#include <utility>

namespace mamba::inline MAMBA_ABI::simd {

/// The sum of the lanes of each of W batches, the sum of row i in lane i.
///
/// Why:     W sums cost W − 1 additions and twice as many shuffles together; one by one each costs log₂ W of both.
/// Shapes:  rows [W, W], row-major, of any alignment.
/// Error:   log2(lanes) roundings, in another order than reduce_add's. A row's sum has the same bits in every lane.
template <class T>
[[nodiscard]] inline batch<T> lane_sums(T const* rows) noexcept;

namespace detail {

/// Lanes i of the first batch where i/Distance is even, of the second where it is odd, each plus its partner Distance
/// lanes away: half as many partial sums of each, both in one batch.
template <std::size_t Distance, class T, std::size_t... I>
[[nodiscard]] [[gnu::always_inline]] inline batch<T> fold_two(batch<T> a, batch<T> b,
                                                              std::index_sequence<I...>) noexcept {
  constexpr std::size_t W = sizeof...(I);
  using lanes_of = typename batch<T>::register_type;
  if constexpr (requires(lanes_of r) { r + r; }) {  // a vector type of the compiler
    lanes_of const u = a;
    lanes_of const v = b;
    batch<T> const kept(__builtin_shufflevector(u, v, static_cast<int>(I / Distance % 2 == 0 ? I : W + I)...));
    batch<T> const partner(
        __builtin_shufflevector(u, v, static_cast<int>(I / Distance % 2 == 0 ? I + Distance : W + I - Distance)...));
    return kept + partner;
  } else {
    alignas(64) T u[W];
    alignas(64) T v[W];
    store<batch<T>>(u, a);
    store<batch<T>>(v, b);
    alignas(64) T const sums[W] = {(I / Distance % 2 == 0 ? u[I] + u[(I + Distance) % W] : v[I] + v[I - Distance])...};
    return load<batch<T>>(sums);
  }
}

/// Rows `First`, First + Distance, First + 2·Distance, …, W/Distance partial sums of each of them left.
template <std::size_t Distance, std::size_t First, class T>
[[nodiscard]] [[gnu::always_inline]] inline batch<T> folded(T const* rows) noexcept {
  if constexpr (Distance == lanes<T>) {
    return load<batch<T>>(rows + First * lanes<T>);
  } else {
    return fold_two<Distance>(folded<2 * Distance, First>(rows), folded<2 * Distance, First + Distance>(rows),
                              std::make_index_sequence<lanes<T>>{});
  }
}

}  // namespace detail

template <class T>
inline batch<T> lane_sums(T const* rows) noexcept {
  return detail::folded<1, 0>(rows);
}

}  // namespace mamba::inline MAMBA_ABI::simd
