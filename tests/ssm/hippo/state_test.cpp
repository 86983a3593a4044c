// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/hippo/state.hpp>
#include <support/flow.hpp>
#include <support/hippo_golden.hpp>
#include <support/random.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace {

using mamba::dynamic;
using mamba::ssm::hippo_state;
using mamba::ssm::index;
using mamba::ssm::legs_clock;
using mamba::ssm::matrix;
using mamba::ssm::vector;

constexpr double eps = std::numeric_limits<double>::epsilon();

vector<double> random_vector(test::random& rng, std::size_t n) {
  vector<double> v(index(n));
  for (double& entry : v) entry = rng.uniform(-1, 1);
  return v;
}

/// The mean of x(s) √(2n+1) P_n(2s/t − 1) over [0, t], by Gauss's rule with 80 nodes.
vector<double> coefficients(std::function<double(double)> const& x, double t, std::size_t n) {
  static auto const gauss = mamba::ssm::gauss_legendre<double>(80);
  vector<double> sum = vector<double>::Zero(index(n));
  for (Eigen::Index q = 0; q < 80; ++q) {
    sum += gauss.weights(q) / 2 * x(t * (1 + gauss.nodes(q)) / 2) * mamba::ssm::legendre<double>(gauss.nodes(q), n);
  }
  return sum.cwiseProduct(mamba::ssm::legendre_norms<double>(n));
}

/// The error of legs_stretch: p(y) is a sum of N terms r h P with (n + 4) ε each, Σ r|h| ≤ N ‖h‖; a weighted mean of
/// p P_n with as much again, times r_n ≤ √(2N), over all n.
double stretch_error(std::size_t n, double size) {
  auto const N = static_cast<double>(n);
  return N * N * std::sqrt(2 * N) * (4 * N + 12) / 2 * eps * size;
}

TEST_CASE("hippo_state: product and solve in O(N) are those with the matrix") {
  test::random rng(1);
  for (std::size_t const n : {0U, 1U, 2U, 9U, 64U}) {
    auto const legs = mamba::ssm::hippo_legs<double>(n);
    auto const h = random_vector(rng, n);
    vector<double> const product = mamba::ssm::legs_product(legs.b, h), expected = legs.a * h;
    vector<double> const terms = legs.a.cwiseAbs() * h.cwiseAbs();
    for (Eigen::Index i = 0; i < h.size(); ++i) {
      CHECK(std::fabs(product(i) - expected(i)) <= 2 * (static_cast<double>(n) + 4) * eps * terms(i));  // both have it
    }
    for (double const z : {0.0, 1e-6, 0.5, 30.0}) {
      vector<double> const g = mamba::ssm::legs_solve(z, legs.b, h);
      // A small residual, row by row: the solve's own roundings and those of forming it.
      vector<double> const residual = g - z * (legs.a * g) - h;
      vector<double> const size = g.cwiseAbs() + z * (legs.a.cwiseAbs() * g.cwiseAbs()) + h.cwiseAbs();
      for (Eigen::Index i = 0; i < h.size(); ++i) {
        CHECK(std::fabs(residual(i)) <= 2 * (static_cast<double>(n) + 6) * eps * size(i));
      }
    }
  }
}

TEST_CASE("hippo_state: a change of scale is the exponential of A, at any size") {
  test::random rng(2);
  for (std::size_t const n : {1U, 2U, 8U, 33U}) {
    auto const gauss = mamba::ssm::gauss_legendre<double>(n);
    auto const legs = mamba::ssm::hippo_legs<double>(n);
    auto const h = random_vector(rng, n);
    for (double const lambda : {1.0, 1.001, 2.0, 10.0}) {
      vector<double> const found = mamba::ssm::legs_stretch(lambda, gauss, legs.b, h);
      vector<double> const expected = test::flow<double>(legs.a, std::log(lambda), h);  // it does not stretch
      double const allowed = stretch_error(n, h.norm()) + test::flow_error<double>(legs.a, std::log(lambda), h.norm());
      CHECK((found - expected).norm() <= allowed);
      CHECK(allowed < 1e-9);
      // Semigroup: twice the square root is the whole.
      double const root = std::sqrt(lambda);
      vector<double> const once = mamba::ssm::legs_stretch(root, gauss, legs.b, h);
      vector<double> const twice = mamba::ssm::legs_stretch(root, gauss, legs.b, once);
      CHECK((twice - found).norm() <= 3 * stretch_error(n, h.norm()));
      // The mean of the past is diluted and nothing else: h_0 → h_0/λ.
      CHECK(std::fabs(found(0) - h(0) / lambda) <= stretch_error(n, h.norm()));
    }
  }
}

TEST_CASE("hippo_state: a held input adds A⁻¹ (exp(A ln λ) − I) B, without cancellation") {
  for (std::size_t const n : {1U, 2U, 8U, 33U}) {
    auto const gauss = mamba::ssm::gauss_legendre<double>(n);
    auto const legs = mamba::ssm::hippo_legs<double>(n);
    for (double const z : {1e-3, 0.1, 1.0, 9.0}) {
      vector<double> const b = mamba::ssm::legs_hold<dynamic>(z, legs.b);
      vector<double> const difference = mamba::ssm::legs_stretch(1 + z, gauss, legs.b, legs.b) - legs.b;
      double const size = (legs.a.cwiseAbs() * b.cwiseAbs()).norm();
      CHECK((legs.a * b - difference).norm() <= stretch_error(n, legs.b.norm()) + (2.0 * double(n) + 8) * eps * size);
    }
    // b → z B as z → 0, and differs from it by ½ z² (A B − B) to first order: ln λ = z − ½ z².
    double const z = 1e-9;
    vector<double> const b = mamba::ssm::legs_hold<dynamic>(z, legs.b),
                         second = 0.5 * z * z * (legs.a * legs.b - legs.b).cwiseAbs();
    for (Eigen::Index i = 0; i < b.size(); ++i) {
      CHECK(std::fabs(b(i) - z * legs.b(i)) <= 1.1 * second(i) + 8 * eps * z * legs.b(i) + double(i * i) * eps * z);
    }
  }
}

TEST_CASE("hippo_state: a constant input has the state (x, 0, 0, …) by every rule") {
  for (std::size_t const n : {1U, 2U, 20U}) {
    using rule = void (hippo_state<double>::*)(double, double);
    for (rule const push : {&hippo_state<double>::forward_euler, &hippo_state<double>::backward_euler,
                            &hippo_state<double>::bilinear, &hippo_state<double>::zero_order_hold}) {
      hippo_state<double> state(n);
      CHECK(state.coefficients().norm() == 0);
      for (int k = 0; k < 30; ++k) (state.*push)(0.5, -1.75);
      vector<double> expected = vector<double>::Zero(index(n));
      expected(0) = -1.75;
      // Euler's rule, unstable at first, would magnify any rounding: but A e_0 + B = 0 is exact in each row.
      CHECK((state.coefficients() - expected).norm() <= 30 * stretch_error(n, 1.75));
      CHECK(state.span() == 15);
    }
  }
}

// The theorem that gives LegS its meaning, without any approximation: in a held input, h is the projection of the past
// onto polynomials. An exact state does not grow, so that every step adds at most its own error.
TEST_CASE("hippo_state: a piecewise constant input has its Legendre coefficients as the state, at every step") {
  test::random rng(3);
  for (std::size_t const n : {1U, 2U, 5U, 24U}) {
    hippo_state<double> state(n);
    std::vector<double> ends{0}, x;
    for (int k = 0; k < 60; ++k) {
      double const dt = std::exp(rng.uniform(-2, 1));  // irregular
      x.push_back(rng.uniform(-1, 1));
      ends.push_back(ends.back() + dt);
      state.zero_order_hold(dt, x.back());
      vector<double> exact = vector<double>::Zero(index(n));
      for (std::size_t j = 0; j < x.size(); ++j) {  // (2n+1) ∫ P_n = P_{n+1} − P_{n−1}, and P_{−1} = 0 for n = 0 is y
        auto const high = mamba::ssm::legendre<double>(2 * ends[j + 1] / ends.back() - 1, n + 1);
        auto const low = mamba::ssm::legendre<double>(2 * ends[j] / ends.back() - 1, n + 1);
        for (Eigen::Index i = 0; i < exact.size(); ++i) {
          double const before = i == 0 ? 0 : high(i - 1) - low(i - 1);
          exact(i) += x[j] / 2 * (high(i + 1) - low(i + 1) - before) / std::sqrt(2.0 * static_cast<double>(i) + 1);
        }
      }
      // The exact sum's own roundings: 60 terms, each of three polynomials with errors up to (n + 2) ε + n² ε.
      double const N = static_cast<double>(n);
      REQUIRE((state.coefficients() - exact).norm() <= (k + 1) * stretch_error(n, 1) + 60 * 3 * (N * N + N + 2) * eps);
    }
  }
}

// x(s) = P_j(2s/T − 1), from the exact state at T/4, by Runge and Kutta's fourth order in the logarithm of time. The
// step's truncation is (K s)⁵/120 for a system and an input that change at the rates ‖A‖ and j (j+1).
TEST_CASE("hippo_state: LegS is orthogonal: the input P_j leaves only the coefficient j") {
  constexpr std::size_t n = 8;
  constexpr int steps = 20000;
  auto const legs = mamba::ssm::hippo_legs<double>(n);
  double const T = 3, s = std::log(4.0) / steps, rate = std::max(legs.a.norm(), double(n * (n + 1)));
  for (std::size_t j = 0; j < n; ++j) {
    auto const x = [&](double time) { return mamba::ssm::legendre<double>(2 * time / T - 1, n)(index(j)); };
    vector<double> h = coefficients(x, T / 4, n);
    for (int k = 0; k < steps; ++k) {
      double const t = T / 4 * std::exp(s * k), middle = t * std::exp(s / 2), end = t * std::exp(s);
      vector<double> const k1 = legs.a * h + legs.b * x(t), k2 = legs.a * (h + s / 2 * k1) + legs.b * x(middle);
      vector<double> const k3 = legs.a * (h + s / 2 * k2) + legs.b * x(middle),
                           k4 = legs.a * (h + s * k3) + legs.b * x(end);
      h += s / 6 * (k1 + 2 * k2 + 2 * k3 + k4);
    }
    vector<double> expected = vector<double>::Zero(n);
    expected(index(j)) = 1 / std::sqrt(2.0 * double(j) + 1);
    double const allowed = steps * (std::pow(rate * s, 5) / 120 * (1 + legs.b.norm()) + 16 * eps);
    CHECK(allowed < 1e-6);
    CHECK((h - expected).norm() <= allowed);
  }
}

TEST_CASE("hippo_state: a signal at another speed has the same state") {
  test::random rng(4);
  std::vector<double> x(50);
  for (double& v : x) v = rng.uniform(-1, 1);
  auto const played = [&](double dt, double alpha, legs_clock clock) {
    hippo_state<double> state(12, clock);
    for (double const v : x) alpha < 0 ? state.zero_order_hold(dt, v) : state.generalized_bilinear(dt, alpha, v);
    return state.coefficients();
  };
  for (double const alpha : {0.5, 1.0, -1.0}) {
    for (auto const clock : {legs_clock::start, legs_clock::middle, legs_clock::logarithm}) {
      auto const once = played(1, alpha, clock);
      CHECK(once == played(0.125, alpha, clock));  // a power of two: no rounding
      CHECK(once == played(4096, alpha, clock));
      // t = 0.3 + 0.3 + …, k roundings: Δt/t is off by k ε, and the state by k ε ‖A‖ ‖h‖/k in step k.
      CHECK((once - played(0.3, alpha, clock)).norm() <= 50 * 4 * 144 * eps * 2 + 50 * stretch_error(12, 1));
    }
  }
}

double error_after(std::size_t steps, double alpha, double where, legs_clock clock) {
  auto const x = [](double t) { return std::sin(5 * t) + t * t; };
  constexpr std::size_t n = 6;
  hippo_state<double> state(n, clock);
  state.resume(coefficients(x, 1, n), 1.0);
  double const dt = 1.0 / static_cast<double>(steps);
  for (std::size_t k = 0; k < steps; ++k) {
    double const sample = x(1 + dt * (static_cast<double>(k) + where));
    alpha < 0 ? state.zero_order_hold(dt, sample) : state.generalized_bilinear(dt, alpha, sample);
  }
  return (state.coefficients() - coefficients(x, 2, n)).norm();
}

TEST_CASE("hippo_state: orders of convergence, 1 and 2 within 0.1, from t = 1 to t = 2") {
  auto const slope = [](double alpha, double where, legs_clock clock = legs_clock::start) {
    return std::log2(error_after(1024, alpha, where, clock) / error_after(2048, alpha, where, clock));
  };
  auto const check = [](std::string const& rule, double found, double order) {
    MESSAGE(rule, ": order ", found);
    CHECK(std::fabs(found - order) < 0.1);
  };
  check("forward Euler, input at the start", slope(0, 0), 1);
  check("backward Euler, input at the end", slope(1, 1), 1);
  check("bilinear, 1/t at the start, input in the middle", slope(0.5, 0.5), 1);
  check("bilinear, 1/t in the middle", slope(0.5, 0.5, legs_clock::middle), 2);
  check("bilinear, logarithmic clock", slope(0.5, 0.5, legs_clock::logarithm), 2);
  check("backward Euler, logarithmic clock", slope(1, 0.5, legs_clock::logarithm), 1);
  check("zero-order hold, input at the end", slope(-1, 1), 1);
  check("zero-order hold, input in the middle", slope(-1, 0.5), 2);
}

TEST_CASE("hippo_state: with 64 states backward, bilinear and hold are stable, forward Euler is not at first") {
  test::random rng(5);
  hippo_state<double> euler(64), backward(64), bilinear(64), held(64);
  double wildest = 0;
  for (int k = 0; k < 3000; ++k) {
    double const x = rng.uniform(-1, 1);
    euler.forward_euler(1, x), backward.backward_euler(1, x), bilinear.bilinear(1, x);
    if (k < 300) held.zero_order_hold(1, x);
    wildest = std::max(wildest, euler.coefficients().norm());
    REQUIRE(backward.coefficients().norm() <= 1.5);  // a projection's is at most the input's root mean square, 1
    REQUIRE(bilinear.coefficients().norm() <= 1.5);
    REQUIRE(held.coefficients().norm() <= 1 + 1e-9);
  }
  CHECK(wildest > 1e30);
}

TEST_CASE("hippo_state: resumed from its state and span it continues with the same numbers") {
  test::random rng(6);
  hippo_state<float, 7> whole, first, second;
  for (int k = 0; k < 40; ++k) {
    auto const x = static_cast<float>(rng.uniform(-1, 1));
    whole.bilinear(0.7F, x);
    (k < 13 ? first : second).bilinear(0.7F, x);
    if (k == 12) second.resume(first.coefficients(), first.span());
  }
  CHECK(whole.coefficients() == second.coefficients());
  CHECK(whole.span() == second.span());
  CHECK_THROWS_AS(second.resume(vector<float>(vector<float>::Zero(6)), 1.0F), mamba::contract_violation);
}

TEST_CASE("hippo_state: static = dynamic, one state, none, NaN, and time that does not pass") {
  hippo_state<double, 5> fixed;
  hippo_state<double> free(5);
  hippo_state<long double, 1> one;
  hippo_state<double> none(0);
  for (int k = 1; k < 12; ++k) {
    fixed.zero_order_hold(1, 1.0 / k), free.zero_order_hold(1, 1.0 / k), none.zero_order_hold(1, 1.0);
    fixed.bilinear(1, -1.0 / k), free.bilinear(1, -1.0 / k), none.bilinear(1, 1.0);
    one.zero_order_hold(2, static_cast<long double>(k));
  }
  // Eigen sums five numbers in another order than n: the error of one stretch in each step.
  CHECK((fixed.coefficients() - free.coefficients()).norm() <= 22 * stretch_error(5, 1));
  CHECK(std::fabs(one.coefficients()(0) - 6) <=
        66 * std::numeric_limits<long double>::epsilon());  // the mean of 1 … 11
  CHECK(none.coefficients().size() == 0);
  free.bilinear(1, std::nan(""));
  CHECK(std::isnan(free.coefficients()(0)));
  CHECK_THROWS_AS(free.bilinear(0, 1.0), mamba::contract_violation);
  CHECK_THROWS_AS(free.zero_order_hold(-1, 1.0), mamba::contract_violation);
}

// Errors of step j travel with Φ(k, j) = Ā_k … Ā_{j+1}; the Ā of one rule commute, being functions of A. A step's own,
// on either side: (N + 8) roundings of ‖Ā‖‖h‖ + ‖B̄‖|x| for what is a product or a triangular solve; the S4 code's
// exponential adds N ‖A‖ ln λ of squaring, ours that of stretch_error.
TEST_CASE("hippo_state: the S4 code's states, for every rule") {
  auto const file = test::hippo_file("memory.safetensors");
  int cases = 0;
  double most = 0, share = 0;
  for (std::string const rule : {"forward", "backward", "bilinear", "zoh"}) {
    for (int i = 0; file.find(rule + "." + std::to_string(i) + ".x") != nullptr; ++i, ++cases) {
      auto const x = test::golden_matrix(file, rule + "." + std::to_string(i) + ".x");
      auto const expected = test::golden_matrix(file, rule + "." + std::to_string(i) + ".h");
      auto const n = mamba::ssm::size(expected.cols());
      auto const legs = mamba::ssm::hippo_legs<double>(n);
      matrix<double> const identity = matrix<double>::Identity(expected.cols(), expected.cols());
      double const alpha = rule == "forward" ? 0 : rule == "backward" ? 1 : 0.5;
      hippo_state<double> state(n);
      std::vector<matrix<double>> carried;  // Φ(k, j) for every j < k
      std::vector<double> own;
      double largest = 0;
      for (Eigen::Index k = 0; k < x.size(); ++k) {
        double const before = state.coefficients().norm(), z = 1 / std::max(1.0, static_cast<double>(k));
        rule == "zoh" ? state.zero_order_hold(1, x(k)) : state.generalized_bilinear(1, alpha, x(k));
        matrix<double> a_bar = identity;
        for (Eigen::Index c = 0; c < identity.cols(); ++c) {
          vector<double> const e = identity.col(c);
          if (rule == "zoh") {
            a_bar.col(c) = test::flow<double>(legs.a, std::log1p(z), e);
          } else {
            a_bar.col(c) = mamba::ssm::legs_solve(alpha * z, legs.b, vector<double>(e + (1 - alpha) * z * legs.a * e));
          }
        }
        for (auto& phi : carried) phi = (a_bar * phi).eval();
        carried.push_back(identity);
        double const size = a_bar.norm() * before + legs.b.norm() * std::fabs(x(k)) * std::min(1.0, z);
        double const N = static_cast<double>(n);
        own.push_back(k == 0          ? 0
                      : rule == "zoh" ? (N * legs.a.norm() * z + 2 * N + 16) * eps * size + stretch_error(n, size)
                                      : 2 * (N + 8) * eps * size);
        double allowed = 0;
        for (std::size_t j = 0; j < own.size(); ++j) allowed += carried[j].norm() * own[j];
        vector<double> const row = expected.row(k).transpose();
        double const off = (state.coefficients() - row).norm();
        REQUIRE(off <= allowed);
        largest = std::max(largest, row.norm());
        most = std::max(most, off / largest);
        if (allowed > 0) share = std::max(share, off / allowed);
      }
    }
  }
  MESSAGE(cases, " states, at most ", most, " apart relative to the largest state, ", share, " of what is allowed");
  CHECK(cases == 20);
}

}  // namespace
