// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/hippo/legendre.hpp>
#include <support/hippo_golden.hpp>
#include <support/largest.hpp>

#include <Eigen/Eigenvalues>

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

namespace {

using mamba::dynamic;
using mamba::ssm::index;
using mamba::ssm::matrix;
using mamba::ssm::transition;
using mamba::ssm::vector;

constexpr double eps = std::numeric_limits<double>::epsilon();

/// The largest |m_nk|/√((2n+1)(2k+1)): an error in units of the natural size of the entry.
template <class Matrix>
double scaled(Matrix const& m) {
  REQUIRE(m.allFinite());  // a NaN is lost in a maximum
  double most = 0;
  for (Eigen::Index n = 0; n < m.rows(); ++n) {
    for (Eigen::Index k = 0; k < m.cols(); ++k) {
      most = std::max(
          most, std::fabs(static_cast<double>(m(n, k))) / std::sqrt((2.0 * double(n) + 1) * (2.0 * double(k) + 1)));
    }
  }
  return most;
}

TEST_CASE("hippo_legendre: the first three states of LegS, by hand") {
  auto const legs = mamba::ssm::hippo_legs<double, 3>();
  double const r3 = std::sqrt(3.0), r5 = std::sqrt(5.0), r15 = std::sqrt(15.0);
  CHECK(legs.a == matrix<double, 3>{{-1, 0, 0}, {-r3, -2, 0}, {-r5, -r15, -3}});
  CHECK(legs.b == vector<double, 3>{1, r3, r5});
  auto const notes = mamba::ssm::hippo_legs_unnormalised<double, 3>();
  CHECK(notes.a == matrix<double, 3>{{-1, 0, 0}, {-3, -2, 0}, {-5, -5, -3}});
  CHECK(notes.b == vector<double, 3>{1, 3, 5});
  auto const legt = mamba::ssm::hippo_legt<double, 3>();
  CHECK(legt.a == matrix<double, 3>{{-1, r3, -r5}, {-r3, -3, r15}, {-r5, -r15, -5}});
  auto const lmu = mamba::ssm::hippo_lmu<double, 3>();
  CHECK(lmu.a == matrix<double, 3>{{-1, -1, -1}, {3, -3, -3}, {-5, 5, -5}});
  CHECK(lmu.b == vector<double, 3>{1, -3, 5});
}

// Below, an entry of A has one rounded square root (ε/2); P_n P_k and B_n B_k have two and a product (3/2 ε); two sums
// add ε each, all relative to √((2n+1)(2k+1)) or to half of it. 4 ε is room for all.
TEST_CASE("hippo_legendre: A + P Pᵀ of LegS is −½ I and a skew matrix, P_n = √(n+½)") {
  for (std::size_t const n : {1U, 2U, 7U, 64U, 301U}) {
    auto const legs = mamba::ssm::hippo_legs<double>(n);
    vector<double> const p = legs.b / std::sqrt(2.0);
    matrix<double> const s = legs.a + p * p.transpose();
    CHECK(scaled(matrix<double>(s + s.transpose() + matrix<double>::Identity(index(n), index(n)))) <= 4 * eps);
    auto const normal = mamba::ssm::hippo_legs_normal<double>(n);
    CHECK(scaled(matrix<double>(s - normal.a)) <= 4 * eps);
    CHECK(normal.b == 0.5 * legs.b);
  }
}

TEST_CASE("hippo_legendre: A + P Pᵀ of LegT is skew, with odd states in one column of P and even ones in the other") {
  for (std::size_t const n : {1U, 2U, 7U, 64U}) {
    auto const check = [&](transition<double> const& s, double factor) {
      matrix<double> p = matrix<double>::Zero(index(n), 2);
      for (Eigen::Index k = 0; k < index(n); ++k) p(k, (k + 1) % 2) = factor * std::sqrt(2.0 * double(k) + 1);
      matrix<double> const skew = s.a + p * p.transpose();
      CHECK(scaled(matrix<double>(skew + skew.transpose())) <= 4 * eps);
      // One column does not do: even and odd states would be tied with the wrong sign.
      vector<double> const one = p.rowwise().sum();
      matrix<double> const wrong = s.a + one * one.transpose();
      CHECK((scaled(matrix<double>(wrong + wrong.transpose())) > 0.1) == (n > 1));
    };
    check(mamba::ssm::hippo_legt<double>(n), 1);
    check(mamba::ssm::hippo_legt_window_2<double>(n), std::sqrt(0.5));
  }
}

TEST_CASE("hippo_legendre: the eigenvalues of LegS are −1 … −N, in both forms") {
  for (std::size_t const n : {1U, 5U, 64U}) {
    for (auto const& s : {mamba::ssm::hippo_legs<double>(n), mamba::ssm::hippo_legs_unnormalised<double>(n)}) {
      for (Eigen::Index i = 0; i < index(n); ++i) {
        CHECK(s.a(i, i) == -double(i + 1));  // of a triangular matrix, the diagonal
        for (Eigen::Index k = i + 1; k < index(n); ++k) REQUIRE(s.a(i, k) == 0);
      }
    }
  }
}

/// The eigenvectors of a lower triangular matrix, (A − λ_j I) v_j = 0 from the diagonal down.
matrix<double> eigenvectors(matrix<double> const& a) {
  matrix<double> v = matrix<double>::Identity(a.rows(), a.cols());
  for (Eigen::Index j = 0; j < a.cols(); ++j) {
    for (Eigen::Index i = j + 1; i < a.rows(); ++i)
      v(i, j) = a.row(i).head(i).dot(v.col(j).head(i)) / (a(j, j) - a(i, i));
  }
  return v;
}

// Bauer and Fike: an eigenvalue moves by at most κ(V)‖E‖, where the solver's backward error ‖E‖ is below 8 N ε‖A‖.
TEST_CASE("hippo_legendre: a general eigenvalue solver finds −1 … −N") {
  for (auto const& s : {mamba::ssm::hippo_legs<double>(8), mamba::ssm::hippo_legs_unnormalised<double>(8)}) {
    matrix<double> const v = eigenvectors(s.a);
    matrix<double> const inverse = v.triangularView<Eigen::Lower>().solve(matrix<double>::Identity(8, 8));
    double const allowed = v.norm() * inverse.norm() * 64 * eps * s.a.norm();
    REQUIRE(allowed < 1e-3);
    Eigen::EigenSolver<matrix<double>> const solver(s.a, false);
    std::vector<double> real;
    for (auto const& lambda : solver.eigenvalues()) {
      CHECK(std::fabs(lambda.imag()) <= allowed);
      real.push_back(lambda.real());
    }
    std::sort(real.rbegin(), real.rend());
    for (std::size_t i = 0; i < real.size(); ++i) CHECK(std::fabs(real[i] + static_cast<double>(i + 1)) <= allowed);
  }
}

// A diagonal similarity of numbers within ε/2: three roundings for each entry, of the square roots and of their
// quotient.
TEST_CASE("hippo_legendre: the unnormalised form is L A L⁻¹, and back again") {
  for (std::size_t const n : {1U, 2U, 33U}) {
    auto const legs = mamba::ssm::hippo_legs<double>(n);
    auto const notes = mamba::ssm::hippo_legs_unnormalised<double>(n);
    auto const there = mamba::ssm::legs_to_unnormalised(legs);
    auto const back = mamba::ssm::unnormalised_to_legs(notes);
    CHECK(test::largest((there.a - notes.a).cwiseQuotient(notes.a.cwiseAbs().cwiseMax(1))) <= 4 * eps);
    CHECK(test::largest((there.b - notes.b).cwiseQuotient(notes.b)) <= 4 * eps);
    CHECK(test::largest((back.a - legs.a).cwiseQuotient(legs.a.cwiseAbs().cwiseMax(1))) <= 4 * eps);
    CHECK(test::largest((back.b - legs.b).cwiseQuotient(legs.b)) <= 4 * eps);
  }
}

// As many roundings: the signs are exact.
TEST_CASE("hippo_legendre: LMU is LegT in other coordinates, S = diag((−1)^n √(2n+1))") {
  for (std::size_t const n : {1U, 2U, 33U}) {
    auto const legt = mamba::ssm::hippo_legt<double>(n);
    auto const lmu = mamba::ssm::hippo_lmu<double>(n);
    vector<double> s = mamba::ssm::legendre_norms<double>(n);
    for (Eigen::Index i = 1; i < s.size(); i += 2) s(i) = -s(i);
    matrix<double> const a = s.asDiagonal() * legt.a * s.cwiseInverse().asDiagonal();
    CHECK(test::largest((a - lmu.a).cwiseQuotient(lmu.a)) <= 4 * eps);
    CHECK(test::largest((s.cwiseProduct(legt.b) - lmu.b).cwiseQuotient(lmu.b)) <= 4 * eps);
  }
}

TEST_CASE("hippo_legendre: static and dynamic sizes are the same numbers, in every precision") {
  auto const same = [](auto const& fixed, auto const& free) {
    static_assert(std::is_same_v<typename decltype(fixed.a)::Scalar, typename decltype(free.a)::Scalar>);
    CHECK(fixed.a == free.a);
    CHECK(fixed.b == free.b);
  };
  same(mamba::ssm::hippo_legs<double, 8>(), mamba::ssm::hippo_legs<double>(8));
  same(mamba::ssm::hippo_legs<double, 1>(), mamba::ssm::hippo_legs<double>(1));
  same(mamba::ssm::hippo_legs_unnormalised<float, 2>(), mamba::ssm::hippo_legs_unnormalised<float>(2));
  same(mamba::ssm::hippo_legt<long double, 5>(), mamba::ssm::hippo_legt<long double>(5));
  same(mamba::ssm::hippo_legt_window_2<float, 5>(), mamba::ssm::hippo_legt_window_2<float>(5));
  same(mamba::ssm::hippo_lmu<double, 4>(), mamba::ssm::hippo_lmu<double>(4));
  same(mamba::ssm::hippo_legs_normal<double, 4>(), mamba::ssm::hippo_legs_normal<double>(4));
  CHECK(mamba::ssm::hippo_legs<double>(0).a.size() == 0);
}

TEST_CASE("hippo_legendre: in float, every entry is within the bound of its card") {
  double worst = 0;
  auto const check = [&](auto const& narrow, auto const& wide, double bound) {
    double const off = std::max(test::float_epsilons(narrow.a, wide.a), test::float_epsilons(narrow.b, wide.b));
    worst = std::max(worst, off);
    CHECK(off <= bound);
  };
  for (std::size_t const n : {1U, 2U, 64U, 201U}) {
    check(mamba::ssm::hippo_legs<float>(n), mamba::ssm::hippo_legs<double>(n), 1);
    check(mamba::ssm::hippo_legs_normal<float>(n), mamba::ssm::hippo_legs_normal<double>(n), 1);
    check(mamba::ssm::hippo_legt<float>(n), mamba::ssm::hippo_legt<double>(n), 1);
    check(mamba::ssm::hippo_legt_window_2<float>(n), mamba::ssm::hippo_legt_window_2<double>(n), 1);
    check(mamba::ssm::hippo_legs_unnormalised<float>(n), mamba::ssm::hippo_legs_unnormalised<double>(n), 0);
    check(mamba::ssm::hippo_lmu<float>(n), mamba::ssm::hippo_lmu<double>(n), 0);
    CHECK(test::float_epsilons(mamba::ssm::legendre_norms<float>(n), mamba::ssm::legendre_norms<double>(n)) <= 0.5);
  }
  MESSAGE("at most ", worst, " eps off");
}

TEST_CASE("hippo_legendre: a size must be known, and only one") {
  CHECK_THROWS_AS(static_cast<void>(mamba::ssm::hippo_legs<double>()), mamba::contract_violation);
  CHECK_THROWS_AS(static_cast<void>(mamba::ssm::hippo_legs<double, 4>(5)), mamba::contract_violation);
  CHECK_THROWS_AS(static_cast<void>(mamba::ssm::hippo_lmu<float>()), mamba::contract_violation);
}

// The S4 code's LegS is L⁻¹ (L A) of four rounded factors; its LegT has two, LMU's are integers. The diagonal of its
// legsd is the difference −(n+1) + (n+½), off by 2 ε (n+½).
TEST_CASE("hippo_legendre: the S4 code's numbers") {
  auto const within = [](double n) { return [n](auto...) { return n; }; };
  int cases = 0;
  cases += test::compare_transitions(
      "legs", [](auto n, auto const&) { return mamba::ssm::hippo_legs<double>(n); }, within(4));
  cases += test::compare_transitions(
      "legsd", [](auto n, auto const&) { return mamba::ssm::hippo_legs_normal<double>(n); },
      [](auto n, auto...) { return 4 + 4 * double(n); });
  cases += test::compare_transitions(
      "legt", [](auto n, auto const&) { return mamba::ssm::hippo_legt_window_2<double>(n); }, within(4));
  cases += test::compare_transitions(
      "lmu", [](auto n, auto const&) { return mamba::ssm::hippo_lmu<double>(n); }, within(0.5));
  CHECK(cases == 28);
}

}  // namespace
