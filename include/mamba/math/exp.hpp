// SPDX-License-Identifier: MIT
// mamba/math/exp.hpp — eˣ, 2ˣ, eˣ − 1, and the fast decay 2ᶻ for z ≤ 0.  [floor 2]
//
// All split the exponent into a whole number n of powers of two and a small rest r, |r| ≤ ½ (or ½ ln 2):
//
//     2ˣ = 2ⁿ 2ʳ          eˣ = 2ⁿ eʳ,   n = round(x log₂ e),   r = x − n ln 2
//
// Adding 1.5·2²³ (2⁵² in double) rounds to n and leaves n in the low bits of the sum, from where a shift puts it into
// an exponent. The polynomials are minimax fits of (eʳ − 1 − r)/r² and (2ʳ − 1)/r for the relative error of the result.
//
// One template serves scalars and batches, and a scalar gives the bits of a batch lane. Call these functions with their
// namespace, math::exp(x): argument-dependent lookup finds the batch's own exp, whose bits depend on the compiler.
#pragma once

#include <mamba/math/polynomial.hpp>
#include <mamba/simd/lookup.hpp>

#include <concepts>
#include <cstddef>

namespace mamba::inline MAMBA_ABI::math {

/// The range of the exponent of a power.
enum class exponents {
  nonpositive,  ///< z ≤ 0, −∞ included
  normal        ///< |z| ≤ 126 (1022 in double), or NaN: 2ᶻ is neither subnormal nor infinite
};

namespace detail {

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

/// 2ᶻ = 2ⁿ 2^(k/8) 2ʳ with 8n + k = round(8z), which has half the polynomial of 2ⁿ 2ʳ.
template <exponents Known, simd::real V>
[[nodiscard]] inline V exp2_by_eighths(V z) noexcept {
  using word = simd::uint_like<V>;
  using bits = simd::uint_of<float>;
  V const magic(eighths_magic);
  V const shifted = simd::kept(V(z + magic));
  V const r = z - (shifted - magic);
  word const place = simd::bit_cast<bits>(shifted);
  word const entry = simd::bit_cast<bits>(simd::lookup<V>(eighths, place));
  V power = simd::bit_cast<float>(word(entry + word(place << 20)));
  if constexpr (Known == exponents::nonpositive) power = simd::select(z < V(-126.0F), V(0.0F), power);
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

}  // namespace detail

/// True if |x| ≤ 87 (708 in double) in every lane of every x, so that e⁻|ˣ| is a normal number. False for NaN.
template <simd::real V, std::same_as<V>... Vs>
[[nodiscard]] inline bool exp_is_normal(V x, Vs... more) noexcept {
  using T = simd::scalar_of<V>;
  using bits = simd::uint_of<T>;
  using word = simd::uint_like<V>;
  // In integers, on other ports than multiply-adds: a larger magnitude, or NaN, gives a negative difference.
  word const limit(simd::bit_cast<bits>(detail::exp_constants<T>::exp_normal));
  auto const below = [&](V v) { return word(limit - simd::bit_cast<bits>(simd::abs(v))); };
  word signs = below(x);
  ((signs = signs | below(more)), ...);
  auto const sign = simd::bit_cast<simd::int_of<T>>(signs);
  return !simd::any(sign < decltype(sign)(0));
}

/// eˣ.
///
/// Domain:  all x. Subnormal results are gradual, exp(−∞) = 0, +∞ from the true limit on (88.7228…, 709.7827…).
///          NaN in, NaN out.
/// Error:   1.05 ulp.
/// Cost:    10 fused multiply-adds or additions in float (15 in double), 3 products, 2 bounds, 5 integer operations.
template <simd::real V>
[[nodiscard]] inline V exp(V x) noexcept {
  return detail::exp_from_below<V>(simd::minimum(x, V(detail::exp_constants_of<V>::exp_high)));
}

/// 2ˣ.
///
/// Domain:  all x, as exp; +∞ from 128 (1024) on.
/// Error:   1.25 ulp (0.95 where simd::fused).
template <simd::real V>
[[nodiscard]] inline V exp2(V x) noexcept {
  using c = detail::exp_constants_of<V>;
  V const inside = simd::minimum(simd::maximum(x, V(c::exp2_low)), V(c::exp2_high));
  V const offset(c::magic + 2 * c::bias);
  V const shifted = simd::kept(V(inside + offset));
  V const r = inside - (shifted - offset);
  return detail::scaled<V>(simd::fma(r, polynomial(r, c::exp2_terms), V(1)), shifted);
}

/// 2ᶻ for z ≤ 0: the decay of a state.
///
/// Why:     without overflow and subnormal results, one addition, one shift and one power of two suffice.
///          The last operation is a fused multiply-add, so nothing in it can merge with what the caller adds.
/// Domain:  z ≤ 0, −∞ included. Below −126.5 (−1022.5) the result is exactly 0, not subnormal.
///          exp2_nonpositive(0) = 1 exactly. NaN in, NaN out.
/// Error:   1.25 ulp (0.95 where simd::fused) for −126 ≤ z ≤ 0 (−1022 in double); below, 2⁻¹²⁶·⁵ (2⁻¹⁰²²·⁵) absolute.
/// Cost:    float: 1 bound, 3 additions, 6 fused multiply-adds, 1 product, 1 shift.
template <simd::real V>
[[nodiscard]] inline V exp2_nonpositive(V z) noexcept {
  using T = simd::scalar_of<V>;
  using c = detail::exp_constants_of<V>;
  V const inside = simd::maximum(z, V(-c::bias));
  V const offset(c::magic + c::bias);
  V const shifted = simd::kept(V(inside + offset));
  V const r = inside - (shifted - offset);
  V const power = detail::exp2i_biased<V>(simd::bit_cast<simd::uint_of<T>>(shifted));
  return simd::fma(power * r, polynomial(r, c::exp2_terms), power);
}

/// 2^(a·b), with fewer operations where no power is subnormal. The inner loop of the selective scan.
///
///     exp(Δ A) = exp2_of_product(Δ log₂ e, A),        Δ log₂ e computed once for all A
///
/// Why:     one check often covers a whole loop. Where two ports do all of the arithmetic (AVX-512), two multiply-adds
///          give n and r, and a·b itself is never rounded; elsewhere additions have ports of their own, and one
///          product with three additions is faster. With AVX2 a permutation looks up eighths of a power of two in a
///          register, which leaves half of the polynomial.
/// Domain:  that of Known; both give the same bits where both may be used. Otherwise as exp2_nonpositive; with AVX2
///          float results below 2⁻¹²⁶ are 0.
/// Error:   1.25 ulp with AVX-512, 1.2 ulp in float with AVX2, elsewhere that of exp2_nonpositive; and 2⁻¹⁵⁰ (2⁻¹⁰⁷⁵ in
///          double), less than 0.01 ulp of a result above 2⁻¹²⁰ (2⁻¹⁰¹⁰). Without AVX-512 0.7|a·b| ulp more for the
///          rounded product.
/// Cost:    float: 9 multiply-adds or products, 1 addition, 1 shift; or 8, 3 and 1; or 5, 3, 1 and 1 permutation with
///          AVX2. If nonpositive, 1 or 2 bounds.
template <exponents Known, simd::real V>
[[nodiscard]] inline V exp2_of_product(V a, V b) noexcept {
  using T = simd::scalar_of<V>;
  using c = detail::exp_constants_of<V>;
  if constexpr (detail::by_eighths<T>) {
    V z = simd::mul_unfused(a, b);
    if constexpr (Known == exponents::nonpositive) z = simd::maximum(z, V(-c::bias));
    return detail::exp2_by_eighths<Known>(z);
  }
  V const offset(c::magic + c::bias);
  V shifted, r;
  if constexpr (simd::scales<simd::batch<T>>) {
    shifted = simd::kept(simd::fma(a, b, offset));
    if constexpr (Known == exponents::nonpositive) shifted = simd::maximum(shifted, V(c::magic));
    r = simd::fms(a, b, V(shifted - offset));
    if constexpr (Known == exponents::nonpositive) r = simd::maximum(r, V(T(-0.5)));
  } else {
    V z = simd::mul_unfused(a, b);
    if constexpr (Known == exponents::nonpositive) z = simd::maximum(z, V(-c::bias));
    shifted = simd::kept(V(z + offset));
    r = z - (shifted - offset);
  }
  V const power = detail::exp2i_biased<V>(simd::bit_cast<simd::uint_of<T>>(shifted));
  return simd::fma(power * r, polynomial(r, c::exp2_terms), power);
}

/// eˣ − 1, without the cancellation near 0.
///
/// Domain:  all x; expm1(−∞) = −1, expm1(±0) = ±0, +∞ from the limit of exp on. NaN in, NaN out.
/// Error:   2.25 ulp.
template <simd::real V>
[[nodiscard]] inline V expm1(V x) noexcept {
  using c = detail::exp_constants_of<V>;
  V const half = detail::part_of_expm1<1>(x, c::exp_high);
  return simd::select(simd::abs(x) < V(c::expm1_is_x), x, half + half);
}

}  // namespace mamba::inline MAMBA_ABI::math
