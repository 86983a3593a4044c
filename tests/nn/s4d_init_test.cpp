// SPDX-License-Identifier: MIT
#include <mamba/nn/reference/plain.hpp>
#include <mamba/nn/s4d.hpp>
#include <mamba/nn/s4d_init.hpp>
#include <support/random.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <vector>

namespace nn = mamba::nn;

namespace {

using layer = nn::s4d<nn::any_s4d, double>;
constexpr nn::s4d_config sizes{.d_model = 100, .d_state = 64};

nn::reference::parameters<double> start(nn::s4d_init_options const& o, std::uint64_t seed = 1) {
  layer mixer(sizes);
  test::random rng(seed);
  nn::initialize(mixer, o, [&] { return rng.uniform(0, 1); });
  return nn::reference::parameters<double>(mixer);
}

/// Mean and mean square within 5 standard deviations of those of n normal numbers.
void check_normal(std::vector<double> const& v, double variance) {
  double sum = 0, squares = 0;
  auto const n = static_cast<double>(v.size());
  for (double const x : v) sum += x, squares += x * x;
  CHECK(std::fabs(sum / n) <= 5 * std::sqrt(variance / n));
  CHECK(std::fabs(squares / n - variance) <= 5 * variance * std::sqrt(2 / n));
}

}  // namespace

TEST_CASE("s4d_init: as s4d.py starts") {
  auto const p = start({});
  auto const& log_dt = p["kernel.log_dt"];
  auto const [low, high] = std::ranges::minmax(log_dt);
  CHECK(low >= std::log(1e-3));
  CHECK(high <= std::log(0.1));
  CHECK(high - low > 0.9 * std::log(100.0));  // 100 numbers leave a tenth free with a chance below 4e-4
  for (double const v : p["kernel.log_A_real"]) CHECK(v == std::log(0.5));
  for (std::size_t i = 0; i < 3200; ++i) {
    CHECK(p["kernel.A_imag"][i] == 3.141592653589793 * static_cast<double>(i % 32));
  }
  check_normal(p["kernel.C"], 0.5);
  check_normal(p["D"], 1);
  auto const [least, most] = std::ranges::minmax(p["output_linear.0.weight"]);
  CHECK(least >= -0.1);
  CHECK(most <= 0.1);
  CHECK(most - least > 0.199);
  CHECK(start({})["kernel.C"] == p["kernel.C"]);
  CHECK(start({}, 2)["kernel.C"] != p["kernel.C"]);
}

TEST_CASE("s4d_init: log-spaced steps, real modes, D = 1") {
  auto const p = start({.modes = nn::s4d_modes_init::real, .delta = nn::s4d_delta_init::log_spaced, .unit_d = true});
  auto const& log_dt = p["kernel.log_dt"];
  double const ratio = std::log(100.0) / 99;
  for (std::size_t d = 0; d < 100; ++d) {  // a few roundings of logarithms below 7
    CHECK(std::fabs(log_dt[d] - (std::log(1e-3) + ratio * static_cast<double>(d))) <= 5 * 7 * 0x1p-52);
    CHECK(p["D"][d] == 1);
    for (std::size_t n = 0; n < 32; ++n) {
      CHECK(p["kernel.log_A_real"][32 * d + n] == std::log(static_cast<double>(n + 1)));
      CHECK(p["kernel.A_imag"][32 * d + n] == 0);
      CHECK(p["kernel.C"][2 * (32 * d + n) + 1] == 0);
    }
  }
}

TEST_CASE("s4d_init: the other modes") {
  auto const inv = start({.modes = nn::s4d_modes_init::inv}), quad = start({.modes = nn::s4d_modes_init::quad});
  CHECK(std::fabs(inv["kernel.A_imag"][0] - 1283.4254610930441) < 1e-9);  // 64 · 63 / π, of 64 states
  CHECK(std::fabs(quad["kernel.A_imag"][1] - 2.86478898) < 1e-8);
}
