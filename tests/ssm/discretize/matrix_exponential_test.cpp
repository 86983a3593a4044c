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

TEST_CASE("matrix_exponential: a slow mode beside a fast one, diagonal, keeps its digits") {
  for (double const fast : {1e4, 1e16, 1e20, 1e300}) {
    auto const e = matrix_exponential(matrix<double>{{-1, 0}, {0, -fast}});
    CHECK(std::fabs(e(0, 0) - std::exp(-1.0)) <= eps);
    CHECK(std::fabs(e(1, 1) - std::exp(-fast)) <= eps * std::exp(-fast));
    CHECK((e(0, 1) == 0 && e(1, 0) == 0));
  }
  auto const single = matrix_exponential(matrix<float>{{-1, 0}, {0, -1e4F}});
  CHECK(std::fabs(single(0, 0) - std::exp(-1.0F)) <= std::numeric_limits<float>::epsilon());
  // Nor does one that overflows beside it.
  auto const grows = matrix_exponential(matrix<double>{{1000, 0}, {0, -1}});
  CHECK((std::isinf(grows(0, 0)) && grows(0, 1) == 0 && grows(1, 0) == 0));
  CHECK(std::fabs(grows(1, 1) - std::exp(-1.0)) <= eps);
}

/// The Error line of the card for triangular matrices: N ε (4 + log₂(1 + ‖A‖)), of exp(M) entry by entry.
template <class T>
double triangular_card(matrix<T> const& a) {
  double const steps = 4 + std::log2(1 + static_cast<double>(norm1(a)));
  return static_cast<double>(a.rows()) * static_cast<double>(std::numeric_limits<T>::epsilon()) * steps;
}

/// exp of [a, b; 0, c] has b (eᵃ − eᶜ)/(a − c) beside the diagonal, here without cancellation.
long double beside(long double a, long double b, long double c) {
  auto const [low, high] = std::minmax(a, c);
  return low == high ? b * std::exp(high) : b * std::exp(high) * std::expm1(low - high) / (low - high);
}

TEST_CASE_TEMPLATE("matrix_exponential: triangular 2 × 2, stiff or not, entry by entry", T, float, double) {
  test::random rng(6);
  double worst = 0;
  for (int i = 0; i < 2000; ++i) {
    auto const draw = [&] { return static_cast<T>(rng.normal() * std::exp(rng.uniform(-10, i % 2 == 0 ? 2 : 35))); };
    T const a = -std::fabs(draw()), c = i % 5 == 0 ? a : -std::fabs(draw()), b = draw();
    matrix<T> const upper{{a, b}, {0, c}};
    long double const exact = beside(a, b, c);
    if (std::fabs(exact) < static_cast<long double>(std::numeric_limits<T>::min()) * 4) continue;
    for (auto const& e : {matrix_exponential(upper), matrix<T>(matrix_exponential(upper.transpose()).transpose())}) {
      CHECK(e(1, 0) == 0);
      REQUIRE(std::fabs(e(0, 0) - std::exp(a)) <= std::numeric_limits<T>::epsilon() * std::exp(a));
      REQUIRE(std::fabs(e(1, 1) - std::exp(c)) <= std::numeric_limits<T>::epsilon() * std::exp(c));
      double const off = static_cast<double>(std::fabs(e(0, 1) / exact - 1)) / triangular_card(upper);
      REQUIRE(off <= 1);
      worst = std::max(worst, off);
    }
  }
  MESSAGE("at most ", worst, " of the card");
}

/// exp(A) = V exp(Λ) V⁻¹ of a lower triangular A whose diagonal entries are far apart, in extended precision: the
/// eigenvectors come by forward substitution.
matrix<long double> by_eigenvectors(matrix<double> const& a) {
  auto const n = a.rows();
  matrix<long double> v = matrix<long double>::Identity(n, n), scaled;
  for (Eigen::Index k = 0; k < n; ++k) {
    for (Eigen::Index i = k + 1; i < n; ++i) {
      long double sum = 0;
      for (Eigen::Index j = k; j < i; ++j) sum += static_cast<long double>(a(i, j)) * v(j, k);
      v(i, k) = sum / (static_cast<long double>(a(k, k)) - static_cast<long double>(a(i, i)));
    }
  }
  scaled = v;
  for (Eigen::Index k = 0; k < n; ++k) scaled.col(k) *= std::exp(static_cast<long double>(a(k, k)));
  for (Eigen::Index k = n - 1; k >= 0; --k) {  // times V⁻¹, from the right
    for (Eigen::Index j = k - 1; j >= 0; --j) scaled.col(j) -= scaled.col(k) * v(k, j);
  }
  return scaled;
}

TEST_CASE("matrix_exponential: triangular and stiff, in any order of the states") {
  test::random rng(7);
  double worst = 0;
  for (int i = 0; i < 100; ++i) {
    auto const n = static_cast<Eigen::Index>(2 + rng.below(6));
    matrix<double> a = matrix<double>::Zero(n, n), m = a;
    for (Eigen::Index r = 0; r < n; ++r) {
      a(r, r) = -std::pow(1000.0, static_cast<double>(r) + rng.uniform(-0.2, 0.2)) / 30;
      for (Eigen::Index c = 0; c < r; ++c) a(r, c) = rng.normal() * (i % 2 == 0 ? 1 : -a(r, r));
    }
    m = a.cwiseAbs();
    m.diagonal() = a.diagonal();
    auto const exact = by_eigenvectors(a), scale = by_eigenvectors(m);
    Eigen::PermutationMatrix<Eigen::Dynamic> order(static_cast<int>(n));
    order.setIdentity();
    for (Eigen::Index r = n - 1; r > 0; --r)
      std::swap(order.indices()(r),
                order.indices()(static_cast<Eigen::Index>(rng.below(static_cast<std::size_t>(r) + 1))));
    matrix<double> const mixed = order * a * order.transpose();
    matrix<double> const found = order.transpose() * matrix_exponential(mixed) * order;
    for (Eigen::Index r = 0; r < n; ++r) {
      for (Eigen::Index c = 0; c < n; ++c) {
        if (c > r) CHECK(found(r, c) == 0);
        if (c > r || scale(r, c) < 1e-300L) continue;
        double const off = static_cast<double>(std::fabs(found(r, c) - exact(r, c)) / scale(r, c)) / triangular_card(a);
        REQUIRE(off <= 1);
        worst = std::max(worst, off);
      }
    }
  }
  MESSAGE("at most ", worst, " of the card");
}

TEST_CASE("matrix_exponential: blocks that turn beside a fast mode, and couple to it") {
  test::random rng(8);
  for (double const fast : {1e2, 1e8, 1e17}) {
    double const turn = rng.uniform(0.1, 3), b = rng.normal();
    // The fast state follows the slow ones: its last row is b ∫ e^(−fast (1 − s)) cos, sin ds = b Re, Im of
    // (e^(i turn) − e^(−fast))/(i turn + fast).
    matrix<double> const a{{0, -turn, 0}, {turn, 0, 0}, {b, 0, -fast}};
    auto const e = matrix_exponential(a);
    complex const follows = b * (std::exp(complex(0, turn)) - std::exp(-fast)) / complex(fast, turn);
    double const allowed = 3 * eps * (4 + std::log2(1 + fast)) * (1 + turn);
    CHECK(std::fabs(e(0, 0) - std::cos(turn)) <= allowed);
    CHECK(std::fabs(e(1, 0) - std::sin(turn)) <= allowed);
    CHECK((e(0, 2) == 0 && e(1, 2) == 0));
    CHECK(std::fabs(e(2, 0) - follows.real()) <= allowed * std::fabs(b) / fast);
    CHECK(std::fabs(e(2, 1) + follows.imag()) <= allowed * std::fabs(b) / fast);
  }
}

TEST_CASE("matrix_exponential: where no digit is certain, every entry is NaN") {
  double const fast = 1e16;  // rotated by 45°: an ε of the sum of both rates is more than the slow one
  matrix<double> const full{{-(1 + fast) / 2, (1 - fast) / 2}, {(1 - fast) / 2, -(1 + fast) / 2}};
  CHECK(matrix_exponential(full).array().isNaN().all());
  CHECK(matrix_exponential(matrix<float>(full.cast<float>() * 1e-9F)).array().isNaN().all());
  matrix<double> within = matrix<double>::Zero(3, 3);
  within.topLeftCorner(2, 2) = full;
  CHECK(matrix_exponential(within).array().isNaN().all());
  // Within precision both rates are there: the slow one, 1e-10 of the fast one, has lost 33 of its 53 bits.
  matrix<double> const less{{-(1 + 1e10) / 2, (1 - 1e10) / 2}, {(1 - 1e10) / 2, -(1 + 1e10) / 2}};
  CHECK(std::fabs(matrix_exponential(less)(0, 0) - std::exp(-1.0) / 2) <= 8 * eps * (1 + 1e10) * std::exp(-1.0));
}

}  // namespace
