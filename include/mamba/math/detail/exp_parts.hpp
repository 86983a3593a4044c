// SPDX-License-Identifier: MIT
// mamba/math/detail/exp_parts.hpp — constants and steps of the exponentials.  [floor 2]
//
// Adding 1.5·2²³ (2⁵² in double) rounds to n and leaves n in the low bits of the sum, from where a shift puts it into
// an exponent. The polynomials are minimax fits of (eʳ − 1 − r)/r² and (2ʳ − 1)/r for the relative error of the result.
#pragma once

#include <mamba/math/polynomial.hpp>
#include <mamba/simd/lookup.hpp>

namespace mamba::inline MAMBA_ABI::math::detail {

template <class T>
struct exp_constants;

template <>
struct exp_constants<float> {
  static constexpr int mantissa = 23;
  static constexpr float magic = 0x1.8p23F, bias = 127, log2_e = 0x1.715476p+0F;
  static constexpr float ln2_hi = 0x1.63p-1F, ln2_lo = -0x1.bd0106p-13F;  // n·ln2_hi is exact: ln2_hi has 9 bits
  static constexpr float exp_low = -104, exp_high = 89, exp_normal = 87, exp2_low = -151, exp2_high = 129,
                         expm1_low = -20, phi1_high = 95;
  static constexpr float expm1_is_x = 0x1p-25F;
  static constexpr float exp_terms[] = {0x1.fffffcp-2F, 0x1.555492p-3F, 0x1.5558f2p-5F, 0x1.1239e2p-7F,
                                        0x1.6a2432p-10F};
  static constexpr float exp2_terms[] = {0x1.62e43p-1F,  0x1.ebfbdcp-3F,  0x1.c6aee8p-5F,
                                         0x1.3b2d4cp-7F, 0x1.5f3e52p-10F, 0x1.41fbbep-13F};
};

template <>
struct exp_constants<double> {
  static constexpr int mantissa = 52;
  static constexpr double magic = 0x1.8p52, bias = 1023, log2_e = 0x1.71547652b82fep+0;
  static constexpr double ln2_hi = 0x1.62e42feep-1, ln2_lo = 0x1.a39ef35793c76p-33;
  static constexpr double exp_low = -746, exp_high = 710, exp_normal = 708, exp2_low = -1076, exp2_high = 1025,
                          expm1_low = -40, phi1_high = 718;
  static constexpr double expm1_is_x = 0x1p-54;
  static constexpr double exp_terms[] = {0x1.000000000000ap-1,  0x1.55555555554fap-3,  0x1.555555555087cp-5,
                                         0x1.1111111127be8p-7,  0x1.6c16c1842a18fp-10, 0x1.a01a012a57246p-13,
                                         0x1.a0199a0c54711p-16, 0x1.71df25532a64bp-19, 0x1.28ad72dd2353dp-22,
                                         0x1.ad7f6de03d2edp-26};
  static constexpr double exp2_terms[] = {0x1.62e42fefa39efp-1,  0x1.ebfbdff82c5a4p-3,  0x1.c6b08d7049fe8p-5,
                                          0x1.3b2ab6fba011ap-7,  0x1.5d87fe78cd6cfp-10, 0x1.4309130ed8c8dp-13,
                                          0x1.ffcbfba980a27p-17, 0x1.62bfc79d55679p-20, 0x1.b5267ce121472p-24,
                                          0x1.e61b4f8a314e7p-28, 0x1.e79bb45f6cb14p-32};
};

template <class V>
using exp_constants_of = exp_constants<simd::scalar_of<V>>;

/// 2^(word − bias): the float whose exponent field is the low bits of word.
template <simd::real V>
[[nodiscard]] inline V exp2i_biased(simd::uint_like<V> word) noexcept {
  return simd::bit_cast<simd::scalar_of<V>>(simd::uint_like<V>(word << exp_constants_of<V>::mantissa));
}

/// p·2ⁿ for shifted = n + magic + 2·bias. Two factors reach beyond either end of the exponent range, and a result that
/// is subnormal is rounded once, as by the one instruction that AVX-512 has for it.
template <simd::real V>
[[nodiscard]] inline V scaled(V p, V shifted) noexcept {
  using T = simd::scalar_of<V>;
  using c = exp_constants<T>;
  if constexpr (simd::scales<V>) {
    return simd::scale(p, shifted - V(c::magic + 2 * c::bias));
  } else {
    using word = simd::uint_like<V>;
    using bits = simd::uint_of<T>;
    word const both = simd::bit_cast<bits>(shifted) - word(simd::bit_cast<bits>(c::magic));
    word const half = both >> 1;
    return simd::mul_unfused(p * exp2i_biased<V>(half), exp2i_biased<V>(both - half));
  }
}

/// p·2ⁿ for normal p and p·2ⁿ: n, the low bits of shifted, is added to the exponent of p.
template <simd::real V>
[[nodiscard]] inline V with_exponent(V p, V shifted) noexcept {
  using bits = simd::uint_of<simd::scalar_of<V>>;
  using word = simd::uint_like<V>;
  return simd::bit_cast<simd::scalar_of<V>>(
      word(simd::bit_cast<bits>(p) + word(simd::bit_cast<bits>(shifted) << exp_constants_of<V>::mantissa)));
}

/// n = round(x log₂ e), as n + offset, and r = x − n ln 2.
template <simd::real V>
[[nodiscard]] inline V reduced(V x, V& shifted, simd::scalar_of<V> offset) noexcept {
  using c = exp_constants_of<V>;
  shifted = simd::kept(simd::fma(x, V(c::log2_e), V(offset)));
  V const n = shifted - V(offset);
  if constexpr (simd::fused) return simd::fma(n, V(-c::ln2_lo), simd::fma(n, V(-c::ln2_hi), x));
  // Else a compiler that reassociates would distribute a product over the difference, and join the two products.
  V const whole = simd::kept(n);
  return simd::fma(whole, V(-c::ln2_lo), simd::kept(simd::fma(whole, V(-c::ln2_hi), x)));
}

/// eʳ − 1 for |r| ≤ ½ ln 2.
template <simd::real V>
[[nodiscard]] inline V expm1_of_rest(V r) noexcept {
  return simd::fma(r * r, polynomial(r, exp_constants_of<V>::exp_terms), r);
}

/// e⁻ˣ where it is a normal number, with the bits of exp_from_below(−x): one addition instead of two products.
template <simd::real V>
[[nodiscard]] inline V exp_of_minus(V x) noexcept {
  V shifted;
  V const r = reduced(-x, shifted, exp_constants_of<V>::magic);
  return with_exponent<V>(V(1) + expm1_of_rest(r), shifted);
}

/// eˣ for x ≤ exp_high: exp without the bound that only a large x needs.
template <simd::real V>
[[nodiscard]] inline V exp_from_below(V x) noexcept {
  using c = exp_constants_of<V>;
  V shifted;
  V const r = reduced(simd::maximum(x, V(c::exp_low)), shifted, c::magic + 2 * c::bias);
  return scaled<V>(V(1) + expm1_of_rest(r), shifted);
}

/// 2^(k/8) as floats, less k in the last place of an eighth of the exponent: adding 8n + k there leaves 2ⁿ 2^(k/8).
inline constexpr simd::table_of_eight eighths{
    {0x3f800000U, 0x3f7b95c2U, 0x3f7837f0U, 0x3f75fed7U, 0x3f7504f3U, 0x3f75672aU, 0x3f7744fdU, 0x3f7ac0c7U}};
inline constexpr float eighths_magic = 0x1.8p20F;
inline constexpr float eighths_terms[] = {0x1.62e432p-1F, 0x1.ec0c22p-3F, 0x1.c690cep-5F};  // (2ʳ − 1)/r, |r| ≤ 1/16

/// Whether 2ᶻ is taken from the table of eighths: where it lies in a register.
template <class T>
inline constexpr bool by_eighths = (simd::fused && simd::looks_up<T>);

/// 2ᶻ = 2ⁿ 2^(k/8) 2ʳ with 8n + k = round(8z), which has half the polynomial of 2ⁿ 2ʳ. Where z may be below −126 (and
/// is at most 0), results that would be subnormal are 0.
template <bool Nonpositive, simd::real V>
[[nodiscard]] inline V exp2_by_eighths(V z) noexcept {
  using word = simd::uint_like<V>;
  using bits = simd::uint_of<float>;
  V const magic(eighths_magic);
  V const shifted = simd::kept(V(z + magic));
  V const r = z - (shifted - magic);
  word const place = simd::bit_cast<bits>(shifted);
  word const entry = simd::bit_cast<bits>(simd::lookup<V>(eighths, place));
  V power = simd::bit_cast<float>(word(entry + word(place << 20)));
  if constexpr (Nonpositive) power = simd::select(z < V(-126.0F), V(0.0F), power);
  return simd::fma(power * r, polynomial(r, eighths_terms), power);
}

/// (eˣ − 1)·2^−Halvings for x ≤ high, so that neither 2ⁿ nor a result near the end of the range overflows too soon.
///
///     eˣ − 1 = 2ⁿ (eʳ − 1) + (2ⁿ − 1)
template <int Halvings, simd::real V>
[[nodiscard]] inline V part_of_expm1(V x, simd::scalar_of<V> high) noexcept {
  using T = simd::scalar_of<V>;
  using c = exp_constants_of<V>;
  static constexpr T one_part = T(1) / T(1U << Halvings);
  V shifted;
  V const r =
      reduced(simd::minimum(simd::maximum(x, V(c::expm1_low)), V(high)), shifted, c::magic + (c::bias - T(Halvings)));
  V const power = exp2i_biased<V>(simd::bit_cast<simd::uint_of<T>>(shifted));  // 2ⁿ⁻ᴴ
  return simd::fma(power, expm1_of_rest(r), power - V(one_part));
}

}  // namespace mamba::inline MAMBA_ABI::math::detail
