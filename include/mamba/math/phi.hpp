// SPDX-License-Identifier: MIT
// mamba/math/phi.hpp — φ₁(z) = (eᶻ − 1)/z, the weight of an input that is held during one step.  [floor 2]
#pragma once

#include <mamba/math/exp.hpp>

namespace mamba::inline MAMBA_ABI::math {

/// φ₁(z) = (eᶻ − 1)/z = ∫₀¹ eˢᶻ ds,   φ₁(0) = 1.
///
/// Why:     exp(z) − 1 subtracts two nearly equal numbers when |z| is small, and 0/0 is no answer for an integrator.
///          The discarded quotient at z = 0 raises the invalid flag; nothing here traps it.
/// Domain:  all z, beyond the limit of exp to that of φ₁ itself (93.2… in float, 716.3… in double); φ₁(−∞) = 0.
///          NaN in, NaN out.
/// Error:   2 ulp.
/// Cost:    one expm1, one division.
/// See:     ssm/discretize.hpp, the zero-order hold.
template <simd::real V>
[[nodiscard]] inline V phi1(V z) noexcept {
  using T = simd::scalar_of<V>;
  using c = detail::exp_constants_of<V>;
  static constexpr T part = T(0x1p-16);
  V const quotient = detail::part_of_expm1<16>(z, c::phi1_high) / (simd::at_most(z, V(c::phi1_high)) * V(part));
  return simd::select(simd::abs(z) < V(c::expm1_is_x), simd::fma(z, V(T(0.5)), V(T(1))), quotient);
}

}  // namespace mamba::inline MAMBA_ABI::math
