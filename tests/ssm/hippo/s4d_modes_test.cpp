// SPDX-License-Identifier: MIT
#include <mamba/ssm/hippo/s4d_modes.hpp>

#include <doctest/doctest.h>

#include <algorithm>
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

TEST_CASE("s4d_modes: in float, within the bounds of the cards") {
  constexpr double eps = std::numeric_limits<float>::epsilon();
  auto const off = [](std::complex<float> found, std::complex<double> exact) {
    return std::abs(std::complex<double>(found) - exact);
  };
  for (float const N : {1.0F, 2.0F, 16.0F, 64.0F, 1000.0F}) {
    for (float n = 0; n < N; n += 1) {
      double const wide_n = n, wide_N = N;
      CHECK(off(ssm::s4d_lin_mode(n), ssm::s4d_lin_mode(wide_n)) <= eps * std::abs(ssm::s4d_lin_mode(wide_n)));
      CHECK(off(ssm::s4d_inv_mode(n, N), ssm::s4d_inv_mode(wide_n, wide_N)) <=
            3 * eps * wide_N / 3.141592653589793 * std::max(1.0, wide_N / (2 * wide_n + 1)));
      CHECK(off(ssm::s4d_quad_mode(n), ssm::s4d_quad_mode(wide_n)) <= 1.5 * eps * std::abs(ssm::s4d_quad_mode(wide_n)));
    }
  }
  struct range {
    float low, high;
  };
  for (auto const [low, high] : {range{1e-3F, 0.1F}, {1e-6F, 1e-5F}, {0.9F, 1.1F}, {2.0F, 30.0F}}) {
    double const logs = std::fabs(std::log(double{low})) + std::fabs(std::log(double{high}));
    for (int k = 0; k <= 100; ++k) {
      float const u = static_cast<float>(k) / 100;
      double const exact = ssm::log_delta(double{u}, double{low}, double{high});
      CHECK(std::fabs(double{ssm::log_delta(u, low, high)} - exact) <= 3 * eps * logs);
    }
  }
}

TEST_CASE("log_delta: the ends, and the geometric mean between them") {
  constexpr double eps = std::numeric_limits<double>::epsilon();
  // Three roundings of logarithms up to 7.
  CHECK(std::fabs(ssm::log_delta(0.0, 1e-3, 0.1) - std::log(1e-3)) == 0);
  CHECK(std::fabs(ssm::log_delta(1.0, 1e-3, 0.1) - std::log(0.1)) <= 3 * 7 * eps);
  CHECK(std::fabs(ssm::log_delta(0.5, 1e-3, 0.1) - std::log(1e-2)) <= 3 * 7 * eps);
}
