// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/cauchy_kernel.hpp>
#include <mamba/ssm/hippo_laguerre.hpp>
#include <mamba/ssm/low_rank.hpp>
#include <mamba/ssm/nplr.hpp>
#include <support/kernel_systems.hpp>

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>

namespace {

namespace ssm = mamba::ssm;
using mamba::dynamic;
using ssm::modes;
using complex = std::complex<double>;
constexpr double eps = std::numeric_limits<double>::epsilon();
constexpr double pi = 3.141592653589793;

/// Everything at run time, so that all tests share two types.
template <modes K>
using system_of = ssm::dplr_system<complex, dynamic, dynamic, dynamic, dynamic, K>;

/// Half of the modes of a HiPPO memory.
system_of<modes::half> hippo(ssm::transition<double> const& s, ssm::matrix<double> const& low_rank,
                             ssm::matrix<double> const& c) {
  auto const half = ssm::to_dplr(s, low_rank, c);
  return {half.lambda, half.p, half.q, half.b, half.c, half.d};
}

/// Modes with real parts in [−2, −½), imaginary ones to ±40, a correction of rank r with Q = P or not.
template <modes K>
system_of<K> random_dplr(test::random& rng, std::size_t n, std::size_t r, std::size_t m, std::size_t p,
                         bool symmetric = true) {
  ssm::vector<complex> lambda(ssm::index(n));
  for (auto& l : lambda) {
    double const re = rng.uniform(-2, -0.5);
    l = complex(re, rng.uniform(-40, 40));
  }
  auto const low = test::random_entries<complex>(rng, n, r);
  return {lambda,
          low,
          symmetric ? low : ssm::matrix<complex>(0.1 * test::random_entries<complex>(rng, n, r)),
          test::random_entries<complex>(rng, n, m),
          test::random_entries<complex>(rng, p, n),
          test::random_entries<double>(rng, p, m)};
}

/// How sensitive C̃ → C is: the condition number of I − Ā^L in the Frobenius norm.
template <class System>
double condition(System const& s, double delta, std::size_t L) {
  auto const dense = ssm::to_dense(ssm::bilinear(delta, s));
  ssm::matrix<complex> const a = dense.a_bar, one = ssm::matrix<complex>::Identity(a.rows(), a.rows());
  ssm::matrix<complex> const left = one - ssm::matrix_power(a, L);
  return left.norm() * left.inverse().norm();
}

/// Largest |K_k − K′_k| over the largest |K_k|.
template <class A, class B>
double distance(A const& found, B const& expected) {
  REQUIRE(found.rows() == expected.rows());
  REQUIRE(found.cols() == expected.cols());
  REQUIRE(found.allFinite());  // a NaN is lost in a maximum
  return (found - expected).cwiseAbs().maxCoeff() / expected.cwiseAbs().maxCoeff();
}

// Each r is a sum of N products, off by some (N + 4) ε of its terms; what cancels between r₀₀ and r₀₁(…)r₁₀ magnifies
// that by at most 2¹², nearer poles being left to the closed form: 8 (N + 4) 4096 ε = 5e-10 at N = 64. C̃ is off by
// N ε of C, which counts as often as the condition number of I − Ā^L says. The sum must stay below 1e-9.
TEST_CASE("cauchy_kernel: Cauchy = Krylov for HiPPO, rank 1 and 2, all modes and half, L odd and even") {
  test::random rng(1);
  double worst = 0, of_bound = 0;
  std::size_t cases = 0;
  for (std::size_t const n : {2U, 16U, 64U}) {
    auto const check = [&](char const* name, ssm::transition<double> const& transition, ssm::matrix<double> const& p) {
      CAPTURE(name);
      CAPTURE(n);
      auto const half = hippo(transition, p, test::random_entries<double>(rng, 1, n));
      auto const all = ssm::all_modes(half);
      for (std::size_t const L : {1U, 2U, 3U, 63U, 64U, 128U, 1024U}) {
        if (L == 1024 && n == 64 && cases % 3 != 0) continue;  // once is enough for the largest
        CAPTURE(L);
        double const delta = 0.02;
        auto const expected = ssm::krylov_kernel(ssm::bilinear(delta, half), L);
        double const off = distance(ssm::cauchy_kernel(half, delta, L), expected);
        double const bound = 8 * static_cast<double>(n + 4) * eps * (4096 + condition(half, delta, L));
        worst = std::max(worst, off);
        of_bound = std::max(of_bound, off / bound);
        CHECK(off <= std::min(bound, 1e-9));
        if (L <= 128) {
          auto const K = ssm::cauchy_kernel(all, delta, L);
          static_assert(std::is_same_v<typename decltype(K)::Scalar, complex>);
          CHECK(distance(K.real(), expected) <= std::min(bound, 1e-9));
          CHECK(K.imag().cwiseAbs().maxCoeff() <= 1e-9 * expected.cwiseAbs().maxCoeff());
        }
        ++cases;
      }
    };
    check("legs", ssm::hippo_legs<double>(n), ssm::low_rank_legs<double>(n));
    check("legt", ssm::hippo_legt<double>(n), ssm::low_rank_legt<double>(n));
    check("lagt", ssm::hippo_lagt<double>(n), ssm::low_rank_lagt<double>(n));
    check("fourier", ssm::hippo_fourier<double>(n), ssm::low_rank_fourier<double>(n));  // λ = 0: the pole at ω = 1
    check("fourier2", ssm::hippo_fourier2<double>(n), ssm::low_rank_fourier2<double>(n));
  }
  MESSAGE(cases, " kernels, at most ", worst, " off, ", of_bound, " of the bound");
}

// Rank 0 is no rank for Eigen; 1, 2 and 3 with P ≠ Q, several inputs and outputs.
TEST_CASE("cauchy_kernel: Cauchy = Krylov, several inputs and outputs, any rank, P and Q apart") {
  test::random rng(2);
  double worst = 0;
  for (std::size_t const r : {1U, 2U, 3U}) {
    for (std::size_t const L : {1U, 2U, 3U, 40U, 63U}) {
      auto const half = random_dplr<modes::half>(rng, 6, r, 2, 3, r == 1);
      auto const expected = ssm::krylov_kernel(ssm::bilinear(0.05, half), L);
      auto const K = ssm::cauchy_kernel(half, 0.05, L);
      REQUIRE(K.cols() == 6);
      worst = std::max(worst, distance(K, expected));
      CHECK(distance(K, expected) <= 1e-9);
      auto const all = random_dplr<modes::all>(rng, 5, r, 3, 2, r == 1);  // complex numbers of no pairs
      CHECK(distance(ssm::cauchy_kernel(all, 0.05, L), ssm::krylov_kernel(ssm::bilinear(0.05, all), L)) <= 1e-9);
    }
  }
  MESSAGE("at most ", worst, " off");
}

// C̃ (I + Ā)⁻¹ B̄ = ½ Δ C̃ B exactly: with the bilinear rule I + Ā = 2 (I − ½ΔA)⁻¹. The right side has no inverse, so
// the left side's condition number (below 100 here) times N ε of its size is what may lie between.
TEST_CASE("cauchy_kernel: omega = -1 has its limit, and the other roots run into it") {
  test::random rng(3);
  for (std::size_t const L : {2U, 4U, 64U, 1000U}) {
    auto const half = random_dplr<modes::half>(rng, 8, 2, 1, 1);
    auto const value = ssm::cauchy_at_root(half, 0.05, L / 2, L)(0, 0);
    CHECK(value.imag() == 0);
    CHECK(std::abs(value - 0.05 * (half.c * half.b)(0, 0).real()) <= 8 * 16 * eps);
    auto const closed = ssm::generating_function(ssm::to_dense(ssm::bilinear(0.05, half)), complex(-1))(0, 0);
    CHECK(std::abs(value - closed) <= 100 * 16 * 16 * eps);
  }
  // θ = π/2 − π/(2L) at k = (L−1)/2: K̂ is smooth there, and its distance to the limit falls as 1/L.
  auto const half = random_dplr<modes::half>(rng, 8, 1, 1, 1);
  double const limit = 0.05 * (half.c * half.b)(0, 0).real();
  double before = 0;
  for (std::size_t const L : {1001U, 10001U, 100001U, 1000001U}) {
    double const off = std::abs(ssm::cauchy_at_root(half, 0.05, (L - 1) / 2, L)(0, 0) - limit);
    if (before > 0) CHECK(off / before == doctest::Approx(0.1).epsilon(0.01));
    before = off;
  }
}

// Every value of the spectrum is the closed form's: at both sides of the circle, near a pole of R and on it.
TEST_CASE("cauchy_kernel: every root is the resolvent") {
  test::random rng(4);
  constexpr std::size_t L = 15;
  auto s = random_dplr<modes::half>(rng, 5, 2, 2, 1);
  s.lambda(0) = 0;                                                      // a pole at k = 0
  s.lambda(1) = complex(0, 2 * std::tan(pi * 4 / L) / 0.1 * 1.000001);  // nearly one at k = 4, its conjugate at 11
  auto const dense = ssm::to_dense(ssm::bilinear(0.1, s));
  for (std::size_t k = 0; k < L; ++k) {
    auto const omega = std::polar(1.0, -2 * pi * static_cast<double>(k) / static_cast<double>(L));
    auto const expected = ssm::generating_function(dense, omega);
    CHECK((ssm::cauchy_at_root(s, 0.1, k, L) - expected).norm() <= 1e-10 * expected.norm());
    complex const g = complex(0, 2 * std::tan(pi * static_cast<double>(k) / L));
    CHECK(ssm::near_a_pole(s, 0.1, g) == (k == 0 || k == 4 || k == 11));
  }
}

TEST_CASE("cauchy_kernel: sums over a Cauchy row by hand") {
  ssm::vector<complex> const v{{complex(1), complex(0, 2)}}, lambda{{complex(-1), complex(0, 1)}};
  CHECK(ssm::cauchy(v, complex(1), lambda) == complex(0.5) + complex(0, 2) / complex(1, -1));
  ssm::matrix<complex> const x{{complex(1), complex(2)}}, y{{complex(3)}, {complex(0, 1)}};
  auto const g = complex(0, 3);
  auto const all = ssm::cauchy(x, y, g, lambda);
  CHECK(std::abs(all(0, 0) - (3.0 / (g + 1.0) + complex(0, 2) / (g - complex(0, 1)))) <= 4 * eps);
  auto const half = ssm::cauchy<modes::half>(x, y, g, lambda);
  CHECK(std::abs(half(0, 0) - all(0, 0) - (3.0 / (g + 1.0) + complex(0, -2) / (g + complex(0, 1)))) <= 8 * eps);
}

// A layer trained through its convolution owns C̃. The recurrence needs C: then each output of the step is the
// convolution's. C̃ itself in its place is another layer.
TEST_CASE("cauchy_kernel: the step with the recovered C is the convolution, with C~ it is not") {
  test::random rng(5);
  constexpr std::size_t L = 100, n = 16;
  auto const learnt =
      hippo(ssm::hippo_legs<double>(n), ssm::low_rank_legs<double>(n), test::random_entries<double>(rng, 1, n));
  auto const K = ssm::cauchy_kernel_of_c_tilde(learnt, 0.01, L);
  auto const x = test::random_entries<double>(rng, L, 1);
  auto const worst_step = [&](auto const& system) {
    auto const step = ssm::bilinear(0.01, system);
    ssm::vector<complex> h = ssm::vector<complex>::Zero(n / 2);
    double worst = 0;
    for (Eigen::Index k = 0; k < static_cast<Eigen::Index>(L); ++k) {
      h = (ssm::advance(step, h) + step.b_bar * x.row(k).transpose()).eval();
      double y = 0;
      for (Eigen::Index j = 0; j <= k; ++j) y += K(j) * x(k - j);
      worst = std::max(worst, std::abs(ssm::output(step, h, x.row(k).transpose())(0) - y));
    }
    return worst;
  };
  // I − Ā^L has a condition number of 30 or so: N L ε of that, times Σ|K|.
  double const allowed = 100 * n * L * eps * K.cwiseAbs().sum();
  CHECK(worst_step(ssm::recover_c(learnt, 0.01, L)) <= allowed);
  CHECK(worst_step(learnt) > 1e6 * allowed);
  auto const there_and_back = ssm::recover_c(ssm::absorb_power(learnt, 0.01, L), 0.01, L);
  CHECK((there_and_back.c - learnt.c).norm() <= 100 * n * L * eps * learnt.c.norm());
}

// By the sum itself: L terms, each off by its angle's rounding and its own.
TEST_CASE("cauchy_kernel: the inverse Fourier transform, of lengths prime and not") {
  test::random rng(6);
  for (std::size_t const L : {0U, 1U, 2U, 3U, 7U, 12U, 64U, 97U}) {
    auto const X = test::random_entries<complex>(rng, L, 2);
    auto const x = ssm::inverse_fourier<double>(X);
    REQUIRE(x.rows() == X.rows());
    for (Eigen::Index j = 0; j < x.rows(); ++j) {
      for (Eigen::Index col = 0; col < 2; ++col) {
        complex sum = 0;
        for (Eigen::Index k = 0; k < x.rows(); ++k) {
          sum += X(k, col) * std::polar(1.0, 2 * pi * static_cast<double>((j * k) % x.rows()) / static_cast<double>(L));
        }
        CHECK(std::abs(x(j, col) - sum / static_cast<double>(L)) <= static_cast<double>(8 + L) * eps);
      }
    }
  }
}

TEST_CASE("cauchy_kernel: no length, one state, real systems, static sizes, float, NaN") {
  test::random rng(7);
  CHECK(ssm::cauchy_kernel(random_dplr<modes::half>(rng, 3, 1, 1, 1), 0.1, 0).size() == 0);
  ssm::dplr_system<double, 2> const real{ssm::vector<double, 2>{-1, -2},       ssm::vector<double, 2>{0.5, 0.25},
                                         ssm::vector<double, 2>{0.5, 1},       ssm::vector<double, 2>{1, 1},
                                         ssm::matrix<double, 1, 2>{{1, -0.5}}, ssm::matrix<double, 1>{{0}}};
  for (std::size_t const L : {1U, 2U, 9U, 32U}) {
    auto const K = ssm::cauchy_kernel(real, 0.1, L);
    static_assert(std::is_same_v<decltype(K)::Scalar, double>);
    CHECK(distance(K, ssm::krylov_kernel(ssm::bilinear(0.1, real), L)) <= 1e-12);
  }
  using narrow = std::complex<float>;
  auto const wide = random_dplr<modes::half>(rng, 4, 1, 1, 1);
  ssm::dplr_system<narrow, 4, 1, 1, 1, modes::half> const single{wide.lambda.cast<narrow>(), wide.p.cast<narrow>(),
                                                                 wide.q.cast<narrow>(),      wide.b.cast<narrow>(),
                                                                 wide.c.cast<narrow>(),      wide.d.cast<float>()};
  CHECK(distance(ssm::cauchy_kernel(single, 0.02F, 64), ssm::krylov_kernel(ssm::bilinear(0.02F, single), 64)) <=
        1e-9 / eps * 1.2e-7);
  auto spoilt = random_dplr<modes::half>(rng, 3, 1, 1, 1);
  spoilt.b(1, 0) = complex(std::numeric_limits<double>::quiet_NaN(), 0);
  CHECK(ssm::cauchy_kernel(spoilt, 0.1, 8).hasNaN());
}

}  // namespace
