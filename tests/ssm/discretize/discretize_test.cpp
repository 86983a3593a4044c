// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/discretize/discretize.hpp>
#include <support/random_system.hpp>
#include <support/rules.hpp>

#include <cmath>
#include <complex>
#include <limits>

namespace {

using mamba::dynamic;
using mamba::ssm::diagonal_system;
using mamba::ssm::matrix;
using mamba::ssm::modes;
using mamba::ssm::vector;
using complex = std::complex<double>;
constexpr double eps = std::numeric_limits<double>::epsilon();

TEST_CASE("discretize_diagonal: each mode as its rule has it, for every rule and several inputs") {
  test::random rng(1);
  for (Eigen::Index const n : {0, 1, 2, 7}) {
    for (Eigen::Index const m : {0, 1, 3}) {
      auto const s = test::random_diagonal(rng, n, m);
      double const delta = rng.uniform(0.01, 1);
      test::each_rule([&](char const* name, auto rule) {
        INFO(name, ", N ", n, ", M ", m);
        auto const d = rule(delta, s);
        CHECK(d.c == s.c);
        CHECK(d.d == s.d);
        REQUIRE(d.a_bar.lambda.size() == n);
        REQUIRE(d.b_bar.rows() == n);
        REQUIRE(d.b_bar.cols() == m);
        for (Eigen::Index i = 0; i < n; ++i) {
          auto const factors = rule(delta, s.a(i), complex(1));
          CHECK(d.a_bar(i) == factors.a_bar);
          for (Eigen::Index j = 0; j < m; ++j) {
            // The mode's own B̄ has the same factors in another order: two complex products apart, 4 ε.
            auto const mode = rule(delta, s.a(i), s.b(i, j));
            CHECK(std::abs(d.b_bar(i, j) - mode.b_bar) <= 4 * eps * std::abs(mode.b_bar));
            if constexpr (test::two_inputs<decltype(mode)>) {
              CHECK(std::abs(d.b_bar_before(i, j) - mode.b_bar_before) <= 4 * eps * std::abs(mode.b_bar_before));
            }
          }
        }
      });
    }
  }
}

TEST_CASE("discretize_diagonal: a half system is half of the whole one, for every rule") {
  test::random rng(2);
  auto const half = test::random_diagonal<modes::half>(rng, 5, 2);
  auto const whole = all_modes(half);
  test::each_rule([&](char const* name, auto rule) {
    INFO(name);
    auto const few = rule(0.3, half);
    auto const all = rule(0.3, whole);
    CHECK(few.a_bar.lambda == all.a_bar.lambda.head(5));
    CHECK(few.b_bar == all.b_bar.topRows(5));
    // A conjugate mode gives the conjugate, to a rounding or two where a compiler fuses other products (12 ε: φ₂).
    CHECK((few.a_bar.lambda.conjugate() - all.a_bar.lambda.tail(5)).norm() <= 12 * eps * few.a_bar.lambda.norm());
    CHECK((few.b_bar.conjugate() - all.b_bar.bottomRows(5)).norm() <= 12 * eps * few.b_bar.norm());
    static_assert(std::is_same_v<decltype(few.d), decltype(half.d)>);
  });
}

TEST_CASE("discretize_diagonal: real modes, static sizes, and float") {
  diagonal_system<float, 2, 1, 1> const s{vector<float, 2>{-1, 0}, vector<float, 2>{2, 3}, matrix<float, 1, 2>{{1, 1}},
                                          matrix<float, 1>::Zero()};
  auto const d = zero_order_hold(0.5F, s);
  CHECK(d.a_bar(0) == doctest::Approx(std::exp(-0.5)).epsilon(1e-6));
  CHECK(d.b_bar(0) == doctest::Approx(2 * (1 - std::exp(-0.5))).epsilon(1e-6));
  CHECK(d.a_bar(1) == 1);  // the integrator
  CHECK(d.b_bar(1) == 1.5F);
  auto const linear = first_order_hold(0.5F, s);
  CHECK(linear.b_bar(1) == 0.75F);
  CHECK(linear.b_bar_before(1) == 0.75F);
}

TEST_CASE("discretize_diagonal: a NaN stays in its mode; a step of length 0 changes nothing") {
  test::random rng(3);
  auto s = test::random_diagonal(rng, 3, 2);
  test::each_rule([&](char const* name, auto rule) {
    INFO(name);
    auto const still = rule(0.0, s);
    CHECK(still.a_bar.lambda == vector<complex>::Ones(3));
    CHECK(still.b_bar == matrix<complex>::Zero(3, 2));
    auto broken = s;
    broken.a(1) = std::numeric_limits<double>::quiet_NaN();
    auto const d = rule(0.1, broken);
    CHECK(std::isnan(d.a_bar(1).real()));
    CHECK_FALSE(std::isnan(std::abs(d.a_bar(0) + d.a_bar(2) + d.b_bar.row(0).sum() + d.b_bar.row(2).sum())));
  });
}

}  // namespace
