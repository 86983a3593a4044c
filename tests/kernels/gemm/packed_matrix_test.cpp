// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/kernels/gemm/packed_matrix.hpp>
#include <support/bits.hpp>
#include <support/random.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <new>
#include <type_traits>
#include <vector>

namespace {

using mamba::bfloat16;
using mamba::dynamic;
using mamba::kernels::arithmetic;
using mamba::kernels::packed_matrix;

static_assert(std::is_same_v<arithmetic<float>, float> && std::is_same_v<arithmetic<bfloat16>, float> &&
              std::is_same_v<arithmetic<double>, double>);

template <class W, class Matrix>
void fill(Matrix& m, std::uint64_t seed) {
  test::random rng(seed);
  std::vector<arithmetic<W>> row(m.in());
  for (std::size_t r = 0; r < m.out(); ++r) {
    rng.fill(std::span(row), -2, 2);
    m.set_row(r, row);
  }
}

template <class W>
void check_round_trip() {
  using T = arithmetic<W>;
  constexpr std::size_t P = packed_matrix<W>::panel;
  for (std::size_t const out : {std::size_t{0}, std::size_t{1}, P - 1, P, P + 1, 3 * P + 1}) {
    for (std::size_t const in : {0U, 1U, 2U, 17U, 70U}) {
      packed_matrix<W> m(out, in);
      CHECK(m.out() == out);
      CHECK(m.rows() == out);
      CHECK(m.in() == in);
      CHECK(m.row_size() == in);
      CHECK(m.panels() == (out + P - 1) / P);
      test::random rng(out * 100 + in);
      std::vector<T> row(in), back(in), expected(in);
      std::vector<std::vector<T>> rows;
      for (std::size_t r = out; r-- > 0;) {  // any order
        rng.fill(std::span(row), -2, 2);
        rows.push_back(row);
        m.set_row(r, row);
      }
      for (std::size_t r = 0; r < out; ++r) {
        m.get_row(r, back);
        for (std::size_t k = 0; k < in; ++k) expected[k] = static_cast<T>(W(rows[out - 1 - r][k]));
        REQUIRE(test::same_bits(back, expected));
        for (std::size_t k = 0; k < in; ++k) {  // the layout: panel, column, row within the panel
          REQUIRE(static_cast<T>(m.panel_data(r / P)[k * P + r % P]) == expected[k]);
        }
      }
      for (std::size_t r = out; r < m.panels() * P; ++r) {
        for (std::size_t k = 0; k < in; ++k) REQUIRE(static_cast<T>(m.panel_data(r / P)[k * P + r % P]) == 0);
      }
      if (!m.empty()) CHECK(reinterpret_cast<std::uintptr_t>(m.panel_data(0)) % 64 == 0);
    }
  }
}

TEST_CASE("packed_matrix: rows go in and come out, rounded to the storage format, and the padding is zero") {
  check_round_trip<float>();
  check_round_trip<double>();
  check_round_trip<bfloat16>();
}

TEST_CASE("packed_matrix: a row that is set again replaces the old one and no other") {
  packed_matrix<float> m(5, 3);
  fill<float>(m, 1);
  auto const before = m;
  std::vector<float> const row{1, 2, 3};
  m.set_row(3, row);
  std::vector<float> a(3), b(3);
  for (std::size_t r = 0; r < 5; ++r) {
    m.get_row(r, a);
    before.get_row(r, b);
    CHECK(test::same_bits(a, r == 3 ? row : b));
  }
}

TEST_CASE("packed_matrix: static extents have the layout of dynamic ones") {
  packed_matrix<float, 37, 19> fixed;
  packed_matrix<float, 37, dynamic> mixed(37, 19);
  packed_matrix<float> run(37, 19);
  CHECK(fixed.out() == 37);
  CHECK_FALSE(fixed.empty());
  fill<float>(fixed, 2);
  fill<float>(mixed, 2);
  fill<float>(run, 2);
  std::size_t const numbers = run.panels() * run.in() * packed_matrix<float>::panel;
  CHECK(test::same_bits(std::span(fixed.panel_data(0), numbers), std::span(run.panel_data(0), numbers)));
  CHECK(test::same_bits(std::span(mixed.panel_data(0), numbers), std::span(run.panel_data(0), numbers)));
}

TEST_CASE("packed_matrix: a value, and empty by default") {
  packed_matrix<double> m;
  CHECK(m.empty());
  CHECK(m.out() == 0);
  m = packed_matrix<double>(2, 2);
  fill<double>(m, 3);
  auto copy = m;
  copy.set_row(0, std::vector<double>{9, 9});
  std::vector<double> row(2);
  m.get_row(0, row);
  CHECK(row[0] != 9);
}

TEST_CASE("packed_matrix: NaN and infinity are weights too") {
  for (float const v : {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()}) {
    packed_matrix<bfloat16> m(1, 1);
    m.set_row(0, std::vector<float>{v});
    std::vector<float> back(1);
    m.get_row(0, back);
    CHECK(back[0] == v);
  }
  packed_matrix<bfloat16> m(1, 1);
  m.set_row(0, std::vector<float>{std::numeric_limits<float>::quiet_NaN()});
  std::vector<float> back(1);
  m.get_row(0, back);
  CHECK(std::isnan(back[0]));
}

TEST_CASE("packed_matrix: contracts") {
  packed_matrix<float> m(2, 3);
  std::vector<float> three(3), two(2);
  CHECK_THROWS_AS(m.set_row(2, three), mamba::contract_violation);
  CHECK_THROWS_AS(m.get_row(2, three), mamba::contract_violation);
  CHECK_THROWS_AS(m.set_row(0, two), mamba::contract_violation);
  CHECK_THROWS_AS(m.get_row(0, two), mamba::contract_violation);
  CHECK_THROWS_AS((packed_matrix<float, 4, dynamic>(5, 3)), mamba::contract_violation);
}

TEST_CASE("packed_matrix: what no memory can hold is std::bad_alloc, never a small matrix") {
  std::size_t volatile const at_run_time = std::size_t{1} << (sizeof(std::size_t) * 4);  // or the compiler warns
  std::size_t const half_word = at_run_time;
  CHECK_THROWS_AS((packed_matrix<float>(half_word, half_word)), std::bad_alloc);
  CHECK_THROWS_AS((packed_matrix<bfloat16>(half_word * 16, half_word / 16)), std::bad_alloc);
}

}  // namespace
