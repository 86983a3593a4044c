// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/discretize/plane.hpp>
#include <support/random.hpp>

#include <cmath>
#include <complex>
#include <limits>

namespace {

using namespace mamba::ssm;
using complex = std::complex<double>;
constexpr double eps = std::numeric_limits<double>::epsilon();

// s = −1 + 2i, Δ = 1:
//
//     z = (1 + ½s)/(1 − ½s) = (½ + i)/(3/2 − i) = (½ + i)(3/2 + i)/(13/4) = (−¼ + 2i)/(13/4) = −1/13 + 8/13 i
//
// Notes that print Ā = (I − Δ/2 A)⁻¹, without the second factor, have 1/(3/2 − i) = 6/13 + 4/13 i = 0.4615 + 0.3077i,
// which is backward Euler's result for half of the step.
TEST_CASE("plane: the worked point −1 + 2i → −1/13 + 8/13 i by the bilinear rule") {
  complex const s(-1, 2), z = s_to_z_bilinear(s, 1.0);
  CHECK(std::abs(z - complex(-1.0 / 13, 8.0 / 13)) <= eps);
  CHECK(std::abs(z_to_s_bilinear(z, 1.0) - s) <= 8 * eps);
  complex const printed(6.0 / 13, 4.0 / 13);
  CHECK(std::abs(z - printed) > 0.6);
  CHECK(std::abs(s_to_z_backward_euler(s, 0.5) - printed) <= eps);
  CHECK(printed.real() == doctest::Approx(0.4615).epsilon(1e-4));
  CHECK(printed.imag() == doctest::Approx(0.3077).epsilon(1e-4));
}

TEST_CASE("plane: the same point by the other rules") {
  complex const s(-1, 2);
  CHECK(s_to_z_forward_euler(s, 1.0) == complex(0, 2));
  CHECK(std::abs(s_to_z_backward_euler(s, 1.0) - complex(0.25, 0.25)) <= eps);  // 1/(2 − 2i)
  CHECK(std::abs(s_to_z_zero_order_hold(s, 1.0) - std::exp(-1.0) * complex(std::cos(2.0), std::sin(2.0))) <= eps);
  // α = ¼: (1 + ¾s)/(1 − ¼s) = (¼ + 3i/2)/(5/4 − i/2), times (5/4 + i/2)/(29/16).
  CHECK(std::abs(s_to_z_generalized_bilinear(s, 1.0, 0.25) - complex(0.3125 - 0.75, 0.125 + 1.875) / 1.8125) <=
        4 * eps);
}

/// s in a half-plane or on its border: side −1, 0 or 1.
complex random_s(test::random& rng, int side) { return {side * std::exp(rng.uniform(-4, 3)), rng.uniform(-20, 20)}; }

TEST_CASE("plane: s → z → s, for every rule") {
  test::random rng(1);
  for (int i = 0; i < 3000; ++i) {
    complex const s = random_s(rng, i % 3 - 1);
    double const delta = std::exp(rng.uniform(-3, 0)), alpha = rng.uniform(0, 1);
    // What s loses on the way: a rounding of z is one of dz/ds · s; forward of 1 in z, over Δ.
    auto const back = [&](complex found, double slope) {
      CHECK(std::abs(found - s) <= 16 * eps * (std::abs(s) + slope));
    };
    auto const squared = [](complex v) { return std::norm(v); };
    back(z_to_s_forward_euler(s_to_z_forward_euler(s, delta), delta), 1 / delta);
    back(z_to_s_backward_euler(s_to_z_backward_euler(s, delta), delta), (1 + squared(1.0 - delta * s)) / delta);
    back(z_to_s_bilinear(s_to_z_bilinear(s, delta), delta), (1 + squared(1.0 - 0.5 * delta * s)) / delta);
    back(z_to_s_generalized_bilinear(s_to_z_generalized_bilinear(s, delta, alpha), delta, alpha),
         (1 + squared(1.0 - alpha * delta * s)) * (1 + std::abs(s_to_z_generalized_bilinear(s, delta, alpha))) / delta);
    if (std::fabs(s.imag()) * delta < 3.14) {
      back(z_to_s_zero_order_hold(s_to_z_zero_order_hold(s, delta), delta), (1 + std::abs(s) * delta) / delta);
    } else {  // an alias: the lowest of the frequencies with the same z
      complex const low = z_to_s_zero_order_hold(s_to_z_zero_order_hold(s, delta), delta);
      CHECK(std::fabs(low.imag()) * delta <= 3.1416);
      double const turns = (s - low).imag() * delta / 6.283185307179586;
      CHECK(std::fabs(turns - std::round(turns)) < 1e-12);
    }
  }
}

TEST_CASE("plane: the family has the three as members, and z(s) is the mode's own Ā") {
  test::random rng(2);
  for (int i = 0; i < 500; ++i) {
    complex const s = random_s(rng, -1);
    double const delta = rng.uniform(0.01, 1);
    CHECK(s_to_z_generalized_bilinear(s, delta, 0.0) == s_to_z_forward_euler(s, delta));
    CHECK(s_to_z_generalized_bilinear(s, delta, 0.5) == s_to_z_bilinear(s, delta));
    CHECK(s_to_z_generalized_bilinear(s, delta, 1.0) == s_to_z_backward_euler(s, delta));
    CHECK(s_to_z_zero_order_hold(s, delta) == zero_order_hold(delta, s, complex(1)).a_bar);
    complex const z = s_to_z_bilinear(s, delta);
    double const allowed = 32 * eps * (1 + 1 / delta) * (1 + std::norm(1.0 - delta * s));
    CHECK(std::abs(z_to_s_generalized_bilinear(z, delta, 0.5) - z_to_s_bilinear(z, delta)) <= allowed);
    CHECK(std::abs(z_to_s_generalized_bilinear(z, delta, 0.0) - z_to_s_forward_euler(z, delta)) <= allowed);
    if (std::abs(z) > 0.1) {
      CHECK(std::abs(z_to_s_generalized_bilinear(z, delta, 1.0) - z_to_s_backward_euler(z, delta)) <= 10 * allowed);
    }
  }
}

// The table of the header, point by point. The margin of 1e-12 is for points that round onto a border.
TEST_CASE("plane: the image of each half-plane") {
  test::random rng(3);
  for (int i = 0; i < 5000; ++i) {
    double const delta = std::exp(rng.uniform(-2, 1));
    complex const stable = random_s(rng, -1), turning = random_s(rng, 0), growing = random_s(rng, 1);
    CHECK(s_to_z_forward_euler(stable, delta).real() < 1);
    CHECK(s_to_z_forward_euler(growing, delta).real() > 1);
    CHECK(std::abs(s_to_z_backward_euler(stable, delta) - 0.5) < 0.5 + 1e-12);
    CHECK(std::abs(s_to_z_backward_euler(turning, delta) - 0.5) == doctest::Approx(0.5).epsilon(1e-12));
    CHECK(std::abs(s_to_z_backward_euler(growing, delta) - 0.5) > 0.5 - 1e-12);
    CHECK(std::abs(s_to_z_bilinear(stable, delta)) < 1 + 1e-12);
    CHECK(std::abs(s_to_z_bilinear(turning, delta)) == doctest::Approx(1).epsilon(1e-12));
    CHECK(std::abs(s_to_z_bilinear(growing, delta)) > 1 - 1e-12);
    CHECK(std::abs(s_to_z_zero_order_hold(stable, delta)) < 1);
    CHECK(std::abs(s_to_z_zero_order_hold(turning, delta)) == doctest::Approx(1).epsilon(1e-12));
    CHECK(std::abs(s_to_z_zero_order_hold(growing, delta)) > 1);
    double const alpha = rng.uniform(0.05, 1), radius = 1 / (2 * alpha);
    auto const from_centre = [&](complex s) {
      return std::abs(s_to_z_generalized_bilinear(s, delta, alpha) - (1 - radius)) / radius;
    };
    CHECK(from_centre(stable) < 1 + 1e-12);
    CHECK(from_centre(turning) == doctest::Approx(1).epsilon(1e-11));
    CHECK(from_centre(growing) > 1 - 1e-12);
    if (alpha >= 0.5) CHECK(std::abs(s_to_z_generalized_bilinear(stable, delta, alpha)) < 1 + 1e-12);
    if (alpha <= 0.5) CHECK(std::abs(s_to_z_generalized_bilinear(growing, delta, alpha)) > 1 - 1e-12);
  }
  // And what they get wrong: stable made unstable by forward Euler, unstable made stable by backward Euler.
  CHECK(std::abs(s_to_z_forward_euler(complex(-3, 0), 1.0)) == 2);
  CHECK(std::abs(s_to_z_backward_euler(complex(3, 0), 1.0)) == 0.5);
  CHECK(std::abs(s_to_z_generalized_bilinear(complex(-9, 0), 1.0, 0.25)) > 1);
}

TEST_CASE("plane: bilinear warps frequencies to 2 atan(ωΔ/2) a step") {
  for (double const omega : {0.0, 0.1, 1.0, 3.0, 10.0, 1e6}) {
    CHECK(std::arg(s_to_z_bilinear(complex(0, omega), 1.0)) ==
          doctest::Approx(2 * std::atan(omega / 2)).epsilon(1e-14));
  }
}

TEST_CASE("plane: the origin stays at 1, no step moves nothing, NaN stays NaN") {
  complex const nan(std::numeric_limits<double>::quiet_NaN());
  for (complex const s : {complex(0), complex(-2, 5)}) {
    double const delta = s == 0.0 ? 0.7 : 0.0;
    CHECK(s_to_z_forward_euler(s, delta) == 1.0);
    CHECK(s_to_z_backward_euler(s, delta) == 1.0);
    CHECK(s_to_z_bilinear(s, delta) == 1.0);
    CHECK(s_to_z_zero_order_hold(s, delta) == 1.0);
  }
  CHECK(std::isnan(s_to_z_bilinear(nan, 1.0).real()));
  CHECK(std::isnan(z_to_s_zero_order_hold(nan, 1.0).real()));
}

}  // namespace
