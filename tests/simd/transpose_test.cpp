// SPDX-License-Identifier: MIT
#include <mamba/simd/transpose.hpp>

#include <doctest/doctest.h>

#include <cstddef>

namespace simd = mamba::simd;

TEST_CASE_TEMPLATE("transpose: lane j of row i becomes lane i of row j", T, float, double) {
  constexpr std::size_t W = simd::lanes<T>;
  simd::batch<T> row[W];
  for (std::size_t i = 0; i < W; ++i) {
    T lane[W];
    for (std::size_t j = 0; j < W; ++j) lane[j] = static_cast<T>(100 * i + j);
    row[i] = simd::load<simd::batch<T>>(lane);
  }
  simd::transpose(row);
  for (std::size_t i = 0; i < W; ++i) {
    T lane[W];
    simd::store<simd::batch<T>>(lane, row[i]);
    for (std::size_t j = 0; j < W; ++j) CHECK(lane[j] == static_cast<T>(100 * j + i));
  }
}

TEST_CASE("transpose: one number is its own transpose") {
  float one[1] = {3};
  simd::transpose(one);
  CHECK(one[0] == 3);
}
