// SPDX-License-Identifier: MIT
// mamba/math/softplus.hpp — ln(1 + eˣ), which makes step sizes positive.  [floor 2]
//
//     ln(1 + eˣ) = max(x, 0) + ln(1 + u),        u = e⁻|ˣ| ≤ 1,        ln(1 + u) = u + u² Q(u)
//
// On [0, 1] one polynomial is all of ln(1 + u), without division or a second range reduction. Q is the minimax fit of
// Remez's algorithm for the relative error of ln(1 + u), in float with the coefficients rounded one by one from the
// lowest, each time with those above it fitted anew: off by 0.09·2⁻²⁴ in float, 0.25·2⁻⁵³ in double.
#pragma once

#include <mamba/math/exp.hpp>

namespace mamba::inline MAMBA_ABI::math {

/// ln(1 + eˣ) = u + (max(x, 0) + u² Q(u)),  u = e⁻|ˣ|.
///
/// Why:     eˣ overflows for large x, and ln(1 + eˣ) rounds to 0 for small ones, where the result is eˣ.
///          The last operation is a plain addition, so no product can merge with what the caller adds.
/// Domain:  all x; softplus(−∞) = 0, softplus(∞) = ∞, gradual where the result is subnormal. NaN in, NaN out.
///          Where Known is normal, only x of exp_is_normal: the same bits, with less to do.
/// Error:   2.25 ulp (2 where simd::fused).
/// Cost:    one exp, and in float 9 fused multiply-adds, a product, an addition and a bound (20 in double).
template <exponents Known = exponents::nonpositive, simd::real V>
[[nodiscard]] inline V softplus(V x) noexcept;

/// softplus as in PyTorch: x itself for x > 20, else ln(1 + eˣ).
///
/// Why:     in float the two are one function, bit for bit: e⁻²⁰ is a thousandth of an ulp of 20. In double they differ
///          by up to 2.1e-9, and models are trained and compared with the threshold.
/// Domain:  as softplus.
/// Error:   2.25 ulp (2 where simd::fused) of PyTorch's function.
template <exponents Known = exponents::nonpositive, simd::real V>
[[nodiscard]] inline V softplus_thresholded(V x) noexcept;

namespace detail {

template <class T>
struct softplus_constants;

template <>
struct softplus_constants<float> {
  static constexpr float terms[] = {-0x1.ffffd2p-2F, 0x1.554ddp-2F,   -0x1.ff23e6p-3F, 0x1.934b54p-3F, -0x1.3a435ep-3F,
                                    0x1.b4ae08p-4F,  -0x1.d6b08cp-5F, 0x1.4917cep-6F,  -0x1.af49cep-9F};
};

template <>
struct softplus_constants<double> {
  static constexpr double terms[] = {-0x1p-1,
                                     0x1.5555555553f1ep-2,
                                     -0x1.fffffffee7456p-3,
                                     0x1.9999996cdf019p-3,
                                     -0x1.555551601d422p-3,
                                     0x1.24920ff14fc88p-3,
                                     -0x1.fffb8a90ac0b0p-4,
                                     0x1.c6fc20ade6c1dp-4,
                                     -0x1.98e9549d6e356p-4,
                                     0x1.7176ace3515e3p-4,
                                     -0x1.4bb6e0ac8c520p-4,
                                     0x1.218d2c9fca206p-4,
                                     -0x1.db3ce32e047b1p-5,
                                     0x1.5f77e1acf49d5p-5,
                                     -0x1.bf2d1d5d68e77p-6,
                                     0x1.d1d2a9dbc9e19p-7,
                                     -0x1.77a4f30137d6fp-8,
                                     0x1.b3583ffbb8b99p-10,
                                     -0x1.4058062c4e732p-12,
                                     0x1.bf8e5d6d295c2p-16};
};

}  // namespace detail

template <exponents Known, simd::real V>
inline V softplus(V x) noexcept {
  using T = simd::scalar_of<V>;
  V u;
  if constexpr (Known == exponents::normal) {
    u = detail::exp_of_minus<V>(simd::abs(x));
  } else {
    u = detail::exp_from_below<V>(-simd::abs(x));
  }
  V const above = simd::maximum(x, V(T(0)));
  return u + simd::fma(u * u, polynomial(u, detail::softplus_constants<T>::terms), above);
}

template <exponents Known, simd::real V>
inline V softplus_thresholded(V x) noexcept {
  using T = simd::scalar_of<V>;
  if constexpr (std::same_as<T, float>) {
    return math::softplus<Known>(x);
  } else {
    return simd::select(x > V(T(20)), x, math::softplus<Known>(x));
  }
}

}  // namespace mamba::inline MAMBA_ABI::math
