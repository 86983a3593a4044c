// SPDX-License-Identifier: MIT
// mamba/simd/reduce.hpp — sums whose order is fixed, whatever the compiler or the caller.  [floor 1]
#pragma once

#include <mamba/simd/load_store.hpp>

#include <span>

namespace mamba::inline MAMBA_ABI::simd {

/// The sum of the lanes, pairwise: ((v0+v1)+(v2+v3))+…. One order on every xsimd release.
///
/// Error:   log2(lanes) roundings.
template <real V>
[[nodiscard]] inline scalar_of<V> reduce_add(V v) noexcept {
  if constexpr (!is_batch<V>) {
    return v;
  } else {
    alignas(64) scalar_of<V> lane[width<V>];
    store<V>(lane, v);
    for (std::size_t n = width<V> / 2; n > 0; n /= 2) {
      for (std::size_t i = 0; i < n; ++i) lane[i] = lane[2 * i] + lane[2 * i + 1];
    }
    return lane[0];
  }
}

/// Σ xᵢ². Lane j adds the elements j, j + W, j + 2W, … in ascending order; then the lanes are added pairwise.
///
/// Shapes:  any length, zero for none.
/// Error:   (n/W + log2 W) ε relative at most: all terms are non-negative.
template <class T>
[[nodiscard]] inline T sum_of_squares(std::span<T const> x) noexcept {
  using V = batch<T>;
  V sum(T{0});
  std::size_t i = 0;
  for (; i + lanes<T> <= x.size(); i += lanes<T>) {
    V const v = load<V>(x.data() + i);
    sum = simd::fma(v, v, sum);
  }
  if (std::size_t const rest = x.size() - i; rest != 0) {
    V const v = load_first<V>(x.data() + i, rest);
    sum = simd::fma(v, v, sum);
  }
  return simd::reduce_add(sum);
}

}  // namespace mamba::inline MAMBA_ABI::simd
