// SPDX-License-Identifier: MIT
// mamba/math/polynomial.hpp — a polynomial with constant coefficients, by Horner's rule.  [floor 2]
#pragma once

#include <mamba/simd/real.hpp>

#include <cstddef>
#include <utility>

namespace mamba::inline MAMBA_ABI::math {

/// c₀ + x (c₁ + x (c₂ + …)), coefficients in ascending order.
///
/// Why:     Horner has the fewest operations; loops over batches supply the parallelism that Estrin's form would add.
/// Error:   one rounding per coefficient; the k-th one is multiplied by xᵏ.
/// Cost:    N − 1 fused multiply-adds.
template <simd::real V, std::size_t N>
[[nodiscard]] inline V polynomial(V x, simd::scalar_of<V> const (&c)[N]) noexcept;

namespace detail {

template <simd::real V, std::size_t N, std::size_t... I>
[[nodiscard]] inline V horner([[maybe_unused]] V x, simd::scalar_of<V> const (&c)[N],
                              std::index_sequence<I...>) noexcept {
  V sum(c[N - 1]);
  ((sum = simd::fma(sum, x, V(c[N - 2 - I]))), ...);
  return sum;
}

}  // namespace detail

template <simd::real V, std::size_t N>
inline V polynomial(V x, simd::scalar_of<V> const (&c)[N]) noexcept {
  static_assert(N >= 1, "polynomial: give at least one coefficient");
  return detail::horner(x, c, std::make_index_sequence<N - 1>{});
}

}  // namespace mamba::inline MAMBA_ABI::math
