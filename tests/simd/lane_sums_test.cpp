// SPDX-License-Identifier: MIT
#include <mamba/simd/lane_sums.hpp>
#include <support/random.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>

namespace simd = mamba::simd;

namespace {

/// Lane j and lane j + n/2, then the same of the n/2 sums: the header's formula.
template <class T>
T halved(T const* v, std::size_t n) {
  T lane[simd::lanes<T>];
  for (std::size_t j = 0; j < n; ++j) lane[j] = v[j];
  for (n /= 2; n > 0; n /= 2) {
    for (std::size_t j = 0; j < n; ++j) lane[j] = lane[j] + lane[j + n];
  }
  return lane[0];
}

}  // namespace

TEST_CASE_TEMPLATE("lane_sums: each row in its lane, in its documented order, to the bit", T, float, double) {
  constexpr std::size_t W = simd::lanes<T>;
  test::random rng(7);
  for (int i = 0; i < 1000; ++i) {
    T rows[W * W + 1];
    for (T& v : rows) v = static_cast<T>(rng.normal() * std::pow(10.0, rng.uniform(-3, 3)));
    T sum[W];
    simd::store<simd::batch<T>>(sum, simd::lane_sums(rows + i % 2));  // any alignment
    for (std::size_t r = 0; r < W; ++r) CHECK(sum[r] == halved(rows + i % 2 + r * W, W));
  }
}

TEST_CASE_TEMPLATE("lane_sums: NaN and infinity stay in their row", T, float, double) {
  constexpr std::size_t W = simd::lanes<T>;
  for (std::size_t bad = 0; bad < W * W; ++bad) {
    T rows[W * W] = {};
    rows[bad] = std::numeric_limits<T>::quiet_NaN();
    if (W > 1) rows[(bad + W) % (W * W)] = std::numeric_limits<T>::infinity();
    T sum[W];
    simd::store<simd::batch<T>>(sum, simd::lane_sums(rows));
    for (std::size_t r = 0; r < W; ++r) {
      bool const infinite = r == (bad / W + 1) % W && W > 1;
      CHECK(std::isnan(sum[r]) == (r == bad / W));
      CHECK(std::isinf(sum[r]) == infinite);
    }
  }
}
