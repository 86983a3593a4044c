// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/discretize/matrix_exponential.hpp>
#include <support/random.hpp>

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>

namespace {

using mamba::dynamic;
using mamba::ssm::matrix;
using mamba::ssm::matrix_exponential;
using mamba::ssm::vector;
using complex = std::complex<double>;

constexpr double eps = std::numeric_limits<double>::epsilon();

template <class T = double>
matrix<T> random_matrix(test::random& rng, Eigen::Index n, double size) {
  matrix<T> a(n, n);
  for (auto& v : a.reshaped()) {
    if constexpr (mamba::ssm::is_complex<T>) {
      v = T(rng.normal(), rng.normal());
    } else {
      v = static_cast<T>(rng.normal());
    }
  }
  return a * (size / a.norm());
}

template <class M>
auto norm1(M const& a) {
  return a.cwiseAbs().colwise().sum().maxCoeff();
}

/// The series of exp(A/2ᵏ) in extended precision, with ‖A/2ᵏ‖ < 2⁻⁶, squared k times: nothing of Padé in it.
template <class T>
auto by_series(matrix<T> const& a) {
  using wide = std::conditional_t<mamba::ssm::is_complex<T>, std::complex<long double>, long double>;
  int const squarings = std::max(0, 8 + std::ilogb(norm1(a) + 1e-300));
  matrix<wide> const small = a.template cast<wide>() * std::ldexp(1.0L, -squarings);
  matrix<wide> sum = matrix<wide>::Identity(a.rows(), a.cols()), term = sum;
  for (int k = 1; k < 16; ++k) {
    term = (term * small).eval() / wide(k);
    sum += term;
  }
  for (int i = 0; i < squarings; ++i) sum = (sum * sum).eval();
  return sum;
}

template <class M, class W>
double distance(M const& found, W const& exact) {
  return static_cast<double>((found.template cast<typename W::Scalar>() - exact).norm());
}

TEST_CASE("matrix_exponential: the closed forms of 2 × 2") {
  matrix<double> const turn{{0, -1.5}, {1.5, 0}}, shear{{-2, 3}, {0, -2}}, stretch{{0, 1}, {1, 0}};
  matrix<double> const turned{{std::cos(1.5), -std::sin(1.5)}, {std::sin(1.5), std::cos(1.5)}};
  matrix<double> const sheared = std::exp(-2.0) * matrix<double>{{1, 3}, {0, 1}};
  matrix<double> const stretched{{std::cosh(1.0), std::sinh(1.0)}, {std::sinh(1.0), std::cosh(1.0)}};
  CHECK((matrix_exponential(turn) - turned).norm() < 8 * eps);
  CHECK((matrix_exponential(shear) - sheared).norm() < 8 * eps);
  CHECK((matrix_exponential(stretch) - stretched).norm() < 16 * eps);
}

TEST_CASE("matrix_exponential: nilpotent matrices end the series") {
  for (Eigen::Index n = 1; n <= 12; ++n) {
    matrix<double> a = matrix<double>::Zero(n, n);
    a.diagonal(-1).setConstant(3);
    auto const e = matrix_exponential(a);
    double entry = 1;
    for (Eigen::Index k = 0; k < n; ++k) {
      // 3ᵏ/k! below the diagonal; ‖exp(A)‖ < e³ scales the error.
      for (Eigen::Index i = k; i < n; ++i)
        CHECK(std::fabs(e(i, i - k) - entry) < 4 * static_cast<double>(n) * eps * 20);
      for (Eigen::Index i = 0; i + k + 1 < n; ++i) CHECK(std::fabs(e(i, i + k + 1)) < 4 * static_cast<double>(n) * eps);
      entry *= 3.0 / static_cast<double>(k + 1);
    }
  }
}

TEST_CASE("matrix_exponential: normal matrices within the card, sizes 1 to 16, norms 1e-9 to 1e3") {
  test::random rng(1);
  double worst = 0;
  for (int i = 0; i < 200; ++i) {
    auto const n = static_cast<Eigen::Index>(1 + rng.below(16));
    double const size = std::exp(rng.uniform(-20, 6.9));
    matrix<double> const any = random_matrix(rng, n, size);
    // Symmetric (all decay), antisymmetric (all turn), and a symmetric one shifted into the stable half-plane.
    matrix<double> const symmetric = (any + any.transpose()) / 2, turning = (any - any.transpose()) / 2;
    matrix<double> const stable = symmetric - size * matrix<double>::Identity(n, n);
    for (auto const& a : {turning, stable}) {
      auto const exact = by_series(a);
      double const scale = static_cast<double>(norm1(exact)) + 1e-300;  // e⁻²⁰⁰⁰ is 0 in double
      double const allowed = 4 * static_cast<double>(n) * eps * (1 + norm1(a)) * scale;
      double const off = distance(matrix_exponential(a), exact) / allowed;
      REQUIRE(off <= 1);
      worst = std::max(worst, off);
    }
  }
  MESSAGE("at most ", worst, " of the bound");
}

TEST_CASE("matrix_exponential: any matrix, against its series in extended precision") {
  // Not normal: the bound is the card's with max ‖exp(sA)‖ for 0 ≤ s ≤ 1, squared, in place of e^μ: an error made at
  // time s is carried on by exp((1 − s)A).
  test::random rng(2);
  double worst = 0;
  for (int i = 0; i < 100; ++i) {
    auto const n = static_cast<Eigen::Index>(1 + rng.below(12));
    matrix<complex> const a = random_matrix<complex>(rng, n, std::exp(rng.uniform(-6, 2.5)));
    double highest = 1;
    for (int s = 1; s <= 8; ++s) {
      highest = std::max(highest, static_cast<double>(norm1(by_series(matrix<complex>(a * (s / 8.0))))));
    }
    double const allowed = 4 * static_cast<double>(n) * eps * (1 + norm1(a)) * highest * highest;
    double const off = distance(matrix_exponential(a), by_series(a)) / allowed;
    REQUIRE(off <= 1);
    worst = std::max(worst, off);
  }
  MESSAGE("at most ", worst, " of the bound");
}

TEST_CASE("matrix_exponential: exp(A) exp(−A) = I, exp(Aᵀ) = exp(A)ᵀ, det exp(A) = exp(tr A)") {
  test::random rng(3);
  for (int i = 0; i < 50; ++i) {
    auto const n = static_cast<Eigen::Index>(1 + rng.below(8));
    matrix<double> const a = random_matrix(rng, n, 2);
    auto const e = matrix_exponential(a), back = matrix_exponential(-a);
    double const scale = static_cast<double>(n) * e.norm() * back.norm();
    CHECK((e * back - matrix<double>::Identity(n, n)).norm() < 24 * eps * scale);
    CHECK((matrix_exponential(a.transpose()) - e.transpose()).norm() < 24 * eps * scale);
    CHECK(std::fabs(e.determinant() / std::exp(a.trace()) - 1) < 48 * eps * scale);
  }
}

TEST_CASE("matrix_exponential: float and long double within their own ε") {
  test::random rng(4);
  for (int i = 0; i < 20; ++i) {
    matrix<double> const a = random_matrix(rng, 6, 3);
    auto const exact = by_series(a);
    double const scale = 4 * 6 * (1 + norm1(a)) * std::pow(static_cast<double>(exact.norm()), 2);
    CHECK(distance(matrix_exponential(a.cast<float>()), by_series(matrix<double>(a.cast<float>().cast<double>()))) <
          static_cast<double>(std::numeric_limits<float>::epsilon()) * scale);
    CHECK(distance(matrix_exponential(a.cast<long double>()), exact) <
          static_cast<double>(std::numeric_limits<long double>::epsilon()) * scale);
  }
}

TEST_CASE("matrix_exponential: nothing, one number, zeros, NaN and infinity; static is dynamic") {
  CHECK(matrix_exponential(matrix<double>(0, 0)).size() == 0);
  for (double const x : {-700.0, -20.0, -1.0, 0.0, 1e-300, 3.0, 300.0}) {
    CHECK(std::fabs(matrix_exponential(matrix<double>::Constant(1, 1, x))(0) / std::exp(x) - 1) <=
          4 * eps * (1 + std::fabs(x)));
  }
  CHECK(matrix_exponential(matrix<double>::Constant(1, 1, -1e308))(0) == 0);
  CHECK(matrix_exponential(matrix<double>::Zero(3, 3)) == matrix<double>::Identity(3, 3));
  for (double const bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    matrix<double> a = matrix<double>::Identity(3, 3);
    a(1, 2) = bad;
    CHECK(matrix_exponential(a).array().isNaN().all());
  }
  test::random rng(5);
  matrix<double, 3> const fixed = random_matrix(rng, 3, 5);
  CHECK((matrix_exponential(fixed) - matrix_exponential(matrix<double>(fixed))).norm() <=
        24 * eps * norm1(matrix_exponential(fixed)));
}

}  // namespace
