// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/tensor/eigen.hpp>
#include <mamba/tensor/tensor.hpp>

#include <type_traits>
#include <utility>

namespace {

using mamba::as_eigen;
using mamba::dynamic;
using mamba::matrix_view;
using mamba::tensor;
using mamba::view;

// By hand:   m = 1 2 3      m·v = 1·1 + 2·(−1) + 3·2 =  5      mᵀ·w = 1·2 + 4·3 = 14
//                4 5 6            4·1 + 5·(−1) + 6·2 = 11             2·2 + 5·3 = 19
//                                                                     3·2 + 6·3 = 24
constexpr double m[] = {1, 2, 3, 4, 5, 6};
constexpr double v[] = {1, -1, 2};
constexpr double w[] = {2, 3};

template <class Map, class Vector, class Other>
void check_products(Map const& map, Vector const& three, Other const& two) {
  Eigen::VectorXd const forward = map * three;
  CHECK(forward(0) == 5);
  CHECK(forward(1) == 11);
  Eigen::VectorXd const backward = map.transpose() * two;
  CHECK(backward(0) == 14);
  CHECK(backward(1) == 19);
  CHECK(backward(2) == 24);
}

TEST_CASE("eigen: a matrix that is neither square nor symmetric, row-major as PyTorch stores it") {
  auto const three = as_eigen(view<double const, 3>(v, 3));
  auto const two = as_eigen(view<double const, dynamic>(w, 2));
  check_products(as_eigen(view<double const, 2, 3>(m, 2, 3)), three, two);
  check_products(as_eigen(matrix_view<double const>(m, 2, 3)), three, two);
  check_products(as_eigen(view<double const, 2, dynamic>(m, 2, 3)), three, two);
  check_products(as_eigen(view<double const, dynamic, 3>(m, 2, 3)), three, two);
}

TEST_CASE("eigen: static extents stay static") {
  using map = decltype(as_eigen(std::declval<view<double, 2, 3>>()));
  static_assert(map::RowsAtCompileTime == 2 && map::ColsAtCompileTime == 3 && map::IsRowMajor);
  using run = decltype(as_eigen(std::declval<matrix_view<float>>()));
  static_assert(run::RowsAtCompileTime == Eigen::Dynamic && run::ColsAtCompileTime == Eigen::Dynamic);
  using vector = decltype(as_eigen(std::declval<view<float const, 7>>()));
  static_assert(vector::RowsAtCompileTime == 7 && vector::ColsAtCompileTime == 1);
}

TEST_CASE("eigen: the map has the pitch of the view") {
  double wide[] = {1, 2, 3, 90, 91, 4, 5, 6, 92, 93};
  matrix_view<double> const whole(wide, 2, 5);
  check_products(as_eigen(whole.columns(0, 3)), as_eigen(view<double const, 3>(v, 3)),
                 as_eigen(view<double const, 2>(w, 2)));
  auto const right = as_eigen(whole.columns(3, 2));
  CHECK(right(0, 0) == 90);
  CHECK(right(0, 1) == 91);
  CHECK(right(1, 0) == 92);
  CHECK(right(1, 1) == 93);
}

TEST_CASE("eigen: writing through a map writes the view, and only its cells") {
  tensor<float, dynamic, dynamic> t(3, 5);
  t.fill(-1);
  as_eigen(matrix_view<float>(t.view()).columns(1, 2)).setConstant(7);
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 5; ++j) CHECK(t(i, j) == (j == 1 || j == 2 ? 7.0F : -1.0F));
  }
}

TEST_CASE("eigen: one column, one row and one number, static and dynamic, with a pitch") {
  double wide[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  matrix_view<double> const whole(wide, 4, 3);

  view<double, 4, 1> const column(wide + 1, view<double, 4, 1>::extents_type(), 3);
  auto const static_column = as_eigen(column);
  auto const dynamic_column = as_eigen(whole.columns(1, 1));
  auto const half_static = as_eigen(view<double, dynamic, 1>(column));
  REQUIRE(static_column.rows() == 4);
  REQUIRE(dynamic_column.rows() == 4);
  REQUIRE(half_static.rows() == 4);
  for (int i = 0; i < 4; ++i) {
    double const expected = 2 + 3 * i;
    CHECK(static_column(i, 0) == expected);
    CHECK(dynamic_column(i, 0) == expected);
    CHECK(half_static(i, 0) == expected);
  }

  auto const row = as_eigen(view<double, 1, 3>(whole.rows(2, 1)));
  CHECK(row(0, 0) == 7);
  CHECK(row(0, 2) == 9);
  auto const number = as_eigen(view<double, 1, 1>(wide + 5, 1, 1));
  CHECK(number(0, 0) == 6);
  Eigen::Matrix<double, 1, 1> const product = row * as_eigen(view<double const, 3>(v, 3));
  CHECK(product(0, 0) == 7 - 8 + 18);
}

TEST_CASE("eigen: const views give const maps, empty views empty maps") {
  using map = decltype(as_eigen(std::declval<matrix_view<double const>>()));
  static_assert(!std::is_assignable_v<decltype(std::declval<map&>()(0, 0)), double>);
  CHECK(as_eigen(matrix_view<double const>(m, 0, 3)).size() == 0);
  CHECK(as_eigen(matrix_view<double const>(m, 2, 0)).size() == 0);
}

}  // namespace
