// SPDX-License-Identifier: MIT
#include <mamba/kernels/quantization/activations.hpp>
#include <support/guarded.hpp>
#include <support/random.hpp>
#include <support/threads.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace {

using mamba::activation_block_size;
using mamba::kernels::quantize;
using mamba::kernels::quantized_block;
using mamba::kernels::quantized_buffer;

quantized_block quantized(std::vector<float> const& x) {
  quantized_block out;
  quantize(x, out);
  return out;
}

}  // namespace

TEST_CASE("quantize: half a step at most, whatever the size of the numbers, and the sum of the codes") {
  test::random rng(1);
  for (int round = 0; round < 20000; ++round) {
    std::vector<float> x(rng.below(activation_block_size + 1));
    double const scale = std::exp2(rng.uniform(-90, 120));
    for (float& v : x) v = static_cast<float>(rng.uniform(-1, 1) * scale);
    quantized_block const q = quantized(x);
    float most = 0;
    for (float const v : x) most = std::fmax(most, std::fabs(v));
    CHECK(q.scale == most / 127);
    int sum = 0;
    int largest = 0;
    for (std::size_t k = 0; k < activation_block_size; ++k) {
      sum += q.c[k];
      largest = std::max(largest, std::abs(static_cast<int>(q.c[k])));
      double const v = k < x.size() ? static_cast<double>(x[k]) : 0;
      double const off = std::fabs(v - static_cast<double>(q.scale) * q.c[k]);
      CHECK(off <= (0.5 + 0x1p-15) * static_cast<double>(q.scale));
    }
    CHECK(q.sum == sum);
    CHECK(largest == (most > 0 ? 127 : 0));
  }
}

TEST_CASE("quantize: ties go to the even code") {
  std::vector<float> const x{127, 0.5F, 1.5F, 2.5F, -0.5F, -1.5F, -2.5F, 126.5F};
  quantized_block const q = quantized(x);
  int const expected[] = {127, 0, 2, 2, 0, -2, -2, 126};
  for (std::size_t k = 0; k < x.size(); ++k) CHECK(q.c[k] == expected[k]);
}

TEST_CASE("quantize: nothing, zeros, the smallest numbers, NaN and infinity") {
  float const infinity = std::numeric_limits<float>::infinity();
  CHECK(quantized({}).scale == 0);
  CHECK(quantized({0, -0.0F}).scale == 0);
  CHECK(quantized({0x1p-101F, -0x1p-140F}).scale == 0);
  CHECK(quantized({0x1p-100F}).c[0] == 127);
  CHECK(quantized({std::numeric_limits<float>::max(), -1}).c[0] == 127);
  CHECK(std::isinf(quantized({1, infinity}).scale));
  CHECK(std::isinf(quantized({1, -infinity}).scale));
  for (float const sign : {1.0F, -1.0F}) {
    CHECK(std::isnan(quantized({1, std::copysign(std::numeric_limits<float>::quiet_NaN(), sign), infinity}).scale));
  }
  for (auto const& q : {quantized({1, infinity}), quantized({std::nanf(""), 2})}) {
    CHECK(q.sum == 0);
    for (auto const c : q.c) CHECK(c == 0);
  }
}

TEST_CASE("quantized_buffer: every row by itself, with any number of threads, from a matrix with gaps") {
  test::random rng(2);
  test::all_work_shared const shared;
  for (std::size_t const in : {0U, 1U, 31U, 32U, 33U, 100U}) {
    for (std::size_t const rows : {0U, 1U, 5U}) {
      test::guarded<float> x(rows, in, 1);
      x.fill(rng, -3, 3);
      std::size_t const blocks = quantized_buffer::blocks_of(in);
      CHECK(blocks == (in + 31) / 32);
      quantized_buffer q(rows, in);
      CHECK(q.capacity() == rows * blocks);
      for (int const threads : {1, 3}) {
        mamba::parallel::set_thread_count(threads);
        q.assign(x.view());
        CHECK(q.rows() == rows);
        CHECK(q.in() == in);
        for (std::size_t t = 0; t < rows; ++t) {
          for (std::size_t b = 0; b < blocks; ++b) {
            quantized_block alone;
            quantize(x.view().row(t).subspan(b * 32, std::min<std::size_t>(32, in - b * 32)), alone);
            CHECK(std::memcmp(&alone, q.row(t) + b, sizeof alone) == 0);
          }
        }
      }
    }
  }
}

TEST_CASE("quantized_buffer: memory for wide rows holds more narrow ones, and never too many") {
  quantized_buffer q(2, 64);
  test::guarded<float> three(3, 32), five(5, 32);
  CHECK_NOTHROW(q.assign(three.view()));
  CHECK_THROWS_AS(q.assign(five.view()), mamba::contract_violation);
  quantized_block block;
  std::vector<float> const many(33);
  CHECK_THROWS_AS(quantize(many, block), mamba::contract_violation);
}

TEST_CASE("quantized_buffer: parts that are rounded by themselves, in any order, make the whole matrix") {
  test::random rng(3);
  for (std::size_t const in : {1U, 32U, 70U, 160U}) {
    constexpr std::size_t rows = 5;
    test::guarded<float> x(rows, in, 1);
    x.fill(rng, -3, 3);
    mamba::matrix_view<float const> const all(x.view());
    std::size_t const blocks = quantized_buffer::blocks_of(in);
    quantized_buffer whole(rows, in);
    whole.assign(x.view());
    test::guarded<float> other(rows, in);
    other.fill(rng, -3, 3);
    for (std::size_t cut = 0; cut <= blocks; ++cut) {
      for (std::size_t row = 0; row <= rows; ++row) {
        quantized_buffer q(rows, in);
        q.assign(other.view());
        q.reshape(rows, in);
        CHECK(q.rows() == rows);
        CHECK(q.in() == in);
        std::size_t const column = std::min(32 * cut, in);
        auto const round = [&](std::size_t first, std::size_t count) {
          if (column < in) q.round(first, column, all.rows(first, count).columns(column, in - column));
          if (column > 0) q.round(first, 0, all.rows(first, count).columns(0, column));
        };
        round(row, rows - row);
        round(0, row);
        CHECK(std::memcmp(q.row(0), whole.row(0), rows * blocks * sizeof(quantized_block)) == 0);
      }
    }
  }
}

TEST_CASE("quantized_buffer: a part consists of whole blocks of the matrix, and fits the matrix") {
  quantized_buffer q(3, 100);
  q.reshape(3, 100);
  test::guarded<float> x(3, 100);
  mamba::matrix_view<float const> const all(x.view());
  CHECK_NOTHROW(q.round(0, 96, all.columns(96, 4)));
  CHECK_NOTHROW(q.round(2, 32, all.rows(2, 1).columns(32, 64)));
  CHECK_THROWS_AS(q.round(0, 16, all.columns(16, 32)), mamba::contract_violation);
  CHECK_THROWS_AS(q.round(0, 99, all.columns(99, 1)), mamba::contract_violation);
  CHECK_THROWS_AS(q.round(0, 32, all.columns(32, 33)), mamba::contract_violation);
  CHECK_THROWS_AS(q.round(1, 0, all), mamba::contract_violation);
  CHECK_THROWS_AS(q.round(0, 32, all), mamba::contract_violation);
  CHECK_THROWS_AS(q.reshape(3, 129), mamba::contract_violation);
  CHECK_THROWS_AS(q.reshape(4, 100), mamba::contract_violation);
  CHECK(q.rows() == 3);
  CHECK(q.in() == 100);
  CHECK_NOTHROW(q.reshape(6, 64));
}
