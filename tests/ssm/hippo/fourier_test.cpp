// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/hippo/fourier.hpp>
#include <support/flow.hpp>
#include <support/hippo_golden.hpp>
#include <support/largest.hpp>

#include <cmath>
#include <complex>
#include <limits>
#include <numbers>

namespace {

using mamba::ssm::index;
using mamba::ssm::matrix;
using mamba::ssm::transition;
using mamba::ssm::vector;

constexpr double eps = std::numeric_limits<double>::epsilon();
constexpr double pi = std::numbers::pi;

TEST_CASE("hippo_fourier: four states by hand") {
  double const r = std::sqrt(2.0), r2 = r * r;
  CHECK(mamba::ssm::fourier_ends<double, 4>() == vector<double, 4>{1, 0, r, 0});
  auto const s = mamba::ssm::hippo_fourier<double, 4>();
  CHECK(s.a == matrix<double, 4>{{-1, 0, -r, 0}, {0, 0, 0, 0}, {-r, 0, -r2, -pi}, {0, 0, pi, 0}});
  CHECK(s.b == vector<double, 4>{1, 0, r, 0});
  auto const d = mamba::ssm::hippo_fourier_diagonal<double, 4>();
  CHECK(d.a == matrix<double, 4>{{-0.5, 0, 0, 0}, {0, -0.5, 0, 0}, {0, 0, -0.5, -2 * pi}, {0, 0, 2 * pi, -0.5}});
}

// A + P Pᵀ is M up to the roundings of −e eᵀ and P Pᵀ, whose entries are at most 4: three of ε/2 each, and a sum of
// ε/2.
TEST_CASE("hippo_fourier: A + P Pᵀ is skew: P = e, e/√2 with decay, √2 e on the window of length 1") {
  for (std::size_t const n : {1U, 2U, 3U, 16U, 64U}) {
    vector<double> const e = mamba::ssm::fourier_ends<double>(n);
    auto const check = [&](transition<double> const& s, double factor, double omega) {
      vector<double> const p = factor * e;
      matrix<double> const skew = s.a + p * p.transpose();
      CHECK(test::largest(skew + skew.transpose()) <= 16 * eps);
      CHECK(test::largest(skew - mamba::ssm::fourier_turns<double>(omega, n)) <= 8 * eps * (1 + omega * double(n)));
      CHECK(test::largest(s.b - factor * factor * e) <= 4 * eps);
    };
    check(mamba::ssm::hippo_fourier<double>(n), 1, pi);
    check(mamba::ssm::hippo_fourier_decay<double>(n), std::sqrt(0.5), pi);
    check(mamba::ssm::hippo_fourier2<double>(n), std::sqrt(2.0), 2 * pi);
  }
}

TEST_CASE("hippo_fourier: twice as fast is a window of half the length") {
  auto const one = mamba::ssm::hippo_fourier2<double>(32), two = mamba::ssm::hippo_fourier<double>(32);
  CHECK(one.a == 2 * two.a);  // powers of two
  CHECK(one.b == 2 * two.b);
}

TEST_CASE("hippo_fourier: without a window the eigenvalues are −½ ± 2πik and the eigenvectors (1, ∓i)") {
  using complex = std::complex<double>;
  auto const s = mamba::ssm::hippo_fourier_diagonal<double>(20);
  CHECK(test::largest(s.a * s.a.transpose() - s.a.transpose() * s.a) == 0);  // normal
  for (Eigen::Index k = 0; k < 10; ++k) {
    for (double const sign : {1.0, -1.0}) {
      complex const lambda(-0.5, sign * 2 * pi * static_cast<double>(k));
      for (Eigen::Index i = 0; i < 20; ++i) {  // (A v)_i, v = (0, …, 1, −sign i, …, 0)
        complex const found = s.a(i, 2 * k) + s.a(i, 2 * k + 1) * complex(0, -sign);
        complex const v = i == 2 * k ? complex(1) : i == 2 * k + 1 ? complex(0, -sign) : complex(0);
        REQUIRE(std::abs(found - lambda * v) <= 2 * eps * std::abs(lambda));  // a product and a complex product
      }
    }
  }
}

TEST_CASE("hippo_fourier: without a window, the kernels are damped waves") {
  auto const s = mamba::ssm::hippo_fourier_diagonal<double>(12);
  for (double const tau : {0.0, 0.3, 1.0, 4.2}) {
    vector<double> const found = test::flow<double>(s.a, tau, s.b);
    for (Eigen::Index i = 0; i < 12; ++i) {
      double const angle = 2 * pi * static_cast<double>(i / 2) * tau;
      double const wave = i == 0 ? 1 : std::sqrt(2.0) * (i % 2 == 0 ? std::cos(angle) : i == 1 ? 0 : std::sin(angle));
      CHECK(std::fabs(found(i) - std::exp(-tau / 2) * wave) <=
            test::flow_error<double>(s.a, tau, s.b.norm()) + 4 * eps * (1 + angle));
    }
  }
}

TEST_CASE("hippo_fourier: the sine of 0 turns stays zero") {
  for (auto const& s : {mamba::ssm::hippo_fourier<double>(8), mamba::ssm::hippo_fourier_decay<double>(8),
                        mamba::ssm::hippo_fourier2<double>(8)}) {
    CHECK(test::largest(s.a.row(1)) == 0);
    CHECK(test::largest(s.a.col(1)) == 0);
    CHECK(s.b(1) == 0);
  }
}

TEST_CASE("hippo_fourier: an odd number of states is the next even one without its last sine") {
  auto const odd = mamba::ssm::hippo_fourier<double>(7), even = mamba::ssm::hippo_fourier<double>(8);
  CHECK(odd.a == even.a.topLeftCorner(7, 7));
  CHECK(odd.b == even.b.head(7));
}

TEST_CASE("hippo_fourier: static and dynamic sizes are the same numbers, in every precision") {
  auto const same = [](auto const& fixed, auto const& free) {
    CHECK(fixed.a == free.a);
    CHECK(fixed.b == free.b);
  };
  same(mamba::ssm::hippo_fourier<double, 6>(), mamba::ssm::hippo_fourier<double>(6));
  same(mamba::ssm::hippo_fourier<double, 1>(), mamba::ssm::hippo_fourier<double>(1));
  same(mamba::ssm::hippo_fourier_decay<float, 4>(), mamba::ssm::hippo_fourier_decay<float>(4));
  same(mamba::ssm::hippo_fourier2<long double, 2>(), mamba::ssm::hippo_fourier2<long double>(2));
  same(mamba::ssm::hippo_fourier_diagonal<float, 5>(), mamba::ssm::hippo_fourier_diagonal<float>(5));
  CHECK(mamba::ssm::hippo_fourier<double>(0).a.size() == 0);
  CHECK_THROWS_AS(static_cast<void>(mamba::ssm::hippo_fourier<double>()), mamba::contract_violation);
  CHECK_THROWS_AS(static_cast<void>(mamba::ssm::hippo_fourier_diagonal<double, 4>(6)), mamba::contract_violation);
}

TEST_CASE("hippo_fourier: in float, every entry is within the bound of its card") {
  auto const check = [](auto const& narrow, auto const& wide, double bound) {
    CHECK(test::float_epsilons(narrow.a, wide.a) <= bound);
    CHECK(test::float_epsilons(narrow.b, wide.b) <= bound);
  };
  for (std::size_t const n : {1U, 2U, 64U, 201U}) {
    check(mamba::ssm::hippo_fourier<float>(n), mamba::ssm::hippo_fourier<double>(n), 2);
    check(mamba::ssm::hippo_fourier_decay<float>(n), mamba::ssm::hippo_fourier_decay<double>(n), 2);
    check(mamba::ssm::hippo_fourier2<float>(n), mamba::ssm::hippo_fourier2<double>(n), 2);
    check(mamba::ssm::hippo_fourier_diagonal<float>(n), mamba::ssm::hippo_fourier_diagonal<double>(n), 1);
    CHECK(test::float_epsilons(mamba::ssm::fourier_ends<float>(n), mamba::ssm::fourier_ends<double>(n)) <= 0.5);
    auto const turns = mamba::ssm::fourier_turns<double>(1.625, n);  // of an angle that float has
    CHECK(test::float_epsilons(mamba::ssm::fourier_turns<float>(1.625F, n), turns) <= 0.5);
  }
}

// √2 √2, and ωk, in one order or another of two products.
TEST_CASE("hippo_fourier: the S4 code's numbers") {
  auto const within = [](auto...) { return 2.0; };
  int cases = 0;
  cases += test::compare_transitions(
      "fourier", [](auto n, auto const&) { return mamba::ssm::hippo_fourier<double>(n); }, within);
  cases += test::compare_transitions(
      "fourier_decay", [](auto n, auto const&) { return mamba::ssm::hippo_fourier_decay<double>(n); }, within);
  cases += test::compare_transitions(
      "fourier2", [](auto n, auto const&) { return mamba::ssm::hippo_fourier2<double>(n); }, within);
  cases += test::compare_transitions(
      "foud", [](auto n, auto const&) { return mamba::ssm::hippo_fourier_diagonal<double>(n); }, within);
  CHECK(cases == 20);
}

}  // namespace
