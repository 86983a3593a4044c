// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/hippo/orthogonal_polynomials.hpp>
#include <support/largest.hpp>
#include <support/random.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace {

using mamba::ssm::index;
using mamba::ssm::laguerre;
using mamba::ssm::legendre;
using mamba::ssm::legendre_slopes;
using mamba::ssm::vector;

constexpr double eps = std::numeric_limits<double>::epsilon();
constexpr double eps_float = std::numeric_limits<float>::epsilon();

TEST_CASE("orthogonal_polynomials: the first few by hand") {
  double const x = -0.375;
  CHECK(legendre<double, 4>(x) == vector<double, 4>{1, x, (3 * x * x - 1) / 2, (5 * x * x - 3) * x / 2});
  CHECK(legendre_slopes<double, 4>(x) == vector<double, 4>{0, 1, 3 * x, (15 * x * x - 3) / 2});
  CHECK(laguerre<double, 3>(2.0) == vector<double, 3>{1, -1, -1});           // 1 − x, 1 − 2x + x²/2
  CHECK(laguerre<double, 3>(2.0, 1.0, 4.0) == vector<double, 3>{4, 0, -4});  // 4 (1, 2 − x, 3 − 3x + x²/2)
}

TEST_CASE("orthogonal_polynomials: P_n(±1) = (±1)^n, exactly, and P'_n(±1) = (±1)^{n−1} n(n+1)/2") {
  auto const right = legendre<double>(1.0, 200), left = legendre<double>(-1.0, 200);
  auto const up = legendre_slopes<double>(1.0, 200), down = legendre_slopes<double>(-1.0, 200);
  for (Eigen::Index n = 0; n < 200; ++n) {
    double const sign = n % 2 == 0 ? 1 : -1, slope = static_cast<double>(n * (n + 1)) / 2;
    REQUIRE(right(n) == 1);
    REQUIRE(left(n) == sign);
    REQUIRE(up(n) == slope);
    REQUIRE(down(n) == -sign * slope);
  }
}

// The cards, asserted: (n+1) ε for P, n (n+1)² ε for P', 16 (n+1) ε for e^{−x/2} L_n. The exact numbers are those of
// the textbook's recurrence in long double, which lose n² of their ε: in float that is nothing.
TEST_CASE("orthogonal_polynomials: float is within the bounds of the cards up to degree 400, also next to ±1") {
  test::random rng(1);
  double p = 0, slope = 0, l = 0;
  for (int i = 0; i < 300; ++i) {
    double const near = std::exp(rng.uniform(-15, 0));
    auto const x = static_cast<float>(i % 3 == 0 ? rng.uniform(-1, 1) : i % 3 == 1 ? 1 - near : near - 1);
    auto const tau = static_cast<float>(rng.uniform(0, i % 2 == 0 ? 4 : 200));
    auto const fast = legendre<float>(x, 400), slopes = legendre_slopes<float>(x, 400);
    auto const scale = std::exp(-tau / 2);
    auto const functions = laguerre<float>(tau, 0.0F, scale, 400);
    REQUIRE((fast.allFinite() && slopes.allFinite() && functions.allFinite()));  // a NaN is lost in a maximum
    long double a = 0, b = 1, c = 0, d = 0, e = 0, f = scale;  // P_{n−1}, P_n, P'_{n−1}, P'_n, L_{n−1}, L_n
    for (Eigen::Index n = 0; n < 400; ++n) {
      auto const k = static_cast<long double>(n);
      p = std::max(p, static_cast<double>(std::fabs(fast(n) - b) / (k + 1)));
      slope = std::max(slope, static_cast<double>(std::fabs(slopes(n) - d) / (std::max(k, 1.0L) * (k + 1) * (k + 1))));
      l = std::max(l, static_cast<double>(std::fabs(functions(n) - f) / (k + 1)));
      long double const next = ((2 * k + 1) * x * b - k * a) / (k + 1), steeper = c + (2 * k + 1) * b;
      long double const later = ((2 * k + 1 - tau) * f - k * e) / (k + 1);
      a = std::exchange(b, next), c = std::exchange(d, steeper), e = std::exchange(f, later);
    }
  }
  MESSAGE("of its bound, P used ", p / eps_float, ", P' ", slope / eps_float, ", L ", l / (16 * eps_float));
  CHECK(p <= eps_float);
  CHECK(slope <= eps_float);
  CHECK(l <= 16 * eps_float);
}

TEST_CASE(
    "orthogonal_polynomials: Gauss's nodes are in order, symmetric and the roots of P_N, and the weights sum to 2") {
  for (std::size_t const n : {1U, 2U, 3U, 16U, 65U, 200U}) {
    auto const gauss = mamba::ssm::gauss_legendre<double>(n);
    auto const exact = mamba::ssm::gauss_legendre<long double>(n);
    CHECK(std::fabs(gauss.weights.sum() - 2) <= 8 * eps);
    CHECK(gauss.weights.minCoeff() > 0);
    for (Eigen::Index q = 0; q < index(n); ++q) {
      double const y = gauss.nodes(q);
      REQUIRE(std::fabs(y + gauss.nodes(index(n) - 1 - q)) <= 2 * eps);
      if (q > 0) REQUIRE(y > gauss.nodes(q - 1));
      // The cards: nodes within ε, weights within (N² + 4) ε relative.
      REQUIRE(std::fabs(static_cast<double>(gauss.nodes(q) - exact.nodes(q))) <= eps);
      REQUIRE(std::fabs(static_cast<double>(gauss.weights(q) / exact.weights(q) - 1)) <= (double(n * n) + 4) * eps);
    }
  }
}

// N nodes integrate degree 2N − 1: that is every product below. Each of its N terms has the errors of two polynomials,
// (n+1) ε each, and of a weight; the weights sum to 2.
TEST_CASE("orthogonal_polynomials: Legendre's are orthogonal, ∫ P_n P_k = 2/(2n+1) or 0") {
  constexpr std::size_t n = 40;
  auto const gauss = mamba::ssm::gauss_legendre<double, n>();
  mamba::ssm::matrix<double> gram = mamba::ssm::matrix<double>::Zero(n, n);
  for (Eigen::Index q = 0; q < index(n); ++q) {
    auto const p = legendre<double>(gauss.nodes(q), n);
    gram += gauss.weights(q) * p * p.transpose();
  }
  for (Eigen::Index i = 0; i < index(n); ++i) {
    for (Eigen::Index k = 0; k < index(n); ++k) {
      double const expected = i == k ? 2 / (2 * static_cast<double>(i) + 1) : 0;
      REQUIRE(std::fabs(gram(i, k) - expected) <= 2 * (2.0 * n + 4) * eps);
    }
  }
}

// ∫₀^∞ x^α e^{−x} L_n L_k = Γ(n+α+1)/n!. Put x = u²: the trapezoid rule in u converges exponentially for functions that
// are smooth and even; with α = 1/2 as with α = 0, u^{2α+1} is odd: u runs over half of the line, and α = 1/2 is even.
TEST_CASE("orthogonal_polynomials: the generalised Laguerre polynomials are orthogonal under x^α e^{−x}") {
  double const alpha = 0.5, step = 0.01;
  mamba::ssm::matrix<double> gram = mamba::ssm::matrix<double>::Zero(8, 8);
  for (int i = 1; i < 1200; ++i) {
    double const u = step * i, x = u * u;
    auto const l = laguerre<double>(x, alpha, std::exp(-x / 2), 8);
    gram += step * 2 * u * u * l * l.transpose();  // x^½ e^{−x} dx = 2 u² e^{−u²} du
  }
  for (Eigen::Index i = 0; i < 8; ++i) {
    for (Eigen::Index k = 0; k < 8; ++k) {
      double const norm = std::tgamma(static_cast<double>(i) + 1.5) / std::tgamma(static_cast<double>(i) + 1);
      // 1200 terms with the errors of two functions of size up to √8 each, 8 · 8 ε, and half of them count.
      CHECK(std::fabs(gram(i, k) - (i == k ? norm : 0)) <= 1200 * 2 * 64 * eps);
    }
  }
}

TEST_CASE(
    "orthogonal_polynomials: large arguments neither overflow nor trap, NaN stays NaN, and no polynomials are none") {
  auto const far = laguerre<double>(1400.0, 0.0, std::exp(-700.0), 500);
  CHECK(far.allFinite());
  CHECK(test::largest(far) <= 1 + 8 * 501 * eps * 7);  // the cards' 200 is seven times less
  CHECK(std::isnan(legendre<double>(std::nan(""), 3)(2)));
  CHECK(std::isnan(laguerre<float>(std::nanf(""), 0.0F, 1.0F, 3)(2)));
  CHECK(legendre<double>(0.5, 0).size() == 0);
  CHECK(legendre<double, 1>(0.5)(0) == 1);
  CHECK(mamba::ssm::gauss_legendre<double>(0).nodes.size() == 0);
  CHECK(mamba::ssm::gauss_legendre<float, 1>().weights(0) == 2);
  CHECK_THROWS_AS(static_cast<void>(legendre<double>(0.5)), mamba::contract_violation);
}

}  // namespace
