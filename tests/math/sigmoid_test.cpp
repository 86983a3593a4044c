// SPDX-License-Identifier: MIT
#include <mamba/math/sigmoid.hpp>
#include <support/accuracy.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

namespace math = mamba::math;

namespace {

auto const our_sigmoid = [](auto x) { return math::sigmoid(x); };
auto const our_silu = [](auto x) { return math::silu(x); };
auto const exact_sigmoid = [](auto x) { return 1 / (1 + std::exp(-x)); };
auto const exact_silu = [](auto x) { return x / (1 + std::exp(-x)); };

template <class T>
constexpr T infinity = std::numeric_limits<T>::infinity();
template <class T>
constexpr T not_a_number = std::numeric_limits<T>::quiet_NaN();
template <class T>
constexpr bool is_float = sizeof(T) == 4;

}  // namespace

TEST_CASE_TEMPLATE("sigmoid: within 2.5 ulp, subnormal results included; a scalar has a lane's bits", T, float,
                   double) {
  constexpr T low = is_float<T> ? T(-105) : T(-747);
  CHECK_ACCURACY(test::sweep<T>(low, T(50), our_sigmoid, exact_sigmoid), 2.5);
  CHECK_ACCURACY(test::sweep<T>(T(-10), T(10), our_sigmoid, exact_sigmoid), 2.5);
}

TEST_CASE_TEMPLATE("sigmoid: special values", T, float, double) {
  CHECK(test::maps(our_sigmoid, T(0), T(0.5)));
  CHECK(test::maps(our_sigmoid, T(-0.0), T(0.5)));
  CHECK(test::maps(our_sigmoid, T(1000), T(1)));
  CHECK(test::maps(our_sigmoid, T(-1000), T(0)));
  CHECK(test::maps(our_sigmoid, std::numeric_limits<T>::max(), T(1)));
  CHECK(test::maps(our_sigmoid, std::numeric_limits<T>::lowest(), T(0)));
  CHECK(test::maps(our_sigmoid, infinity<T>, T(1)));
  CHECK(test::maps(our_sigmoid, -infinity<T>, T(0)));
  CHECK(test::maps(our_sigmoid, not_a_number<T>, not_a_number<T>));
}

TEST_CASE_TEMPLATE("silu: within 3.25 ulp; a scalar has a lane's bits", T, float, double) {
  constexpr T low = is_float<T> ? T(-87) : T(-708);
  CHECK_ACCURACY(test::sweep<T>(low, T(100), our_silu, exact_silu), 3.25);
  CHECK_ACCURACY(test::sweep<T>(T(-10), T(10), our_silu, exact_silu), 3.25);
  CHECK_ACCURACY(test::sweep<T>(T(-1e-3), T(1e-3), our_silu, exact_silu), 3.25);
}

TEST_CASE_TEMPLATE("silu: never NaN for a number, small without noise, and special values", T, float, double) {
  test::random rng(7);
  double const bound = is_float<T> ? 2e-43 : 5e-321;
  for (int i = 0; i < 10000; ++i) {
    auto const x = static_cast<T>(is_float<T> ? rng.uniform(-120, -87) : rng.uniform(-800, -708));
    long double const exact = exact_silu(static_cast<long double>(x));
    CHECK(std::fabs(static_cast<long double>(math::silu(x)) - exact) <= static_cast<long double>(bound));
    CHECK(test::maps(our_silu, x, math::silu(x)));
  }
  CHECK(test::maps(our_silu, T(0), T(0)));
  CHECK(test::maps(our_silu, T(-0.0), T(-0.0)));
  CHECK(test::maps(our_silu, T(1e30), T(1e30)));
  CHECK(test::maps(our_silu, T(-1e30), T(-0.0)));
  CHECK(test::maps(our_silu, std::numeric_limits<T>::max(), std::numeric_limits<T>::max()));
  CHECK(test::maps(our_silu, std::numeric_limits<T>::lowest(), T(-0.0)));
  CHECK(test::maps(our_silu, infinity<T>, infinity<T>));
  CHECK(test::maps(our_silu, -infinity<T>, T(-0.0)));
  CHECK(test::maps(our_silu, not_a_number<T>, not_a_number<T>));
}

TEST_CASE_TEMPLATE("silu: the shorter way for normal e⁻|ˣ| has the same bits", T, float, double) {
  using math::exponents;
  auto const shorter = [](auto x) { return math::silu<exponents::normal>(x); };
  T const limit = sizeof(T) == 4 ? T(87) : T(708);
  test::random rng(11);
  for (int i = 0; i < 20000; ++i) {
    T const range = i % 2 == 0 ? limit : T(4);
    auto const x = static_cast<T>(rng.uniform(-static_cast<double>(range), static_cast<double>(range)));
    CHECK(test::maps(shorter, x, math::silu(x)));
  }
  for (T const x : {T(0), T(-0.0), limit, -limit, std::numeric_limits<T>::denorm_min()}) {
    CHECK(test::maps(shorter, x, math::silu(x)));
  }
}
