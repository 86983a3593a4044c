// SPDX-License-Identifier: MIT
#include <mamba/math/rms_norm.hpp>
#include <support/near.hpp>
#include <support/random.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <span>
#include <vector>

namespace math = mamba::math;
namespace simd = mamba::simd;

namespace {

template <class T>
void normalise(std::vector<T> const& x, std::vector<T> const& weight, T epsilon, std::span<T> out) {
  math::rms_norm<T>(std::span<T const>(x), std::span<T const>(weight), epsilon, out);
}

}  // namespace

TEST_CASE_TEMPLATE("rms_norm: within the roundings of its card, for all lengths and misalignments", T, float, double) {
  constexpr std::size_t lanes = simd::lanes<T>;
  test::random rng(9);
  for (std::size_t n = 0; n <= 2 * lanes + 1; ++n) {
    for (std::size_t const shift : {std::size_t{0}, lanes / 4, 3 * lanes / 5}) {
      std::vector<T> x(n), weight(n), buffer(n + shift + 1, T(-7));
      rng.fill(std::span<T>(x), -3, 3);
      rng.fill(std::span<T>(weight), -2, 2);
      normalise<T>(x, weight, T(1e-5), std::span<T>(buffer).subspan(shift, n));
      long double sum = 0;
      for (T const v : x) sum += static_cast<long double>(v) * static_cast<long double>(v);
      long double const root =
          std::sqrt(sum / static_cast<long double>(n == 0 ? 1 : n) + static_cast<long double>(T(1e-5)));
      double const roundings =
          (static_cast<double>(n) / static_cast<double>(lanes) + std::log2(static_cast<double>(lanes))) / 2 + 4;
      for (std::size_t i = 0; i < n; ++i) {
        auto const exact = static_cast<long double>(x[i]) / root * static_cast<long double>(weight[i]);
        auto const error = std::fabs(static_cast<long double>(buffer[shift + i]) - exact);
        CHECK(error <= static_cast<long double>(roundings * static_cast<double>(std::numeric_limits<T>::epsilon())) *
                           std::fabs(exact));
      }
      CHECK(buffer[shift + n] == T(-7));
      for (std::size_t i = 0; i < shift; ++i) CHECK(buffer[i] == T(-7));
    }
  }
}

TEST_CASE_TEMPLATE("rms_norm: in place gives the bits of out of place", T, float, double) {
  test::random rng(10);
  std::vector<T> x(77), weight(77), out(77);
  rng.fill(std::span<T>(x), -3, 3);
  rng.fill(std::span<T>(weight), -2, 2);
  normalise<T>(x, weight, T(1e-5), out);
  math::rms_norm<T>(std::span<T const>(x), std::span<T const>(weight), T(1e-5), std::span<T>(x));
  CHECK(std::memcmp(x.data(), out.data(), out.size() * sizeof(T)) == 0);
}

TEST_CASE_TEMPLATE("rms_norm: scaling by a power of two changes no bit when epsilon is nothing", T, float, double) {
  test::random rng(11);
  std::vector<T> x(35), weight(35, T(1)), plain(35), scaled(35);
  rng.fill(std::span<T>(x), -3, 3);
  normalise<T>(x, weight, T(1e-30), plain);
  for (T& v : x) v *= T(64);
  normalise<T>(x, weight, T(1e-30), scaled);
  CHECK(std::memcmp(plain.data(), scaled.data(), plain.size() * sizeof(T)) == 0);
}

TEST_CASE_TEMPLATE("rms_norm: zeros stay zeros, one NaN reaches every output", T, float, double) {
  std::vector<T> x(19, T(0)), weight(19, T(1)), out(19, T(5));
  normalise<T>(x, weight, T(1e-5), out);
  for (T const v : out) CHECK(v == T(0));
  x[7] = std::numeric_limits<T>::quiet_NaN();
  normalise<T>(x, weight, T(1e-5), out);
  for (T const v : out) CHECK(std::isnan(v));
}

#if MAMBA_CONTRACTS
TEST_CASE("rms_norm: names both lengths when they differ") {
  std::vector<float> x(4), weight(3), out(4);
  CHECK_THROWS_WITH_AS(normalise<float>(x, weight, 1e-5F, out),
                       doctest::Contains("weight must be as long as out (got 3, expected 4)"),
                       mamba::contract_violation);
}
#endif
