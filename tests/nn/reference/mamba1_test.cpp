// SPDX-License-Identifier: MIT
// The reference against numbers of the originals: tests/io/checkpoint/model_golden_test.cpp, through nn::mamba1, which
// tests/nn/mamba1_test.cpp compares with it. Here: a mixer small enough for paper.
#include <doctest/doctest.h>

#include <mamba/nn/mamba1.hpp>
#include <mamba/nn/reference/mamba1.hpp>

#include <cmath>
#include <vector>

TEST_CASE("reference mamba1: one channel, one state, one tap, by hand over two tokens") {
  mamba::nn::mamba1<mamba::nn::any_mamba1, double> m(
      {.d_model = 1, .d_state = 1, .d_conv = 1, .expand = 1, .dt_rank = 1, .conv_bias = false});
  auto const set = [](auto& storage, std::vector<double> const& rows) {
    for (std::size_t i = 0; i < rows.size(); ++i) storage.set_row(i, std::span(rows).subspan(i, 1));
  };
  set(m.in_proj.weight(), {2, 3});  // x = 2u, z = 3u
  set(m.conv1d.weight(), {1});
  set(m.x_proj.weight(), {0.5, 1, -2});  // dt, B, C
  set(m.dt_proj.weight(), {1});
  set(m.dt_proj.bias(), {0.25});
  set(m.a_log, {0});  // A = -1
  set(m.d, {0.5});
  set(m.out_proj.weight(), {4});
  mamba::nn::reference::mamba1<double> plain(m);
  double h = 0;
  for (double const u : {1.0, -0.5}) {
    double const x = 2 * u / (1 + std::exp(-2 * u));
    double const delta = std::log1p(std::exp(0.5 * x + 0.25));
    h = std::exp(-delta) * h + delta * x * x;
    double const gate = 3 * u / (1 + std::exp(-3 * u));
    double const expected = 4 * (-2 * x * h + 0.5 * x) * gate;
    CHECK(plain.step(std::vector<double>{u})[0] == doctest::Approx(expected).epsilon(1e-14));
    CHECK(plain.h[0][0] == doctest::Approx(h).epsilon(1e-14));
  }
  plain.reset();
  CHECK(plain.h[0][0] == 0);
}
