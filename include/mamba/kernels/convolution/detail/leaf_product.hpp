// SPDX-License-Identifier: MIT
// mamba/kernels/convolution/detail/leaf_product.hpp — products of residues, and vectors of a row.  [floor 4]
#pragma once

#include <mamba/math/fft.hpp>
#include <mamba/simd/transpose.hpp>

#include <cstddef>
#include <span>

namespace mamba::inline MAMBA_ABI::kernels::detail {

/// c + ab.
template <simd::real V>
[[gnu::always_inline]] inline math::complex<V> multiply_add(math::complex<V> const& a, math::complex<V> const& b,
                                                            math::complex<V> const& c) noexcept {
  return {simd::fnma(a.im, b.im, simd::fma(a.re, b.re, c.re)), simd::fma(a.im, b.re, simd::fma(a.re, b.im, c.im))};
}

/// ab.
template <simd::real V>
[[gnu::always_inline]] inline math::complex<V> multiply(math::complex<V> const& a, math::complex<V> const& b) noexcept {
  return {simd::fnma(a.im, b.im, simd::mul_unfused(a.re, b.re)), simd::fma(a.im, b.re, simd::mul_unfused(a.re, b.im))};
}

/// x ← x k modulo z^S − ρ, term by term.
template <std::size_t S, simd::real V>
inline void leaf_product(math::complex<V>* x, math::complex<V> const* k, math::complex<V> const& rho) noexcept {
  static_assert(S == 1 || S == 2 || S == 4, "leaf_product: for one, two or four coefficients");
  if constexpr (S == 1) {
    x[0] = multiply(x[0], k[0]);
  } else if constexpr (S == 2) {
    math::complex<V> const a0 = x[0], a1 = x[1], b0 = k[0], b1 = k[1];
    x[0] = multiply_add(rho, multiply(a1, b1), multiply(a0, b0));
    x[1] = multiply_add(a1, b0, multiply(a0, b1));
  } else {
    math::complex<V> const a0 = x[0], a1 = x[1], a2 = x[2], a3 = x[3];
    math::complex<V> const b0 = k[0], b1 = k[1], b2 = k[2], b3 = k[3];
    auto const above0 = multiply_add(a3, b1, multiply_add(a2, b2, multiply(a1, b3)));
    auto const above1 = multiply_add(a3, b2, multiply(a2, b3));
    auto const above2 = multiply(a3, b3);
    x[0] = multiply_add(rho, above0, multiply(a0, b0));
    x[1] = multiply_add(rho, above1, multiply_add(a1, b0, multiply(a0, b1)));
    x[2] = multiply_add(rho, above2, multiply_add(a2, b0, multiply_add(a1, b1, multiply(a0, b2))));
    x[3] = multiply_add(a3, b0, multiply_add(a2, b1, multiply_add(a1, b2, multiply(a0, b3))));
  }
}

/// Transposes a square of W complex vectors: from coefficients in lanes to nodes in lanes, and back.
template <simd::real V>
inline void transpose(math::complex<V>* x) noexcept {
  constexpr std::size_t W = simd::width<V>;
  V part[W];
  for (std::size_t i = 0; i < W; ++i) part[i] = x[i].re;
  simd::transpose(part);
  for (std::size_t i = 0; i < W; ++i) x[i].re = part[i];
  for (std::size_t i = 0; i < W; ++i) part[i] = x[i].im;
  simd::transpose(part);
  for (std::size_t i = 0; i < W; ++i) x[i].im = part[i];
}

/// Vector i of a row, zero past its end; nothing past the end is read.
template <class V, class T>
[[nodiscard]] inline V load_vector(std::span<T const> row, std::size_t i) noexcept {
  std::size_t const first = i * simd::width<V>;
  if (first + simd::width<V> <= row.size()) return simd::load<V>(row.data() + first);
  return first < row.size() ? simd::load_first<V>(row.data() + first, row.size() - first) : V(T{0});
}

/// Stores vector i of a row; what would lie past the end is dropped.
template <class V, class T>
inline void store_vector(std::span<T> row, std::size_t i, V v) noexcept {
  std::size_t const first = i * simd::width<V>;
  if (first + simd::width<V> <= row.size()) {
    simd::store<V>(row.data() + first, v);
  } else if (first < row.size()) {
    simd::store_first<V>(row.data() + first, v, row.size() - first);
  }
}

}  // namespace mamba::inline MAMBA_ABI::kernels::detail
