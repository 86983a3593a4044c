// SPDX-License-Identifier: MIT
#include <mamba/math/exp.hpp>
#include <support/accuracy.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

namespace math = mamba::math;
namespace simd = mamba::simd;

namespace {

auto const our_exp = [](auto x) { return math::exp(x); };
auto const our_exp2 = [](auto x) { return math::exp2(x); };
auto const our_expm1 = [](auto x) { return math::expm1(x); };
auto const decay = [](auto x) { return math::exp2_nonpositive(x); };

auto const exact_exp = [](auto x) { return std::exp(x); };
auto const exact_exp2 = [](auto x) { return std::exp2(x); };
auto const exact_expm1 = [](auto x) { return std::expm1(x); };

template <class T>
constexpr T infinity = std::numeric_limits<T>::infinity();
template <class T>
constexpr T not_a_number = std::numeric_limits<T>::quiet_NaN();
template <class T>
constexpr bool is_float = sizeof(T) == 4;

/// The bound of exp2 and exp2_nonpositive; without fused multiply-add the product before the last sum rounds too.
constexpr double power_bound = simd::fused ? 0.95 : 1.25;

/// That of exp2_of_product where the product is exact and the result above 2⁻¹²⁰ (2⁻¹⁰¹⁰ in double).
template <class T>
constexpr double product_bound = simd::scales<simd::batch<T>>         ? 1.25
                                 : (simd::fused && simd::looks_up<T>) ? 1.2
                                                                      : power_bound;

}  // namespace

TEST_CASE_TEMPLATE("exp: within 1.05 ulp, subnormal results included; a scalar has a lane's bits", T, float, double) {
  constexpr T low = is_float<T> ? T(-105) : T(-747);
  constexpr T high = is_float<T> ? T(88.8) : T(709.9);
  CHECK_ACCURACY(test::sweep<T>(low, high, our_exp, exact_exp), 1.05);
  CHECK_ACCURACY(test::sweep<T>(T(-1), T(1), our_exp, exact_exp), 1.05);
}

TEST_CASE_TEMPLATE("exp: special values and the true limits", T, float, double) {
  CHECK(test::maps(our_exp, T(0), T(1)));
  CHECK(test::maps(our_exp, T(-0.0), T(1)));
  CHECK(test::maps(our_exp, std::numeric_limits<T>::denorm_min(), T(1)));
  CHECK(test::maps(our_exp, infinity<T>, infinity<T>));
  CHECK(test::maps(our_exp, -infinity<T>, T(0)));
  CHECK(test::maps(our_exp, std::numeric_limits<T>::max(), infinity<T>));
  CHECK(test::maps(our_exp, std::numeric_limits<T>::lowest(), T(0)));
  CHECK(test::maps(our_exp, not_a_number<T>, not_a_number<T>));
  CHECK(test::maps(our_exp, -not_a_number<T>, not_a_number<T>));

  auto const last_finite = static_cast<T>(is_float<T> ? 88.722831726074219 : 709.78271289338397);
  CHECK(std::isfinite(math::exp(last_finite)));
  CHECK(test::maps(our_exp, std::nextafter(last_finite, infinity<T>), infinity<T>));
  auto const last_positive = static_cast<T>(is_float<T> ? -103.97207641601563 : -745.13321910194111);
  CHECK(test::maps(our_exp, last_positive, std::numeric_limits<T>::denorm_min()));
  CHECK(test::maps(our_exp, std::nextafter(last_positive, -infinity<T>), T(0)));
}

TEST_CASE_TEMPLATE("exp2: within 1.25 ulp, 0.95 where fused; a scalar has a lane's bits", T, float, double) {
  constexpr T low = is_float<T> ? T(-152) : T(-1078);
  constexpr T high = is_float<T> ? T(128.1) : T(1024.1);
  CHECK_ACCURACY(test::sweep<T>(low, high, our_exp2, exact_exp2), power_bound);
  CHECK_ACCURACY(test::sweep<T>(T(-1), T(1), our_exp2, exact_exp2), power_bound);
}

TEST_CASE_TEMPLATE("exp2: whole powers are exact, and special values", T, float, double) {
  constexpr int first = is_float<T> ? -149 : -1074;
  constexpr int limit = is_float<T> ? 128 : 1024;
  for (int n = first; n < limit; ++n) CHECK(math::exp2(static_cast<T>(n)) == std::ldexp(T(1), n));
  CHECK(test::maps(our_exp2, static_cast<T>(limit), infinity<T>));
  CHECK(test::maps(our_exp2, static_cast<T>(first - 2), T(0)));
  CHECK(test::maps(our_exp2, infinity<T>, infinity<T>));
  CHECK(test::maps(our_exp2, -infinity<T>, T(0)));
  CHECK(test::maps(our_exp2, not_a_number<T>, not_a_number<T>));
}

TEST_CASE_TEMPLATE("exp2_nonpositive: within 1.25 ulp, 0.95 where fused; a scalar has a lane's bits", T, float,
                   double) {
  constexpr T low = is_float<T> ? T(-126) : T(-1022);
  CHECK_ACCURACY(test::sweep<T>(low, T(0), decay, exact_exp2), power_bound);
  CHECK_ACCURACY(test::sweep<T>(T(-1), T(0), decay, exact_exp2), power_bound);
}

TEST_CASE_TEMPLATE("exp2_nonpositive: falls to an exact 0 below the normal numbers, without a NaN", T, float, double) {
  constexpr T normal = is_float<T> ? T(-126) : T(-1022);
  test::random rng(5);
  T const smallest = std::numeric_limits<T>::min();
  for (int i = 0; i < 10000; ++i) {
    auto const z = static_cast<T>(rng.uniform(static_cast<double>(normal) - 2, static_cast<double>(normal)));
    T const found = math::exp2_nonpositive(z);
    CHECK(found >= T(0));
    CHECK(found <= smallest);
    CHECK(std::fabs(found - std::exp2(z)) <= smallest * T(0.70711));
    if (z < normal - T(0.5)) CHECK(found == T(0));
    CHECK(test::maps(decay, z, found));
  }
  CHECK(test::maps(decay, normal, smallest));
  CHECK(test::maps(decay, normal - T(1), T(0)));
  for (T const z : {T(-2000), T(-1e9), T(-1e30), std::numeric_limits<T>::lowest(), -infinity<T>}) {
    CHECK(test::maps(decay, z, T(0)));
  }
  CHECK(test::maps(decay, T(0), T(1)));
  CHECK(test::maps(decay, T(-0.0), T(1)));
  CHECK(test::maps(decay, -std::numeric_limits<T>::denorm_min(), T(1)));
  // Every payload: a shift of the bits of a NaN must not make a number of it.
  using bits = simd::uint_of<T>;
  for (int i = 0; i < 2000; ++i) {
    auto const payload = static_cast<bits>(rng.bits()) | simd::bit_cast<bits>(not_a_number<T>);
    CHECK(test::maps(decay, simd::bit_cast<T>(payload), not_a_number<T>));
    CHECK(test::maps(our_exp, simd::bit_cast<T>(payload), not_a_number<T>));
  }
}

TEST_CASE_TEMPLATE("exp2_of_product: within its bound, and the same bits whatever is known", T, float, double) {
  using math::exponents;
  constexpr T factor = T(1.3);
  auto const known = [](auto x) { return math::exp2_of_product<exponents::normal>(x, decltype(x)(factor)); };
  auto const any = [](auto x) { return math::exp2_of_product<exponents::nonpositive>(x, decltype(x)(factor)); };
  auto const exact = [](auto x) { return std::exp2(x * decltype(x)(factor)); };
  constexpr bool rounds_product = !simd::scales<simd::batch<T>>;
  for (T const low : {T(-1), T(-10), T(is_float<T> ? -92 : -776)}) {
    double const bound = product_bound<T> + (rounds_product ? 0.7 * static_cast<double>(-low * factor) : 0);
    CHECK_ACCURACY(test::sweep<T>(low, T(0), any, exact), bound);
    CHECK_ACCURACY(test::sweep<T>(low, T(0), known, exact), bound);
    for (int i = 0; i <= 1000; ++i) {
      T const x = low * static_cast<T>(i) / T(1000);
      CHECK(test::maps(known, x, any(x)));
    }
  }
}

TEST_CASE_TEMPLATE("exp2_of_product: within 1.25 ulp, 1.2 with AVX2 and less elsewhere, where the product is exact", T,
                   float, double) {
  using math::exponents;
  auto const known = [](auto x) { return math::exp2_of_product<exponents::normal>(x, decltype(x)(1)); };
  CHECK_ACCURACY(test::sweep<T>(is_float<T> ? T(-120) : T(-1010), T(0), known, exact_exp2), product_bound<T>);
  CHECK_ACCURACY(test::sweep<T>(T(-1), T(0), known, exact_exp2), product_bound<T>);
  CHECK_ACCURACY(test::sweep<T>(T(0), T(100), known, exact_exp2), product_bound<T>);
  for (int n = is_float<T> ? -126 : -1022; n <= 0; ++n)
    CHECK(test::maps(known, static_cast<T>(n), std::ldexp(T(1), n)));
}

TEST_CASE_TEMPLATE("exp2_of_product: near the subnormal numbers half of the smallest one is added to the bound", T,
                   float, double) {
  using math::exponents;
  using wide = std::conditional_t<is_float<T>, double, long double>;
  constexpr double normal = is_float<T> ? -126 : -1022;
  test::random rng(8);
  for (T const factor : {T(1), T(1.3)}) {
    double const rounding = factor == T(1) || simd::scales<simd::batch<T>> ? 0 : 0.7 * -normal;
    for (int i = 0; i < 20000; ++i) {
      auto const x = static_cast<T>(rng.uniform(normal, normal + 6) / static_cast<double>(factor));
      wide const exact = std::exp2(static_cast<wide>(x) * static_cast<wide>(factor));
      if (exact < static_cast<wide>(std::numeric_limits<T>::min())) continue;  // x was rounded down
      auto const ulp = std::ldexp(static_cast<double>(std::numeric_limits<T>::epsilon()), std::ilogb(exact));
      double const smallest = static_cast<double>(std::numeric_limits<T>::denorm_min()) / ulp;
      double const off =
          test::ulps(math::exp2_of_product<exponents::normal>(x, factor), static_cast<long double>(exact));
      CHECK(off <= product_bound<T> + rounding + smallest / 2);
    }
  }
}

TEST_CASE_TEMPLATE("exp2_of_product: below the normal numbers no more than the smallest, and a 0 soon", T, float,
                   double) {
  using math::exponents;
  auto const any = [](auto x) { return math::exp2_of_product<exponents::nonpositive>(x, decltype(x)(1)); };
  constexpr T normal = is_float<T> ? T(-126) : T(-1022);
  T const smallest = std::numeric_limits<T>::min();
  test::random rng(7);
  for (int i = 0; i < 10000; ++i) {
    auto const z = static_cast<T>(rng.uniform(static_cast<double>(normal) - 2, static_cast<double>(normal)));
    T const found = any(z);
    CHECK(found >= T(0));
    CHECK(found <= smallest);
    if (z < normal - T(0.5)) CHECK(found == T(0));
    CHECK(test::maps(any, z, found));
  }
}

TEST_CASE_TEMPLATE("exp_is_normal: every lane's magnitude, and no NaN", T, float, double) {
  using V = simd::batch<T>;
  constexpr std::size_t W = simd::lanes<T>;
  T const limit = is_float<T> ? T(87) : T(708);
  CHECK(math::exp_is_normal(limit));
  CHECK(math::exp_is_normal(-limit, T(0), T(-0.0), std::numeric_limits<T>::denorm_min()));
  CHECK(std::isnormal(std::exp(-limit)));
  for (T const bad : {std::nextafter(limit, infinity<T>), -std::nextafter(limit, infinity<T>), infinity<T>,
                      -infinity<T>, not_a_number<T>, -not_a_number<T>}) {
    CHECK_FALSE(math::exp_is_normal(bad));
    CHECK_FALSE(math::exp_is_normal(T(1), bad));
    for (std::size_t i = 0; i < W; ++i) {
      alignas(64) T lane[W] = {};
      lane[i] = bad;
      CHECK_FALSE(math::exp_is_normal(simd::load<V>(lane)));
      CHECK_FALSE(math::exp_is_normal(V(limit), V(T(1)), simd::load<V>(lane)));
      lane[i] = -limit;
      CHECK(math::exp_is_normal(V(limit), V(T(1)), simd::load<V>(lane)));
    }
  }
}

TEST_CASE_TEMPLATE("exp2_of_product: a decay to nothing is an exact 0, and a NaN stays", T, float, double) {
  for (T const step : {T(1), T(1e-3), T(1e6)}) {
    auto const f = [step](auto x) { return math::exp2_of_product<math::exponents::nonpositive>(decltype(x)(step), x); };
    for (T const slope : {T(-2e6), T(-1e30), std::numeric_limits<T>::lowest(), -infinity<T>}) {
      CHECK(test::maps(f, slope, T(0)));
    }
    CHECK(test::maps(f, T(0), T(1)));
    CHECK(test::maps(f, T(-0.0), T(1)));
    CHECK(test::maps(f, not_a_number<T>, not_a_number<T>));
    CHECK(test::maps(f, -not_a_number<T>, not_a_number<T>));
    auto const known = [step](auto x) { return math::exp2_of_product<math::exponents::normal>(decltype(x)(step), x); };
    CHECK(test::maps(known, T(0), T(1)));
    CHECK(test::maps(known, not_a_number<T>, not_a_number<T>));
  }
}

TEST_CASE_TEMPLATE("exp2_nonpositive: decays compose, 2^(y+z) = 2^y 2^z", T, float, double) {
  // Three results of one bound each, the sum y + z rounded (|y + z| ≤ 40: an error of 20 ε in z, ln 2 of it in the
  // result) and the product rounded.
  test::random rng(6);
  for (int i = 0; i < 10000; ++i) {
    auto const y = static_cast<T>(rng.uniform(-20, 0));
    auto const z = static_cast<T>(rng.uniform(-20, 0));
    T const together = math::exp2_nonpositive(y + z);
    T const apart = math::exp2_nonpositive(y) * math::exp2_nonpositive(z);
    CHECK(std::fabs(together - apart) <= T(20) * std::numeric_limits<T>::epsilon() * together);
  }
}

TEST_CASE_TEMPLATE("expm1: within 2.25 ulp; a scalar has a lane's bits", T, float, double) {
  constexpr T low = is_float<T> ? T(-30) : T(-50);
  constexpr T high = is_float<T> ? T(88.8) : T(709.9);
  CHECK_ACCURACY(test::sweep<T>(low, high, our_expm1, exact_expm1), 2.25);
  CHECK_ACCURACY(test::sweep<T>(T(-1), T(1), our_expm1, exact_expm1), 2.25);
  CHECK_ACCURACY(test::sweep<T>(T(-1e-3), T(1e-3), our_expm1, exact_expm1), 2.25);
}

TEST_CASE_TEMPLATE("expm1: special values", T, float, double) {
  CHECK(test::maps(our_expm1, T(0), T(0)));
  CHECK(test::maps(our_expm1, T(-0.0), T(-0.0)));
  CHECK(test::maps(our_expm1, std::numeric_limits<T>::denorm_min(), std::numeric_limits<T>::denorm_min()));
  CHECK(test::maps(our_expm1, std::numeric_limits<T>::min(), std::numeric_limits<T>::min()));
  CHECK(test::maps(our_expm1, infinity<T>, infinity<T>));
  CHECK(test::maps(our_expm1, -infinity<T>, T(-1)));
  CHECK(test::maps(our_expm1, T(1000), infinity<T>));
  CHECK(test::maps(our_expm1, T(-1000), T(-1)));
  CHECK(test::maps(our_expm1, not_a_number<T>, not_a_number<T>));
}
