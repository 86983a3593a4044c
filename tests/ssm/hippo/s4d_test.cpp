// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/convolution/krylov_kernel.hpp>
#include <mamba/ssm/convolution/vandermonde_kernel.hpp>
#include <mamba/ssm/discretize/discretize.hpp>
#include <mamba/ssm/hippo/s4d.hpp>

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

using row = ssm::matrix<complex, 1, dynamic>;
row ones(Eigen::Index n) { return row::Ones(1, n); }

TEST_CASE("s4d: the formulas, B = 1, no skip, half of the modes") {
  for (Eigen::Index const k : {1, 2, 32}) {
    auto const lin = ssm::s4d_lin(ones(k)), inv = ssm::s4d_inv(ones(k)), quad = ssm::s4d_quad(ones(k));
    double const N = 2 * static_cast<double>(k);
    for (Eigen::Index i = 0; i < k; ++i) {
      auto const n = static_cast<double>(i);
      CHECK(lin.a(i) == complex(-0.5, pi * n));
      CHECK(std::abs(inv.a(i) - complex(-0.5, N * (N - 2 * n - 1) / (pi * (2 * n + 1)))) <= 8 * eps * N * N);
      CHECK(std::abs(quad.a(i) - complex(-0.5, (4 * n * n + 4 * n + 1) / pi)) <= 8 * eps * (N + 1) * (N + 1));
      CHECK(inv.b(i) == complex(1));
    }
    CHECK(lin.d(0) == 0);
    CHECK(lin.c == ones(k));
  }
  ssm::matrix<double, 1, 5> const c{{1, 2, 3, 4, 5}};
  auto const real = ssm::s4d_real(c);
  CHECK(real.a.lambda == ssm::vector<double, 5>{-1, -2, -3, -4, -5});
  static_assert(decltype(real.a.lambda)::RowsAtCompileTime == 5);
}

// Four digits of the numbers that the S4 code has at N = 64.
TEST_CASE("s4d: Inv counts all N states") {
  auto const inv = ssm::s4d_inv(ones(32));
  CHECK(inv.a(0).imag() == doctest::Approx(1283.4).epsilon(4e-5));
  CHECK(inv.a(1).imag() == doctest::Approx(414.2).epsilon(2e-4));
}

// By the definition in S4D; and "inverse" means: as LegS falls. The fastest mode of LegS goes as N²/π.
TEST_CASE("s4d: LegS is the diagonal part of S4's LegS, and Inv is near it") {
  auto const legs = ssm::s4d_legs(ones(32));
  auto const form = ssm::nplr<modes::half>(ssm::hippo_legs<double>(64), ssm::low_rank_legs<double>(64));
  CHECK(legs.a.lambda == form.lambda);
  CHECK(legs.b == form.b);
  for (auto const& a : legs.a.lambda) CHECK(std::abs(a.real() + 0.5) <= 64 * 64 * eps);
  auto const inv = ssm::s4d_inv(ones(32));
  CHECK(std::abs(legs.a(31).imag() / inv.a(0).imag() - 1) < 0.02);
  CHECK(std::abs(legs.a(30).imag() / inv.a(1).imag() - 1) < 0.05);
}

using real_row = ssm::matrix<double, 1, dynamic>;

/// Kernels of S4-LegS and of its diagonal part with half of B, for the same real C: C e^{tA} B at t = 0, Δ, 2Δ, …, or,
/// of the zero-order hold, its integrals over each step.
enum class kernel { sampled, held };

ssm::sequence<double> legs_kernel(std::size_t N, real_row const& c, double delta, std::size_t L, kernel which) {
  auto const legs = ssm::hippo_legs<double>(N);
  auto s = ssm::zero_order_hold(delta, ssm::dense_system<double>{legs.a, legs.b, c, ssm::matrix<double, 1>::Zero()});
  if (which == kernel::sampled) s.b_bar = legs.b;
  return ssm::krylov_kernel(s, L);
}
ssm::sequence<double> s4d_kernel(std::size_t N, real_row const& c, double delta, std::size_t L, kernel which) {
  auto const form = ssm::nplr<modes::half>(ssm::hippo_legs<double>(N), ssm::low_rank_legs<double>(N));
  auto continuous = ssm::s4d_legs(row(c.cast<complex>() * form.v));
  continuous.b *= 0.5;
  auto s = ssm::zero_order_hold(delta, continuous);
  if (which == kernel::sampled) s.b_bar = continuous.b;
  return ssm::vandermonde_kernel(s, L);
}

double distance(ssm::sequence<double> const& found, ssm::sequence<double> const& expected) {
  return (found - expected).norm() / expected.norm();
}

ssm::sequence<double> running_sum(ssm::sequence<double> K) {
  for (Eigen::Index k = 1; k < K.size(); ++k) K(k) += K(k - 1);
  return K;
}

// S4D, Theorem 3: A + P Pᵀ feeds back ½ B Bᵀ h, and Bᵀ h is what LegS makes of x(t) itself; so half of B is enough, as
// far as N coefficients show x(t). The answer to a step tends to LegS's: its error halves, or better, where N doubles.
// The answer to a single impulse does not, in mean square: it ripples around LegS's, faster and faster but never less.
TEST_CASE("s4d: with half of B, S4D-LegS tends to S4-LegS in its step response, not in its kernel") {
  double before = 0;
  for (std::size_t const N : {16U, 32U, 64U}) {
    real_row c = real_row::Zero(1, ssm::index(N));
    c(0) = 1, c(1) = -0.5, c(3) = 0.25;
    auto const step = distance(running_sum(s4d_kernel(N, c, 0.005, 800, kernel::held)),
                               running_sum(legs_kernel(N, c, 0.005, 800, kernel::held)));
    auto const ripple =
        distance(s4d_kernel(N, c, 0.005, 800, kernel::sampled), legs_kernel(N, c, 0.005, 800, kernel::sampled));
    MESSAGE("N = ", N, ": step ", step, ", kernel ", ripple);
    if (before > 0) CHECK(before / step > 2);
    CHECK(ripple > 0.5);
    before = step;
  }
  CHECK(before < 0.002);
}

// softplus of the bias is Δ again: each side rounds a logarithm and an exponential, 3 ε of max(1, |bias|) in the bias
// being that many times the slope 1 − e^{−Δ} ≤ Δ in Δ, and some ε from here.
TEST_CASE("s4d: Mamba's A_log, Delta and bias") {
  auto const a_log = ssm::mamba_a_log<double, 16>();
  for (Eigen::Index n = 0; n < 16; ++n) {
    CHECK(std::abs(-std::exp(a_log(n)) + static_cast<double>(n + 1)) <= 4 * eps * static_cast<double>(n + 1));
  }
  CHECK(ssm::mamba_a_log<double>(16) == a_log);
  CHECK(std::abs(ssm::mamba_delta(0.0) - 1e-3) <= 16e-3 * eps);
  CHECK(std::abs(ssm::mamba_delta(1.0) - 0.1) <= 8 * 0.1 * eps);
  CHECK(std::abs(ssm::mamba_delta(0.5) - 0.01) <= 12 * 0.01 * eps);
  CHECK(ssm::mamba_delta(0.0, 1e-6, 0.1) == 1e-4);
  for (double const delta : {1e-4, 1e-3, 0.02, 0.1, 1.0, 30.0, 700.0}) {
    double const bias = ssm::mamba_delta_bias(delta);
    double const back = std::max(bias, 0.0) + std::log1p(std::exp(-std::abs(bias)));
    CHECK(std::abs(back - delta) <= (3 * std::max(1.0, std::abs(bias)) + 4) * eps * delta);
  }
  CHECK(std::isnan(ssm::mamba_delta_bias(std::numeric_limits<double>::quiet_NaN())));
}

TEST_CASE("s4d: Mamba's Delta and bias in float are within the bounds of their cards") {
  constexpr double narrow = std::numeric_limits<float>::epsilon();
  float const low = 1e-3F, high = 0.1F;
  double const logs = std::fabs(std::log(double{low})) + std::fabs(std::log(double{high}));
  for (int k = 0; k <= 100; ++k) {
    float const u = static_cast<float>(k) / 100;
    double const delta = ssm::mamba_delta(double{u}, double{low}, double{high});
    CHECK(std::fabs(double{ssm::mamba_delta(u, low, high)} - delta) <= (3 * logs + 2) * narrow * delta);
  }
  for (int k = -300; k <= 40; ++k) {
    auto const delta = static_cast<float>(std::exp(k / 10.0));
    double const bias = ssm::mamba_delta_bias(double{delta});
    CHECK(std::fabs(double{ssm::mamba_delta_bias(delta)} - bias) <= 3 * narrow * std::max(1.0, std::fabs(bias)));
  }
}

TEST_CASE("s4d: several outputs, static sizes, float") {
  ssm::matrix<std::complex<float>, 2, 3> const c = ssm::matrix<std::complex<float>, 2, 3>::Ones();
  auto const s = ssm::s4d_lin(c);
  static_assert(decltype(s.a.lambda)::RowsAtCompileTime == 3 && decltype(s.c)::RowsAtCompileTime == 2);
  CHECK(s.a(2).imag() == 2 * 3.14159265F);
  CHECK(s.d.size() == 2);
  CHECK(ssm::s4d_inv(row(1, 0)).a.lambda.size() == 0);
}

}  // namespace
