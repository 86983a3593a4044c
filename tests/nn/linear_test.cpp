// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/nn/linear.hpp>
#include <mamba/nn/workspace.hpp>
#include <support/bits.hpp>
#include <support/guarded.hpp>
#include <support/parameters.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace {

using mamba::bfloat16;
using mamba::matrix_view;
using mamba::q4;
using mamba::kernels::output;
using mamba::nn::bias;
using mamba::nn::linear;
using test::guarded;

/// y = x Wᵀ + b against plain loops: the bound is that of recursive summation, In·ε·Σ|x||W|, and ε for bias and sum.
template <class W>
void check(bias has_bias) {
  using T = typename linear<W>::scalar;
  test::random rng(sizeof(W) + (has_bias == bias::present ? 50 : 0));
  for (int run = 0; run < 60; ++run) {
    std::size_t const in = 1 + rng.below(50), out = 1 + rng.below(90), L = rng.below(9);
    linear<W> layer(out, in, has_bias);
    CHECK(layer.bias().empty() == (has_bias == bias::none));
    test::fill_rows<T>(layer.weight(), rng, -2, 2);
    test::fill_rows<T>(layer.bias(), rng, -2, 2);
    auto const w = test::rows_of<T>(layer.weight());
    auto const b = test::rows_of<T>(layer.bias());
    guarded<T> x(L, in), y(L, out), sum(L, out);
    x.fill(rng, -2, 2);
    sum.fill(rng, -2, 2);
    auto before = sum;
    layer(x.view(), y.view());
    layer.template operator()<output::add>(x.view(), sum.view());
    REQUIRE(y.intact());
    REQUIRE(sum.intact());
    for (std::size_t t = 0; t < L; ++t) {
      for (std::size_t o = 0; o < out; ++o) {
        long double exact = b.empty() ? 0.0L : b[o], size = std::fabs(exact);
        for (std::size_t k = 0; k < in; ++k) {
          long double const term = static_cast<long double>(x(t, k)) * w[o * in + k];
          exact += term;
          size += std::fabs(term);
        }
        long double const eps = std::numeric_limits<T>::epsilon();
        REQUIRE(std::fabs(y(t, o) - exact) <= static_cast<long double>(in + 1) * eps * size);
        size += std::fabs(before(t, o));
        REQUIRE(std::fabs(sum(t, o) - (before(t, o) + exact)) <= static_cast<long double>(in + 2) * eps * size);
      }
    }
  }
}

TEST_CASE("linear: plain loops, with and without bias, assigned and added") {
  for (bias const b : {bias::none, bias::present}) {
    check<float>(b);
    check<double>(b);
    check<bfloat16>(b);
  }
}

TEST_CASE("linear: token by token, and with static extents, the same bits") {
  test::random rng(3), same(3);
  linear<float> layer(41, 23, bias::present);
  linear<float, 41, 23> fixed(41, 23, bias::present);
  test::fill_rows<float>(layer.weight(), rng, -1, 1);
  test::fill_rows<float>(layer.bias(), rng, -1, 1);
  test::fill_rows<float>(fixed.weight(), same, -1, 1);
  test::fill_rows<float>(fixed.bias(), same, -1, 1);
  guarded<float> x(14, 23), whole(14, 41), y(14, 41);
  x.fill(rng, -1, 1);
  layer(x.view(), whole.view());
  fixed(x.view(), y.view());
  CHECK(test::same_rows(y.view(), whole.view()));
  for (std::size_t t = 0; t < 14; ++t) {
    fixed(x.view().rows(t, 1), y.view().rows(t, 1));
    CHECK(test::same_bits(y.view().row(t), whole.view().row(t)));
  }
}

TEST_CASE("linear: fewer columns than outputs are the first outputs") {
  test::random rng(4);
  linear<double> layer(12, 5, bias::present);
  test::fill_rows<double>(layer.weight(), rng, -1, 1);
  test::fill_rows<double>(layer.bias(), rng, -1, 1);
  guarded<double> x(3, 5), all(3, 12), some(3, 7);
  x.fill(rng, -1, 1);
  layer(x.view(), all.view());
  layer(x.view(), some.view());
  CHECK(some.intact());
  CHECK(test::same_rows(some.view(), matrix_view<double>(all.view()).columns(0, 7)));
}

template <class W, output Mode>
void check_ranges() {
  test::random rng(5);
  constexpr std::size_t L = 3, in = 50, out = 150;
  linear<W> layer(out, in, bias::present);
  test::fill_rows<float>(layer.weight(), rng, -1, 1);
  test::fill_rows<float>(layer.bias(), rng, -1, 1);
  guarded<float> x(L, in), y(L, out);
  x.fill(rng, -1, 1);
  y.fill(rng, -1, 1);
  auto whole = y;
  mamba::nn::workspace memory(1 << 14);
  mamba::arena at = memory.memory();
  typename linear<W>::input const input(at, x.view());
  input.quantize(0, L);
  layer.template operator()<Mode>(input, whole.view());
  auto again = y;
  layer.template operator()<Mode>(x.view(), again.view(), memory.memory());  // one call for every format
  CHECK(test::same_rows(again.view(), whole.view()));
  std::size_t const panels = layer.weight().panels();
  CHECK(panels == (out + linear<W>::panel - 1) / linear<W>::panel);
  input.quantize_columns(0, in);
  for (std::size_t const p : {panels - 1, std::size_t{0}}) layer.template multiply<Mode>(input, y.view(), {p, p + 1});
  layer.template multiply<Mode>(input, y.view(), {1, panels - 1});
  CHECK(y.intact());
  CHECK(test::same_rows(y.view(), whole.view()));
  CHECK_THROWS_AS(layer.template multiply<Mode>(input, y.view(), {0, panels + 1}), mamba::contract_violation);
}

TEST_CASE("linear: ranges of panels have the bits of the whole") {
  check_ranges<float, output::assign>();
  check_ranges<float, output::add>();
  check_ranges<q4, output::assign>();
  check_ranges<q4, output::add>();
}

TEST_CASE("linear: static extents alone don't determine whether there is a bias") {
  static_assert(!std::is_default_constructible_v<linear<float, 8, 4>>);
  static_assert(std::is_default_constructible_v<linear<float, 8, 4, mamba::nn::packed, 8>>);
  linear<float, 8, 4, mamba::nn::packed, 8> const layer;
  CHECK(layer.bias().rows() == 8);
  CHECK(layer.weight().out() == 8);
}

/// A format that the library does not have: 8 bits in blocks of 16.
struct q8_fine {
  static constexpr std::size_t block_size = 16, bits = 8;
  static constexpr int lowest = -127, highest = 127;
  static constexpr bool has_offset = false;
};

TEST_CASE("linear: in a block format defined outside the library, close to float, and token by token the same bits") {
  test::random rng(71);
  constexpr std::size_t in = 200, out = 70, L = 9;
  linear<q8_fine> layer(out, in, bias::none);
  linear<float> plain(out, in, bias::none);
  std::vector<float> row(in);
  for (std::size_t r = 0; r < out; ++r) {
    for (float& v : row) v = static_cast<float>(rng.normal());
    layer.weight().set_row(r, row);
    plain.weight().set_row(r, row);
  }
  guarded<float> x(L, in), y(L, out), z(L, out), exact(L, out);
  x.fill(rng, -2, 2);
  mamba::nn::workspace workspace(1 << 14);
  layer(x.view(), y.view(), workspace.memory());
  plain(x.view(), exact.view());
  double off = 0, size = 0;
  for (std::size_t t = 0; t < L; ++t) {
    layer(x.view().rows(t, 1), z.view().rows(t, 1), workspace.memory());
    for (std::size_t o = 0; o < out; ++o) {
      off += std::pow(static_cast<double>(y(t, o) - exact(t, o)), 2);
      size += std::pow(static_cast<double>(exact(t, o)), 2);
    }
  }
  CHECK(test::same_rows(y.view(), z.view()));
  CHECK(std::sqrt(off / size) < 0.01);  // half a step of 127 on either side is 0.4 % of the largest
}

TEST_CASE("linear: contracts") {
  linear<float> const layer(4, 3, bias::none);
  guarded<float> x(2, 3), narrow(2, 2), y(2, 4), wide(2, 5);
  CHECK_THROWS_AS(layer(narrow.view(), y.view()), mamba::contract_violation);
  CHECK_THROWS_AS(layer(x.view(), wide.view()), mamba::contract_violation);
}

}  // namespace
