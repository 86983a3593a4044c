// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/simd/load_store.hpp>
#include <mamba/ssm/discretize/rules.hpp>
#include <support/bits.hpp>
#include <support/random.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <limits>

namespace {

using mamba::ssm::backward_euler;
using mamba::ssm::bilinear;
using mamba::ssm::discretized;
using mamba::ssm::discretized_two_point;
using mamba::ssm::exponential_trapezoidal;
using mamba::ssm::first_order_hold;
using mamba::ssm::forward_euler;
using mamba::ssm::generalized_bilinear;
using mamba::ssm::zero_order_hold;
using mamba::ssm::zero_order_hold_a_euler_b;
using complex = std::complex<double>;
using wide = std::complex<long double>;

wide widened(double x) { return {x, 0}; }
wide widened(float x) { return {x, 0}; }
template <class T>
wide widened(std::complex<T> x) {
  return {x.real(), x.imag()};
}

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

/// Every rule's numbers, one after the other.
template <class V>
std::array<V, 18> every_rule(V delta, V a, V b) {
  using T = mamba::simd::scalar_of<V>;
  auto const general = generalized_bilinear(delta, V(T(0.3)), a, b);
  auto const forward = forward_euler(delta, a, b), backward = backward_euler(delta, a, b);
  auto const middle = bilinear(delta, a, b), held = zero_order_hold(delta, a, b);
  auto const linear = first_order_hold(delta, a, b), trapezoid = exponential_trapezoidal(delta, V(T(0.3)), a, b);
  auto const selective = zero_order_hold_a_euler_b(delta, a, b);
  return {general.a_bar,          general.b_bar,   forward.a_bar,       forward.b_bar,   backward.a_bar,
          backward.b_bar,         middle.a_bar,    middle.b_bar,        held.a_bar,      held.b_bar,
          linear.a_bar,           linear.b_bar,    linear.b_bar_before, trapezoid.a_bar, trapezoid.b_bar,
          trapezoid.b_bar_before, selective.a_bar, selective.b_bar};
}

template <class T>
void check_lanes() {
  using V = mamba::simd::batch<T>;
  constexpr std::size_t W = mamba::simd::lanes<T>;
  test::random rng(5);
  for (int i = 0; i < 500; ++i) {
    T delta[W], a[W], b[W];
    for (std::size_t j = 0; j < W; ++j) {
      delta[j] = static_cast<T>(std::exp(rng.uniform(-28, 2.6)));
      a[j] = static_cast<T>(-std::exp(rng.uniform(-7, 12.5)));
      b[j] = static_cast<T>(rng.uniform(-2, 2));
    }
    auto const load = [](T const* p) { return mamba::simd::load<V>(p); };
    auto const lanes = every_rule(load(delta), load(a), load(b));
    for (std::size_t j = 0; j < W; ++j) {
      auto const alone = every_rule(delta[j], a[j], b[j]);
      for (std::size_t k = 0; k < alone.size(); ++k) {
        T lane[W];
        mamba::simd::store<V>(lane, lanes[k]);
        INFO("number ", k);
        REQUIRE(test::same_bits(std::span(&lane[j], 1), std::span(&alone[k], 1)));
      }
    }
  }
}

TEST_CASE("discretize: a batch of modes has the bits of each mode alone, by every rule") {
  check_lanes<float>();
  check_lanes<double>();
}

TEST_CASE("discretize: the Euler rule takes any scalar") {
  auto const precise = zero_order_hold_a_euler_b(0.5L, -2.0L, 3.0L);
  CHECK(relative(precise.a_bar, std::exp(-1.0L)) < 1e-18);
  auto const turning = zero_order_hold_a_euler_b(complex(0.5), complex(0, 3.141592653589793), complex(2, 1));
  CHECK(std::abs(turning.a_bar - complex(0, 1)) < 1e-15);  // a quarter turn
  CHECK(turning.b_bar == complex(1, 0.5));
}

// h' = -2h + 4x, steps of ½, so that ΔA = −1 and ΔB = 2.
TEST_CASE("discretize: every rule by hand") {
  double const e = std::exp(-1.0);
  auto const is = [](auto mode, double a_bar, double b_bar) {
    CHECK(mode.a_bar == doctest::Approx(a_bar).epsilon(1e-15));
    CHECK(mode.b_bar == doctest::Approx(b_bar).epsilon(1e-15));
  };
  is(forward_euler(0.5, -2.0, 4.0), 0, 2);
  is(backward_euler(0.5, -2.0, 4.0), 0.5, 1);
  is(bilinear(0.5, -2.0, 4.0), 1.0 / 3, 4.0 / 3);
  is(generalized_bilinear(0.5, 0.25, -2.0, 4.0), 0.2, 1.6);
  is(zero_order_hold(0.5, -2.0, 4.0), e, 2 * (1 - e));
  is(zero_order_hold_a_euler_b(0.5, -2.0, 4.0), e, 2);
  is(first_order_hold(0.5, -2.0, 4.0), e, 2 * e);  // φ₂(−1) = e⁻¹
  CHECK(first_order_hold(0.5, -2.0, 4.0).b_bar_before == doctest::Approx(2 * (1 - 2 * e)).epsilon(1e-15));
  is(exponential_trapezoidal(0.5, 0.75, -2.0, 4.0), e, 1.5);
  CHECK(exponential_trapezoidal(0.5, 0.75, -2.0, 4.0).b_bar_before == doctest::Approx(0.5 * e).epsilon(1e-15));
}

TEST_CASE("discretize: generalized_bilinear is forward Euler, bilinear and backward Euler, bit for bit") {
  test::random rng(6);
  for (int i = 0; i < 1000; ++i) {
    double const delta = rng.uniform(0, 2), a = rng.uniform(-3, 0.4), b = rng.uniform(-2, 2);
    auto const same = [&](discretized<double> mode, double alpha) {
      auto const general = generalized_bilinear(delta, alpha, a, b);
      CHECK(mode.a_bar == general.a_bar);
      CHECK(mode.b_bar == general.b_bar);
    };
    same(forward_euler(delta, a, b), 0);
    same(bilinear(delta, a, b), 0.5);
    same(backward_euler(delta, a, b), 1);
    CHECK(forward_euler(delta, a, b).a_bar == std::fma(1.0, delta * a, 1.0));
    CHECK(forward_euler(delta, a, b).b_bar == delta * b);
    // Two roundings: of ΔA and of the sum.
    CHECK(std::fabs(forward_euler(delta, a, b).a_bar - (1 + static_cast<long double>(delta) * a)) <=
          std::numeric_limits<double>::epsilon() * (1 + delta * std::fabs(a)));
  }
}

template <class V>
V random_mode(test::random& rng, double lowest) {
  double const size = std::exp(rng.uniform(lowest, 2.3));
  if constexpr (mamba::simd::real<V>) {
    return static_cast<V>(-size);
  } else {
    double const angle = rng.uniform(1.5708, 4.7123);
    return V(static_cast<typename V::value_type>(size * std::cos(angle)),
             static_cast<typename V::value_type>(size * std::sin(angle)));
  }
}

/// The Error line of generalized_bilinear: Re a ≤ 0, in units of ε.
template <class T, class V>
double worst_of_bilinear_family() {
  test::random rng(7);
  double worst = 0;
  constexpr auto eps = static_cast<long double>(std::numeric_limits<T>::epsilon());
  for (int i = 0; i < 20000; ++i) {
    T const delta = static_cast<T>(std::exp(rng.uniform(-8, 3))), alpha = static_cast<T>(rng.uniform(0, 1));
    V const a = random_mode<V>(rng, -16), b = random_mode<V>(rng, -2);
    wide const z = widened(a) * static_cast<long double>(delta);
    wide const implicit = 1.0L - static_cast<long double>(alpha) * z;
    wide const a_bar = (1.0L + (1.0L - static_cast<long double>(alpha)) * z) / implicit;
    wide const b_bar = static_cast<long double>(delta) * widened(b) / implicit;
    auto const found = generalized_bilinear(delta, alpha, a, b);
    auto const off_a = static_cast<double>(std::abs(widened(found.a_bar) - a_bar) / (1 + std::abs(a_bar)) / eps);
    auto const off_b = static_cast<double>(std::abs(widened(found.b_bar) - b_bar) / std::abs(b_bar) / eps);
    REQUIRE(std::isfinite(off_a + off_b));  // a NaN is lost in a maximum
    worst = std::max({worst, off_a, off_b});
  }
  return worst;
}

TEST_CASE("discretize: the bilinear family within its card") {
  double const found[] = {worst_of_bilinear_family<float, float>(), worst_of_bilinear_family<double, double>(),
                          worst_of_bilinear_family<float, std::complex<float>>(),
                          worst_of_bilinear_family<double, complex>()};
  MESSAGE("worst errors in eps: float ", found[0], ", double ", found[1], ", complex ", found[2], " and ", found[3]);
  CHECK(found[0] <= 2);
  CHECK(found[1] <= 2);
  CHECK(found[2] <= 4);
  CHECK(found[3] <= 4);
}

/// ∫₀¹ f(s) ds in extended precision by Gauss's rule with 7 nodes on 64 pieces. For the exponentials met here, |z| ≤
/// 24, its error is below (7!)⁴/(15 (14!)³) (24/64)¹⁴ < 1e-25 of the largest value.
template <class F>
wide integral(F const& f) {
  static long double const node[] = {0, 0.405845151377397166906606412076961L, 0.741531185599394439863864773280788L,
                                     0.949107912342758524526189684047851L};
  static long double const weight[] = {0.417959183673469387755102040816327L, 0.381830050505118944950369775488975L,
                                       0.279705391489276667901467771423780L, 0.129484966168869693270611432679082L};
  constexpr int pieces = 64;
  wide sum = 0;
  for (int k = 0; k < pieces; ++k) {
    long double const middle = (k + 0.5L) / pieces, half = 0.5L / pieces;
    sum += half * weight[0] * f(middle);
    for (int i = 1; i < 4; ++i) sum += half * weight[i] * (f(middle - half * node[i]) + f(middle + half * node[i]));
  }
  return sum;
}

/// The exact state after a step from 0 for an input that goes from `before` to `now` in a straight line, |ΔA| ≤ 24:
/// numerical integration of ∫₀^Δ exp((Δ − s) A) B x(s) ds, which uses no φ functions.
template <class V>
wide integrated(long double delta, V a, V b, long double before, long double now) {
  wide const z = delta * widened(a);
  return delta * widened(b) *
         integral([&](long double s) { return std::exp((1 - s) * z) * ((1 - s) * before + s * now); });
}

template <class T, class V>
double worst_of_holds(double zoh_bound, double foh_bound) {
  test::random rng(8);
  double worst = 0;
  constexpr auto eps = static_cast<long double>(std::numeric_limits<T>::epsilon());
  for (int i = 0; i < 1500; ++i) {
    T const delta = static_cast<T>(std::exp(rng.uniform(-12, 0.8)));
    V a = random_mode<V>(rng, -16);
    if (i % 7 == 0) a = V(0);
    V const b = random_mode<V>(rng, -2);
    auto const size = static_cast<long double>(std::abs(widened(a)) * static_cast<long double>(delta));
    auto const off = [&](V found, wide exact, wide scale, double bound) {
      auto const allowed = (static_cast<long double>(bound) + size) * eps * std::abs(scale);
      auto const part = static_cast<double>(std::abs(widened(found) - exact) / allowed);
      REQUIRE(std::isfinite(part));
      worst = std::max(worst, part);
    };
    auto const held = zero_order_hold(delta, a, b);
    auto const linear = first_order_hold(delta, a, b);
    wide const exact = integrated(delta, a, b, 1, 1);
    wide const scale = integrated(delta, V(std::real(a)), b, 1, 1);  // nothing turns, nothing cancels
    off(held.b_bar, exact, exact, zoh_bound);
    off(held.a_bar, std::exp(static_cast<long double>(delta) * widened(a)),
        std::exp(static_cast<long double>(delta) * widened(a)), zoh_bound);
    off(linear.b_bar, integrated(delta, a, b, 0, 1), scale, foh_bound);
    off(linear.b_bar_before, integrated(delta, a, b, 1, 0), scale, foh_bound);
    REQUIRE(linear.a_bar == held.a_bar);
  }
  return worst;
}

TEST_CASE("discretize: the holds are the integral of a held or rising input, within their cards") {
  double const found[] = {worst_of_holds<float, float>(4, 6), worst_of_holds<double, double>(4, 6),
                          worst_of_holds<float, std::complex<float>>(8, 8), worst_of_holds<double, complex>(8, 8)};
  MESSAGE("worst parts of the bound: float ", found[0], ", double ", found[1], ", complex ", found[2], " and ",
          found[3]);
  for (double const part : found) CHECK(part <= 1);
}

TEST_CASE("discretize: complex zero_order_hold is a semigroup, and a real mode is itself") {
  test::random rng(9);
  constexpr double eps = std::numeric_limits<double>::epsilon();
  for (int i = 0; i < 2000; ++i) {
    complex const a = random_mode<complex>(rng, -6), b(rng.uniform(-2, 2), rng.uniform(-2, 2));
    double const first = rng.uniform(0, 0.5), second = rng.uniform(0, 0.5), both = first + second;
    auto const one = zero_order_hold(first, a, b), two = zero_order_hold(second, a, b);
    auto const whole = zero_order_hold(both, a, b);
    // Three times (8 + |ΔA|) ε, the rounded sum of the steps and a complex product.
    double const allowed = (28 + 3 * both * std::abs(a)) * eps;
    REQUIRE(std::abs(one.a_bar * two.a_bar - whole.a_bar) <= allowed * std::abs(whole.a_bar));
    // The parts of B̄ may cancel where a turns: each is at most Δ|B|.
    REQUIRE(std::abs(two.a_bar * one.b_bar + two.b_bar - whole.b_bar) <= allowed * both * std::abs(b));
    auto const real = zero_order_hold(both, a.real(), 2.0);
    auto const same = zero_order_hold(both, complex(a.real()), complex(2));
    REQUIRE(std::abs(same.a_bar - real.a_bar) <= 4 * eps * real.a_bar);
    REQUIRE(std::abs(same.b_bar - real.b_bar) <= (12 + 2 * both * std::abs(a)) * eps * real.b_bar);
  }
}

TEST_CASE(
    "discretize: first_order_hold of a constant input is zero_order_hold; exponential_trapezoidal(1) the selective "
    "rule") {
  test::random rng(10);
  for (int i = 0; i < 2000; ++i) {
    double const delta = rng.uniform(0, 2), a = random_mode<double>(rng, -20), b = rng.uniform(-2, 2);
    auto const linear = first_order_hold(delta, a, b);
    auto const held = zero_order_hold(delta, a, b);
    CHECK(linear.b_bar + linear.b_bar_before == doctest::Approx(held.b_bar).epsilon(1e-15));  // φ₂ + (φ₁ − φ₂) = φ₁
    auto const one = exponential_trapezoidal(delta, 1.0, a, b);
    auto const selective = zero_order_hold_a_euler_b(delta, a, b);
    CHECK(one.a_bar == selective.a_bar);
    CHECK(one.b_bar == selective.b_bar);
    CHECK(one.b_bar_before == 0);
  }
}

/// The slope of the line through (log Δ, log error) by least squares, for Δ = 2⁻⁴ … 2⁻⁹ and the global error at t = 4
/// of
///
///     h' = a h + b sin 2t,  h(0) = 1,      h(t) = e^(at) + b Im((e^(2it) − e^(at))/(2i − a))
///
/// `where` being the part of the step at which the rule evaluates its input: 0 begin, 1 end.
template <class Rule>
double slope(Rule const& rule, double where) {
  constexpr double a = -0.7, b = 1.3, end = 4;
  complex const i2(0, 2);
  double const exact = std::exp(a * end) + b * ((std::exp(i2 * end) - std::exp(a * end)) / (i2 - a)).imag();
  double sum_x = 0, sum_y = 0, sum_xx = 0, sum_xy = 0;
  int count = 0;
  for (int power = 4; power <= 9; ++power, ++count) {
    double const delta = std::ldexp(1.0, -power);
    int const steps = static_cast<int>(end / delta);
    auto const mode = rule(delta, a, b);
    double h = 1;
    for (int k = 1; k <= steps; ++k) {
      h = mode.a_bar * h + mode.b_bar * std::sin(2 * (k - 1 + where) * delta);
      if constexpr (requires { mode.b_bar_before; }) h += mode.b_bar_before * std::sin(2 * (k - 1) * delta);
    }
    double const x = -power, y = std::log2(std::fabs(h - exact));
    sum_x += x;
    sum_y += y;
    sum_xx += x * x;
    sum_xy += x * y;
  }
  return (count * sum_xy - sum_x * sum_y) / (count * sum_xx - sum_x * sum_x);
}

// Errors of 2e-1 to 1e-6 are far from the roundings (1e-13), so that the slope is that of the leading term; its
// neighbour, one order higher, bends the line by less than 0.1.
TEST_CASE("discretize: orders of convergence") {
  auto const is = [](double found, double order) {
    INFO("slope ", found, ", order ", order);
    CHECK(std::fabs(found - order) < 0.1);
  };
  is(slope([](double d, double a, double b) { return forward_euler(d, a, b); }, 0), 1);
  is(slope([](double d, double a, double b) { return backward_euler(d, a, b); }, 1), 1);
  is(slope([](double d, double a, double b) { return bilinear(d, a, b); }, 0.5), 2);
  is(slope([](double d, double a, double b) { return generalized_bilinear(d, 0.3, a, b); }, 0.3), 1);
  is(slope([](double d, double a, double b) { return zero_order_hold(d, a, b); }, 1), 1);
  is(slope([](double d, double a, double b) { return zero_order_hold_a_euler_b(d, a, b); }, 1), 1);
  is(slope([](double d, double a, double b) { return first_order_hold(d, a, b); }, 1), 2);
  is(slope([](double d, double a, double b) { return exponential_trapezoidal(d, 0.5, a, b); }, 1), 2);
  is(slope([](double d, double a, double b) { return exponential_trapezoidal(d, 0.8, a, b); }, 1), 1);
  // As in the head of the header: at the end of the step bilinear is of order 1, too.
  is(slope([](double d, double a, double b) { return bilinear(d, a, b); }, 1), 1);
  is(slope([](double d, double a, double b) { return zero_order_hold(d, a, b); }, 0.5), 2);
}

TEST_CASE("discretize: stable modes stay stable by bilinear, backward Euler and the holds; not by forward Euler") {
  test::random rng(11);
  for (int i = 0; i < 3000; ++i) {
    double const delta = std::exp(rng.uniform(-6, 6));
    complex a = random_mode<complex>(rng, -6);
    if (a.real() > -1e-3 * std::abs(a)) continue;  // |Ā| rounds to 1 where the decay is below ε
    complex const b(1);
    REQUIRE(std::abs(bilinear(delta, a, b).a_bar) < 1);
    REQUIRE(std::abs(backward_euler(delta, a, b).a_bar) < 1);
    REQUIRE(std::abs(generalized_bilinear(delta, 0.75, a, b).a_bar) < 1);
    REQUIRE(std::abs(zero_order_hold(delta, a, b).a_bar) < 1);
    REQUIRE(std::abs(first_order_hold(delta, a, b).a_bar) < 1);
    // Forward Euler: exactly the disc |1 + ΔA| < 1.
    double const radius = std::abs(1.0 + delta * a);
    if (std::fabs(radius - 1) > 1e-12) REQUIRE((std::abs(forward_euler(delta, a, b).a_bar) < 1) == (radius < 1));
  }
  CHECK(forward_euler(1.0, -3.0, 1.0).a_bar == -2);                           // decays, and blows up
  CHECK(std::abs(forward_euler(0.01, complex(0, 1), complex(1)).a_bar) > 1);  // turns, and spirals out for every Δ
  CHECK(generalized_bilinear(3.0, 0.25, -2.0, 1.0).a_bar == doctest::Approx(-1.4));
  CHECK(bilinear(1e6, -1.0, 1.0).a_bar < -0.9999);  // stable, but it rings
}

TEST_CASE("discretize: a step of length 0 changes nothing, NaN stays NaN, by every rule") {
  constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
  auto const still = every_rule(0.0, -3.0, 2.0);
  for (std::size_t const k : {0U, 2U, 4U, 6U, 8U, 10U, 13U, 16U}) CHECK(still[k] == 1);
  for (std::size_t const k : {1U, 3U, 5U, 7U, 9U, 11U, 12U, 14U, 15U, 17U}) CHECK(still[k] == 0);
  auto const no_delta = every_rule(unknown, -3.0, 2.0), no_a = every_rule(0.5, unknown, 2.0);
  for (std::size_t k = 0; k < no_a.size(); ++k) {
    CHECK(std::isnan(no_delta[k]));
    CHECK(std::isnan(no_a[k]) == !(k == 14 || k == 17));  // two of the B̄ don't depend on A
  }
  complex const nan(unknown);
  CHECK(std::isnan(first_order_hold(0.5, nan, complex(1)).b_bar.real()));
  CHECK(std::isnan(bilinear(0.5, nan, complex(1)).a_bar.real()));
  CHECK(first_order_hold(0.0, complex(-1, 2), complex(3)).b_bar == complex(0));
  CHECK(zero_order_hold(0.0, complex(-1, 2), complex(3)).a_bar == complex(1));
}

// Half of the integer 1 is 0: taken for what it is, bilinear(1, …) would be forward Euler.
TEST_CASE("discretize: a whole step is the real number that it means, by every rule") {
  auto const same = [](auto const& whole, auto const& real) {
    CHECK(whole.a_bar == real.a_bar);
    CHECK(whole.b_bar == real.b_bar);
    if constexpr (requires { whole.b_bar_before; }) CHECK(whole.b_bar_before == real.b_bar_before);
  };
  auto const check = [&](auto a, auto b, auto one, auto two) {
    same(forward_euler(2, a, b), forward_euler(two, a, b));
    same(backward_euler(2U, a, b), backward_euler(two, a, b));
    same(bilinear(1, a, b), bilinear(one, a, b));
    same(generalized_bilinear(2L, 1, a, b), backward_euler(two, a, b));
    same(generalized_bilinear(1, 0, a, b), forward_euler(one, a, b));
    same(generalized_bilinear(1, one / 2, a, b), bilinear(one, a, b));
    same(zero_order_hold(2, a, b), zero_order_hold(two, a, b));
    same(first_order_hold(2, a, b), first_order_hold(two, a, b));
    same(zero_order_hold_a_euler_b(2, a, b), zero_order_hold_a_euler_b(two, a, b));
    same(exponential_trapezoidal(2, one / 2, a, b), exponential_trapezoidal(two, one / 2, a, b));
    same(exponential_trapezoidal(2, 1, a, b), exponential_trapezoidal(two, one, a, b));
  };
  CHECK(bilinear(1, -2.0, 1.0).a_bar == 0);
  CHECK(bilinear(1, -2.0, 1.0).b_bar == 0.5);
  check(-2.0, 1.0, 1.0, 2.0);
  check(-2.0F, 1.0F, 1.0F, 2.0F);
  check(complex(-2, 3), complex(1, 1), 1.0, 2.0);
  using V = mamba::simd::batch<float>;
  auto const lanes = bilinear(1, V(-2.0F), V(1.0F)), real = bilinear(V(1.0F), V(-2.0F), V(1.0F));
  float found[2][mamba::simd::lanes<float>];
  mamba::simd::store<V>(found[0], lanes.b_bar);
  mamba::simd::store<V>(found[1], real.b_bar);
  CHECK(test::same_bits(std::span(found[0]), std::span(found[1])));
}

/// Δ φ₁(Δa) for a Δa near 2πik: (e^r − 1)/a with r = Δa − 2πik in extended precision, where 2π is the sum of 40 bits,
/// so that k times these is a double, and of what is left.
template <class T>
wide held_near_turn(T delta, std::complex<T> a, int k) {
  constexpr long double first = 0x1.921fb54442p+2L, rest = 0x1.a308d313198a3p-39L;
  long double const d = delta, turns = k;
  wide const r(d * static_cast<long double>(a.real()),
               std::fma(d, static_cast<long double>(a.imag()), -turns * first) - turns * rest);
  // e^r − 1 by the series of e^(r/2) sinh(r/2): |r| < 1/64.
  wide const h = r / 2.0L, square = h * h;
  return 2.0L * std::exp(h) * h * (1.0L + square / 6.0L * (1.0L + square / 20.0L * (1.0L + square / 42.0L))) /
         widened(a);
}

TEST_CASE_TEMPLATE("discretize: zero_order_hold beside ΔA = 2πik, within the absolute bound of its card", T, float,
                   double) {
  constexpr auto eps = static_cast<double>(std::numeric_limits<T>::epsilon());
  test::random rng(30);
  double worst = 0, worst_relative = 0;
  for (int i = 0; i < 20000; ++i) {
    int const k = 1 + static_cast<int>(rng.below(1000));
    T const delta = i == 0 ? T(1000) : static_cast<T>(std::exp(rng.uniform(-7, 7)));
    double const off = i % 2 == 0 ? 0 : rng.normal() * std::exp(rng.uniform(-40, -8));
    std::complex<T> const a(static_cast<T>(i % 3 == 0 ? 0 : -std::fabs(off) / static_cast<double>(delta)),
                            static_cast<T>((6.283185307179586 * k + off) / static_cast<double>(delta)));
    auto const [a_bar, b_bar] = zero_order_hold(delta, a, std::complex<T>(1));
    wide const exact = held_near_turn(delta, a, k);
    double const error = static_cast<double>(std::abs(widened(b_bar) - exact)),
                 size = static_cast<double>(std::abs(exact));
    double const allowed = 8 * eps * size + 2 * eps * static_cast<double>(std::abs(a_bar)) * static_cast<double>(delta);
    REQUIRE(error <= allowed);
    worst = std::max(worst, error / allowed);
    worst_relative = std::max(worst_relative, error / size / eps);
  }
  MESSAGE("at most ", worst, " of the card; relative to B-bar up to ", worst_relative, " eps");
  CHECK(worst_relative > 1e4);  // the reason for an absolute bound: B̄ itself may be lost
}

}  // namespace
