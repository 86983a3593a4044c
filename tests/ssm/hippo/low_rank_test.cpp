// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/hippo/laguerre.hpp>
#include <mamba/ssm/hippo/low_rank.hpp>
#include <support/largest.hpp>

#include <algorithm>
#include <limits>

namespace {

namespace ssm = mamba::ssm;

/// How far A + P Pᵀ is from a I + skew, in ε of the largest entry of A and P Pᵀ.
template <class T, std::size_t N, class P>
double not_normal(ssm::transition<T, N> const& s, P const& p, double a) {
  REQUIRE((s.a.allFinite() && p.allFinite()));  // a NaN is lost in a maximum
  ssm::matrix<T, N> const product = p * p.transpose(), sum = s.a + product;
  ssm::matrix<T, N> off = (sum + sum.transpose()) / 2;
  off.diagonal().array() -= static_cast<T>(a);
  T const size = std::max(test::largest(s.a), test::largest(product));
  return static_cast<double>(test::largest(off) / (size * std::numeric_limits<T>::epsilon()));
}

// Every entry is one product of two rounded roots, three roundings of half an ε on either side, and one sum of two.
TEST_CASE("low_rank: A + P P^T is a multiple of I plus a skew matrix, for every measure") {
  double worst = 0;
  auto const check = [&](auto const& s, auto const& p, double a) {
    double const off = not_normal(s, p, a);
    worst = std::max(worst, off);
    CHECK(off <= 5);
    bool const none = p.norm() == 0;  // without P it is not
    CHECK((none || p.rows() == 1 || not_normal(s, (0 * p).eval(), a) > 1e10));
  };
  for (std::size_t const n : {1U, 2U, 3U, 8U, 64U, 129U}) {
    check(ssm::hippo_legs<double>(n), ssm::low_rank_legs<double>(n), -0.5);
    check(ssm::hippo_legt<double>(n), ssm::low_rank_legt<double>(n), 0);
    check(ssm::hippo_legt_window_2<double>(n), ssm::low_rank_legt_window_2<double>(n), 0);
    check(ssm::hippo_lagt<double>(n), ssm::low_rank_lagt<double>(n), 0);
    check(ssm::hippo_lagt<double>(n, 0.25), ssm::low_rank_lagt<double>(n), 0);
    check(ssm::hippo_tlagt<double>(n, 0.25), ssm::low_rank_lagt<double>(n), -0.125);
    check(ssm::hippo_glagt<double>(n, 0.0, 0.01), ssm::low_rank_lagt<double>(n), -0.005);
    check(ssm::hippo_legs_normal<double>(n), ssm::low_rank_none<double>(n), -0.5);
    check(ssm::hippo_fourier<double>(n), ssm::low_rank_fourier<double>(n), 0);
    check(ssm::hippo_fourier_decay<double>(n), ssm::low_rank_fourier_decay<double>(n), 0);
    check(ssm::hippo_fourier2<double>(n), ssm::low_rank_fourier2<double>(n), 0);
    check(ssm::hippo_fourier_diagonal<double>(n), ssm::low_rank_none<double>(n), -0.5);
  }
  MESSAGE("at most ", worst, " eps off");
}

TEST_CASE("low_rank: in float, every entry is within the bound of its card") {
  auto const within = [](auto const& narrow, auto const& wide, double bound) {
    CHECK(test::float_epsilons(narrow, wide) <= bound);
  };
  for (std::size_t const n : {1U, 2U, 64U, 129U}) {
    within(ssm::low_rank_legs<float>(n), ssm::low_rank_legs<double>(n), 1.5);
    within(ssm::low_rank_legt<float>(n), ssm::low_rank_legt<double>(n), 0.5);
    within(ssm::low_rank_legt_window_2<float>(n), ssm::low_rank_legt_window_2<double>(n), 1.5);
    within(ssm::low_rank_lagt<float>(n), ssm::low_rank_lagt<double>(n), 0.5);
    within(ssm::low_rank_fourier<float>(n), ssm::low_rank_fourier<double>(n), 1.5);
    within(ssm::low_rank_fourier_decay<float>(n), ssm::low_rank_fourier_decay<double>(n), 1.5);
    within(ssm::low_rank_fourier2<float>(n), ssm::low_rank_fourier2<double>(n), 1.5);
  }
}

TEST_CASE("low_rank: LegS reads with sqrt 2 times its P, and LegT's columns share no row") {
  auto const p = ssm::low_rank_legs<double>(20);
  CHECK(test::largest(ssm::hippo_legs<double>(20).b - std::sqrt(2.0) * p) <= 4e-15);  // entries to 6.3
  auto const legt = ssm::low_rank_legt<double>(20);
  CHECK(legt.cols() == 2);
  CHECK(legt.col(0).dot(legt.col(1)) == 0);
  CHECK(legt(0, 1) == 1);
  CHECK(legt(1, 0) == std::sqrt(3.0));
}

TEST_CASE("low_rank: static sizes, float, long double") {
  CHECK(ssm::low_rank_legs<double, 6>() == ssm::low_rank_legs<double>(6));
  CHECK(ssm::low_rank_legt<double, 6>() == ssm::low_rank_legt<double>(6));
  CHECK(ssm::low_rank_lagt<double, 6>() == ssm::low_rank_lagt<double>(6));
  CHECK(ssm::low_rank_none<double, 6>() == ssm::low_rank_none<double>(6));
  static_assert(decltype(ssm::low_rank_fourier<float, 4>())::RowsAtCompileTime == 4);
  CHECK(not_normal(ssm::hippo_legs<float>(16), ssm::low_rank_legs<float>(16), -0.5) <= 5);
  CHECK(not_normal(ssm::hippo_legt<long double>(16), ssm::low_rank_legt<long double>(16), 0) <= 5);
  CHECK_THROWS_AS(static_cast<void>(ssm::low_rank_lagt<double, 4>(5)), mamba::contract_violation);
}

}  // namespace
