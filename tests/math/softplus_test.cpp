// SPDX-License-Identifier: MIT
#include <mamba/math/softplus.hpp>
#include <support/accuracy.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace math = mamba::math;

namespace {

auto const our_softplus = [](auto x) { return math::softplus(x); };
auto const thresholded = [](auto x) { return math::softplus_thresholded(x); };
auto const exact = [](auto x) { return (x > 0 ? x : 0) + std::log1p(std::exp(-std::fabs(x))); };
auto const exact_thresholded = [](auto x) { return x > 20 ? x : exact(x); };

template <class T>
constexpr T infinity = std::numeric_limits<T>::infinity();
template <class T>
constexpr T not_a_number = std::numeric_limits<T>::quiet_NaN();
template <class T>
constexpr bool is_float = sizeof(T) == 4;

/// The documented bound.
constexpr double bound = mamba::simd::fused ? 2 : 2.25;

}  // namespace

TEST_CASE_TEMPLATE("softplus: within 2 ulp (2.25 unfused), subnormal results included; a scalar has a lane's bits", T,
                   float, double) {
  constexpr T low = is_float<T> ? T(-105) : T(-747);
  CHECK_ACCURACY(test::sweep<T>(low, T(100), our_softplus, exact), bound);
  CHECK_ACCURACY(test::sweep<T>(T(-10), T(10), our_softplus, exact), bound);
  CHECK_ACCURACY(test::sweep<T>(T(-1.5), T(1), our_softplus, exact), bound);
}

TEST_CASE_TEMPLATE("softplus_thresholded: as close to PyTorch's function as softplus to its own", T, float, double) {
  constexpr T low = is_float<T> ? T(-105) : T(-747);
  CHECK_ACCURACY(test::sweep<T>(low, T(100), thresholded, exact_thresholded), bound);
  CHECK_ACCURACY(test::sweep<T>(T(-10), T(25), thresholded, exact_thresholded), bound);
  CHECK(test::maps(thresholded, std::nextafter(T(20), T(21)), std::nextafter(T(20), T(21))));
}

TEST_CASE("softplus_thresholded: in float the threshold changes no bit, in double it does") {
  for (int i = 0; i <= 100000; ++i) {
    float const x = 15 + static_cast<float>(i) * 0x1p-13F;
    CHECK(math::softplus_thresholded(x) == math::softplus(x));
  }
  CHECK(math::softplus_thresholded(20.5) != math::softplus(20.5));
  CHECK(math::softplus_thresholded(20.0) == math::softplus(20.0));
}

TEST_CASE_TEMPLATE("softplus: above max(x, 0), and rises", T, float, double) {
  // Two bounds of 2.25 ulp lie between results in the wrong order; a step of 2⁻¹⁰ or more moves the result further.
  T before = 0;
  for (int i = -40 * 1024; i <= 40 * 1024; ++i) {
    T const x = static_cast<T>(i) / T(1024);
    T const y = math::softplus(x);
    REQUIRE(y >= std::max(x, T(0)));
    REQUIRE(y > before);
    before = y;
  }
}

TEST_CASE_TEMPLATE("softplus: special values, with and without the threshold", T, float, double) {
  for (int i = 0; i < 2; ++i) {
    auto const f = [i](auto x) { return i == 0 ? math::softplus(x) : math::softplus_thresholded(x); };
    CHECK(test::maps(f, infinity<T>, infinity<T>));
    CHECK(test::maps(f, -infinity<T>, T(0)));
    CHECK(test::maps(f, std::numeric_limits<T>::max(), std::numeric_limits<T>::max()));
    CHECK(test::maps(f, std::numeric_limits<T>::lowest(), T(0)));
    CHECK(test::maps(f, T(1000), T(1000)));
    CHECK(test::maps(f, not_a_number<T>, not_a_number<T>));
    CHECK(test::ulps(f(T(0)), 0.693147180559945309417232L) <= bound);
    CHECK(f(T(-0.0)) == f(T(0)));
  }
}

TEST_CASE_TEMPLATE("softplus_thresholded: the shorter way for normal e⁻|ˣ| has the same bits", T, float, double) {
  using math::exponents;
  auto const shorter = [](auto x) { return math::softplus_thresholded<exponents::normal>(x); };
  T const limit = sizeof(T) == 4 ? T(87) : T(708);
  test::random rng(11);
  for (int i = 0; i < 20000; ++i) {
    T const range = i % 2 == 0 ? limit : T(4);
    auto const x = static_cast<T>(rng.uniform(-static_cast<double>(range), static_cast<double>(range)));
    CHECK(test::maps(shorter, x, math::softplus_thresholded(x)));
  }
  for (T const x : {T(0), T(-0.0), limit, -limit, std::numeric_limits<T>::denorm_min()}) {
    CHECK(test::maps(shorter, x, math::softplus_thresholded(x)));
  }
}
