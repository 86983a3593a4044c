// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/selective/selective_inputs.hpp>
#include <mamba/tensor/view.hpp>
#include <support/scan_case.hpp>

#include <cmath>
#include <limits>
#include <vector>

namespace {

using namespace mamba::ssm;
using test::table;

// m(i, j) = 10 i + j: each number encodes its place.
table<double> numbered(std::size_t rows, std::size_t columns) {
  table<double> out(rows, columns);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) out(i, j) = static_cast<double>(10 * i + j);
  }
  return out;
}

TEST_CASE("selective_inputs: B and C by token, by channel and by group") {
  auto const m = numbered(4, 4);
  CHECK(per_token(m)(3, 2, 1) == 31);
  CHECK(per_channel(m)(3, 2, 1) == 21);
  auto const cube = [](std::size_t t, std::size_t group, std::size_t n) { return 100 * t + 10 * group + n; };
  auto const grouped = per_group(cube, 2, 6);
  for (std::size_t channel = 0; channel < 6; ++channel) CHECK(grouped(3, channel, 1) == (channel < 3 ? 301 : 311));
  CHECK(per_group(cube, 1, 6)(2, 5, 1) == 201);
  CHECK(per_group(cube, 6, 6)(2, 5, 1) == 251);
}

TEST_CASE("selective_inputs: steps with bias and softplus") {
  auto const raw = numbered(2, 3);
  std::vector<double> const bias{1, 2, -30};
  auto const biased = with_bias(raw, bias);
  CHECK(biased(1, 1) == 13);
  auto const positive = softplus_of(biased);
  CHECK(positive(0, 2) == doctest::Approx(std::log1p(std::exp(-28.0))).epsilon(1e-15));
  CHECK(softplus_of(raw)(0, 0) == doctest::Approx(std::log(2.0)).epsilon(1e-15));
}

TEST_CASE("selective_inputs: softplus has PyTorch's threshold in every precision") {
  CHECK(mamba::ssm::softplus(20.5) == 20.5);
  CHECK(mamba::ssm::softplus(20.5L) == 20.5L);
  CHECK(mamba::ssm::softplus(20.0) > 20.0);
  CHECK(mamba::ssm::softplus(20.0L) > 20.0L);
  CHECK(mamba::ssm::softplus(800.0L) == 800.0L);
  for (double x = -40; x <= 20; x += 0.37) {
    CHECK(mamba::ssm::softplus(x) ==
          doctest::Approx(static_cast<double>(mamba::ssm::softplus(static_cast<long double>(x)))).epsilon(1e-15));
  }
  CHECK(std::isnan(mamba::ssm::softplus(std::numeric_limits<double>::quiet_NaN())));
}

TEST_CASE("selective_inputs: outputs are written, with skip and gate, from the inside out") {
  auto const x = numbered(2, 2), z = numbered(2, 2);
  std::vector<double> const d{3, 5};
  table<double> y(2, 2);
  into(y)(1, 0, 7.0);
  CHECK(y(1, 0) == 7);
  plus_skip(d, x, into(y))(1, 1, 7.0);
  CHECK(y(1, 1) == 7 + 5 * 11);
  gated(z, into(y))(1, 1, 7.0);
  CHECK(y(1, 1) == 7 * silu(11.0));
  plus_skip(d, x, gated(z, into(y)))(1, 1, 7.0);
  CHECK(y(1, 1) == (7 + 5 * 11) * silu(11.0));  // the skip goes through the gate
}

TEST_CASE("selective_inputs: lvalues are referred to, temporaries are stored") {
  std::vector<double> cells{1, 2, 3, 4};
  auto const from_view = per_token(mamba::matrix_view<double>(cells.data(), 2, 2));
  auto const to_view = into(mamba::matrix_view<double>(cells.data(), 2, 2));
  to_view(1, 1, 9.0);
  CHECK(from_view(1, 0, 1) == 9);

  auto m = numbered(2, 2);
  auto const named = per_channel(m);
  m(1, 1) = -1;
  CHECK(named(0, 1, 1) == -1);
  auto const kept = per_channel(numbered(2, 2));
  CHECK(kept(0, 1, 1) == 11);
}

#if MAMBA_CONTRACTS
TEST_CASE("selective_inputs: channels that don't divide into groups are refused") {
  auto const cube = [](std::size_t, std::size_t, std::size_t) { return 0.0; };
  CHECK_THROWS_AS(static_cast<void>(per_group(cube, 4, 6)), mamba::contract_violation);
  CHECK_THROWS_AS(static_cast<void>(per_group(cube, 0, 6)), mamba::contract_violation);
  std::vector<double> cells(12);
  mamba::view<double, mamba::dynamic, mamba::dynamic, mamba::dynamic> const two_groups(cells.data(), 2, 2, 3);
  CHECK(per_group(two_groups, 2, 6)(1, 5, 2) == 0);
  CHECK_THROWS_AS(static_cast<void>(per_group(two_groups, 3, 6)), mamba::contract_violation);
}
#endif

}  // namespace
