// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/nn/parameter.hpp>
#include <mamba/nn/state_storage.hpp>
#include <mamba/nn/storage.hpp>
#include <support/bits.hpp>
#include <support/parameters.hpp>

#include <cmath>
#include <limits>
#include <vector>

namespace {

using mamba::bfloat16;
using mamba::dynamic;
using mamba::kernels::packed_matrix;
using mamba::nn::decay_parameter;
using mamba::nn::filter_parameter;
using mamba::nn::parameter_storage;
using mamba::nn::vector_parameter;

static_assert(parameter_storage<vector_parameter<float>, float>);
static_assert(parameter_storage<filter_parameter<double, 5, 4>, double>);
static_assert(parameter_storage<decay_parameter<float>, float>);
static_assert(parameter_storage<packed_matrix<bfloat16>, float>);
static_assert(!parameter_storage<int, float>);

/// Rows that go in, in any order, come out again, bit for bit.
template <class T, class Storage>
void check_round_trip(Storage storage, std::size_t rows, std::size_t row_size) {
  REQUIRE(storage.rows() == rows);
  REQUIRE(storage.row_size() == row_size);
  test::random rng(rows * 31 + row_size);
  std::vector<T> all(rows * row_size);
  rng.fill(std::span(all), -5, 5);
  for (std::size_t i = rows; i-- > 0;) storage.set_row(i, std::span<T const>(all).subspan(i * row_size, row_size));
  CHECK(test::same_bits(test::rows_of<T>(storage), all));
  Storage const copy = storage;
  test::fill_rows<T>(storage, rng, 0, 1);
  CHECK(test::same_bits(test::rows_of<T>(copy), all));
}

TEST_CASE("parameter: every storage gives back the rows it was given") {
  check_round_trip<float>(vector_parameter<float>(7), 7, 1);
  check_round_trip<double>(vector_parameter<double, 7>(7), 7, 1);
  check_round_trip<float>(filter_parameter<float>(9, 4), 9, 4);
  check_round_trip<float>(filter_parameter<float, 9, 1>(9, 1), 9, 1);
  check_round_trip<double>(filter_parameter<double, dynamic, 3>(33, 3), 33, 3);
  check_round_trip<float>(decay_parameter<float>(19, 5), 19, 5);
  check_round_trip<double>(decay_parameter<double, 19, 16>(19, 16), 19, 16);
  check_round_trip<float>(packed_matrix<float>(33, 7), 33, 7);
  check_round_trip<double>(packed_matrix<double, 5, 8>(5, 8), 5, 8);
  check_round_trip<float>(vector_parameter<float>(0), 0, 1);
}

TEST_CASE("parameter: the convolution reads its filters tap by tap") {
  filter_parameter<float> filters(3, 2);
  for (std::size_t d = 0; d < 3; ++d) {
    std::vector<float> const filter{static_cast<float>(10 * d), static_cast<float>(10 * d + 1)};
    filters.set_row(d, filter);
  }
  auto const taps = filters.taps();
  CHECK(taps.extent(0) == 2);
  CHECK(taps.extent(1) == 3);
  for (std::size_t k = 0; k < 2; ++k) {
    for (std::size_t d = 0; d < 3; ++d) CHECK(taps(k, d) == static_cast<float>(10 * d + k));
  }
}

template <class T>
void check_decay() {
  test::random rng(1);
  decay_parameter<T> a_log(21, 16);
  test::fill_rows<T>(a_log, rng, -7, 12.577);  // what trained models have: A to −2.9e5
  auto const kept = test::rows_of<T>(a_log);
  for (std::size_t d = 0; d < 21; ++d) {
    for (std::size_t n = 0; n < 16; ++n) {
      // One exp in double, correct to one unit in its last place, and one rounding to T.
      long double const exact = -std::exp(static_cast<long double>(kept[d * 16 + n]));
      long double const off = std::fabs(static_cast<long double>(a_log.a()(d, n)) - exact);
      long double const eps = std::numeric_limits<T>::epsilon();
      REQUIRE(off <= (std::numeric_limits<double>::epsilon() + eps / 2) * std::fabs(exact));
      REQUIRE(a_log.a()(d, n) < 0);
    }
  }
}

TEST_CASE("parameter: A_log is kept exactly, beside A = −exp(A_log)") {
  check_decay<float>();
  check_decay<double>();
}

TEST_CASE("parameter: A belongs to A_log from the first moment on") {
  decay_parameter<float> const zero(3, 2);
  decay_parameter<float, 3, 2> const fixed;
  for (std::size_t d = 0; d < 3; ++d) {
    for (std::size_t n = 0; n < 2; ++n) {
      CHECK(zero.a()(d, n) == -1);
      CHECK(fixed.a()(d, n) == -1);
    }
  }
}

TEST_CASE("parameter: setting one row leaves the others") {
  decay_parameter<double> a_log(4, 3);
  std::vector<double> const row{std::log(2.0), 0, std::log(3.0)};
  a_log.set_row(2, row);
  CHECK(a_log.a()(2, 0) == doctest::Approx(-2).epsilon(1e-15));
  CHECK(a_log.a()(2, 2) == doctest::Approx(-3).epsilon(1e-15));
  CHECK(a_log.a()(1, 0) == -1);
  CHECK(a_log.a()(3, 2) == -1);
}

TEST_CASE("parameter: an absent bias is empty") {
  CHECK(vector_parameter<float>().empty());
  CHECK(vector_parameter<float>(0).span().empty());
  CHECK_FALSE(vector_parameter<float>(1).empty());
}

/// A row that is not there, one number too many and none at all.
template <class Storage>
void check_refuses(Storage storage) {
  std::vector<float> values(storage.row_size() + 1);
  std::span<float> const row = std::span(values).first(storage.row_size());
  CHECK_NOTHROW(storage.set_row(storage.rows() - 1, row));
  CHECK_THROWS_AS(storage.set_row(storage.rows(), row), mamba::contract_violation);
  CHECK_THROWS_AS(storage.get_row(storage.rows(), row), mamba::contract_violation);
  CHECK_THROWS_AS(storage.set_row(0, values), mamba::contract_violation);
  CHECK_THROWS_AS(storage.get_row(0, values), mamba::contract_violation);
  CHECK_THROWS_AS(storage.set_row(0, {}), mamba::contract_violation);
  CHECK_THROWS_AS(storage.get_row(0, {}), mamba::contract_violation);
}

TEST_CASE("parameter: rows that a storage does not have, and rows of another size, are refused") {
  check_refuses(vector_parameter<float>(7));
  check_refuses(filter_parameter<float>(7, 4));
  check_refuses(decay_parameter<float>(7, 3));
  check_refuses(mamba::nn::dense_parameter<float>(7, 3));
  mamba::tensor<float, dynamic, dynamic> part(7, 3);
  check_refuses(mamba::nn::state_rows(part));
}

}  // namespace
