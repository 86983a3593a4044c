// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/discretize/dense_rules.hpp>
#include <mamba/ssm/discretize/discretize.hpp>
#include <support/largest.hpp>
#include <support/random_system.hpp>
#include <support/rules.hpp>

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>

namespace {

using mamba::dynamic;
using mamba::ssm::dense_system;
using mamba::ssm::matrix;
using mamba::ssm::sequence;
using mamba::ssm::vector;
using complex = std::complex<double>;
using system = dense_system<double, dynamic, dynamic>;
constexpr double eps = std::numeric_limits<double>::epsilon();

system with(matrix<double> const& a, matrix<double> const& b) {
  return {a, b, matrix<double>::Ones(1, a.rows()), matrix<double>::Zero(1, b.cols())};
}

matrix<double> identity(Eigen::Index n) { return matrix<double>::Identity(n, n); }

// A turn by 2 rad/s that decays with 1/s: the point −1 ± 2i of the plane, as a real matrix.
TEST_CASE("discretize_dense: the worked point −1 + 2i as a matrix goes to −1/13 + 8/13 i") {
  auto const d = bilinear(1.0, with(matrix<double>{{-1, -2}, {2, -1}}, matrix<double>{{1}, {0}}));
  matrix<double> const expected = matrix<double>{{-1, -8}, {8, -1}} / 13.0;
  CHECK((d.a_bar - expected).norm() < 4 * eps);
  // (I − ½A)⁻¹ B = (3/2 + i)/(13/4) as a column.
  CHECK((d.b_bar - matrix<double>{{6}, {4}} / 13.0).norm() < 4 * eps);
}

// The chain of N integrators, h₀' = x, hₙ' = hₙ₋₁: A is nilpotent and singular, all is a polynomial in Δ.
//
//     Āᵢⱼ = Δ^(i−j)/(i−j)!       zero-order hold  B̄ᵢ = Δ^(i+1)/(i+1)!       first-order hold  B̄ᵢ = Δ^(i+1)/(i+2)!
TEST_CASE("discretize_dense: chains of integrators, where A has no inverse, by the closed form") {
  for (Eigen::Index n = 1; n <= 10; ++n) {
    matrix<double> a = matrix<double>::Zero(n, n), b = matrix<double>::Zero(n, 1);
    a.diagonal(-1).setOnes();
    b(0) = 1;
    auto const s = with(a, b);
    for (double const delta : {1e-6, 0.1, 1.0, 3.0}) {
      auto const held = zero_order_hold(delta, s);
      auto const linear = first_order_hold(delta, s);
      // ‖exp(ΔA)‖ < e^Δ scales the error of each entry, 4 (N + 2) ε (1 + Δ) is the card of the exponential.
      double const allowed = 4 * static_cast<double>(n + 2) * eps * (1 + delta) * std::exp(delta);
      double power = 1;  // Δᵏ/k!
      for (Eigen::Index k = 0; k < n; ++k) {
        for (Eigen::Index i = k; i < n; ++i) CHECK(std::fabs(held.a_bar(i, i - k) - power) <= allowed);
        double const next = power * delta / static_cast<double>(k + 1);
        CHECK(std::fabs(held.b_bar(k) - next) <= allowed * delta);
        CHECK(std::fabs(linear.b_bar(k) - next / static_cast<double>(k + 2)) <= allowed * delta);
        CHECK(std::fabs(linear.b_bar(k) + linear.b_bar_before(k) - next) <= 2 * allowed * delta);
        power = next;
      }
    }
  }
}

TEST_CASE("discretize_dense: a diagonal matrix gives the diagonal system's numbers, for every rule") {
  test::random rng(1);
  double worst = 0;
  for (int i = 0; i < 12; ++i) {
    auto const s = test::random_diagonal(rng, 1 + i, 1 + i % 3);
    double const delta = rng.uniform(0.01, 1),
                 n = i + 4.0;  // with its inputs the exponential's matrix is 3 to 6 larger
    test::each_rule([&](char const* name, auto rule) {
      INFO(name, " ", i);
      auto const found = rule(delta, to_dense(s));
      auto const exact = rule(delta, s);
      matrix<complex> const a_bar = exact.a_bar.lambda.asDiagonal();
      double const bound = 8 * n * eps * (1 + delta * test::largest(s.a.lambda));
      worst = std::max(worst, (found.a_bar - a_bar).norm() / bound);
      CHECK((found.a_bar - a_bar).norm() <= bound);
      CHECK((found.b_bar - exact.b_bar).norm() <= bound * delta * s.b.norm());
      if constexpr (test::two_inputs<decltype(found)>) {
        CHECK((found.b_bar_before - exact.b_bar_before).norm() <= bound * delta * s.b.norm());
      }
    });
  }
  MESSAGE("A-bar used at most ", worst, " of the bound");
}

TEST_CASE("discretize_dense: the bilinear family solves its equation, and has the three rules as members") {
  test::random rng(2);
  for (int i = 0; i < 30; ++i) {
    auto const n = static_cast<Eigen::Index>(1 + rng.below(12)), m = static_cast<Eigen::Index>(1 + rng.below(3));
    auto const s = test::random_dense(rng, n, m);
    double const delta = rng.uniform(0.01, 2), alpha = rng.uniform(0, 1);
    auto const d = generalized_bilinear(delta, alpha, s);
    // (h_k − h_{k−1})/Δ = A ((1 − α) h_{k−1} + α h_k) + B x, the rule as one would state it. LU with pivots leaves a
    // residual of at most some N ε ‖I − αΔA‖ ‖Ā‖.
    auto const one = identity(n);
    double const allowed = 8 * static_cast<double>(n) * eps * (1 + delta * s.a.norm());
    CHECK(((d.a_bar - one) - delta * s.a * ((1 - alpha) * one + alpha * d.a_bar)).norm() <=
          allowed * (1 + d.a_bar.norm()));
    CHECK((d.b_bar - delta * (s.a * alpha * d.b_bar + s.b)).norm() <= allowed * (d.b_bar.norm() + delta * s.b.norm()));
    CHECK(generalized_bilinear(delta, 0.5, s).a_bar == bilinear(delta, s).a_bar);
    CHECK(generalized_bilinear(delta, 1.0, s).b_bar == backward_euler(delta, s).b_bar);
    CHECK((generalized_bilinear(delta, 0.0, s).a_bar - forward_euler(delta, s).a_bar).norm() <= allowed);
    CHECK((generalized_bilinear(delta, 0.0, s).b_bar - forward_euler(delta, s).b_bar).norm() <= allowed);
    CHECK((forward_euler(delta, s).a_bar - (one + delta * s.a)).norm() <= allowed);
  }
}

TEST_CASE("discretize_dense: semigroup, two steps are one of their length") {
  test::random rng(3);
  for (int i = 0; i < 40; ++i) {
    auto const n = static_cast<Eigen::Index>(1 + rng.below(12));
    auto const s = test::random_dense(rng, n, 2);
    double const first = rng.uniform(0, 1), second = rng.uniform(0, 1);
    auto const one = zero_order_hold(first, s), two = zero_order_hold(second, s),
               whole = zero_order_hold(first + second, s);
    // Three exponentials of N + 2 rows, each within 4 (N + 2) ε (1 + ‖ΔA‖) of norms that the product below has.
    double const bound =
        12 * static_cast<double>(n + 2) * eps * (1 + 2 * s.a.norm()) * (1 + one.a_bar.norm()) * (1 + two.a_bar.norm());
    CHECK((two.a_bar * one.a_bar - whole.a_bar).norm() <= bound);
    CHECK((two.a_bar * one.b_bar + two.b_bar - whole.b_bar).norm() <= bound * (one.b_bar.norm() + two.b_bar.norm()));
  }
}

/// h(Δ) for h' = A h + B x(t), x linear from `before` to `now`: Runge and Kutta's fourth order in extended precision,
/// with `steps` steps.
template <class V>
V runge_kutta(system const& s, double delta, V h, V const& before, V const& now, int steps) {
  using scalar = typename V::Scalar;
  matrix<scalar> const a = s.a.cast<scalar>(), b = s.b.cast<scalar>();
  scalar const step = scalar(delta) / scalar(steps);
  auto const f = [&](scalar t, V const& v) -> V {
    scalar const part = t / scalar(delta);
    return a * v + b * (before * (1 - part) + now * part);
  };
  for (int k = 0; k < steps; ++k) {
    scalar const t = scalar(k) * step;
    V const k1 = f(t, h), k2 = f(t + step / 2, h + step / 2 * k1), k3 = f(t + step / 2, h + step / 2 * k2),
            k4 = f(t + step, h + step * k3);
    h += step / 6 * (k1 + 2 * k2 + 2 * k3 + k4);
  }
  return h;
}

TEST_CASE("discretize_dense: the holds solve the equation for piecewise constant and piecewise linear input") {
  using wide = matrix<long double>;
  test::random rng(4);
  double worst = 0;
  for (int i = 0; i < 12; ++i) {
    auto const n = static_cast<Eigen::Index>(1 + rng.below(8)), m = static_cast<Eigen::Index>(1 + rng.below(3));
    auto s = test::random_dense(rng, n, m);
    if (i % 3 == 0) s.a.row(0).setZero();  // singular: the first state integrates
    matrix<double> h = test::random_matrix<double>(rng, n, 1), g = h, before = test::random_matrix<double>(rng, m, 1);
    wide exact_h = h.cast<long double>(), exact_g = exact_h;
    double allowed = 0;
    for (int piece = 0; piece < 6; ++piece) {
      double const delta = rng.uniform(0.05, 0.5);
      matrix<double> const now = test::random_matrix<double>(rng, m, 1);
      auto const held = zero_order_hold(delta, s);
      auto const linear = first_order_hold(delta, s);
      h = held.a_bar * h + held.b_bar * now;
      g = linear.a_bar * g + linear.b_bar * now + linear.b_bar_before * before;
      wide const x0 = before.cast<long double>(), x1 = now.cast<long double>();
      // Richardson: of the errors e/16 and e of 2K and K steps, the fourth order cancels.
      auto const solved = [&](wide const& start, wide const& from) -> wide {
        wide const coarse = runge_kutta(s, delta, start, from, x1, 200),
                   fine = runge_kutta(s, delta, start, from, x1, 400);
        return fine + (fine - coarse) / 15.0L;
      };
      exact_h = solved(exact_h, x1);
      exact_g = solved(exact_g, x0);
      before = now;
      // The rest is of order (‖ΔA‖/200)⁵ of the whole: 1e-14 for the ‖ΔA‖ < 5 met here, far less on average; the card
      // of an exponential with two times M more rows; each step multiplies the error before by Ā.
      auto const size = static_cast<double>(exact_h.norm() + exact_g.norm() + 2 * x0.norm() + 2 * x1.norm());
      allowed = allowed * (1 + held.a_bar.norm()) +
                4 * static_cast<double>(n + 2 * m) * eps * (1 + delta * s.a.norm()) * (1 + held.a_bar.norm()) * size;
      REQUIRE(h.allFinite());  // a NaN is lost in a maximum
      REQUIRE(g.allFinite());
      double const off = std::max(static_cast<double>((h.cast<long double>() - exact_h).norm()),
                                  static_cast<double>((g.cast<long double>() - exact_g).norm()));
      REQUIRE(off <= allowed);
      REQUIRE(off <= 1e-11 * size);
      worst = std::max(worst, off / size);
    }
  }
  MESSAGE("worst relative error ", worst);
}

/// The slope of the line through (log Δ, log ‖error‖) for Δ = 2⁻⁴ … 2⁻⁹, the error being that of h(2) for two sines as
/// inputs, against Runge and Kutta with 2¹² steps, whose own error is below 1e-12.
template <class Rule>
double slope(system const& s, Rule const& rule, double where) {
  auto const x = [](double t) { return vector<double>(vector<double, 2>(std::sin(3 * t), std::cos(2 * t))); };
  constexpr double end = 2;
  vector<double> exact = vector<double>::Ones(s.a.rows());
  constexpr int fine = 4096;
  for (int k = 0; k < fine; ++k) {
    constexpr double d = end / fine;
    double const t = k * d;
    vector<double> const k1 = s.a * exact + s.b * x(t), k2 = s.a * (exact + d / 2 * k1) + s.b * x(t + d / 2),
                         k3 = s.a * (exact + d / 2 * k2) + s.b * x(t + d / 2),
                         k4 = s.a * (exact + d * k3) + s.b * x(t + d);
    exact += d / 6 * (k1 + 2 * k2 + 2 * k3 + k4);
  }
  double sum_x = 0, sum_y = 0, sum_xx = 0, sum_xy = 0;
  for (int power = 4; power <= 9; ++power) {
    double const delta = std::ldexp(1.0, -power);
    auto const d = rule(delta, s);
    vector<double> h = vector<double>::Ones(s.a.rows());
    for (int k = 1; k <= static_cast<int>(end / delta); ++k) {
      h = d.a_bar * h + d.b_bar * x((k - 1 + where) * delta);
      if constexpr (test::two_inputs<decltype(d)>) h += d.b_bar_before * x((k - 1) * delta);
    }
    double const log_delta = -power, log_error = std::log2((h - exact).norm());
    sum_x += log_delta;
    sum_y += log_error;
    sum_xx += log_delta * log_delta;
    sum_xy += log_delta * log_error;
  }
  return (6 * sum_xy - sum_x * sum_y) / (6 * sum_xx - sum_x * sum_x);
}

TEST_CASE("discretize_dense: orders of convergence for a system of three states and two inputs") {
  auto const s = with(matrix<double>{{-0.3, 1.2, 0.1}, {-1.1, -0.2, 0.4}, {0.2, -0.5, -0.9}},
                      matrix<double>{{1, 0}, {0.5, -1}, {0.3, 0.7}});
  auto const is = [](double found, double order) {
    INFO("slope ", found, ", order ", order);
    CHECK(std::fabs(found - order) < 0.1);
  };
  is(slope(
         s, [](double d, auto const& c) { return forward_euler(d, c); }, 0),
     1);
  is(slope(
         s, [](double d, auto const& c) { return backward_euler(d, c); }, 1),
     1);
  is(slope(
         s, [](double d, auto const& c) { return generalized_bilinear(d, 0.75, c); }, 0.75),
     1);
  is(slope(
         s, [](double d, auto const& c) { return bilinear(d, c); }, 0.5),
     2);
  is(slope(
         s, [](double d, auto const& c) { return zero_order_hold(d, c); }, 1),
     1);
  is(slope(
         s, [](double d, auto const& c) { return zero_order_hold_a_euler_b(d, c); }, 1),
     1);
  is(slope(
         s, [](double d, auto const& c) { return first_order_hold(d, c); }, 1),
     2);
  is(slope(
         s, [](double d, auto const& c) { return exponential_trapezoidal(d, 0.5, c); }, 1),
     2);
}

/// The spectral radius is below 1 exactly if the powers die away: Ā^(2ᵏ) by squaring, kept in range.
double log_of_power(matrix<double> a) {
  double log_scale = 0;  // of Ā^(2²⁰), divided by 2²⁰: log of the spectral radius, almost
  for (int k = 0; k < 20; ++k) {
    double const size = a.norm();
    if (size == 0) return -1e300;
    log_scale += std::log(size) / std::ldexp(1.0, k);
    a /= size;
    a = (a * a).eval();
  }
  return log_scale + std::log(a.norm() + 1e-300) / std::ldexp(1.0, 20);
}

TEST_CASE("discretize_dense: bilinear, backward Euler and the exponentials keep stable systems stable") {
  test::random rng(5);
  int blown_up = 0;
  for (int i = 0; i < 40; ++i) {
    auto const n = static_cast<Eigen::Index>(1 + rng.below(10));
    auto const s = test::random_dense(rng, n, 1);
    double const delta = std::exp(rng.uniform(-3, 2));
    CHECK(log_of_power(bilinear(delta, s).a_bar) < 0);
    CHECK(log_of_power(backward_euler(delta, s).a_bar) < 0);
    CHECK(log_of_power(generalized_bilinear(delta, 0.7, s).a_bar) < 0);
    CHECK(log_of_power(zero_order_hold(delta, s).a_bar) < 0);
    CHECK(log_of_power(exponential_trapezoidal(delta, 0.5, s).a_bar) < 0);
    blown_up += log_of_power(forward_euler(delta, s).a_bar) > 0;
  }
  MESSAGE("forward Euler made ", blown_up, " of 40 stable systems unstable");
  CHECK(blown_up > 5);
  // A spring with a little friction, eigenvalues −0.05 ± i: (1 + Δs) has modulus above 1 from Δ = 0.1 on.
  auto const spring = with(matrix<double>{{0, 1}, {-1, -0.1}}, matrix<double>{{0}, {1}});
  CHECK(log_of_power(forward_euler(0.05, spring).a_bar) < 0);
  CHECK(log_of_power(forward_euler(0.2, spring).a_bar) > 0);
  CHECK(log_of_power(bilinear(0.2, spring).a_bar) < 0);
}

TEST_CASE("discretize_dense: a large B has A squared no more often, and comes out in proportion") {
  test::random rng(6);
  auto const s = test::random_dense(rng, 6, 2);
  auto loud = s;
  loud.b *= 0x1p40;
  CHECK(zero_order_hold(0.1, loud).a_bar == zero_order_hold(0.1, s).a_bar);
  CHECK(zero_order_hold(0.1, loud).b_bar == 0x1p40 * zero_order_hold(0.1, s).b_bar);
  CHECK(first_order_hold(0.1, loud).b_bar_before == 0x1p40 * first_order_hold(0.1, s).b_bar_before);
  auto silent = s;
  silent.b.setZero();
  CHECK(zero_order_hold(0.1, silent).b_bar == silent.b);
  CHECK((zero_order_hold(0.1, silent).a_bar - zero_order_hold(0.1, s).a_bar).norm() < 1e-14);
}

TEST_CASE("discretize_dense: no step, no state, one state, no input, NaN") {
  test::random rng(7);
  auto const s = test::random_dense(rng, 4, 2), one = test::random_dense(rng, 1, 1);
  auto const none = test::random_dense(rng, 0, 2), deaf = test::random_dense(rng, 3, 0);
  double const nan = std::numeric_limits<double>::quiet_NaN();
  auto broken = s;
  broken.a(1, 2) = nan;
  auto noisy = s;
  noisy.b(1, 0) = nan;
  test::each_rule([&](char const* name, auto rule) {
    INFO(name);
    auto const still = rule(0.0, s);
    CHECK(still.a_bar == identity(4));
    CHECK(still.b_bar == matrix<double>::Zero(4, 2));
    CHECK(still.c == s.c);
    CHECK(still.d == s.d);
    auto const single = rule(0.2, one);
    auto const mode = rule(0.2, one.a(0), one.b(0));
    double const allowed = 12 * eps * (1 + 0.2 * std::fabs(one.a(0)));  // 4 N ε (1 + ‖ΔA‖), N = 3 with the inputs
    CHECK(std::fabs(single.a_bar(0) - mode.a_bar) <= allowed);
    CHECK(std::fabs(single.b_bar(0) - mode.b_bar) <= allowed * std::fabs(one.b(0)));
    CHECK(rule(0.1, none).a_bar.size() == 0);
    CHECK(rule(0.1, none).b_bar.cols() == 2);
    CHECK(rule(0.1, deaf).a_bar.rows() == 3);
    CHECK(rule(0.1, deaf).b_bar.size() == 0);
    CHECK(rule(0.1, broken).a_bar.hasNaN());
    CHECK(rule(nan, s).a_bar.hasNaN());
    CHECK(rule(nan, s).b_bar.hasNaN());
    CHECK(rule(0.1, noisy).b_bar.hasNaN());
  });
}

// The cards in float, against double with the same entries. The residual of the bilinear rule, 8 N ε (1 + ‖ΔA‖) (1 +
// ‖Ā‖), is magnified by (I − ½ΔA)⁻¹ = ½ (I + Ā); forward Euler rounds each entry twice; an exponential is within 4 N ε
// (1 + ‖ΔA‖) of what ‖exp(sΔA)‖ reaches on its way, squared, and (1 + ‖Ā‖)² has that for these A.
TEST_CASE("discretize_dense: in float, within its own epsilon of double") {
  test::random rng(8);
  constexpr double eps_float = std::numeric_limits<float>::epsilon();
  for (int i = 0; i < 20; ++i) {
    auto const n = static_cast<Eigen::Index>(1 + rng.below(8));
    auto s = test::random_dense(rng, n, 2);
    dense_system<float, dynamic, dynamic> const single{s.a.cast<float>(), s.b.cast<float>(), s.c.cast<float>(),
                                                       s.d.cast<float>()};
    s.a = single.a.cast<double>();
    s.b = single.b.cast<double>();
    auto const delta = static_cast<float>(rng.uniform(0.01, 0.5));
    auto const wide = static_cast<double>(delta);
    double const size = 1 + wide * s.a.norm(), states = static_cast<double>(n);
    auto const near = [&](matrix<float> const& found, matrix<double> const& exact, double allowed) {
      CHECK((found.cast<double>() - exact).norm() <= allowed * eps_float);
    };
    auto const implicit = bilinear(wide, s);
    auto const implicit_single = bilinear(delta, single);
    double const grown = 1 + implicit.a_bar.norm(), inverse = (std::sqrt(states) + implicit.a_bar.norm()) / 2;
    near(implicit_single.a_bar, implicit.a_bar, 8 * states * size * grown * inverse);
    near(implicit_single.b_bar, implicit.b_bar,
         8 * states * size * inverse * (implicit.b_bar.norm() + wide * s.b.norm()));
    auto const euler = forward_euler(wide, s);
    auto const euler_single = forward_euler(delta, single);
    near(euler_single.a_bar, euler.a_bar, std::sqrt(states) + size);
    near(euler_single.b_bar, euler.b_bar, wide * s.b.norm());
    auto const held = exponential_trapezoidal(wide, 0.5, s);
    auto const held_single = exponential_trapezoidal(delta, 0.5F, single);
    double const card = 4 * states * size * (1 + held.a_bar.norm()) * (1 + held.a_bar.norm());
    near(held_single.a_bar, held.a_bar, card);
    near(held_single.b_bar, held.b_bar, wide * s.b.norm());
    near(held_single.b_bar_before, held.b_bar_before, (card + 4 + states) * wide * s.b.norm());
  }
}

TEST_CASE("discretize_dense: static sizes are the dynamic ones") {
  dense_system<double, 2> const fixed{matrix<double, 2>{{0, 1}, {-2, -3}}, vector<double, 2>{0, 1},
                                      matrix<double, 1, 2>{{1, 0}}, matrix<double, 1>{{0}}};
  auto const same = with(fixed.a, fixed.b);
  test::each_rule([&](char const* name, auto rule) {
    INFO(name);
    auto const a = rule(0.1, fixed);
    auto const b = rule(0.1, same);
    static_assert(decltype(a.a_bar)::RowsAtCompileTime == 2);
    CHECK((a.a_bar - b.a_bar).norm() <= 8 * eps);
    CHECK((a.b_bar - b.b_bar).norm() <= 8 * eps);
  });
}

TEST_CASE("discretize_dense: zero-order hold of stiff triangular systems is that of their modes") {
  // A slow mode and a fast one that follows it; for each alone, and for what the first leaves in the second, there are
  // formulas. Steps from below the fast mode's time to 10²⁰ of it.
  for (double const fast : {1e4, 1e10, 1e16, 1e20}) {
    auto const s = with(matrix<double>{{-1, 0}, {1, -fast}}, matrix<double>{{1}, {0}});
    for (double const delta : {1e-5, 0.1, 1.0, 20.0}) {
      INFO("fast ", fast, ", delta ", delta);
      auto const d = zero_order_hold(delta, s);
      auto const slow = mamba::ssm::zero_order_hold(delta, -1.0, 1.0),
                 quick = mamba::ssm::zero_order_hold(delta, -fast, 1.0);
      double const allowed = 6 * eps * (4 + std::log2(1 + delta * fast)) * (1 + delta);  // the card, and ΔA's rounding
      CHECK(std::fabs(d.a_bar(0, 0) / slow.a_bar - 1) <= allowed);
      CHECK(std::fabs(d.b_bar(0) / slow.b_bar - 1) <= allowed);
      CHECK(std::fabs(d.a_bar(1, 1) - quick.a_bar) <= allowed * (1 + delta * fast) * quick.a_bar);
      double const follows = (slow.a_bar - quick.a_bar) / (fast - 1);
      CHECK(std::fabs(d.a_bar(1, 0) - follows) <= allowed * (slow.a_bar + quick.a_bar) / fast * 2);
      double const held = (slow.b_bar - quick.b_bar) / (fast - 1);
      CHECK(std::fabs(d.b_bar(1) - held) <= allowed * (slow.b_bar + quick.b_bar) / fast * 2);
    }
  }
}

}  // namespace
