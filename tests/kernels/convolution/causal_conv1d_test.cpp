// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/kernels/convolution/causal_conv1d.hpp>
#include <support/bits.hpp>
#include <support/guarded.hpp>
#include <support/random.hpp>
#include <support/threads.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace {

using mamba::matrix_view;
using mamba::kernels::causal_conv1d;
using test::guarded;

/// All arguments of one convolution, in guarded memory.
template <class T>
struct conv_case {
  guarded<T> x, weight, state, y;
  std::vector<T> bias;

  conv_case(test::random& rng, std::size_t L, std::size_t D, std::size_t K, bool with_bias)
      : x(L, D, rng.below(16), rng.below(9)),
        weight(K, D, rng.below(16), rng.below(9)),
        state(K - 1, D, rng.below(16), rng.below(9)),
        y(L, D, rng.below(16), rng.below(9)),
        bias(with_bias ? D : 0) {
    x.fill(rng, -3, 3);
    weight.fill(rng, -2, 2);
    state.fill(rng, -3, 3);
    rng.fill(std::span(bias), -1, 1);
  }

  void run() { run_rows(0, x.view().extent(0)); }
  void run_rows(std::size_t first, std::size_t count) {
    causal_conv1d({.x = x.view().rows(first, count), .weight = weight.view(), .bias = bias}, state.view(),
                  y.view().rows(first, count));
  }
};

/// One convolution against a plain loop. Returns |error| / bound, at most.
///
/// The bound of the card, (K + 4) ε (|b| + Σ|w||x|): the sum has K multiply-adds (2K roundings where nothing is fused),
/// silu magnifies their errors by at most 1.1 and adds 3.25 ulp of a result that is no larger than the sum.
template <class T>
double check_one(test::random& rng, std::size_t L, std::size_t D, std::size_t K) {
  conv_case<T> c(rng, L, D, K, rng.below(2) == 0);
  auto before = c;
  c.run();
  REQUIRE(c.y.intact());
  REQUIRE(c.state.intact());
  auto const input = [&](std::size_t s, std::size_t d) {  // s counts from the oldest of the state
    return s + 1 < K ? before.state(s, d) : before.x(s + 1 - K, d);
  };
  double worst = 0;
  for (std::size_t d = 0; d < D; ++d) {
    for (std::size_t t = 0; t < L; ++t) {
      long double sum = c.bias.empty() ? 0.0L : c.bias[d];
      long double size = std::fabs(sum);
      for (std::size_t k = 0; k < K; ++k) {
        long double const term = static_cast<long double>(c.weight(k, d)) * input(t + k, d);
        sum += term;
        size += std::fabs(term);
      }
      long double const exact = sum / (1 + std::exp(-sum));
      double const off = static_cast<double>(std::fabs(c.y(t, d) - exact));
      double const allowed =
          static_cast<double>((static_cast<long double>(K) + 4) * std::numeric_limits<T>::epsilon() * size);
      if (!(off <= allowed)) {
        CAPTURE(L);
        CAPTURE(D);
        CAPTURE(K);
        CAPTURE(t);
        CAPTURE(d);
        REQUIRE(off <= allowed);
      }
      if (allowed > 0) worst = std::max(worst, off / allowed);
    }
    for (std::size_t s = 0; s + 1 < K; ++s) REQUIRE(c.state(s, d) == input(L + s, d));  // the last K−1 inputs
  }
  return worst;
}

template <class T>
void check_sizes(std::string const& name) {
  constexpr std::size_t W = mamba::simd::lanes<T>;
  test::random rng(sizeof(T));
  double worst = 0;
  for (std::size_t K = 1; K <= 5; ++K) {
    for (std::size_t D = 1; D <= 2 * W + 1; ++D) {
      for (std::size_t L = 0; L <= 10; L += D % 4 == 0 ? 1 : 1 + rng.below(4)) {
        worst = std::max(worst, check_one<T>(rng, L, D, K));
      }
    }
  }
  MESSAGE(name, ": at most ", worst, " of the bound");
}

TEST_CASE("causal_conv1d: plain loops, all awkward sizes, state included") {
  check_sizes<float>("float");
  check_sizes<double>("double");
}

TEST_CASE("causal_conv1d: by hand, tap K−1 multiplies the current token") {
  float const x[] = {1, 2}, weight[] = {10, 1}, bias[] = {0.5F};
  float state[] = {3}, y[2];
  causal_conv1d({.x = {x, 2, 1}, .weight = {weight, 2, 1}, .bias = bias}, matrix_view<float>(state, 1, 1), {y, 2, 1});
  auto const silu = [](double v) { return v / (1 + std::exp(-v)); };
  CHECK(static_cast<double>(y[0]) == doctest::Approx(silu(0.5 + 30 + 1)).epsilon(1e-6));
  CHECK(static_cast<double>(y[1]) == doctest::Approx(silu(0.5 + 10 + 2)).epsilon(1e-6));
  CHECK(state[0] == 2);
}

TEST_CASE("causal_conv1d: tensors in place of views, of any static extents") {
  mamba::tensor<double, mamba::dynamic, 2> x(3, 2);
  mamba::tensor<double, 2, 2> weight;
  mamba::tensor<double, 1, 2> state;
  mamba::tensor<double, 3, 2> y;
  mamba::tensor<double, 2> bias;
  for (auto const values : {x.span(), weight.span(), state.span(), bias.span()})
    std::fill(values.begin(), values.end(), 1);
  causal_conv1d({.x = x, .weight = weight, .bias = bias}, state, y);
  for (double const v : y.span()) CHECK(v == doctest::Approx(3 / (1 + std::exp(-3.0))).epsilon(1e-14));
  causal_conv1d({.x = x, .weight = weight}, state, y);
  for (double const v : y.span()) CHECK(v == doctest::Approx(2 / (1 + std::exp(-2.0))).epsilon(1e-14));
}

template <class T>
void check_splits(std::uint64_t seed) {
  test::random rng(seed);
  for (int run = 0; run < 300; ++run) {
    std::size_t const L = 1 + rng.below(12), D = 1 + rng.below(40), K = 1 + rng.below(5);
    conv_case<T> whole(rng, L, D, K, rng.below(2) == 0);
    auto parts = whole;
    whole.run();
    for (std::size_t first = 0; first < L;) {
      std::size_t const count = std::min(L - first, rng.below(4));
      parts.run_rows(first, count);
      first += count;
    }
    REQUIRE(test::same_rows(parts.y.view(), whole.y.view()));
    REQUIRE(test::same_rows(parts.state.view(), whole.state.view()));
  }
}

TEST_CASE("causal_conv1d: any split gives the same bits, pieces shorter than K−1 too") {
  check_splits<float>(1);
  check_splits<double>(2);
}

TEST_CASE("causal_conv1d: a channel has the same bits wherever it stands") {
  test::random rng(3);
  constexpr std::size_t L = 7, D = 35, K = 4;
  conv_case<float> whole(rng, L, D, K, true);
  auto const before = whole;
  whole.run();
  for (std::size_t count = 1; count <= D; ++count) {
    std::size_t const first = rng.below(D - count + 1);
    auto part = before;
    guarded<float> y(L, count);
    causal_conv1d({.x = part.x.view().columns(first, count),
                   .weight = part.weight.view().columns(first, count),
                   .bias = std::span<float const>(part.bias).subspan(first, count)},
                  part.state.view().columns(first, count), y.view());
    REQUIRE(y.intact());
    REQUIRE(test::same_rows(y.view(), matrix_view<float>(whole.y.view()).columns(first, count)));
  }
}

TEST_CASE("causal_conv1d: the same bits with 1, 2 and 3 threads") {
  test::random rng(4);
  conv_case<float> const start(rng, 10, 1003, 4, true);
  auto alone = start;
  test::all_work_shared const shared;
  mamba::parallel::set_thread_count(1);
  alone.run();
  for (int const count : {2, 3}) {
    mamba::parallel::set_thread_count(count);
    auto together = start;
    together.run();
    CHECK(test::same_rows(together.y.view(), alone.y.view()));
    CHECK(test::same_rows(together.state.view(), alone.state.view()));
  }
}

TEST_CASE("causal_conv1d: NaN stays in its channel, for K tokens") {
  test::random rng(5);
  constexpr std::size_t L = 9, D = 20, K = 4, t = 2, channel = 18;
  conv_case<float> clean(rng, L, D, K, true);
  auto spoilt = clean;
  spoilt.x(t, channel) = std::numeric_limits<float>::quiet_NaN();
  clean.run();
  spoilt.run();
  for (std::size_t i = 0; i < L; ++i) {
    for (std::size_t j = 0; j < D; ++j) {
      if (j == channel && i >= t && i < t + K) {
        CHECK(std::isnan(spoilt.y(i, j)));
      } else {
        CHECK(test::same_bits(std::span(&spoilt.y(i, j), 1), std::span(&clean.y(i, j), 1)));
      }
    }
  }
}

TEST_CASE("causal_conv1d: no tokens leave the state alone") {
  test::random rng(6);
  conv_case<double> c(rng, 0, 5, 3, false);
  auto before = c;
  c.run();
  CHECK(test::same_rows(c.state.view(), before.state.view()));
}

TEST_CASE("causal_conv1d: contracts") {
  test::random rng(7);
  conv_case<float> c(rng, 4, 5, 3, true);
  guarded<float> narrow(3, 4), state_of_two(1, 5), narrow_state(2, 4), shorter(3, 5);
  std::vector<float> const four(4);
  auto const call = [&](auto& weight, std::span<float const> bias, auto& state, auto& y) {
    causal_conv1d({.x = c.x.view(), .weight = weight.view(), .bias = bias}, state.view(), y.view());
  };
  using violation = mamba::contract_violation;
  CHECK_NOTHROW(call(c.weight, c.bias, c.state, c.y));
  CHECK_THROWS_AS(call(narrow, c.bias, c.state, c.y), violation);
  CHECK_THROWS_AS(call(c.weight, c.bias, state_of_two, c.y), violation);
  CHECK_THROWS_AS(call(c.weight, c.bias, narrow_state, c.y), violation);
  CHECK_THROWS_AS(call(c.weight, four, c.state, c.y), violation);
  CHECK_THROWS_AS(call(c.weight, c.bias, c.state, shorter), violation);
}

}  // namespace
