// SPDX-License-Identifier: MIT
// mamba/math/exp.hpp — eˣ, 2ˣ, eˣ − 1, and the fast decay 2ᶻ for z ≤ 0.  [floor 2]
//
// All split the exponent into a whole number n of powers of two and a small rest r, |r| ≤ ½ (or ½ ln 2):
//
//     2ˣ = 2ⁿ 2ʳ          eˣ = 2ⁿ eʳ,   n = round(x log₂ e),   r = x − n ln 2
//
// One template serves scalars and batches, and a scalar gives the bits of a batch lane. Call these functions with their
// namespace, math::exp(x): argument-dependent lookup finds the batch's own exp, whose bits depend on the compiler.
#pragma once

#include <mamba/math/detail/exp_parts.hpp>
#include <mamba/math/polynomial.hpp>

#include <concepts>

namespace mamba::inline MAMBA_ABI::math {

/// The range of the exponent of a power.
enum class exponents {
  nonpositive,  ///< z ≤ 0, −∞ included
  normal        ///< |z| ≤ 126 (1022 in double), or NaN: 2ᶻ is neither subnormal nor infinite
};

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
    return detail::exp2_by_eighths<Known == exponents::nonpositive>(z);
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
