// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/tensor/tensor.hpp>
#include <mamba/tensor/view.hpp>

#include <array>
#include <numeric>
#include <span>
#include <type_traits>
#include <vector>

namespace {

using mamba::dynamic;
using mamba::matrix_view;
using mamba::view;

static_assert(std::is_trivially_copyable_v<view<float, dynamic>>);
static_assert(std::is_trivially_copyable_v<matrix_view<float const>>);
static_assert(std::is_trivially_copyable_v<view<double, 3, dynamic, 5>>);
static_assert(std::is_same_v<matrix_view<int>, view<int, dynamic, dynamic>>);

// Conversions: static ↔ dynamic (the latter checked when the program runs) and T → T const, nothing else.
static_assert(std::is_convertible_v<view<float, 4, 3>, matrix_view<float>>);
static_assert(std::is_convertible_v<view<float, 4, 3>, matrix_view<float const>>);
static_assert(std::is_convertible_v<matrix_view<float>, view<float const, 4, dynamic>>);
static_assert(!std::is_convertible_v<matrix_view<float const>, matrix_view<float>>, "const must not be lost");
static_assert(!std::is_convertible_v<view<float, 4, 3>, view<float, 4, 2>>, "static extents must agree");
static_assert(!std::is_convertible_v<matrix_view<float>, matrix_view<double>>);
static_assert(!std::is_convertible_v<matrix_view<float>, view<float, dynamic>>, "ranks must agree");

std::vector<int> counting(std::size_t n) {
  std::vector<int> numbers(n);
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

constexpr int sum_of_middle_column() {
  int numbers[] = {1, 2, 3, 4, 5, 6};
  view<int, 2, 3> const v(numbers, 2, 3);
  return v(0, 1) + v(1, 1);
}
static_assert(sum_of_middle_column() == 7);

TEST_CASE("view: row-major in any rank, static and dynamic alike") {
  auto numbers = counting(24);
  view<int, 2, 3, 4> const fixed(numbers.data(), 2, 3, 4);
  view<int, dynamic, dynamic, dynamic> const run(numbers.data(), 2, 3, 4);
  view<int, dynamic, 3, dynamic> const mixed(numbers.data(), 2, 3, 4);
  view<int, dynamic> const line(numbers.data(), 24);
  int expected = 0;
  for (std::size_t i = 0; i < 2; ++i) {
    for (std::size_t j = 0; j < 3; ++j) {
      for (std::size_t k = 0; k < 4; ++k, ++expected) {
        CHECK(fixed(i, j, k) == expected);
        CHECK(run(i, j, k) == expected);
        CHECK(mixed(i, j, k) == expected);
        CHECK(line(expected) == expected);
      }
    }
  }
  CHECK(fixed.pitch() == 12);
  CHECK(run.pitch() == 12);
  CHECK(line.pitch() == 1);
  CHECK(run.size() == 24);
  CHECK(run.row(1).size() == 12);
  CHECK(run.row(1)[0] == 12);
}

TEST_CASE("view: a pitch keeps rows apart") {
  auto const numbers = counting(30);
  using seen = matrix_view<int const>;
  seen const v(numbers.data() + 2, seen::extents_type(4, 3), 7);
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t j = 0; j < 3; ++j) CHECK(v(i, j) == static_cast<int>(2 + 7 * i + j));
    CHECK(v.row(i).data() == &v(i, 0));
    CHECK(v.row(i).size() == 3);
  }
}

TEST_CASE("view: columns and rows are views of the same numbers") {
  auto numbers = counting(20);
  view<int, 4, 5> const whole(numbers.data(), 4, 5);
  auto const block = whole.rows(1, 2).columns(3, 2);
  static_assert(std::is_same_v<decltype(whole.columns(1, 2)), view<int, 4, dynamic>>);
  static_assert(std::is_same_v<decltype(whole.rows(1, 2)), view<int, dynamic, 5>>);
  CHECK(block.extent(0) == 2);
  CHECK(block.extent(1) == 2);
  CHECK(block.pitch() == 5);
  CHECK(block(0, 0) == 8);
  CHECK(block(1, 1) == 14);
  block(1, 0) = -1;
  CHECK(whole(2, 3) == -1);
  CHECK(whole.columns(5, 0).empty());
  CHECK(whole.rows(4, 0).empty());

  view<int, 2, 2, 5> const cube(numbers.data(), 2, 2, 5);
  auto const second = cube.rows(1, 1);
  static_assert(std::is_same_v<decltype(cube.rows(1, 1)), view<int, dynamic, 2, 5>>);
  CHECK(second(0, 1, 4) == 19);
}

TEST_CASE("view: conversions keep pointer, shape and pitch") {
  auto numbers = counting(40);
  view<int, 4, 3> const fixed(numbers.data(), view<int, 4, 3>::extents_type(), 10);
  matrix_view<int const> const run = fixed;
  view<int const, 4, dynamic> const back = run;
  CHECK(run.data() == fixed.data());
  CHECK(run.pitch() == 10);
  CHECK(run.extent(0) == 4);
  CHECK(back.extent(1) == 3);
  CHECK(back(3, 2) == 32);
}

TEST_CASE("view: a dynamic view of the wrong size does not become a static one") {
  auto numbers = counting(12);
  matrix_view<int> const run(numbers.data(), 4, 3);
  CHECK_NOTHROW(static_cast<void>(view<int, 4, 3>(run)));
  CHECK_THROWS_AS(static_cast<void>(view<int, 3, 4>(run)), mamba::contract_violation);
  CHECK_THROWS_AS(static_cast<void>(view<int, 4, 2>(numbers.data(), 4, 3)), mamba::contract_violation);
}

TEST_CASE("view: what converts to a span converts to a view of one axis") {
  std::vector<float> numbers{1, 2, 3};
  view<float const, dynamic> const seen(numbers);
  CHECK(seen.data() == numbers.data());
  CHECK(seen.extent(0) == 3);
  auto const last = [](view<float const, dynamic> v) { return v(v.extent(0) - 1); };
  CHECK(last(numbers) == 3);
  CHECK(last(std::span<float>(numbers).first(2)) == 2);
  CHECK(last(std::array<float, 4>{4, 5, 6, 7}) == 7);
  CHECK(last(mamba::tensor<float, 2>()) == 0);
  view<float, 3> const written(numbers);
  written(1) = 9;
  CHECK(numbers[1] == 9);
  CHECK_THROWS_AS(static_cast<void>(view<float, 4>(numbers)), mamba::contract_violation);
  static_assert(!std::is_constructible_v<view<float, dynamic>, std::vector<float> const&>);
  static_assert(!std::is_constructible_v<view<float, dynamic>, std::vector<double>&>);
  static_assert(!std::is_constructible_v<matrix_view<float>, std::vector<float>&>);
}

TEST_CASE("view: the default view is empty where it may be") {
  matrix_view<float> const none;
  CHECK(none.empty());
  CHECK(none.data() == nullptr);
  CHECK(none.extent(0) == 0);
  CHECK(view<float, dynamic, 3>().pitch() == 3);
}

TEST_CASE("view: rows and columns beyond the last are refused") {
  auto numbers = counting(12);
  matrix_view<int> const m(numbers.data(), 3, 4);
  CHECK_THROWS_AS(static_cast<void>(m.columns(2, 9)), mamba::contract_violation);
  CHECK_THROWS_AS(static_cast<void>(m.columns(5, 0)), mamba::contract_violation);
  CHECK_THROWS_AS(static_cast<void>(m.rows(2, 2)), mamba::contract_violation);
  CHECK_THROWS_AS(static_cast<void>(m.rows(1, dynamic)), mamba::contract_violation);
  CHECK_THROWS_AS(static_cast<void>(m.row(3)), mamba::contract_violation);
}

}  // namespace
