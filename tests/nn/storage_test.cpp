// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/nn/storage.hpp>

#include <array>
#include <type_traits>
#include <vector>

namespace {

using namespace mamba::nn;

static_assert(packed::computes && constant::computes && !dense::computes && !meta::computes);
static_assert(std::is_same_v<meta::matrix<mamba::q4, 8, 8>::storage_format, mamba::q4>);
static_assert(std::is_same_v<dense::matrix<mamba::bfloat16, 8, 8>, dense_parameter<float>>);
static_assert(parameter_storage<dense_parameter<double>, double>);

TEST_CASE("storage: every kind is made from a checkpoint's shape") {
  std::array<std::size_t, 2> const matrix{5, 7};
  std::array<std::size_t, 3> const filter{5, 1, 4};
  std::array<std::size_t, 1> const vector{9};
  auto const check = []<class S>(S const& storage, std::size_t rows, std::size_t row_size) {
    CHECK(storage.rows() == rows);
    CHECK(storage.row_size() == row_size);
  };
  constexpr std::size_t any = mamba::dynamic;
  auto const check_all = [&]<class Storage>(Storage) {
    check(made<typename Storage::template matrix<mamba::q8, any, any>>(matrix), 5, 7);
    check(made<typename Storage::template matrix<float, any, any>>(matrix), 5, 7);
    check(made<typename Storage::template filter<float, any, any>>(filter), 5, 4);
    check(made<typename Storage::template decay<float, any, any>>(matrix), 5, 7);
    check(made<typename Storage::template vector<float, any>>(vector), 9, 1);
  };
  check_all(packed{});
  check_all(constant{});
  check_all(dense{});
  check_all(meta{});
}

TEST_CASE("storage: dense rows come out as they went in") {
  dense_parameter<double> p(3, 2);
  p.set_row(1, std::vector<double>{4, 5});
  std::vector<double> row(2);
  p.get_row(1, row);
  CHECK(row == std::vector<double>{4, 5});
  CHECK(p.view()(1, 1) == 5);
  CHECK(p.span()[0] == 0);
}

}  // namespace
