// SPDX-License-Identifier: MIT
// mamba/math/gelu.hpp — the gate x·Φ(x), GELU, and the gated linear unit x·σ(g).  [floor 2]
//
//     Φ(x) = ½ (1 + erf(x/√2)) for x ≥ 0,   ½ erfc(|x|/√2) for x < 0
//
// ½ (1 + erf) cancels to the left of 0. So what is approximated is e^(x²/2) Φ(−|x|) = t P(2t − 1) with t = k/(k + |x|):
// P interpolates at Chebyshev points, relative error 2⁻²⁶ (2⁻⁵⁶ in double); both sides are one product away from it.
#pragma once

#include <mamba/math/sigmoid.hpp>

namespace mamba::inline MAMBA_ABI::math {

/// x·Φ(x) with the normal distribution Φ: torch's GELU (approximate="none").
///
///     x·Φ(x) = x·½ (1 + erf(x/√2))
///
/// Paper:   Hendrycks & Gimpel, Gaussian error linear units.
/// Why:     no difference of nearly equal numbers on either side, so that small results are as accurate as large ones.
/// Domain:  all x; gelu(∞) = ∞, and gelu(−∞) = −0, the limit (PyTorch gives NaN there). NaN in, NaN out.
/// Error:   8 ulp where e^(−x²/2) is a normal number (x ≥ −13.2, −37.6 in double); below, 2e-43 (2e-321) absolute.
/// Cost:    one exp, one division, 14 fused multiply-adds or products in float, 27 in double.
template <simd::real V>
[[nodiscard]] inline V gelu(V x) noexcept;

/// a·σ(g): the gated linear unit.
///
/// Domain:  all a and g, but ∞·0. NaN in, NaN out.
/// Error:   3 ulp.
template <simd::real V>
[[nodiscard]] inline V glu(V a, V g) noexcept;

namespace detail {

template <class T>
struct gelu_constants;

template <>
struct gelu_constants<float> {
  static constexpr float k = 4, low = 14.5F, split = 0x1.001p12F;  // e^(−low²/2) is 0
  static constexpr float terms[] = {0x1.82b4bcp-3F,  0x1.373e3ap-3F,  0x1.8c6d8ep-4F,   0x1.7dffc6p-5F,
                                    0x1.eed98cp-7F,  0x1.ed4daep-10F, -0x1.cdd786p-11F, -0x1.9b62dcp-12F,
                                    0x1.988772p-15F, 0x1.01ea14p-15F};
};

template <>
struct gelu_constants<double> {
  static constexpr double k = 5, low = 39, split = 0x1.0000002p27;
  static constexpr double terms[] = {
      0x1.3b0fbcb4c77bep-3,   0x1.108a698eca1acp-3,   0x1.95c11dc6c593fp-4,   0x1.00d8ab2d2aec8p-4,
      0x1.0e5e8ee59ad2fp-5,   0x1.c4f9d5475d17p-7,    0x1.1090aa5d5ebb1p-8,   0x1.39e0d888c82d5p-11,
      -0x1.4ea69306c8d89p-13, -0x1.c9182ee255709p-14, -0x1.8e76b95781fa4p-17, 0x1.4df3dd2b25df2p-17,
      0x1.bfc86d8f465acp-19,  -0x1.ab72348de8bf1p-21, -0x1.295908c8a63c8p-21, 0x1.21268094503f7p-24,
      0x1.7410b896212e6p-24,  -0x1.2282f49b010dep-27, -0x1.c526c638d0763p-27, 0x1.00025bedee2fdp-29,
      0x1.a54825d85aa34p-30,  -0x1.817fda01ebb07p-32, -0x1.1751c33ffaaf7p-35};
};

/// a² − square, exactly, where square is a² rounded: by one instruction, or by products of halves (Dekker, Veltkamp).
template <simd::real V>
[[nodiscard]] inline V rest_of_square(V a, V square) noexcept {
  if constexpr (simd::fused) {
    return simd::fms(a, a, square);
  } else {
    V const shifted = simd::mul_unfused(a, V(gelu_constants<simd::scalar_of<V>>::split));
    V const high = shifted - (shifted - a);
    V const low = a - high;
    V const cross = simd::mul_unfused(high, low);
    return ((simd::mul_unfused(high, high) - square) + (cross + cross)) + simd::mul_unfused(low, low);
  }
}

}  // namespace detail

template <simd::real V>
inline V gelu(V x) noexcept {
  using T = simd::scalar_of<V>;
  using c = detail::gelu_constants<T>;
  V const a = simd::minimum(simd::abs(x), V(c::low));
  V const square = simd::mul_unfused(a, a);
  V const rest = detail::rest_of_square(a, square);  // e^(−a²/2) would multiply the rounding of a² by a²/2
  V const e = detail::exp_from_below<V>(square * V(T(-0.5)));
  V const t = V(c::k) / (V(c::k) + a);
  V const scaled_tail = simd::mul_unfused(t, polynomial(simd::fma(t, V(T(2)), V(T(-1))), c::terms));
  V const corrected = simd::fma(rest * V(T(-0.5)), scaled_tail, scaled_tail);
  V const left = simd::mul_unfused(simd::select(x < V(T(0)), -a, a), corrected);
  V const tail = simd::mul_unfused(left, e);  // ±|x| Φ(−|x|); last, so that nothing before it is subnormal
  return simd::select(x < V(T(0)), tail, x - tail);
}

template <simd::real V>
inline V glu(V a, V g) noexcept {
  return simd::mul_unfused(a, sigmoid(g));
}

}  // namespace mamba::inline MAMBA_ABI::math
