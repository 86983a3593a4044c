// SPDX-License-Identifier: MIT
#include <mamba/math/gelu.hpp>
#include <mamba/simd/transform.hpp>
#include <support/accuracy.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace math = mamba::math;

namespace {

auto const our_gelu = [](auto x) { return math::gelu(x); };
/// x·½·(1 + erf(x/√2)) to the right of 0, x·½·erfc(−x/√2) to its left: the same in exact numbers.
auto const exact_gelu = [](auto narrow) {
  long double const x = narrow;
  long double const u = x * 0.707106781186547524400844362104849039L;
  return x < 0 ? x * std::erfc(-u) / 2 : x * (1 + std::erf(u)) / 2;
};

template <class T>
constexpr T infinity = std::numeric_limits<T>::infinity();
template <class T>
constexpr T not_a_number = std::numeric_limits<T>::quiet_NaN();
template <class T>
constexpr bool is_float = sizeof(T) == 4;
}  // namespace

TEST_CASE_TEMPLATE("gelu: within its bound of long double's erf and erfc; a scalar has a lane's bits", T, float,
                   double) {
  constexpr T low = is_float<T> ? T(-13.2) : T(-37.6);
  CHECK_ACCURACY(test::sweep<T>(low, T(40), our_gelu, exact_gelu), 8.0);
  CHECK_ACCURACY(test::sweep<T>(T(-4), T(4), our_gelu, exact_gelu), 8.0);
  CHECK_ACCURACY(test::sweep<T>(T(-1e-3), T(1e-3), our_gelu, exact_gelu), 8.0);
}

TEST_CASE_TEMPLATE("gelu: never NaN for a number, small without noise, and special values", T, float, double) {
  test::random rng(7);
  double const bound = is_float<T> ? 2e-43 : 2e-321;
  for (int i = 0; i < 10000; ++i) {
    auto const x = static_cast<T>(is_float<T> ? rng.uniform(-20, -13.2) : rng.uniform(-45, -37.6));
    long double const exact = exact_gelu(x);
    // What is below the smallest normal number is exact to `bound`, what is just above it to the relative bound.
    long double const relative = std::fabs(exact) * std::numeric_limits<T>::epsilon() * 8;
    CHECK(std::fabs(static_cast<long double>(math::gelu(x)) - exact) <= static_cast<long double>(bound) + relative);
  }
  CHECK(test::maps(our_gelu, T(0), T(0)));
  CHECK(test::maps(our_gelu, T(-0.0), T(-0.0)));
  CHECK(test::maps(our_gelu, T(1e30), T(1e30)));
  CHECK(test::maps(our_gelu, T(-1e30), T(-0.0)));
  CHECK(test::maps(our_gelu, std::numeric_limits<T>::max(), std::numeric_limits<T>::max()));
  CHECK(test::maps(our_gelu, infinity<T>, infinity<T>));
  CHECK(test::maps(our_gelu, -infinity<T>, T(-0.0)));
  CHECK(test::maps(our_gelu, not_a_number<T>, not_a_number<T>));
}

TEST_CASE_TEMPLATE("gelu: the same bits in a full vector and in a tail", T, float, double) {
  std::vector<T> x(3 * mamba::simd::lanes<T> + 1), y(x.size());
  test::random(9).fill(std::span<T>(x), -6, 6);
  mamba::simd::transform(std::span<T>(y), our_gelu, x);
  for (std::size_t i = 0; i < x.size(); ++i) {
    T alone;
    mamba::simd::transform(std::span<T>(&alone, 1), our_gelu, std::span<T const>(&x[i], 1));
    CHECK(std::memcmp(&alone, &y[i], sizeof(T)) == 0);
  }
}

TEST_CASE_TEMPLATE("glu: a·σ(g) within 3 ulp", T, float, double) {
  auto const ours = [](auto g) { return math::glu(decltype(g)(T(3)), g); };
  auto const exact = [](auto g) { return 3 / (1 + std::exp(-g)); };
  CHECK_ACCURACY(test::sweep<T>(T(-80), T(50), ours, exact), 3.0);
}
