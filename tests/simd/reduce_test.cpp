// SPDX-License-Identifier: MIT
#include <mamba/simd/reduce.hpp>
#include <support/random.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

namespace simd = mamba::simd;

namespace {

/// ((v0+v1)+(v2+v3))+…, written as the recursion that the header's sentence describes.
template <class T>
T pairwise(T const* v, std::size_t n) {
  return n == 1 ? v[0] : pairwise(v, n / 2) + pairwise(v + n / 2, n / 2);
}

}  // namespace

TEST_CASE_TEMPLATE("reduce_add: pairwise, to the bit", T, float, double) {
  using V = simd::batch<T>;
  test::random rng(4);
  for (int i = 0; i < 1000; ++i) {
    T lane[simd::lanes<T>];
    for (T& v : lane) v = static_cast<T>(rng.normal() * std::pow(10.0, rng.uniform(-3, 3)));
    CHECK(simd::reduce_add(simd::load<V>(lane)) == pairwise(lane, simd::lanes<T>));
  }
  CHECK(simd::reduce_add(T(5)) == T(5));
}

TEST_CASE_TEMPLATE("sum_of_squares: all lengths and misalignments within its bound, in its documented order", T, float,
                   double) {
  constexpr std::size_t lanes = simd::lanes<T>;
  test::random rng(5);
  for (std::size_t n = 0; n <= 5 * lanes + 1; ++n) {
    for (std::size_t const shift : {std::size_t{0}, lanes / 4, 3 * lanes / 5}) {
      std::vector<T> x(n + shift);
      rng.fill(std::span<T>(x), -3, 3);
      T const found = simd::sum_of_squares(std::span<T const>(x).subspan(shift));
      long double exact = 0;
      T lane[lanes] = {};
      for (std::size_t i = 0; i < n; ++i) {
        T const v = x[shift + i];
        exact += static_cast<long double>(v) * static_cast<long double>(v);
        lane[i % lanes] = simd::fma(v, v, lane[i % lanes]);
      }
      CHECK(found == pairwise(lane, lanes));
      // One rounding per square in its lane (two without fused multiply-add), one per pairwise level.
      double const roundings = (simd::fused ? 1 : 2) * std::ceil(static_cast<double>(n) / static_cast<double>(lanes)) +
                               std::log2(static_cast<double>(lanes));
      double const half_ulp = static_cast<double>(std::numeric_limits<T>::epsilon()) / 2;
      CHECK(std::fabs(static_cast<long double>(found) - exact) <=
            static_cast<long double>(roundings * half_ulp) * exact);
    }
  }
  CHECK(simd::sum_of_squares(std::span<T const>()) == T(0));
}

TEST_CASE_TEMPLATE("sum_of_squares: a NaN anywhere is seen", T, float, double) {
  constexpr std::size_t n = 2 * simd::lanes<T> + 1;
  for (std::size_t i = 0; i < n; ++i) {
    std::vector<T> x(n, T(1));
    x[i] = std::numeric_limits<T>::quiet_NaN();
    CHECK(std::isnan(simd::sum_of_squares(std::span<T const>(x))));
  }
}
