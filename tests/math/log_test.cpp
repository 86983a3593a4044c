// SPDX-License-Identifier: MIT
#include <mamba/math/log.hpp>
#include <support/accuracy.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

namespace math = mamba::math;

namespace {

auto const our_log = [](auto x) { return math::log(x); };
auto const our_log1p = [](auto x) { return math::log1p(x); };
auto const exact_log = [](auto x) { return std::log(x); };
auto const exact_log1p = [](auto x) { return std::log1p(x); };

template <class T>
constexpr T infinity = std::numeric_limits<T>::infinity();
template <class T>
constexpr T not_a_number = std::numeric_limits<T>::quiet_NaN();
template <class T>
constexpr T largest = std::numeric_limits<T>::max();
template <class T>
constexpr T denormal = std::numeric_limits<T>::denorm_min();

}  // namespace

TEST_CASE_TEMPLATE("log: within 0.9 ulp, subnormal arguments included; a scalar has a lane's bits", T, float, double) {
  CHECK_ACCURACY(test::sweep<T>(denormal<T>, largest<T>, our_log, exact_log), 0.9);
  CHECK_ACCURACY(test::sweep<T>(denormal<T>, std::numeric_limits<T>::min(), our_log, exact_log), 0.9);
  CHECK_ACCURACY(test::sweep<T>(T(0.25), T(4), our_log, exact_log), 0.9);
  CHECK_ACCURACY(test::sweep<T>(T(0.999), T(1.001), our_log, exact_log), 0.9);
}

TEST_CASE_TEMPLATE("log: special values", T, float, double) {
  CHECK(test::maps(our_log, T(1), T(0)));
  CHECK(test::maps(our_log, T(0), -infinity<T>));
  CHECK(test::maps(our_log, T(-0.0), -infinity<T>));
  CHECK(test::maps(our_log, infinity<T>, infinity<T>));
  CHECK(test::maps(our_log, -denormal<T>, not_a_number<T>));
  CHECK(test::maps(our_log, T(-1), not_a_number<T>));
  CHECK(test::maps(our_log, -infinity<T>, not_a_number<T>));
  CHECK(test::maps(our_log, not_a_number<T>, not_a_number<T>));
  CHECK(test::maps(our_log, -not_a_number<T>, not_a_number<T>));
}

TEST_CASE_TEMPLATE("log1p: within 1.5 ulp; a scalar has a lane's bits", T, float, double) {
  T const above_minus_one = std::nextafter(T(-1), T(0));
  CHECK_ACCURACY(test::sweep<T>(above_minus_one, largest<T>, our_log1p, exact_log1p), 1.5);
  CHECK_ACCURACY(test::sweep<T>(above_minus_one, T(0), our_log1p, exact_log1p), 1.5);
  CHECK_ACCURACY(test::sweep<T>(T(0), T(3), our_log1p, exact_log1p), 1.5);
  CHECK_ACCURACY(test::sweep<T>(T(0.40), T(0.45), our_log1p, exact_log1p), 1.5);  // k jumps from 0 to 1 in here
  CHECK_ACCURACY(test::sweep<T>(T(-1e-3), T(1e-3), our_log1p, exact_log1p), 1.5);
  CHECK_ACCURACY(test::sweep<T>(T(1e6), T(1e20), our_log1p, exact_log1p), 1.5);
}

TEST_CASE_TEMPLATE("log1p: special values, and tiny numbers are their own image", T, float, double) {
  CHECK(test::maps(our_log1p, T(0), T(0)));
  CHECK(test::maps(our_log1p, T(-0.0), T(-0.0)));
  CHECK(test::maps(our_log1p, denormal<T>, denormal<T>));
  CHECK(test::maps(our_log1p, -denormal<T>, -denormal<T>));
  CHECK(test::maps(our_log1p, T(1e-30), T(1e-30)));
  CHECK(test::maps(our_log1p, T(-1e-30), T(-1e-30)));
  CHECK(test::maps(our_log1p, T(-1), -infinity<T>));
  CHECK(test::maps(our_log1p, std::nextafter(T(-1), T(-2)), not_a_number<T>));
  CHECK(test::maps(our_log1p, T(-2), not_a_number<T>));
  CHECK(test::maps(our_log1p, -infinity<T>, not_a_number<T>));
  CHECK(test::maps(our_log1p, infinity<T>, infinity<T>));
  CHECK(test::maps(our_log1p, not_a_number<T>, not_a_number<T>));
  CHECK(test::maps(our_log1p, -not_a_number<T>, not_a_number<T>));
}
