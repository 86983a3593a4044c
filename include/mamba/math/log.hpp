// SPDX-License-Identifier: MIT
// mamba/math/log.hpp — ln x and ln(1 + x).  [floor 2]
//
// A positive number is split into m·2ᵏ with ½√2 ≤ m < √2. With f = m − 1 and s = f/(2 + f),
//
//     ln m = 2 artanh s = 2s + s R(s²) = f − (f²/2 − s (f²/2 + R)),         ln x = k ln 2 + ln m
//
// where the last form, known from fdlibm, keeps the leading term f exact. R(z)/z is a minimax fit on 0 ≤ s ≤ 3 − 2√2.
// One template serves scalars and batches and gives both the same bits.
#pragma once

#include <mamba/math/exp.hpp>

namespace mamba::inline MAMBA_ABI::math {

namespace detail {

template <class T>
struct log_constants;

template <>
struct log_constants<float> {
  static constexpr float half_sqrt2 = 0x1.6a09e6p-1F, scale_up = 0x1p23F, huge = 0x1p30F, log1p_is_x = 0x1p-25F;
  static constexpr float terms[] = {0x1.555554p-1F, 0x1.999a7ap-2F, 0x1.2438cep-2F, 0x1.e2f7ep-3F};
};

template <>
struct log_constants<double> {
  static constexpr double half_sqrt2 = 0x1.6a09e667f3bcdp-1, scale_up = 0x1p52, huge = 0x1p60, log1p_is_x = 0x1p-54;
  static constexpr double terms[] = {0x1.5555555555592p-1, 0x1.999999997fd37p-2, 0x1.24924941f8cd7p-2,
                                     0x1.c71c5202b477cp-3, 0x1.7466405bd4077p-3, 0x1.39a193329fc3fp-3,
                                     0x1.2f0705dd0deb5p-3};
};

template <class V>
using log_constants_of = log_constants<simd::scalar_of<V>>;

/// x = m·2ᵏ, for normal x > 0.
template <simd::real V>
struct split_number {
  V m, k;
  V one_over_power;  ///< 2⁻ᵏ, while k is smaller than the exponent range
};

template <simd::real V>
[[nodiscard]] inline split_number<V> split(V x) noexcept {
  using T = simd::scalar_of<V>;
  using word = simd::word_of<V>;
  using bits = simd::uint_of<T>;
  using c = exp_constants<T>;
  word const below_one(simd::bits_as<bits>(T(1)) - simd::bits_as<bits>(log_constants<T>::half_sqrt2));
  word const field = word(simd::bits_as<bits>(x) + below_one) >> c::mantissa;  // k + bias
  word const field_of_one(static_cast<bits>(c::bias));
  word const k = field - field_of_one;
  V const magic(c::magic);
  return {.m = simd::bits_as<T>(word(simd::bits_as<bits>(x) - word(k << c::mantissa))),
          .k = simd::bits_as<T>(word(simd::bits_as<bits>(magic) + k)) - magic,
          .one_over_power = power_from_field<V>(word(field_of_one - k))};
}

/// k ln 2 + ln(1 + f), for ½√2 ≤ 1 + f < √2.
template <simd::real V>
[[nodiscard]] inline V log_of_split(V k, V f) noexcept {
  using T = simd::scalar_of<V>;
  using c = exp_constants<T>;
  V const s = f / (V(T(2)) + f);
  V const z = s * s;
  V const half_square = simd::product(V(T(0.5)) * f, f);
  V const sum = simd::fma(z, polynomial(z, log_constants<T>::terms), half_square);
  V const small = simd::fma(s, sum, simd::product(k, V(c::ln2_lo)));
  return simd::fma(k, V(c::ln2_hi), f - (half_square - small));
}

template <simd::real V>
[[nodiscard]] inline V infinity() noexcept {
  return V(std::numeric_limits<simd::scalar_of<V>>::infinity());
}

template <simd::real V>
[[nodiscard]] inline V not_a_number() noexcept {
  return V(std::numeric_limits<simd::scalar_of<V>>::quiet_NaN());
}

}  // namespace detail

/// ln x.
///
/// Domain:  x ≥ 0, subnormals included; ln 0 = −∞, ln ∞ = ∞, NaN below 0. NaN in, NaN out.
/// Error:   0.9 ulp.
/// Cost:    one division, 7 fused multiply-adds or additions and a polynomial of 4 (float) or 7 (double) terms.
template <simd::real V>
[[nodiscard]] inline V log(V x) noexcept {
  using T = simd::scalar_of<V>;
  using c = detail::log_constants<T>;
  static constexpr T smallest = std::numeric_limits<T>::min();
  auto const subnormal = x < V(smallest);
  auto const [m, k, _] = detail::split(simd::select(subnormal, simd::product(x, V(c::scale_up)), x));
  V const scaled_by = simd::select(subnormal, V(T(detail::exp_constants<T>::mantissa)), V(T(0)));
  V const finite = detail::log_of_split<V>(k - scaled_by, m - V(T(1)));
  V const positive = simd::select(x == detail::infinity<V>(), x, finite);
  V const from_zero = simd::select(x == V(T(0)), -detail::infinity<V>(), positive);
  return simd::select(x >= V(T(0)), from_zero, detail::not_a_number<V>());
}

/// ln(1 + x), without losing x where 1 + x rounds it away.
///
///     u + e = 1 + x exactly (Knuth's two-sum),   u = m·2ᵏ,   f = (m − 1) + e·2⁻ᵏ
///
/// Why:     f is then (1 + x)·2⁻ᵏ − 1 with one rounding, and x itself where k = 0.
/// Domain:  x ≥ −1; log1p(−1) = −∞, log1p(∞) = ∞, log1p(±0) = ±0, NaN below −1. NaN in, NaN out.
/// Error:   1.5 ulp.
template <simd::real V>
[[nodiscard]] inline V log1p(V x) noexcept {
  using T = simd::scalar_of<V>;
  using c = detail::log_constants<T>;
  V const one(T(1));
  V const u = one + x;
  V const x_in_u = u - one;
  V const lost = (one - (u - x_in_u)) + (x - x_in_u);
  auto const [m, k, one_over_power] = detail::split(u);
  V const weight = simd::select(x > V(c::huge), V(T(0)), one_over_power);  // a huge x loses nothing that counts
  V const finite = detail::log_of_split<V>(k, simd::fma(lost, weight, m - one));
  V const positive = simd::select(x == detail::infinity<V>(), x, finite);
  V const from_minus_one = simd::select(x == -one, -detail::infinity<V>(), positive);
  V const in_domain = simd::select(x >= -one, from_minus_one, detail::not_a_number<V>());
  return simd::select(simd::abs(x) < V(c::log1p_is_x), x, in_domain);
}

}  // namespace mamba::inline MAMBA_ABI::math
