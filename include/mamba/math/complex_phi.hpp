// SPDX-License-Identifier: MIT
// mamba/math/complex_phi.hpp — eᶻ − 1, φ₁ and φ₂ of a complex number, for one oscillating mode.  [floor 2]
//
// Errors are those of the complex number, |found − exact|/|exact|: a real or imaginary part that is nearly 0 beside the
// other has fewer digits. These are references: their bits may differ between compilers.
#pragma once

#include <mamba/math/phi.hpp>

#include <complex>

namespace mamba::inline MAMBA_ABI::math {

/// eᶻ − 1 without the cancellation near 0 and near the other zeros 2πik.
///
///     eˣ⁺ⁱʸ − 1  =  (eˣ − 1) cos y − 2 sin²(y/2)  +  i eˣ sin y
///
/// Domain:  Re z up to the limit of exp. NaN in, NaN out.
/// Error:   3 ε: |eˣ − 1| ≤ |eᶻ − 1| always, and where 2 sin²(y/2) is the larger of the two its digits are not lost but
///          make the sum: eˣ is small there.
/// Cost:    one each of expm1, exp, cos; two of sin.
template <std::floating_point T>
[[nodiscard]] inline std::complex<T> expm1(std::complex<T> z) noexcept {
  T const sine = std::sin(z.imag() / 2);
  return {std::fma(std::expm1(z.real()), std::cos(z.imag()), -2 * sine * sine),
          std::exp(z.real()) * std::sin(z.imag())};
}

/// φ₁(z) = (eᶻ − 1)/z,   φ₁(0) = 1.
///
/// Domain:  Re z up to the limit of exp. NaN in, NaN out.
/// Error:   4 ε.
/// See:     phi.hpp for the reals.
template <std::floating_point T>
[[nodiscard]] inline std::complex<T> phi1(std::complex<T> z) noexcept {
  if (std::abs(z) < std::numeric_limits<T>::epsilon()) return T(1) + z / T(2);
  return expm1(z) / z;
}

/// φ₂(z) = (eᶻ − 1 − z)/z² = (φ₁(z) − 1)/z,   φ₂(0) = ½.
///
///     |z| < 1:   ½ (1 + z/3 (1 + z/4 (1 + …)))          otherwise:   (φ₁(z) − 1)/z
///
/// Domain:  Re z up to the limit of exp. NaN in, NaN out.
/// Error:   6 ε for Re z ≤ 1; to its right 6 ε of (|φ₁(z)| + 1)/|z|, for φ₂ has zeros there (2.09 ± 7.46i is the
///          first pair).
/// See:     phi.hpp for the reals.
template <std::floating_point T>
[[nodiscard]] inline std::complex<T> phi2(std::complex<T> z) noexcept {
  if (std::abs(z) < 1) return detail::phi2_nested<T>(z);
  return (phi1(z) - T(1)) / z;
}

}  // namespace mamba::inline MAMBA_ABI::math
