// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/discretize/discretize.hpp>
#include <mamba/ssm/discretize/low_rank_rules.hpp>
#include <mamba/ssm/discretize/rules.hpp>
#include <support/random_system.hpp>

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>

namespace {

using mamba::dynamic;
using mamba::ssm::bilinear;
using mamba::ssm::dplr_system;
using mamba::ssm::matrix;
using mamba::ssm::modes;
using mamba::ssm::vector;
using complex = std::complex<double>;
constexpr double eps = std::numeric_limits<double>::epsilon();

/// How far the DPLR form is from the dense one, in units of its bound, for one α.
///
/// Both invert a matrix by elimination: N (or R) ε times its condition number, which is at most (1 +
/// αΔ‖A‖)·‖(I−αΔA)⁻¹‖, the last below 2 for the systems here. The DPLR form adds P W Qᴴ, whose factors may be larger
/// than their product.
template <class System>
double off(System const& s, double delta, double alpha) {
  auto const found = generalized_bilinear(delta, alpha, s);
  auto const dense = to_dense(s);
  auto const exact = generalized_bilinear(delta, alpha, dense);
  auto const n = static_cast<double>(s.a.lambda.size());
  double const factors = delta * s.a.p.norm() * s.a.q.norm(),
               bound = 4 * n * eps * (1 + delta * dense.a.norm()) * (1 + factors);
  auto const written = to_dense(found);
  REQUIRE(written.a_bar.allFinite());  // a NaN is lost in a maximum
  REQUIRE(written.b_bar.allFinite());
  return std::max((written.a_bar - exact.a_bar).norm() / bound,
                  (written.b_bar - exact.b_bar).norm() / (bound * delta * s.b.norm() + 1e-300));
}

TEST_CASE("discretize_dplr: the bilinear family is the dense one, ranks 1 to 3, one and several inputs") {
  test::random rng(1);
  double worst = 0;
  for (int i = 0; i < 60; ++i) {
    auto const n = static_cast<Eigen::Index>(1 + rng.below(12)), r = static_cast<Eigen::Index>(1 + rng.below(3));
    auto s = test::random_dplr(rng, n, r, static_cast<Eigen::Index>(1 + rng.below(3)));
    double const delta = std::exp(rng.uniform(-5, 0));
    for (double const alpha : {0.0, 0.3, 0.5, 1.0}) {
      double const part = off(s, delta, alpha);
      worst = std::max(worst, part);
      CHECK(part <= 1);
    }
    // Q need not be P. Small enough that I − αΔA stays far from singular.
    s.a.q = test::random_matrix<complex>(rng, n, r) * 0.1 / (delta * s.a.p.norm());
    double const part = off(s, delta, 0.5);
    worst = std::max(worst, part);
    CHECK(part <= 1);
  }
  MESSAGE("at most ", worst, " of the bound");
}

TEST_CASE("discretize_dplr: a half system is half of the whole one, where Qᴴ S P and Qᴴ S B mean 2 Re") {
  test::random rng(2);
  for (int i = 0; i < 20; ++i) {
    auto const n = static_cast<Eigen::Index>(1 + rng.below(6)), r = static_cast<Eigen::Index>(1 + rng.below(2));
    auto const half = test::random_dplr<modes::half>(rng, n, r, 2);
    auto const whole = all_modes(half);
    double const delta = rng.uniform(0.01, 1);
    for (double const alpha : {0.0, 0.4, 0.5, 1.0}) {
      auto const few = generalized_bilinear(delta, alpha, half);
      auto const all = generalized_bilinear(delta, alpha, whole);
      auto const same = [&](matrix<complex> const& stored, matrix<complex> const& written) {
        // Sums of 2 Re instead of pairs: N roundings apart, in W amplified by its condition, 1 + ‖Qᴴ S P‖.
        double const allowed =
            8 * static_cast<double>(n) * eps * (1 + delta * half.a.p.squaredNorm()) * (1 + written.norm());
        CHECK((stored - written.topRows(n)).norm() <= allowed);
        CHECK((stored.conjugate() - written.bottomRows(n)).norm() <= allowed);
      };
      same(few.a_bar.lambda, all.a_bar.lambda);
      same(few.a_bar.p, all.a_bar.p);
      same(few.a_bar.q, all.a_bar.q);
      same(few.b_bar, all.b_bar);
      // One step of the half state is half of the step of the whole: Qᴴ h takes both halves.
      vector<complex> const h = test::random_matrix<complex>(rng, n, 1);
      vector<complex> both(2 * n);
      both << h, h.conjugate();
      vector<complex> const stepped = advance(few, h), written = to_dense(all).a_bar * both;
      CHECK((stepped - written.head(n)).norm() <= 16 * static_cast<double>(n) * eps *
                                                      (1 + delta * half.a.p.squaredNorm()) *
                                                      (1 + delta * half.a.p.squaredNorm()) * both.norm());
    }
  }
}

TEST_CASE("discretize_dplr: the three rules are members of the family, and rank 0 is a diagonal system") {
  test::random rng(3);
  auto const s = test::random_dplr(rng, 5, 2, 2);
  double const delta = 0.3;
  auto const same = [](auto const& a, auto const& b) {
    CHECK(a.a_bar.lambda == b.a_bar.lambda);
    CHECK(a.a_bar.p == b.a_bar.p);
    CHECK(a.a_bar.q == b.a_bar.q);
    CHECK(a.b_bar == b.b_bar);
    CHECK(a.c == b.c);
    CHECK(a.d == b.d);
  };
  same(forward_euler(delta, s), generalized_bilinear(delta, 0.0, s));
  same(bilinear(delta, s), generalized_bilinear(delta, 0.5, s));
  same(backward_euler(delta, s), generalized_bilinear(delta, 1.0, s));
  CHECK((forward_euler(delta, s).a_bar.p - delta * s.a.p).norm() <= 8 * eps * s.a.p.norm());
  CHECK((forward_euler(delta, s).b_bar - delta * s.b).norm() <= 8 * eps * s.b.norm());
  CHECK(forward_euler(delta, s).a_bar.q == s.a.q);

  auto const bare = test::random_dplr(rng, 5, 0, 1);
  auto const d = bilinear(delta, bare);
  for (Eigen::Index n = 0; n < 5; ++n) {
    auto const mode = bilinear(delta, bare.a.lambda(n), bare.b(n));
    CHECK(std::abs(d.a_bar.lambda(n) - mode.a_bar) <= 8 * eps);
    CHECK(std::abs(d.b_bar(n) - mode.b_bar) <= 8 * eps * std::abs(mode.b_bar));
  }
}

TEST_CASE("discretize_dplr: the rules with an exponential are those of the matrix written out, half or whole") {
  test::random rng(4);
  auto const whole = test::random_dplr(rng, 4, 1, 2);
  auto const half = test::random_dplr<modes::half>(rng, 3, 1, 1);
  auto const same = [](auto const& a, auto const& b) {
    CHECK(a.a_bar == b.a_bar);
    CHECK(a.b_bar == b.b_bar);
    CHECK(a.c == b.c);
    if constexpr (requires { a.b_bar_before; }) CHECK(a.b_bar_before == b.b_bar_before);
  };
  same(zero_order_hold(0.2, whole), zero_order_hold(0.2, to_dense(whole)));
  same(first_order_hold(0.2, whole), first_order_hold(0.2, to_dense(whole)));
  same(zero_order_hold_a_euler_b(0.2, whole), zero_order_hold_a_euler_b(0.2, to_dense(whole)));
  same(exponential_trapezoidal(0.2, 0.5, whole), exponential_trapezoidal(0.2, 0.5, to_dense(whole)));
  auto const written = to_dense(all_modes(half));
  same(zero_order_hold(0.2, half), zero_order_hold(0.2, written));
  same(first_order_hold(0.2, half), first_order_hold(0.2, written));
  same(zero_order_hold_a_euler_b(0.2, half), zero_order_hold_a_euler_b(0.2, written));
  same(exponential_trapezoidal(0.2, 0.5, half), exponential_trapezoidal(0.2, 0.5, written));
  CHECK(zero_order_hold(0.2, half).a_bar.rows() == 6);
}

// Why there is no DPLR form of exp(ΔA): exp(ΔA) − exp(ΔΛ) has full rank, however small that of P is. Two modes and
// rank 1 show it; the determinant is some Δ³, so 1e-6 at Δ = 0.1 is not a rounding.
TEST_CASE("discretize_dplr: an exponential does not keep the form") {
  dplr_system<double> const s{
      {vector<double>(vector<double, 2>(-1, -2)), matrix<double>{{1}, {1}}, matrix<double>{{1}, {2}}},
      matrix<double>{{1}, {1}},
      matrix<double>{{1, 1}},
      matrix<double>::Zero(1, 1)};
  matrix<double> rest = zero_order_hold(0.1, s).a_bar;
  rest.diagonal() -= (0.1 * s.a.lambda).array().exp().matrix();
  CHECK(std::fabs(rest.determinant()) > 1e-6);
  matrix<double> kept = to_dense(bilinear(0.1, s)).a_bar;
  kept.diagonal() -= bilinear(0.1, s).a_bar.lambda;
  CHECK(std::fabs(kept.determinant()) < 1e-16);
}

TEST_CASE("discretize_dplr: one mode, static sizes, no step, NaN") {
  dplr_system<complex, 1, 1> const one{
      {vector<complex, 1>{complex(-1, 2)}, vector<complex, 1>{complex(1)}, vector<complex, 1>{complex(0.5)}},
      vector<complex, 1>{complex(3)},
      vector<complex, 1>{complex(1)},
      matrix<double, 1>{{0}}};
  auto const d = bilinear(1.0, one);
  auto const mode = bilinear(1.0, complex(-1.5, 2), complex(3));  // A = −1 + 2i − 1·0.5
  CHECK(std::abs(to_dense(d).a_bar(0) - mode.a_bar) <= 8 * eps);
  CHECK(std::abs(d.b_bar(0) - mode.b_bar) <= 16 * eps);

  test::random rng(5);
  auto const s = test::random_dplr(rng, 4, 2, 1);
  auto const still = bilinear(0.0, s);
  CHECK(still.a_bar.lambda == vector<complex>::Ones(4));
  CHECK(still.a_bar.p == matrix<complex>::Zero(4, 2));
  CHECK(still.b_bar == matrix<complex>::Zero(4, 1));
  CHECK(still.a_bar.q == s.a.q);
  auto broken = s;
  broken.a.p(1, 1) = std::numeric_limits<double>::quiet_NaN();
  CHECK(bilinear(0.1, broken).a_bar.p.hasNaN());
  CHECK(bilinear(0.1, broken).b_bar.hasNaN());
  broken = s;
  broken.a.lambda(2) = std::numeric_limits<double>::quiet_NaN();
  CHECK(std::isnan(bilinear(0.1, broken).a_bar.lambda(2).real()));
  CHECK(bilinear(0.1, broken).a_bar.p.hasNaN());
}

TEST_CASE("discretize_dplr: bilinear keeps stable systems stable, half or whole") {
  test::random rng(6);
  // A + Aᴴ is negative definite: ‖Āh‖ < ‖h‖ for bilinear, any h. A half has 1/√2 of the norm of the whole.
  auto const check = [&](auto const& s) {
    auto const d = bilinear(std::exp(rng.uniform(-3, 2)), s);
    vector<complex> h = test::random_matrix<complex>(rng, 6, 1);
    for (int k = 0; k < 50; ++k) {
      vector<complex> const next = advance(d, h);
      CHECK(next.norm() < h.norm());
      h = next;
    }
  };
  for (int i = 0; i < 10; ++i) {
    check(test::random_dplr(rng, 6, 1, 1));
    check(test::random_dplr<modes::half>(rng, 6, 1, 1));
  }
}

}  // namespace
