// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/transition.hpp>

#include <complex>
#include <limits>

namespace {

using mamba::dynamic;
using mamba::ssm::matrix;
using mamba::ssm::transition;
using mamba::ssm::vector;

constexpr double eps = std::numeric_limits<double>::epsilon();

transition<double, 2> const spring{matrix<double, 2>{{0, 1}, {-2, -3}}, vector<double, 2>{0, 1}};

TEST_CASE("transition: h = V g moves as g should") {
  matrix<double, 2> const v{{1, 2}, {-1, 1}};  // det 3
  auto const other = mamba::ssm::change_basis(spring, v);
  // Two solves with a matrix of condition number below 3, each entry a few products of numbers up to 3.
  CHECK((v * other.a - spring.a * v).norm() <= 64 * eps);
  CHECK((v * other.b - spring.b).norm() <= 64 * eps);
  auto const back = mamba::ssm::change_basis(other, v.inverse().eval());
  CHECK((back.a - spring.a).norm() <= 256 * eps);
  CHECK((back.b - spring.b).norm() <= 256 * eps);
}

TEST_CASE("transition: a complex basis makes a complex transition, here with the eigenvalues −1 and −2") {
  using complex = std::complex<double>;
  matrix<complex, 2> const v{{complex(0, 1), 1}, {complex(0, -1), -2}};  // the eigenvectors, one turned by i
  auto const modes = mamba::ssm::change_basis(spring, v);
  matrix<complex, 2> const expected{{-1, 0}, {0, -2}};
  CHECK((modes.a - expected).norm() <= 64 * eps);
}

TEST_CASE("transition: slowed down twice by θ is slowed down by θ², and by 1 it is itself") {
  auto const slow = mamba::ssm::slow_down(mamba::ssm::slow_down(spring, 4.0), 0.5);
  CHECK(slow.a == spring.a / 2);  // powers of two: exact
  CHECK(slow.b == spring.b / 2);
  CHECK(mamba::ssm::slow_down(spring, 1.0).a == spring.a);
}

TEST_CASE("transition: read by C it is a dense system without skip") {
  matrix<double, 1, 2> const c{{5, 7}};
  auto const one = mamba::ssm::read_by(c, spring);
  static_assert(std::is_same_v<decltype(one), mamba::ssm::dense_system<double, 2> const>);
  CHECK(one.a == spring.a);
  CHECK(one.b == spring.b);
  CHECK(one.c == c);
  CHECK(one.d(0, 0) == 0);
  transition<double> const free{spring.a, spring.b};
  matrix<double> const both{{1, 0}, {0, 1}, {1, 1}};
  auto const three = mamba::ssm::read_by(both, free);
  CHECK(three.c.rows() == 3);
  CHECK(three.d.rows() == 3);
  CHECK(three.d.cols() == 1);
  CHECK_THROWS_AS(static_cast<void>(mamba::ssm::read_by(matrix<double>{{1, 2, 3}}, free)), mamba::contract_violation);
}

TEST_CASE("transition: one state") {
  transition<double, 1> const leak{matrix<double, 1>(-2), vector<double, 1>(1)};
  auto const twice = mamba::ssm::change_basis(leak, matrix<double, 1>(4));
  CHECK(twice.a(0, 0) == -2);
  CHECK(twice.b(0) == 0.25);
  CHECK(mamba::ssm::read_by(matrix<double, 1>(3), leak).c(0, 0) == 3);
}

TEST_CASE("transition: a complex transition in a real basis stays complex") {
  using complex = std::complex<double>;
  transition<complex, 2> const modes{matrix<complex, 2>{{complex(-1, 2), 0}, {0, complex(-1, -2)}},
                                     vector<complex, 2>{1, complex(0, 1)}};
  matrix<double, 2> const v{{1, 2}, {-1, 1}};
  auto const other = mamba::ssm::change_basis(modes, v);
  CHECK((v.cast<complex>() * other.a - modes.a * v.cast<complex>()).norm() <= 64 * eps);
  CHECK((v.cast<complex>() * other.b - modes.b).norm() <= 64 * eps);
}

}  // namespace
