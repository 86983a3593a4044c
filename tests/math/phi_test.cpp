// SPDX-License-Identifier: MIT
#include <mamba/math/phi.hpp>
#include <support/accuracy.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

namespace math = mamba::math;

namespace {

auto const our_phi1 = [](auto z) { return math::phi1(z); };
auto const exact_phi1 = [](auto z) { return z == 0 ? 1 : std::expm1(z) / z; };

auto const our_phi2 = [](auto z) { return math::phi2(z); };

/// Below 4 the series, summed from its smallest terms, else the quotient: the other way round than the header, which
/// changes at 1. In long double neither loses more than 200 of its ε, a tenth of a double's.
auto const exact_phi2 = [](auto value) -> long double {
  long double const z = value;
  if (std::fabs(z) > 4) return (std::expm1(z) - z) / z / z;
  long double sum = 0, term = 0.5L;
  long double terms[60];
  for (int k = 0; k < 60; ++k) {
    terms[k] = term;
    term *= z / (k + 3);
  }
  for (int k = 59; k >= 0; --k) sum += terms[k];
  return sum;
};

template <class T>
constexpr T infinity = std::numeric_limits<T>::infinity();
template <class T>
constexpr T not_a_number = std::numeric_limits<T>::quiet_NaN();
template <class T>
constexpr bool is_float = sizeof(T) == 4;

}  // namespace

TEST_CASE_TEMPLATE("phi1: within 2 ulp up to its own limit; a scalar has a lane's bits", T, float, double) {
  // Above 709 the reference itself is taken in long double: in double expm1 would overflow before φ₁ does.
  constexpr T high = is_float<T> ? T(93.25) : T(716.3);
  CHECK_ACCURACY(test::sweep<T>(T(-1e5), high, our_phi1, exact_phi1), 2.0);
  CHECK_ACCURACY(test::sweep<T>(T(-40), high, our_phi1, exact_phi1), 2.0);
  CHECK_ACCURACY(test::sweep<T>(T(-2), T(2), our_phi1, exact_phi1), 2.0);
  CHECK_ACCURACY(test::sweep<T>(T(-1e-3), T(1e-3), our_phi1, exact_phi1), 2.0);
}

TEST_CASE_TEMPLATE("phi1: special values and the limit", T, float, double) {
  CHECK(test::maps(our_phi1, T(0), T(1)));
  CHECK(test::maps(our_phi1, T(-0.0), T(1)));
  CHECK(test::maps(our_phi1, std::numeric_limits<T>::denorm_min(), T(1)));
  CHECK(test::maps(our_phi1, -infinity<T>, T(0)));
  CHECK(test::maps(our_phi1, infinity<T>, infinity<T>));
  CHECK(test::maps(our_phi1, std::numeric_limits<T>::max(), infinity<T>));
  CHECK(test::maps(our_phi1, is_float<T> ? T(93.3) : T(716.4), infinity<T>));
  CHECK(test::maps(our_phi1, not_a_number<T>, not_a_number<T>));
}

TEST_CASE_TEMPLATE("phi1: z phi1(z) + 1 = exp(z)", T, float, double) {
  // For z ≤ 0 the sum of −1 … 0 and 1 loses no more than 2 ulp of φ₁, 1 of exp and 1 for product and sum, all at 1.
  test::random rng(8);
  for (int i = 0; i < 10000; ++i) {
    auto const z = static_cast<T>(rng.uniform(-20, 0));
    CHECK(test::near(z * math::phi1(z) + T(1), math::exp(z), 4));
  }
}

TEST_CASE_TEMPLATE("phi2: within 5 ulp up to the limit of phi1; a scalar has a lane's bits", T, float, double) {
  constexpr T high = is_float<T> ? T(93.25) : T(716.3);
  CHECK_ACCURACY(test::sweep<T>(T(-1e5), high, our_phi2, exact_phi2), 5.0);
  CHECK_ACCURACY(test::sweep<T>(T(-40), high, our_phi2, exact_phi2), 5.0);
  CHECK_ACCURACY(test::sweep<T>(T(-2), T(2), our_phi2, exact_phi2), 5.0);
  CHECK_ACCURACY(test::sweep<T>(T(-1e-3), T(1e-3), our_phi2, exact_phi2), 1.0);
  // Where one form gives way to the other, and where an expm1 alone would have lost half of the digits.
  CHECK_ACCURACY(test::sweep<T>(T(0.99), T(1.01), our_phi2, exact_phi2), 5.0);
  CHECK_ACCURACY(test::sweep<T>(T(-1.01), T(-0.99), our_phi2, exact_phi2), 5.0);
  CHECK_ACCURACY(test::sweep<T>(T(-1e-8), T(1e-8), our_phi2, exact_phi2), 0.51);
}

TEST_CASE_TEMPLATE("phi2: special values and the limit", T, float, double) {
  CHECK(test::maps(our_phi2, T(0), T(0.5)));
  CHECK(test::maps(our_phi2, T(-0.0), T(0.5)));
  CHECK(test::maps(our_phi2, std::numeric_limits<T>::denorm_min(), T(0.5)));
  CHECK(test::maps(our_phi2, -infinity<T>, T(0)));
  CHECK(test::maps(our_phi2, infinity<T>, infinity<T>));
  CHECK(test::maps(our_phi2, is_float<T> ? T(93.3) : T(716.4), infinity<T>));
  CHECK(test::maps(our_phi2, not_a_number<T>, not_a_number<T>));
}

TEST_CASE_TEMPLATE("phi2: z phi2(z) + 1 = phi1(z)", T, float, double) {
  // For −20 ≤ z ≤ 0, zφ₂ lies in −1 … 0: 5 ulp of φ₂ and a rounding make at most 5 ε there, φ₁ 1 ε, the sum ½.
  test::random rng(9);
  for (int i = 0; i < 10000; ++i) {
    auto const z = static_cast<T>(rng.uniform(-20, 0));
    CHECK(test::near(z * math::phi2(z) + T(1), math::phi1(z), 6.5));
  }
}

TEST_CASE("phi1, phi2: long double, for references") {
  constexpr long double eps = std::numeric_limits<long double>::epsilon();
  for (long double const z : {-30.0L, -3.0L, -1.0L, -0.7L, -1e-5L, 1e-18L, 0.3L, 0.999L, 1.0L, 7.0L}) {
    CHECK(std::fabs(math::phi1(z) * z - std::expm1(z)) <= 2 * eps * std::fabs(std::expm1(z)));
    CHECK(std::fabs(math::phi2(z) - exact_phi2(z)) <= 200 * eps * exact_phi2(z));
    CHECK(std::fabs(math::phi2(z) * z + 1 - math::phi1(z)) <= 4 * eps * (1 + math::phi1(z)));
  }
  CHECK(math::phi1(0.0L) == 1);
  CHECK(math::phi2(0.0L) == 0.5L);
  CHECK(std::isnan(math::phi1(not_a_number<long double>)));
  CHECK(std::isnan(math::phi2(not_a_number<long double>)));
}
