// SPDX-License-Identifier: MIT
// mamba/math/sigmoid.hpp — the logistic function σ and the gate x·σ(x), SiLU.  [floor 2]
//
// With e = exp(−|x|) ≤ 1 nothing overflows on either side:
//
//     σ(x) = 1/(1 + e) for x ≥ 0,   e/(1 + e) for x < 0
//
// Both end in a division, which no compiler merges with what a caller adds.
#pragma once

#include <mamba/math/exp.hpp>

namespace mamba::inline MAMBA_ABI::math {

/// σ(x) = 1/(1 + e⁻ˣ).
///
/// Domain:  all x; σ(−∞) = 0, σ(∞) = 1, gradual where the result is subnormal. NaN in, NaN out.
/// Error:   2.5 ulp.
template <simd::real V>
[[nodiscard]] inline V sigmoid(V x) noexcept {
  using T = simd::scalar_of<V>;
  V const one(T(1));
  V const e = detail::exp_from_below<V>(-simd::abs(x));
  return simd::select(x < V(T(0)), e, one) / (one + e);
}

/// x·σ(x), also called swish.
///
/// Domain:  all x; silu(∞) = ∞, and silu(−∞) = −0, the limit (PyTorch gives NaN there). NaN in, NaN out.
///          Where Known is normal, only x of exp_is_normal: the same bits, with less to do.
/// Error:   3.25 ulp where e⁻|ˣ| is a normal number (x ≥ −87, −708 in double); below, 2e-43 (5e-321) absolute.
template <exponents Known = exponents::nonpositive, simd::real V>
[[nodiscard]] inline V silu(V x) noexcept {
  using T = simd::scalar_of<V>;
  if constexpr (Known == exponents::normal) {
    V const e = detail::exp_of_minus<V>(simd::abs(x));
    return simd::maximum(x, V(x * e)) / (V(T(1)) + e);  // x·e for x < 0, else x
  }
  V const e = detail::exp_from_below<V>(-simd::abs(x));
  V const inside = simd::maximum(x, V(T(-1000)));  // e is 0 long before, and 0·∞ would be NaN
  return simd::select(x < V(T(0)), inside * e, x) / (V(T(1)) + e);
}

}  // namespace mamba::inline MAMBA_ABI::math
