// SPDX-License-Identifier: MIT
// mamba/math/phi.hpp — φ₁ and φ₂, the weights of an input that is held, or that rises, during one step.  [floor 2]
//
//     φ₁(z) = (eᶻ − 1)/z = ∫₀¹ eˢᶻ ds          φ₂(z) = (eᶻ − 1 − z)/z² = ∫₀¹ (1 − s) eˢᶻ ds = (φ₁(z) − 1)/z
//
// Both are smooth through 0, where the quotients are 0/0. complex_phi.hpp has them for complex z.
#pragma once

#include <mamba/math/exp.hpp>

#include <cmath>
#include <concepts>
#include <limits>

namespace mamba::inline MAMBA_ABI::math {

/// φ₁(z) = (eᶻ − 1)/z = ∫₀¹ eˢᶻ ds,   φ₁(0) = 1.
///
/// Why:     exp(z) − 1 subtracts two nearly equal numbers when |z| is small, and at z = 0, an integrator, it is 0/0.
///          The discarded quotient at z = 0 raises the invalid flag; nothing here traps it.
/// Domain:  all z, beyond the limit of exp to that of φ₁ itself (93.2… in float, 716.3… in double); φ₁(−∞) = 0.
///          NaN in, NaN out.
/// Error:   2 ulp.
/// Cost:    one expm1, one division.
/// See:     ssm/discretize/rules.hpp, the zero-order hold.
template <simd::real V>
[[nodiscard]] inline V phi1(V z) noexcept;

/// φ₂(z) = (eᶻ − 1 − z)/z² = (φ₁(z) − 1)/z,   φ₂(0) = ½.
///
///     |z| < 1:   Σ zᵏ/(k + 2)!          otherwise:   (φ₁(z) − 1)/z
///
/// Why:     expm1 alone does not help: φ₁(z) − 1 ≈ z/2 cancels, and at |z| = 1e-8 half of the digits of a double are
///          lost.
///          The discarded quotient at z = 0 raises the invalid flag; nothing here traps it.
/// Domain:  all z up to the limit of φ₁, +∞ beyond; φ₂(−∞) = 0. NaN in, NaN out.
/// Error:   5 ulp.
/// Cost:    one φ₁, one division, 9 fused multiply-adds in float, 17 in double.
/// See:     ssm/discretize/rules.hpp, the first-order hold.
template <simd::real V>
[[nodiscard]] inline V phi2(V z) noexcept;

namespace detail {

/// φ₂ near 0: Σ zᵏ/(k + 2)!. What is left out is below a quarter of an ulp for |z| ≤ 1.
template <class T>
struct phi2_series;

template <>
struct phi2_series<float> {
  static constexpr float terms[] = {1.F / 2,    1.F / 6,     1.F / 24,     1.F / 120,     1.F / 720,
                                    1.F / 5040, 1.F / 40320, 1.F / 362880, 1.F / 3628800, 1.F / 39916800};
};

template <>
struct phi2_series<double> {
  static constexpr double terms[] = {1. / 2,
                                     1. / 6,
                                     1. / 24,
                                     1. / 120,
                                     1. / 720,
                                     1. / 5040,
                                     1. / 40320,
                                     1. / 362880,
                                     1. / 3628800,
                                     1. / 39916800,
                                     1. / 479001600,
                                     1. / 6227020800,
                                     1. / 87178291200,
                                     1. / 1307674368000,
                                     1. / 20922789888000,
                                     1. / 355687428096000,
                                     1. / 6402373705728000,
                                     1. / 121645100408832000};
};

/// The same in any precision, from the inside out: φ₂ = ½ (1 + z/3 (1 + z/4 (1 + …))).
template <class T, class Z>
[[nodiscard]] inline Z phi2_nested(Z z) noexcept {
  constexpr int digits = std::numeric_limits<T>::digits;
  constexpr int last = digits <= 24 ? 12 : digits <= 53 ? 20 : digits <= 64 ? 23 : 34;
  Z sum(1);
  for (int k = last; k > 2; --k) sum = z * sum / T(k) + T(1);
  return sum / T(2);
}

}  // namespace detail

template <simd::real V>
inline V phi1(V z) noexcept {
  using T = simd::scalar_of<V>;
  using c = detail::exp_constants_of<V>;
  static constexpr T part = T(0x1p-16);
  V const quotient = detail::part_of_expm1<16>(z, c::phi1_high) / (simd::minimum(z, V(c::phi1_high)) * V(part));
  return simd::select(simd::abs(z) < V(c::expm1_is_x), simd::fma(z, V(T(0.5)), V(T(1))), quotient);
}
template <std::same_as<long double> T>
[[nodiscard]] inline T phi1(T z) noexcept {
  return z == 0 ? T(1) : std::expm1(z) / z;
}

template <simd::real V>
inline V phi2(V z) noexcept {
  using T = simd::scalar_of<V>;
  using c = detail::exp_constants_of<V>;
  V const quotient = (phi1(z) - V(T(1))) / simd::minimum(z, V(c::phi1_high));
  return simd::select(simd::abs(z) < V(T(1)), polynomial(z, detail::phi2_series<T>::terms), quotient);
}
template <std::same_as<long double> T>
[[nodiscard]] inline T phi2(T z) noexcept {
  return std::fabs(z) < 1 ? detail::phi2_nested<T>(z) : (phi1(z) - 1) / z;
}

}  // namespace mamba::inline MAMBA_ABI::math
