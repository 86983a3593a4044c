// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/simd/load_store.hpp>
#include <mamba/ssm/discretize.hpp>
#include <support/bits.hpp>
#include <support/random.hpp>

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>

namespace {

using mamba::ssm::zero_order_hold;
using mamba::ssm::zero_order_hold_a_euler_b;

/// ∫₀^Δ exp(s a) ds, in extended precision.
long double held(long double delta, long double a) { return a == 0 ? delta : std::expm1(delta * a) / a; }

double relative(long double found, long double exact) {
  return exact == 0 ? (found == 0 ? 0 : 1) : static_cast<double>(std::fabs(found - exact) / std::fabs(exact));
}

/// The Error line of the card: both within (4 + |ΔA|) ε.
template <class T>
double check_against_closed_form(std::uint64_t seed) {
  test::random rng(seed);
  double worst = 0;
  for (int i = 0; i < 20000; ++i) {
    T const delta = static_cast<T>(std::exp(rng.uniform(-14, 2.3)));
    T const a = static_cast<T>((i % 5 == 0 ? 1 : -1) * std::exp(rng.uniform(-16, 2.3)));
    T const b = static_cast<T>(rng.uniform(-3, 3));
    long double const z = static_cast<long double>(delta) * a;
    if (std::fabs(z) > 10) continue;
    auto const [a_bar, b_bar] = zero_order_hold(delta, a, b);
    double const allowed =
        (4 + static_cast<double>(std::fabs(z))) * static_cast<double>(std::numeric_limits<T>::epsilon());
    double const off_a = relative(a_bar, std::exp(z)) / allowed;
    double const off_b = relative(b_bar, held(delta, a) * b) / allowed;
    REQUIRE(off_a <= 1);
    REQUIRE(off_b <= 1);
    worst = std::max({worst, off_a, off_b});
  }
  return worst;
}

TEST_CASE("discretize: zero_order_hold against its closed form, within the bound of its card") {
  MESSAGE("float used ", check_against_closed_form<float>(1), " of its bound, double ",
          check_against_closed_form<double>(2));
}

TEST_CASE("discretize: zero_order_hold solves the differential equation for piecewise constant input") {
  test::random rng(3);
  for (int run = 0; run < 20; ++run) {
    double const a = -std::exp(rng.uniform(-3, 1)), b = rng.uniform(-2, 2);
    double h = rng.uniform(-1, 1), integrated = h, largest = std::fabs(h);
    constexpr int pieces = 20, steps = 400;
    double allowed = 0;
    for (int k = 0; k < pieces; ++k) {
      double const delta = rng.uniform(0.05, 1), x = rng.uniform(-2, 2), s = delta / steps;
      auto const [a_bar, b_bar] = zero_order_hold(delta, a, b);
      h = a_bar * h + b_bar * x;
      for (int i = 0; i < steps; ++i) {  // Runge and Kutta's fourth order
        auto const f = [&](double v) { return a * v + b * x; };
        double const k1 = f(integrated), k2 = f(integrated + s / 2 * k1), k3 = f(integrated + s / 2 * k2),
                     k4 = f(integrated + s * k3);
        integrated += s / 6 * (k1 + 2 * k2 + 2 * k3 + k4);
      }
      largest = std::max({largest, std::fabs(h), std::fabs(b * x / a)});
      // RK4 is the Taylor series to fourth order: (as)⁵/120 is missing in each step; 1e-14 is for its roundings.
      allowed += steps * (std::pow(std::fabs(a) * s, 5) / 120 + 8 * std::numeric_limits<double>::epsilon());
      REQUIRE(std::fabs(h - integrated) <= 2 * allowed * largest);
    }
  }
}

TEST_CASE("discretize: semigroup, two steps are one of their length") {
  test::random rng(4);
  constexpr double eps = std::numeric_limits<double>::epsilon();
  for (int i = 0; i < 5000; ++i) {
    double const a = -std::exp(rng.uniform(-6, 3)), b = rng.uniform(-2, 2);
    double const first = rng.uniform(0, 0.5), second = rng.uniform(0, 0.5), both = first + second;
    auto const one = zero_order_hold(first, a, b), two = zero_order_hold(second, a, b);
    auto const whole = zero_order_hold(both, a, b);
    // (4 + |ΔA|) ε for each of the three, half a rounding each for the sum of the steps (times |ΔA|) and the product.
    double const allowed = (12.5 + 2.5 * both * -a) * eps;
    REQUIRE(std::fabs(one.a_bar * two.a_bar - whole.a_bar) <= allowed * whole.a_bar);
    double const in_two = two.a_bar * one.b_bar + two.b_bar;
    REQUIRE(std::fabs(in_two - whole.b_bar) <= (allowed + 2 * eps) * std::fabs(whole.b_bar));
    auto const euler = zero_order_hold_a_euler_b(both, a, b);
    REQUIRE(test::same_bits(std::span(&euler.a_bar, 1), std::span(&whole.a_bar, 1)));
  }
}

TEST_CASE("discretize: A = 0 is the pure integrator, and φ₁ is smooth through it") {
  for (double const delta : {0.0, 1e-9, 0.25, 3.0}) {
    auto const [a_bar, b_bar] = zero_order_hold(delta, 0.0, 2.0);
    CHECK(a_bar == 1);
    CHECK(b_bar == 2 * delta);
    for (double const a : {-1e-300, -1e-18, 1e-18, 1e-300}) {
      CHECK(zero_order_hold(delta, a, 2.0).b_bar == doctest::Approx(2 * delta).epsilon(1e-15));
    }
  }
  auto const held_back = zero_order_hold(0.0, -3.0, 2.0);
  CHECK(held_back.a_bar == 1);
  CHECK(held_back.b_bar == 0);
}

TEST_CASE("discretize: the two rules differ in B by Δ²AB/2, with slope 2") {
  constexpr double a = -1.3, b = 0.7;
  auto const difference = [&](double delta) {
    return zero_order_hold_a_euler_b(delta, a, b).b_bar - zero_order_hold(delta, a, b).b_bar;
  };
  for (double delta = 0x1p-4; delta >= 0x1p-12; delta /= 2) {
    double const slope = std::log2(difference(delta) / difference(delta / 2));
    CHECK(slope > 1.9);
    CHECK(slope < 2.1);
    CHECK(difference(delta) / (-delta * delta * a * b / 2) == doctest::Approx(1).epsilon(-delta * a));
  }
  CHECK(zero_order_hold_a_euler_b(0.3, a, b).a_bar == zero_order_hold(0.3, a, b).a_bar);
  CHECK(zero_order_hold_a_euler_b(0.3, a, b).b_bar == 0.3 * b);
}

template <class T>
void check_stability() {
  T const values[] = {
      T(0),    std::numeric_limits<T>::denorm_min(), T(1e-30), T(1e-6), T(0.5), T(1), T(88), T(700), T(2.9e5),
      T(1e30), std::numeric_limits<T>::max()};
  for (T const delta : values) {
    T last = 1;
    for (T const minus_a : values) {
      T const a_bar = zero_order_hold(delta, -minus_a, T(1)).a_bar;
      CHECK(a_bar >= 0);
      CHECK(a_bar <= 1);
      CHECK(a_bar <= last);
      last = a_bar;
      CHECK(zero_order_hold(delta, -minus_a, T(1)).b_bar >= 0);
      CHECK(zero_order_hold(delta, -minus_a, T(1)).b_bar <= delta * (1 + 4 * std::numeric_limits<T>::epsilon()));
    }
  }
}

TEST_CASE("discretize: stable systems stay stable, from 0 to beyond every range") {
  check_stability<float>();
  check_stability<double>();
}

TEST_CASE("discretize: NaN in, NaN out") {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(std::isnan(zero_order_hold(nan, -1.0, 1.0).a_bar));
  CHECK(std::isnan(zero_order_hold(nan, -1.0, 1.0).b_bar));
  CHECK(std::isnan(zero_order_hold(1.0, nan, 1.0).a_bar));
  CHECK(std::isnan(zero_order_hold(1.0, nan, 1.0).b_bar));
  CHECK(std::isnan(zero_order_hold(1.0, -1.0, nan).b_bar));
  CHECK_FALSE(std::isnan(zero_order_hold(1.0, -1.0, nan).a_bar));
  CHECK(std::isnan(zero_order_hold_a_euler_b(nan, -1.0, 1.0).a_bar));
  CHECK(std::isnan(zero_order_hold_a_euler_b(1.0, -1.0, nan).b_bar));
}

template <class T>
void check_lanes() {
  using V = mamba::simd::batch<T>;
  constexpr std::size_t W = mamba::simd::lanes<T>;
  test::random rng(5);
  for (int i = 0; i < 500; ++i) {
    T delta[W], a[W], b[W], a_bar[W], b_bar[W], euler[W], one_a[W], one_b[W], one_euler[W];
    for (std::size_t j = 0; j < W; ++j) {
      delta[j] = static_cast<T>(std::exp(rng.uniform(-28, 2.6)));
      a[j] = static_cast<T>(-std::exp(rng.uniform(-7, 12.5)));
      b[j] = static_cast<T>(rng.uniform(-2, 2));
      auto const mode = zero_order_hold(delta[j], a[j], b[j]);
      one_a[j] = mode.a_bar;
      one_b[j] = mode.b_bar;
      one_euler[j] = zero_order_hold_a_euler_b(delta[j], a[j], b[j]).b_bar;
    }
    auto const load = [](T const* p) { return mamba::simd::load<V>(p); };
    auto const modes = zero_order_hold(load(delta), load(a), load(b));
    mamba::simd::store<V>(a_bar, modes.a_bar);
    mamba::simd::store<V>(b_bar, modes.b_bar);
    mamba::simd::store<V>(euler, zero_order_hold_a_euler_b(load(delta), load(a), load(b)).b_bar);
    REQUIRE(test::same_bits(a_bar, one_a));
    REQUIRE(test::same_bits(b_bar, one_b));
    REQUIRE(test::same_bits(euler, one_euler));
  }
}

TEST_CASE("discretize: a batch of modes has the bits of each mode alone") {
  check_lanes<float>();
  check_lanes<double>();
}

TEST_CASE("discretize: the Euler rule takes any scalar") {
  auto const wide = zero_order_hold_a_euler_b(0.5L, -2.0L, 3.0L);
  CHECK(relative(wide.a_bar, std::exp(-1.0L)) < 1e-18);
  using complex = std::complex<double>;
  auto const turning = zero_order_hold_a_euler_b(complex(0.5), complex(0, 3.141592653589793), complex(2, 1));
  CHECK(std::abs(turning.a_bar - complex(0, 1)) < 1e-15);  // a quarter turn
  CHECK(turning.b_bar == complex(1, 0.5));
}

}  // namespace
