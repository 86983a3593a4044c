// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/hippo/laguerre.hpp>
#include <mamba/ssm/hippo/orthogonal_polynomials.hpp>
#include <support/flow.hpp>
#include <support/hippo_golden.hpp>
#include <support/largest.hpp>

#include <cmath>
#include <limits>

namespace {

using mamba::ssm::index;
using mamba::ssm::matrix;
using mamba::ssm::transition;
using mamba::ssm::vector;

constexpr double eps = std::numeric_limits<double>::epsilon();

TEST_CASE("hippo_laguerre: three states by hand") {
  auto const lagt = mamba::ssm::hippo_lagt<double, 3>();
  CHECK(lagt.a == matrix<double, 3>{{-0.5, 0, 0}, {-1, -0.5, 0}, {-1, -1, -0.5}});
  CHECK(lagt.b == vector<double, 3>{1, 1, 1});
  auto const tilted = mamba::ssm::hippo_tlagt<double, 3>(3, 0.5);
  CHECK(tilted.a == matrix<double, 3>{{-0.75, 0, 0}, {-1, -0.75, 0}, {-1, -1, -0.75}});
  CHECK(tilted.b == vector<double, 3>{0.5, 0.5, 0.5});
}

TEST_CASE("hippo_laguerre: A + P Pᵀ of LagT is skew, P = √½, exactly") {
  for (std::size_t const n : {1U, 2U, 64U}) {
    auto const s = mamba::ssm::hippo_lagt<double>(n);
    matrix<double> const skew = s.a + matrix<double>::Constant(index(n), index(n), 0.5);
    CHECK(test::largest(skew + skew.transpose()) == 0);
  }
}

TEST_CASE("hippo_laguerre: the special cases of gLagT are tLagT and, as β → 0, LagT's matrix") {
  // λ_n = 1 and Γ(1) = 1 up to their last bits.
  auto const general = mamba::ssm::hippo_glagt<double>(20, 0.0, 1.0);
  auto const tilted = mamba::ssm::hippo_tlagt<double>(20, 1.0);
  CHECK(test::largest(general.a - tilted.a) <= 4 * eps);
  CHECK(test::largest(general.b - tilted.b) <= 4 * eps);
  auto const small = mamba::ssm::hippo_glagt<double>(20, 0.0, 1e-9);
  CHECK(test::largest(small.a - mamba::ssm::hippo_lagt<double>(20).a) <= 0.5e-9 + 4 * eps);
}

// The state is x seen through k_n(τ) = (e^{Aτ} B)_n, so these are the functions of the header's table. The flow of lagt
// does not stretch (its symmetric part is −P Pᵀ), nor does that of tlagt, which is faster to fade; glagt's is tlagt's
// between two diagonal matrices, which stretch by λ_max/λ_min. L_n^α e^{−τ/2} has errors like those of L_n e^{−τ/2}, 8
// (n+1) ε for each unit of its size.
TEST_CASE("hippo_laguerre: e^{Aτ} B are the Laguerre functions of the header") {
  constexpr std::size_t n = 12;
  auto const check = [&](transition<double> const& s, double stretch, auto const& kernel) {
    for (double const tau : {0.0, 0.01, 0.7, 3.0, 11.0}) {
      vector<double> const found = test::flow<double>(s.a, tau, s.b), expected = kernel(tau);
      double const allowed =
          stretch * (test::flow_error<double>(s.a, tau, s.b.norm()) + 16 * (n + 1) * eps * expected.norm()) +
          16 * (n + 1) * eps;
      CHECK((found - expected).norm() <= allowed);
      CHECK(allowed < 1e-9);
    }
  };
  using mamba::ssm::laguerre;
  for (double const beta : {1.0, 0.25}) {
    check(mamba::ssm::hippo_lagt<double>(n, beta), 1,
          [&](double tau) { return laguerre<double>(tau, 0.0, beta * std::exp(-tau / 2), n); });
    check(mamba::ssm::hippo_tlagt<double>(n, beta), 1,
          [&](double tau) { return laguerre<double>(tau, 0.0, beta * std::exp(-(1 + beta) * tau / 2), n); });
    for (double const alpha : {0.0, 0.6, -0.4}) {
      vector<double> lambda(n);  // from the definition, by the logarithm of Γ
      for (Eigen::Index i = 0; i < lambda.size(); ++i) {
        lambda(i) = std::exp(0.5 * (std::lgamma(double(i) + alpha + 1) - std::lgamma(double(i) + 1)));
      }
      double const kappa = std::sqrt(std::pow(beta, 1 - alpha) / std::tgamma(1 - alpha));
      check(mamba::ssm::hippo_glagt<double>(n, alpha, beta), lambda.maxCoeff() / lambda.minCoeff(), [&](double tau) {
        return laguerre<double>(tau, alpha, kappa * std::exp(-(1 + beta) * tau / 2), n).cwiseQuotient(lambda).eval();
      });
    }
  }
}

TEST_CASE("hippo_laguerre: static and dynamic sizes are the same numbers, in every precision") {
  auto const same = [](auto const& fixed, auto const& free) {
    CHECK(fixed.a == free.a);
    CHECK(fixed.b == free.b);
  };
  same(mamba::ssm::hippo_lagt<double, 5>(), mamba::ssm::hippo_lagt<double>(5));
  same(mamba::ssm::hippo_lagt<float, 1>(), mamba::ssm::hippo_lagt<float>(1));
  same(mamba::ssm::hippo_tlagt<long double, 2>(2, 0.5L), mamba::ssm::hippo_tlagt<long double>(2, 0.5L));
  same(mamba::ssm::hippo_glagt<float, 4>(4, 0.5F, 0.1F), mamba::ssm::hippo_glagt<float>(4, 0.5F, 0.1F));
  same(mamba::ssm::hippo_glagt<double, 1>(), mamba::ssm::hippo_glagt<double>(1));
  CHECK(mamba::ssm::hippo_glagt<double>(0).a.size() == 0);
  CHECK_THROWS_AS(static_cast<void>(mamba::ssm::hippo_lagt<double>()), mamba::contract_violation);
  CHECK_THROWS_AS(static_cast<void>(mamba::ssm::hippo_glagt<double, 4>(3, 0.0, 1.0)), mamba::contract_violation);
}

// The card's bound, in float: (n + 8) ε relative in row n.
TEST_CASE("hippo_laguerre: gLagT in float is within the bound of its card") {
  double most = 0;
  for (float const alpha : {0.5F, -0.25F, 0.75F}) {
    auto const narrow = mamba::ssm::hippo_glagt<float>(64, alpha, 0.125F);
    auto const wide = mamba::ssm::hippo_glagt<long double>(64, static_cast<long double>(alpha), 0.125L);
    REQUIRE((narrow.a.allFinite() && narrow.b.allFinite()));  // a NaN is lost in a maximum
    for (Eigen::Index i = 0; i < 64; ++i) {
      double const allowed = (static_cast<double>(i) + 8) * static_cast<double>(std::numeric_limits<float>::epsilon());
      auto const share = [&](float found, long double exact) {
        return static_cast<double>(std::fabs(static_cast<long double>(found) - exact) / std::fabs(exact)) / allowed;
      };
      most = std::max(most, share(narrow.b(i), wide.b(i)));
      for (Eigen::Index k = 0; k <= i; ++k) most = std::max(most, share(narrow.a(i, k), wide.a(i, k)));
    }
  }
  MESSAGE("at most ", most, " of the bound");
  CHECK(most <= 1);
}

TEST_CASE("hippo_laguerre: norms and mass in float are within the bounds of their cards") {
  constexpr double narrow = std::numeric_limits<float>::epsilon();
  for (float const alpha : {-0.9F, -0.5F, 0.0F, 0.3F, 2.5F}) {
    auto const exact = mamba::ssm::laguerre_norms<double>(100, static_cast<double>(alpha));
    auto bound = exact;
    for (Eigen::Index i = 0; i < 100; ++i) bound(i) *= (static_cast<double>(i) + 4) * narrow;
    CHECK(test::share_of_bound(mamba::ssm::laguerre_norms<float>(100, alpha), exact, bound) <= 1);
    if (alpha >= 1) continue;
    for (float const beta : {1e-6F, 0.01F, 0.7F, 1.0F, 1e5F}) {
      double const mass = mamba::ssm::laguerre_mass(static_cast<double>(alpha), static_cast<double>(beta));
      double const off = std::fabs(static_cast<double>(mamba::ssm::laguerre_mass(alpha, beta)) - mass);
      CHECK(off <= (6 + std::fabs(std::log(static_cast<double>(beta)))) * narrow * mass);
    }
  }
}

// The S4 code takes λ from logarithms of Γ, which are as large as ln Γ(N + 2) and carry that many ε into their
// exponential, three times in B; ours has n + 8.
TEST_CASE("hippo_laguerre: the S4 code's numbers") {
  auto const exact = [](auto...) { return 0.5; };
  int cases = 0;
  cases += test::compare_transitions(
      "lagt", [](auto n, auto const& p) { return mamba::ssm::hippo_lagt<double>(n, p(0)); }, exact);
  cases += test::compare_transitions(
      "tlagt", [](auto n, auto const& p) { return mamba::ssm::hippo_tlagt<double>(n, p(0)); }, exact);
  cases += test::compare_transitions(
      "glagt", [](auto n, auto const& p) { return mamba::ssm::hippo_glagt<double>(n, p(0), p(1)); },
      [](auto n, auto...) { return double(n) + 16 + 3 * std::lgamma(double(n) + 2); });
  CHECK(cases == 49);
}

}  // namespace
