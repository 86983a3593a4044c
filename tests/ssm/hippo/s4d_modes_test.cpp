// SPDX-License-Identifier: MIT
#include <mamba/ssm/hippo/s4d_modes.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <complex>
#include <limits>

namespace ssm = mamba::ssm;

TEST_CASE("s4d_modes: the initial values of the S4 code") {
  using complex = std::complex<double>;
  CHECK(ssm::s4d_lin_mode(0.0) == complex(-0.5, 0));
  CHECK(ssm::s4d_lin_mode(3.0) == complex(-0.5, 3 * 3.141592653589793));
  CHECK(std::fabs(ssm::s4d_inv_mode(0.0, 64.0).imag() - 1283.4254610930441) < 1e-9);  // 64 · 63 / π, of 64 states
  CHECK(std::fabs(ssm::s4d_inv_mode(1.0, 64.0).imag() - 414.22726522050624) < 1e-9);
  CHECK(std::fabs(ssm::s4d_quad_mode(1.0).imag() - 2.8647889756541161) < 4 * std::numeric_limits<double>::epsilon());
  CHECK(ssm::s4d_real_mode(4.0) == -5);
}

TEST_CASE("log_delta: the ends, and the geometric mean between them") {
  constexpr double eps = std::numeric_limits<double>::epsilon();
  // Three roundings of logarithms up to 7.
  CHECK(std::fabs(ssm::log_delta(0.0, 1e-3, 0.1) - std::log(1e-3)) == 0);
  CHECK(std::fabs(ssm::log_delta(1.0, 1e-3, 0.1) - std::log(0.1)) <= 3 * 7 * eps);
  CHECK(std::fabs(ssm::log_delta(0.5, 1e-3, 0.1) - std::log(1e-2)) <= 3 * 7 * eps);
}
