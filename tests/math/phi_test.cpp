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
