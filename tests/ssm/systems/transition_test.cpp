// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/systems/transition.hpp>

namespace {

using mamba::dynamic;
using mamba::ssm::matrix;
using mamba::ssm::transition;
using mamba::ssm::vector;

transition<double, 2> const spring{matrix<double, 2>{{0, 1}, {-2, -3}}, vector<double, 2>{0, 1}};

TEST_CASE("transition: slowed down twice by θ is slowed down by θ², and by 1 it is itself") {
  auto const slow = mamba::ssm::rescale_time(mamba::ssm::rescale_time(spring, 4.0), 0.5);
  CHECK(slow.a == spring.a / 2);  // powers of two: exact
  CHECK(slow.b == spring.b / 2);
  CHECK(mamba::ssm::rescale_time(spring, 1.0).a == spring.a);
}

TEST_CASE("transition: read by C it is a dense system without skip") {
  matrix<double, 1, 2> const c{{5, 7}};
  auto const one = mamba::ssm::with_output(c, spring);
  static_assert(std::is_same_v<decltype(one), mamba::ssm::dense_system<double, 2> const>);
  CHECK(one.a == spring.a);
  CHECK(one.b == spring.b);
  CHECK(one.c == c);
  CHECK(one.d(0, 0) == 0);
  transition<double> const free{spring.a, spring.b};
  matrix<double> const both{{1, 0}, {0, 1}, {1, 1}};
  auto const three = mamba::ssm::with_output(both, free);
  CHECK(three.c.rows() == 3);
  CHECK(three.d.rows() == 3);
  CHECK(three.d.cols() == 1);
  CHECK_THROWS_AS(static_cast<void>(mamba::ssm::with_output(matrix<double>{{1, 2, 3}}, free)),
                  mamba::contract_violation);
}

TEST_CASE("transition: one state") {
  transition<double, 1> const leak{matrix<double, 1>(-2), vector<double, 1>(1)};
  CHECK(mamba::ssm::with_output(matrix<double, 1>(3), leak).c(0, 0) == 3);
}

}  // namespace
