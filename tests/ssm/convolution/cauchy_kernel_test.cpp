// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/convolution/cauchy_kernel.hpp>
#include <mamba/ssm/convolution/fft_convolution.hpp>
#include <mamba/ssm/convolution/vandermonde_kernel.hpp>
#include <mamba/ssm/hippo/laguerre.hpp>
#include <mamba/ssm/hippo/low_rank.hpp>
#include <mamba/ssm/hippo/nplr.hpp>
#include <mamba/ssm/scan/recurrence.hpp>
#include <support/kernel_systems.hpp>
#include <support/largest.hpp>

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <string>

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
  return {{half.a.lambda, half.a.p, half.a.q}, half.b, half.c, half.d};
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
  return {{lambda, low, symmetric ? low : ssm::matrix<complex>(0.1 * test::random_entries<complex>(rng, n, r))},
          test::random_entries<complex>(rng, n, m),
          test::random_entries<complex>(rng, p, n),
          test::random_entries<double>(rng, p, m)};
}

/// How sensitive C̃ → C is: the condition number of I − Ā^L in the Frobenius norm. Fourier's missing sine never moves:
/// there it is infinite, and LU may give NaN.
template <class System>
double condition(System const& s, double delta, std::size_t L) {
  auto const dense = ssm::to_dense(ssm::bilinear(delta, s));
  ssm::matrix<complex> const a = dense.a_bar, one = ssm::matrix<complex>::Identity(a.rows(), a.rows());
  ssm::matrix<complex> const left = one - ssm::matrix_power(a, L);
  double const number = left.norm() * left.inverse().norm();
  return std::isnan(number) ? std::numeric_limits<double>::infinity() : number;
}

/// Largest |K_k − K′_k| over the largest |K_k|.
template <class A, class B>
double distance(A const& found, B const& expected) {
  REQUIRE(found.rows() == expected.rows());
  REQUIRE(found.cols() == expected.cols());
  REQUIRE(found.allFinite());  // a NaN is lost in a maximum
  REQUIRE(expected.allFinite());
  double const largest = test::largest(expected);
  REQUIRE(largest > 0);
  return test::largest(found - expected) / largest;
}

// Each r is a sum of N products, off by some (N + 4) ε of its terms; what cancels between r₀₀ and r₀₁(…)r₁₀ magnifies
// that by at most 2¹², nearer poles being left to the closed form: 8 (N + 4) 4096 ε = 5e-10 at N = 64. C̃ is off by
// N ε of C, times the condition number of I − Ā^L. The sum must stay below 1e-9.
TEST_CASE("cauchy_kernel: Cauchy = Krylov for HiPPO, rank 1 and 2, all modes and half, L odd and even") {
  test::random rng(1);
  double worst = 0, of_bound = 0;
  std::size_t cases = 0, largest_cases = 0;
  for (std::size_t const n : {2U, 16U, 64U}) {
    auto const check = [&](char const* name, ssm::transition<double> const& transition, ssm::matrix<double> const& p) {
      CAPTURE(name);
      CAPTURE(n);
      auto const half = hippo(transition, p, test::random_entries<double>(rng, 1, n));
      auto const all = ssm::all_modes(half);
      for (std::size_t const L : {1U, 2U, 3U, 63U, 64U, 128U, 1024U}) {
        CAPTURE(L);
        double const delta = L == 3 || L == 64 ? 0.1 : L == 1024 ? 1.0 / 1024 : 0.02;
        CAPTURE(delta);
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
          CHECK(test::largest(K.imag()) <= 1e-9 * test::largest(expected));
        }
        ++cases;
        largest_cases += L == 1024 && n == 64;
      }
    };
    check("legs", ssm::hippo_legs<double>(n), ssm::low_rank_legs<double>(n));
    check("legt", ssm::hippo_legt<double>(n), ssm::low_rank_legt<double>(n));
    check("lagt", ssm::hippo_lagt<double>(n), ssm::low_rank_lagt<double>(n));
    check("fourier", ssm::hippo_fourier<double>(n), ssm::low_rank_fourier<double>(n));  // λ = 0: the pole at ω = 1
    check("fourier2", ssm::hippo_fourier2<double>(n), ssm::low_rank_fourier2<double>(n));
  }
  CHECK(largest_cases == 5);
  MESSAGE(cases, " kernels, at most ", worst, " off, ", of_bound, " of the bound");
}

// Memories as long as the input: LegS over one second in 4096 steps, and modes of at least 0.9995. Neither grows: A +
// Aᴴ of LegS is at most −I, so that ‖Ā‖₂ < 1, and each of k steps carries its roundings on. Those are (N + 3) √N u of
// ‖h‖ at most, 4096·67·8 u = 2.4e-10 if all of them went one way; independent of each other, √(4096·67·64) u = 5e-13,
// and 1e-11 is twenty times that. The transforms add 12·2·(log₂ 8192 + 1) u ‖K‖₁ ‖x‖₂, 4e-14 of the products' sizes.
TEST_CASE("cauchy_kernel: the convolution is the recurrence where nothing decays, N = 64 and L = 4096") {
  test::random rng(8);
  constexpr std::size_t n = 64, L = 4096;
  constexpr double delta = 1.0 / 4096;
  using matrix = ssm::matrix<double>;
  matrix const x = test::random_entries<double>(rng, L, 1);
  auto const check = [&](std::string const& name, auto const& s, matrix const& K) {
    CAPTURE(name);
    REQUIRE(K.allFinite());
    CHECK(test::largest(K.bottomRows(64)) > 1e-3 * test::largest(K));
    auto h = ssm::zero_state(s);
    matrix const y = ssm::recurrence(s, h, x), direct = ssm::convolve(K, x) + x * s.d(0),
                 fast = ssm::fft_convolve(K, x) + x * s.d(0);
    double const off = (direct - y).norm() / y.norm(), off_fast = (fast - y).norm() / y.norm();
    MESSAGE(name, ": ", off, " by sums and ", off_fast, " by transforms");
    CHECK(off < 1e-11);
    CHECK(off_fast < 1e-11);
  };
  auto const legs = ssm::hippo_legs<double>(n);
  matrix const c = test::random_entries<double>(rng, 1, n);
  ssm::dense_system<double> const dense{legs.a, legs.b, c, matrix::Constant(1, 1, 0.5)};
  auto const stepped = ssm::bilinear(delta, dense);
  auto const krylov = ssm::krylov_kernel(stepped, L);
  check("dense", stepped, krylov);
  auto const half = hippo(legs, ssm::low_rank_legs<double>(n), c);
  auto const half_step = ssm::bilinear(delta, half);
  auto const cauchy = ssm::cauchy_kernel(half, delta, L);
  check("half, by stepping", half_step, ssm::krylov_kernel(half_step, L));
  check("half, Cauchy", half_step, cauchy);
  CHECK(distance(cauchy, krylov) <= 1e-9);
  auto turning = test::random_discrete_diagonal<modes::half>(rng, n, 1, 1);
  for (auto& a : turning.a_bar.lambda) {
    double const size = rng.uniform(0.9995, 1);
    a = std::polar(size, rng.uniform(0, 3));
  }
  check("diagonal", turning, ssm::vandermonde_kernel(turning, L));
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
TEST_CASE("cauchy_kernel: omega = -1 has its limit, and the roots near it tend to it") {
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
  s.a.lambda(0) = 0;                                                      // a pole at k = 0
  s.a.lambda(1) = complex(0, 2 * std::tan(pi * 4 / L) / 0.1 * 1.000001);  // nearly one at k = 4, its conjugate at 11
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

/// What the roundings of the four sums come to at the worst root, relative to the largest |K_k|: to first order,
///
///     e₀₀ + (e₀₁ |r₁₀| + |r₀₁| e₁₀)/|1 + r₁₁| + |r₀₁ r₁₀| e₁₁/|1 + r₁₁|²
///
/// with e the sums of the terms' sizes, each with the rounding of its difference g − Δλ. One input, one output, rank 1.
template <class Kernel>
double cancellation(system_of<modes::half> const& s, double delta, std::size_t L, Kernel const& K) {
  double most = 0;
  for (std::size_t k = 0; 2 * k < L; ++k) {
    double const tan = std::tan(pi * static_cast<double>(k) / static_cast<double>(L));
    complex r[4] = {};
    double e[4] = {};
    for (bool const mirrored : {false, true}) {
      complex const g(0, mirrored ? -2 * tan : 2 * tan);
      for (Eigen::Index n = 0; n < s.a.lambda.size(); ++n) {
        complex const apart = g - delta * s.a.lambda(n), q = std::conj(s.a.q(n));
        double const rounding = 1 + (std::abs(g) + delta * std::abs(s.a.lambda(n))) / std::abs(apart);
        complex const products[4] = {s.c(n) * s.b(n), s.c(n) * s.a.p(n), q * s.b(n), q * s.a.p(n)};
        for (int i = 0; i < 4; ++i) {
          complex const term = delta * products[i] / apart;
          r[i] += mirrored ? std::conj(term) : term;
          e[i] += std::abs(term) * rounding;
        }
      }
    }
    double const inner = std::abs(1.0 + r[3]);
    double const size =
        e[0] + (e[1] * std::abs(r[2]) + std::abs(r[1]) * e[2]) / inner + std::abs(r[1] * r[2]) * e[3] / (inner * inner);
    most = std::max(most, std::hypot(1, tan) * size);
  }
  return most / test::largest(K);
}

// In float each r is within (N + 4) ε of the sizes above, and C̃ within N ε of C, which the condition number of I − Ā^L
// magnifies, relative to what C and B could make at most; both count for the sum of two parts, real and imaginary.
TEST_CASE("cauchy_kernel: in float, within its own epsilon of double") {
  using narrow = std::complex<float>;
  test::random rng(9);
  for (std::size_t const L : {16U, 63U, 64U}) {
    auto wide = random_dplr<modes::half>(rng, 4, 1, 1, 1);
    ssm::dplr_system<narrow, dynamic, 1, 1, 1, modes::half> const single{
        {wide.a.lambda.cast<narrow>(), wide.a.p.cast<narrow>(), wide.a.q.cast<narrow>()},
        wide.b.cast<narrow>(),
        wide.c.cast<narrow>(),
        wide.d.cast<float>()};
    wide = {{single.a.lambda.cast<complex>(), single.a.p.cast<complex>(), single.a.q.cast<complex>()},
            single.b.cast<complex>(),
            single.c.cast<complex>(),
            single.d.cast<double>()};
    float const delta = 0.02F;
    ssm::matrix<double> const K = ssm::krylov_kernel(ssm::bilinear(static_cast<double>(delta), wide), L);
    ssm::matrix<double> const found = ssm::cauchy_kernel(single, delta, L).template cast<double>();
    double const lost =
        2 * delta * wide.c.norm() * wide.b.norm() / test::largest(K) * condition(wide, static_cast<double>(delta), L);
    double const cancelled = cancellation(wide, static_cast<double>(delta), L, K);
    double const bound = 2 * (8 + 4) * 1.2e-7 * (cancelled + lost);
    MESSAGE("L = ", L, ": ", distance(found, K), ", allowed ", bound, " = ", cancelled, " + ", lost);
    CHECK(bound < 0.02);
    CHECK(distance(found, K) <= bound);
  }
}

TEST_CASE("cauchy_kernel: no length, one state, real systems, static sizes, NaN") {
  test::random rng(7);
  CHECK(ssm::cauchy_kernel(random_dplr<modes::half>(rng, 3, 1, 1, 1), 0.1, 0).size() == 0);
  ssm::dplr_system<double, 2> const real{
      {ssm::vector<double, 2>{-1, -2}, ssm::vector<double, 2>{0.5, 0.25}, ssm::vector<double, 2>{0.5, 1}},
      ssm::vector<double, 2>{1, 1},
      ssm::matrix<double, 1, 2>{{1, -0.5}},
      ssm::matrix<double, 1>{{0}}};
  for (std::size_t const L : {1U, 2U, 9U, 32U}) {
    auto const K = ssm::cauchy_kernel(real, 0.1, L);
    static_assert(std::is_same_v<decltype(K)::Scalar, double>);
    CHECK(distance(K, ssm::krylov_kernel(ssm::bilinear(0.1, real), L)) <= 1e-12);
  }
  auto spoilt = random_dplr<modes::half>(rng, 3, 1, 1, 1);
  spoilt.b(1, 0) = complex(std::numeric_limits<double>::quiet_NaN(), 0);
  CHECK(ssm::cauchy_kernel(spoilt, 0.1, 8).hasNaN());
}

// A pivot of exactly 0: an integrator beside a mode that decays, one reached by B and one as Fourier's, which is not.
// At k = 0 the resolvent is NaN, but the kernel is not: C B for the first, nothing for the second.
TEST_CASE("cauchy_kernel: where the resolvent is NaN the kernel is krylov_kernel()") {
  for (double const reached : {1.0, 0.0}) {
    ssm::dplr_system<double, 2> const s{
        {ssm::vector<double, 2>{0, -1}, ssm::vector<double, 2>{0, 0.5}, ssm::vector<double, 2>{0, 0.5}},
        ssm::vector<double, 2>{reached, 1},
        ssm::matrix<double, 1, 2>{{2, -1}},
        ssm::matrix<double, 1>{{0}}};
    CHECK_FALSE(ssm::cauchy_at_root(ssm::absorb_power(s, 0.1, 16), 0.1, 0, 16).allFinite());
    auto const expected = ssm::krylov_kernel(ssm::bilinear(0.1, s), 16);
    CHECK(distance(ssm::cauchy_kernel(s, 0.1, 16), expected) <= 1e-12);
  }
}

// C̃ is off by some ε of C, and 1/(I − Ā) is 1/(Δ|α|): what the card allows for slow memories.
TEST_CASE("cauchy_kernel: a slow eigenvalue costs its digits and no more") {
  double worst = 0;
  for (double const alpha : {1e-2, 1e-4, 1e-6, 1e-8}) {
    ssm::dplr_system<double, 2> const s{
        {ssm::vector<double, 2>{-alpha, -1}, ssm::vector<double, 2>{0, 0.5}, ssm::vector<double, 2>{0, 0.5}},
        ssm::vector<double, 2>{1, 1},
        ssm::matrix<double, 1, 2>{{2, -1}},
        ssm::matrix<double, 1>{{0}}};
    for (std::size_t const L : {16U, 64U, 1000U}) {
      double const off = distance(ssm::cauchy_kernel(s, 0.1, L), ssm::krylov_kernel(ssm::bilinear(0.1, s), L));
      double const share = off / (1e-13 + 8 * eps / (0.1 * alpha));
      CHECK(share <= 1);
      worst = std::max(worst, share);
    }
  }
  MESSAGE("at most ", worst, " of what the card allows");
}

}  // namespace
