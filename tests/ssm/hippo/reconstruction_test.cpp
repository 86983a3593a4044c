// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/hippo/reconstruction.hpp>
#include <mamba/ssm/hippo/state.hpp>

#include <Eigen/LU>
#include <support/flow.hpp>
#include <support/largest.hpp>
#include <support/random.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

namespace {

using mamba::dynamic;
using mamba::ssm::index;
using mamba::ssm::matrix;
using mamba::ssm::transition;
using mamba::ssm::vector;

constexpr double eps = std::numeric_limits<double>::epsilon();
constexpr double pi = std::numbers::pi;
using signal = std::function<double(double)>;
using history = std::function<vector<double>(double)>;

/// (1/θ) ∫₀^θ x(t − τ) w(τ) dτ for a polynomial x, exactly: what the state of a window should be.
vector<double> window(signal const& x, double t, double theta, history const& w) {
  static auto const gauss = mamba::ssm::gauss_legendre<double>(40);
  vector<double> sum = vector<double>::Zero(w(0).size());
  for (Eigen::Index q = 0; q < 40; ++q) {
    double const tau = theta * (1 + gauss.nodes(q)) / 2;
    sum += gauss.weights(q) / 2 * x(t - tau) * w(tau);
  }
  return sum;
}

/// h' = A h + B x from rest, by Runge and Kutta's fourth order.
vector<double> drive(transition<double> const& s, signal const& x, double from, double to, int steps) {
  vector<double> h = vector<double>::Zero(s.b.size());
  double const dt = (to - from) / steps;
  for (int k = 0; k < steps; ++k) {
    double const t = from + dt * k, middle = x(t + dt / 2);
    vector<double> const k1 = s.a * h + s.b * x(t), k2 = s.a * (h + dt / 2 * k1) + s.b * middle;
    vector<double> const k3 = s.a * (h + dt / 2 * k2) + s.b * middle, k4 = s.a * (h + dt * k3) + s.b * x(t + dt);
    h += dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4);
  }
  return h;
}

/// Root mean square of x(t − τ) − w(τ)·h over ages from 0 to theta.
double rms_error(vector<double> const& h, signal const& x, double t, double theta, history const& w) {
  std::vector<double> ages(2000);
  for (std::size_t i = 0; i < ages.size(); ++i) ages[i] = theta * (static_cast<double>(i) + 0.5) / 2000;
  auto const found = mamba::ssm::reconstruct(h, ages, w);
  double sum = 0;
  for (std::size_t i = 0; i < ages.size(); ++i) sum += std::pow(found(index(i)) - x(t - ages[i]), 2);
  return std::sqrt(sum / 2000);
}

// Each of N terms of a coefficient and of the sum is a product with polynomials of √(2n+1) (n+1) ε, and the age's
// rounding counts n (n+1) times more: N⁴ ε over all.
TEST_CASE("reconstruction: a polynomial of degree N − 1 comes back, of every age") {
  test::random rng(1);
  for (std::size_t const n : {1U, 2U, 9U, 20U}) {
    vector<double> p(index(n));
    for (double& v : p) v = rng.uniform(-1, 1);
    double const t = 2.5, allowed = 8 * std::pow(static_cast<double>(n), 4) * eps;
    signal const x = [&](double s) { return p.dot(mamba::ssm::legendre<double>(s / 3, n)); };
    history const legs = [&](double tau) { return mamba::ssm::legs_history<double>(t, tau, n); };
    vector<double> const h = window(x, t, t, legs);
    history const lmu = [&](double tau) { return mamba::ssm::lmu_history<double>(t, tau, n); };
    vector<double> g = h.cwiseProduct(mamba::ssm::legendre_norms<double>(n));
    for (Eigen::Index i = 1; i < g.size(); i += 2) g(i) = -g(i);
    for (double const tau : {0.0, 1e-3, 0.7, 2.0, 2.5}) {
      CHECK(std::fabs(legs(tau).dot(h) - x(t - tau)) <= allowed);
      CHECK(std::fabs(lmu(tau).dot(g) - x(t - tau)) <= allowed);
    }
  }
}

// For such inputs the windows do not approximate: what leaves is given by the N coefficients. The coefficients h(t) of
// a moving window then solve h' = A h + B x exactly, where h' are those of x'. Roundings: N⁴ ε as above, times ‖A‖ ≤
// N².
TEST_CASE("reconstruction: on polynomials LegT, LMU and LegS are exact, the differential equation holds") {
  test::random rng(2);
  for (std::size_t const n : {1U, 2U, 6U, 12U}) {
    vector<double> p(index(n));
    for (double& v : p) v = rng.uniform(-1, 1);
    double const t = 1.75, theta = 1.5, allowed = 16 * std::pow(static_cast<double>(n), 6) * eps;
    signal const x = [&](double s) { return p.dot(mamba::ssm::legendre<double>(s / 3, n)); };
    signal const slope = [&](double s) { return p.dot(mamba::ssm::legendre_slopes<double>(s / 3, n)) / 3; };
    history const legt = [&](double tau) { return mamba::ssm::legt_history<double>(theta, tau, n); };
    auto const residual = [&](transition<double> const& s, vector<double> const& h, vector<double> const& rate) {
      return (s.a * h + s.b * x(t) - rate).norm();
    };
    vector<double> const h = window(x, t, theta, legt), rate = window(slope, t, theta, legt);
    CHECK(residual(mamba::ssm::rescale_time(mamba::ssm::hippo_legt<double>(n), theta), h, rate) <= allowed);
    CHECK(residual(mamba::ssm::rescale_time(mamba::ssm::hippo_legt_window_2<double>(n), theta / 2), h, rate) <=
          allowed);
    vector<double> to_lmu = mamba::ssm::legendre_norms<double>(n);
    for (Eigen::Index i = 1; i < to_lmu.size(); i += 2) to_lmu(i) = -to_lmu(i);
    CHECK(residual(mamba::ssm::rescale_time(mamba::ssm::hippo_lmu<double>(n), theta), to_lmu.cwiseProduct(h),
                   to_lmu.cwiseProduct(rate)) <= std::sqrt(2.0 * double(n)) * allowed);
    // LegS: t h'(t) are the coefficients of s x'(s) on [0, t].
    history const legs = [&](double tau) { return mamba::ssm::legs_history<double>(t, tau, n); };
    vector<double> const grown = window([&](double s) { return s * slope(s); }, t, t, legs);
    CHECK(residual(mamba::ssm::hippo_legs<double>(n), window(x, t, t, legs), grown) <= allowed);
  }
}

// The same for the Fourier windows and a sum of waves with whole numbers of turns: x(t − θ) = x(t), and h' = M h. The
// mean over the window is exact with equally spaced samples.
TEST_CASE("reconstruction: on waves that fit the window the Fourier states are exact, and come back") {
  constexpr std::size_t n = 16;
  for (double const theta : {1.0, 2.0}) {
    signal const x = [&](double t) {
      return 0.5 + std::cos(2 * pi * 3 * t / theta) - 2 * std::sin(2 * pi * 7 * t / theta);
    };
    history const w = [&](double tau) { return mamba::ssm::fourier_history<double>(theta, tau, n); };
    double const t = 0.3;
    vector<double> h = vector<double>::Zero(n);
    for (int k = 0; k < 64; ++k) h += x(t - theta * k / 64) / 64 * w(theta * k / 64);
    for (double const tau : {0.0, 0.11, 0.5, 0.9})
      CHECK(std::fabs(w(theta * tau).dot(h) - x(t - theta * tau)) <= 64 * 16 * eps);
    vector<double> const turned = mamba::ssm::fourier_turns<double>(2 * pi / theta, n) * h;
    auto const residual = [&](transition<double> const& s) { return (s.a * h + s.b * x(t) - turned).norm(); };
    double const allowed = 64 * 16 * eps * 50;  // ‖A‖ < 50
    if (theta == 1) {
      CHECK(residual(mamba::ssm::hippo_fourier2<double>(n)) <= allowed);
    } else {
      CHECK(residual(mamba::ssm::hippo_fourier<double>(n)) <= allowed);
      CHECK(residual(mamba::ssm::hippo_fourier_decay<double>(n)) <= allowed);
    }
  }
}

// For measures without a window nothing is approximated in the state: h = ∫ x(t − τ) e^{Aτ} B dτ. The weights are what
// is biorthogonal to these kernels: then each w_j, taken as a past, gives the state e_j. With τ = e^v the integrand is
// analytic for |Im v| < π/2 and dies at both ends: the trapezoid rule with steps of 1/20 is off by e^{−20 π²} or so.
TEST_CASE("reconstruction: ∫ (e^{Aτ} B)_n w_j(τ) dτ is 1 for n = j and 0 otherwise") {
  constexpr std::size_t n = 6;
  double most = 0;
  auto const check = [&](transition<double> const& s, history const& w) {
    matrix<double> gram = matrix<double>::Zero(n, n);
    vector<double> kernel = s.b;
    double before = 0, size = 0;
    for (int k = -40 * 20; k <= 5 * 20; ++k) {
      double const tau = std::exp(k / 20.0);
      kernel = test::flow<double>(s.a, tau - before, kernel);
      vector<double> const weights = tau / 20 * w(tau);
      gram += kernel * weights.transpose();
      size += kernel.norm() * weights.norm();
      before = tau;
    }
    // 900 flows with the roundings of as many steps more; glagt's stretches by λ's range, here below 3.
    double const allowed =
        3 * (test::flow_error<double>(s.a, before, size) + 900 * test::flow_error<double>(s.a, 0, size));
    double const off = (gram - matrix<double>::Identity(n, n)).norm();
    most = std::max(most, off / allowed);
    CHECK(off <= allowed);
    CHECK(allowed < 1e-7);
  };
  for (double const beta : {1.0, 0.5}) {
    check(mamba::ssm::hippo_lagt<double>(n, beta),
          [&](double tau) { return mamba::ssm::lagt_history<double>(tau, beta, n); });
    check(mamba::ssm::hippo_tlagt<double>(n, beta),
          [&](double tau) { return mamba::ssm::tlagt_history<double>(tau, beta, n); });
    for (double const alpha : {0.0, 0.5}) {
      check(mamba::ssm::hippo_glagt<double>(n, alpha, beta),
            [&](double tau) { return mamba::ssm::glagt_history<double>(tau, alpha, beta, n); });
    }
  }
  check(mamba::ssm::hippo_legs<double>(n), [](double tau) { return mamba::ssm::warped_legs_history<double>(tau, n); });
  MESSAGE("at most ", most, " of what is allowed");
}

/// exp(−s)'s Padé approximant with a numerator of degree N − 1 and a denominator of degree N.
double pade_of_delay(double s, std::size_t n) {
  auto const N = static_cast<double>(n);
  double above = 0, below = 0, p = 1, q = 1;
  for (double j = 0; j <= N; ++j) {
    above += p, below += q;
    p *= -s * (N - 1 - j) / ((2 * N - 1 - j) * (j + 1));
    q *= s * (N - j) / ((2 * N - 1 - j) * (j + 1));
  }
  return above / below;
}

// LMU began as the best rational approximation of a delay: exactly. H(s) = C (sI − A)⁻¹ B is solved with a condition
// number that is at most (s + ‖A‖)‖(sI − A)⁻¹‖, and is checked here to be below 1e4.
TEST_CASE("reconstruction: read at the far end of its window, LegT is the Padé approximant of the delay e^{−sθ}") {
  double const theta = 0.5;
  CHECK(std::fabs(pade_of_delay(2, 1) - 1.0 / 3) <= 2 * eps);                  // 1/(1 + s)
  CHECK(std::fabs(pade_of_delay(3, 2) - (1 - 1) / (1 + 2 + 1.5)) <= 2 * eps);  // (1 − s/3)/(1 + 2s/3 + s²/6)
  for (std::size_t const n : {1U, 2U, 5U, 9U}) {
    for (auto const& system :
         {mamba::ssm::with_output(
              matrix<double, 1, dynamic>(mamba::ssm::legt_history<double>(theta, theta, n).transpose()),
              mamba::ssm::rescale_time(mamba::ssm::hippo_legt<double>(n), theta)),
          mamba::ssm::with_output(
              matrix<double, 1, dynamic>(mamba::ssm::lmu_history<double>(theta, theta, n).transpose()),
              mamba::ssm::rescale_time(mamba::ssm::hippo_lmu<double>(n), theta))}) {
      for (double const s : {0.25, 2.0, 7.0}) {
        matrix<double> const resolvent =
            (s * matrix<double>::Identity(index(n), index(n)) - system.a).partialPivLu().inverse();
        double const condition = (s + system.a.norm()) * resolvent.norm();
        REQUIRE(condition < 1e4);
        double const found = (system.c * resolvent * system.b).value();
        double const size = system.c.norm() * resolvent.norm() * system.b.norm();
        CHECK(std::fabs(found - pade_of_delay(s * theta, n)) <= 8 * double(n) * eps * condition * size);
      }
    }
  }
}

/// The error of a hippo_state of n coefficients after x on [0, 1] in steps held at their middles.
double legs_error(signal const& x, std::size_t n, int steps = 1024) {
  mamba::ssm::hippo_state<double> state(n);
  for (int k = 0; k < steps; ++k) state.zero_order_hold(1.0 / steps, x((k + 0.5) / steps));
  return rms_error(state.coefficients(), x, 1, 1,
                   [&](double tau) { return mamba::ssm::legs_history<double>(1.0, tau, n); });
}

// HiPPO's proposition 6: at most N^{−k+½} with k bounded derivatives. The Legendre coefficients of a function
// whose k-th derivative jumps fall as n^{−k−1}, and the root of the sum of their squares from N on as N^{−k−½}: what is
// measured is one power better than what is promised, and for a jump (k = 0), of which nothing is promised, N^{−½}.
TEST_CASE("reconstruction: the error of LegS falls as N^{−k−½} when the k-th derivative jumps") {
  auto const slope = [](std::function<double(std::size_t)> const& error) { return std::log2(error(32) / error(64)); };
  auto const check = [](std::string const& input, double found, double k) {
    MESSAGE(input, ": the error falls with the power ", -found, " of N, promised is ", 0.5 - k);
    CHECK(std::fabs(found - (k + 0.5)) <= 0.1);
    CHECK(found >= k - 0.5);
  };
  check("a jump", slope([](auto n) { return legs_error([](double s) { return s < 0.5 ? -1 : 1; }, n); }), 0);
  check("a kink", slope([](auto n) { return legs_error([](double s) { return std::fabs(s - 0.5); }, n); }), 1);
  // Errors of 1e-6 are below those of a held input: here the state is the exact one, two polynomial halves by Gauss.
  signal const cube = [](double s) { return std::pow(std::fabs(s - 0.5), 3); };
  check("a kink of the second derivative", slope([&](auto n) {
          history const w = [=](double tau) { return mamba::ssm::legs_history<double>(1.0, tau, n); };
          history const old = [=](double tau) { return w(tau + 0.5); };
          return rms_error((window(cube, 1, 0.5, w) + window(cube, 0.5, 0.5, old)) / 2, cube, 1, 1, w);
        }),
        3);
}

// 1/(1 + 25 y²) has its poles at y = ±i/5, on the ellipse with foci ±1 and half axes' sum ρ = 1/5 + √(1 + 1/25): the
// coefficients fall as ρ^{−n}. 2048 held steps have errors of 1e-6, a fifth of a percent of those at N = 32.
TEST_CASE(
    "reconstruction: for analytic inputs the error of LegS falls exponentially, at the rate of the nearest pole") {
  signal const runge = [](double s) { return 1 / (1 + 25 * std::pow(2 * s - 1, 2)); };
  double const rate = std::log(legs_error(runge, 16, 2048) / legs_error(runge, 32, 2048)) / 16;
  double const expected = std::log(0.2 + std::sqrt(1.04));
  MESSAGE("a state more divides the error by ", std::exp(rate), ", in theory ", std::exp(expected));
  CHECK(std::fabs(rate - expected) <= 0.02 * expected);
}

// A past of two smooth bumps. What leaves LegT's window is as smooth as what enters: exponential again. A Fourier
// series needs x(t) = x(t − 1), which is not so here.
TEST_CASE("reconstruction: a window of LegT represents smooth inputs far better than one of Fourier") {
  signal const x = [](double t) {
    return std::exp(-std::pow(t - 0.2, 2) / 0.02) - 0.5 * std::exp(-std::pow(t - 0.7, 2) / 0.01);
  };
  std::array<double, 3> legt{}, fourier{};
  for (std::size_t i = 0; i < 3; ++i) {
    std::size_t const n = 16 + 8 * i;
    legt[i] = rms_error(drive(mamba::ssm::hippo_legt<double>(n), x, -1, 1, 6000), x, 1, 1,
                        [&](double tau) { return mamba::ssm::legt_history<double>(1.0, tau, n); });
    fourier[i] = rms_error(drive(mamba::ssm::hippo_fourier2<double>(n), x, -1, 1, 6000), x, 1, 1,
                           [&](double tau) { return mamba::ssm::fourier_history<double>(1.0, tau, n); });
    MESSAGE("N = ", n, ": LegT is off by ", legt[i], ", Fourier by ", fourier[i]);
  }
  CHECK(legt[0] > 10 * legt[1]);
  CHECK(legt[1] > 10 * legt[2]);
  CHECK(fourier[0] > fourier[1]);
  CHECK(fourier[1] > fourier[2]);
  CHECK(fourier[2] > 100 * legt[2]);
}

// A bump of width 0.1, looked at when it is one unit old, and again two units later: the window of length 2 has then
// lost it, and the fading one has a third of it left. Cut series approach this at the rate 1/N² (e eᵀ cuts at each end
// 1/N).
TEST_CASE("reconstruction: hippo_fourier is zero after its window, hippo_fourier_decay keeps ⅔, 2/9, …") {
  signal const bump = [](double t) { return std::exp(-t * t / 0.01); };
  auto const seen = [&](transition<double> const& s, double age) {
    vector<double> const h = drive(s, bump, -1, age, static_cast<int>(3000 * (age + 1)));
    return mamba::ssm::fourier_history<double>(2.0, 1.0, mamba::ssm::size(h.size())).dot(h);
  };
  double previous = 1;
  for (std::size_t const n : {32U, 64U}) {
    auto const window = mamba::ssm::hippo_fourier<double>(n), decay = mamba::ssm::hippo_fourier_decay<double>(n);
    std::array<double, 4> const off{seen(window, 1) - 1, seen(window, 3), seen(decay, 1) - 2.0 / 3,
                                    seen(decay, 3) - 2.0 / 9};
    double const worst = std::fabs(
        *std::max_element(off.begin(), off.end(), [](double a, double b) { return std::fabs(a) < std::fabs(b); }));
    MESSAGE("N = ", n, ": worst difference ", worst);
    CHECK(worst <= 1 / static_cast<double>(n));
    CHECK(worst <= 0.35 * previous);
    previous = worst;
  }
}

// Laguerre functions are orthonormal, so that ‖x − reconstruction‖² = ‖x‖² − ‖h‖² (Parseval). Both integrals are
// trapezoid sums over functions that are smooth and dead at both ends; RK4's own error is (‖A‖ dt)⁴ or so.
TEST_CASE("reconstruction: LagT's error is what its state lacks") {
  signal const x = [](double t) { return std::exp(-std::pow(t + 6, 2) / 0.5); };
  double before = 1;
  for (std::size_t const n : {4U, 8U, 16U}) {
    vector<double> const h = drive(mamba::ssm::hippo_lagt<double>(n), x, -12, 0, 6000);
    double const step = 0.02;
    double error = 0, size = 0;
    for (double tau = 0; tau < 120; tau += step) {
      double const exact = x(-tau), found = mamba::ssm::lagt_history<double>(tau, 1.0, n).dot(h);
      double const weight = tau == 0 ? step / 2 : step;
      error += weight * (found - exact) * (found - exact);
      size += weight * exact * exact;
    }
    double const lacking = size - h.squaredNorm();
    MESSAGE("N = ", n, ": off by ", std::sqrt(error / size), " of the input");
    // The reconstruction at age 0 is not flat: the trapezoid's end error, step²/12 times a slope of r² below N² max h².
    double const end = step * step / 12 * 2 * double(n * n) * h.squaredNorm();
    CHECK(std::fabs(error - lacking) <= end);
    CHECK(end < 0.1 * error);
    CHECK(error < before);
    before = error;
  }
}

TEST_CASE("reconstruction: with_output the weights of an age, a system's output is its input of that age") {
  auto const legt = mamba::ssm::rescale_time(mamba::ssm::hippo_legt<double, 4>(), 2.0);
  vector<double, 4> const w = mamba::ssm::legt_history<double, 4>(2.0, 1.25), h{0.5, -1, 2, 0.25};
  auto const system = mamba::ssm::with_output(w.transpose(), legt);
  std::array<double, 2> const ages{0.0, 1.25};
  auto const past =
      mamba::ssm::reconstruct(h, ages, [](double tau) { return mamba::ssm::legt_history<double, 4>(2.0, tau); });
  CHECK(std::fabs(output(system, h, vector<double, 1>(9.0))(0) - past(1)) <= 4 * eps * w.norm() * h.norm());
}

TEST_CASE("reconstruction: the weights of an age in float are within the bounds of their cards") {
  namespace ssm = mamba::ssm;
  constexpr double narrow = std::numeric_limits<float>::epsilon();
  float const theta = 3;
  for (std::size_t const n : {1U, 8U, 64U}) {
    vector<double> plain(index(n)), normalised(index(n)), waves(index(n));
    for (int step = 1; step < 200; ++step) {
      float const tau = theta * static_cast<float>(step) / 200;
      double const share = double{tau} / double{theta};
      for (std::size_t i = 0; i < n; ++i) {
        auto const degree = static_cast<double>(i);
        plain(index(i)) = (degree + 2) * (degree + 2) * narrow;
        normalised(index(i)) = plain(index(i)) * std::sqrt(2 * degree + 1);
        waves(index(i)) = (2 + 18 * static_cast<double>(i / 2) * share) * narrow;
      }
      auto const within = [](auto const& found, auto const& exact, auto const& bound) {
        CHECK(test::share_of_bound(found, exact, bound) <= 1);
      };
      double const wide_theta = theta, wide_tau = tau;
      within(ssm::legt_history<float>(theta, tau, n), ssm::legt_history<double>(wide_theta, wide_tau, n), normalised);
      within(ssm::lmu_history<float>(theta, tau, n), ssm::lmu_history<double>(wide_theta, wide_tau, n), plain);
      within(ssm::warped_legs_history<float>(tau, n), ssm::warped_legs_history<double>(wide_tau, n), normalised);
      within(ssm::fourier_history<float>(theta, tau, n), ssm::fourier_history<double>(wide_theta, wide_tau, n), waves);
    }
  }
}

TEST_CASE("reconstruction: static = dynamic, one state, no ages, other precisions, NaN") {
  CHECK(mamba::ssm::legt_history<double, 5>(1.5, 0.4) == mamba::ssm::legt_history<double>(1.5, 0.4, 5));
  CHECK(mamba::ssm::legs_history<float, 3>(2.0F, 0.5F) == mamba::ssm::legs_history<float>(2.0F, 0.5F, 3));
  CHECK(mamba::ssm::lmu_history<double, 2>(1.0, 0.25) == vector<double, 2>{1, -0.5});
  CHECK(mamba::ssm::fourier_history<long double, 4>(1.0L, 0.0L) == mamba::ssm::fourier_ends<long double>(4));
  CHECK(mamba::ssm::lagt_history<double, 3>(2.0) == mamba::ssm::lagt_history<double>(2.0, 1.0, 3));
  CHECK(mamba::ssm::tlagt_history<double, 3>(2.0) == vector<double, 3>{1, -1, -1});
  CHECK(mamba::ssm::glagt_history<float, 1>(2.0F, 0.0F, 1.0F)(0) == 1);
  CHECK(mamba::ssm::warped_legs_history<double, 2>(0.0) == vector<double, 2>{1, std::sqrt(3.0)});
  CHECK(mamba::ssm::legs_history<double, 1>(7.0, 3.0)(0) == 1);
  vector<double, 1> const h(3.0);
  auto const one = [](double tau) { return mamba::ssm::legs_history<double, 1>(1.0, tau); };
  CHECK(mamba::ssm::reconstruct(h, std::array<double, 1>{0.5}, one)(0) == 3);
  CHECK(mamba::ssm::reconstruct(h, std::vector<double>(), one).size() == 0);
  CHECK(std::isnan(mamba::ssm::legs_history<double>(1.0, std::nan(""), 2)(1)));
  CHECK_THROWS_AS(static_cast<void>(mamba::ssm::legt_history<double>(1.0, 0.5)), mamba::contract_violation);
}

}  // namespace
