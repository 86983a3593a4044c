// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/nn/causal_conv1d.hpp>
#include <support/bits.hpp>
#include <support/guarded.hpp>
#include <support/parameters.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace {

using mamba::matrix_view;
using mamba::nn::bias;
using mamba::nn::causal_conv1d;
using test::guarded;

template <class Layer>
void fill(Layer& layer, std::uint64_t seed) {
  test::random rng(seed);
  test::fill_rows<typename Layer::state_type::value_type>(layer.weight(), rng, -1, 1);
  test::fill_rows<typename Layer::state_type::value_type>(layer.bias(), rng, -1, 1);
}

/// From an empty state the layer is torch's conv1d with K − 1 zeros in front and SiLU behind.
template <class T>
void check(bias has_bias) {
  test::random rng(sizeof(T));
  for (std::size_t K = 1; K <= 5; ++K) {
    for (std::size_t L = 0; L <= 8; ++L) {
      std::size_t const D = 1 + rng.below(35);
      causal_conv1d<T> layer(D, K, has_bias);
      fill(layer, 10 * K + L);
      auto const weight = test::rows_of<T>(layer.weight());
      auto const b = test::rows_of<T>(layer.bias());
      REQUIRE(b.empty() == (has_bias == bias::none));
      guarded<T> x(L, D), y(L, D);
      x.fill(rng, -2, 2);
      auto state = layer.initial_state();
      REQUIRE(state.extent(0) == K - 1);
      layer(x.view(), state, y.view());
      REQUIRE(y.intact());
      for (std::size_t d = 0; d < D; ++d) {
        for (std::size_t t = 0; t < L; ++t) {
          long double sum = b.empty() ? 0.0L : b[d], size = std::fabs(sum);
          for (std::size_t k = 0; k < K; ++k) {
            if (t + k + 1 < K) continue;  // before the first token
            long double const term = static_cast<long double>(weight[d * K + k]) * x(t + k + 1 - K, d);
            sum += term;
            size += std::fabs(term);
          }
          long double const exact = sum / (1 + std::exp(-sum));
          long double const allowed = static_cast<long double>(K + 4) * std::numeric_limits<T>::epsilon() * size;
          REQUIRE(std::fabs(y(t, d) - exact) <= allowed);
        }
        for (std::size_t s = 0; s + 1 < K; ++s) {
          T const expected = L + s + 1 < K ? T{0} : x(L + s + 1 - K, d);
          REQUIRE(state(s, d) == expected);
        }
      }
    }
  }
}

TEST_CASE("causal_conv1d layer: the convolution of the checkpoint's filters, with and without bias") {
  for (bias const b : {bias::none, bias::present}) {
    check<float>(b);
    check<double>(b);
  }
}

template <class Layer>
void check_splits(Layer layer, std::size_t D) {
  fill(layer, 5);
  test::random rng(6);
  constexpr std::size_t L = 11;
  guarded<float> x(L, D), whole(L, D);
  x.fill(rng, -2, 2);
  auto at_once = layer.initial_state();
  layer(x.view(), at_once, whole.view());
  for (int run = 0; run < 40; ++run) {
    guarded<float> y(L, D);
    auto state = layer.initial_state();
    for (std::size_t first = 0; first < L;) {
      std::size_t const count = run == 0 ? 1 : std::min(L - first, rng.below(5));
      layer(x.view().rows(first, count), state, y.view().rows(first, count));
      first += count;
    }
    REQUIRE(test::same_rows(y.view(), whole.view()));
    REQUIRE(test::same_bits(state.span(), at_once.span()));
  }
}

TEST_CASE("causal_conv1d layer: any split carries the state exactly, L shorter than K−1 and K = 1 included") {
  for (std::size_t K = 1; K <= 5; ++K) check_splits(causal_conv1d<float>(19, K, bias::present), 19);
  check_splits(causal_conv1d<float, 19, 1>(19, 1, bias::present), 19);
  check_splits(causal_conv1d<float, 19, 4>(19, 4, bias::none), 19);
}

void check_ranges(std::size_t K, bias has_bias) {
  constexpr std::size_t D = 37;
  constexpr std::size_t L = 6;
  causal_conv1d<float> layer(D, K, has_bias);
  fill(layer, 9);
  test::random rng(10);
  guarded<float> x(L, D), whole(L, D);
  x.fill(rng, -2, 2);
  auto before = layer.initial_state();
  rng.fill(before.span(), -2, 2);
  auto at_once = before;
  layer(x.view(), at_once, whole.view());
  for (int run = 0; run < 40; ++run) {
    std::size_t const first = rng.below(D + 1);
    std::size_t const last = first + rng.below(D + 1 - first);
    guarded<float> y(L, D, rng.below(16), rng.below(9));
    auto state = before;
    layer(x.view(), state, y.view(), first, last - first);
    REQUIRE(y.intact());
    for (std::size_t d = 0; d < D; ++d) {
      bool const within = first <= d && d < last;
      for (std::size_t t = 0; t < L; ++t) REQUIRE(y(t, d) == (within ? whole(t, d) : 0));
      for (std::size_t k = 0; k + 1 < K; ++k) REQUIRE(state(k, d) == (within ? at_once(k, d) : before(k, d)));
    }
    layer(x.view(), state, y.view(), last, D - last);
    layer(x.view(), state, y.view(), 0, first);
    REQUIRE(test::same_rows(y.view(), whole.view()));
    REQUIRE(test::same_bits(state.span(), at_once.span()));
    REQUIRE(y.intact());
  }
}

TEST_CASE("causal_conv1d layer: ranges of channels have the bits of the whole and leave the others alone") {
  for (bias const b : {bias::none, bias::present}) {
    for (std::size_t const K : {1U, 4U}) check_ranges(K, b);
  }
}

TEST_CASE("causal_conv1d layer: static and dynamic extents give the same bits") {
  causal_conv1d<float> run(21, 4, bias::present);
  causal_conv1d<float, 21, 4> fixed(21, 4, bias::present);
  fill(run, 7);
  fill(fixed, 7);
  test::random rng(8);
  guarded<float> x(6, 21), y(6, 21), z(6, 21);
  x.fill(rng, -2, 2);
  auto a = run.initial_state();
  auto b = fixed.initial_state();
  run(x.view(), a, y.view());
  fixed(x.view(), b, z.view());
  CHECK(test::same_rows(y.view(), z.view()));
  CHECK(test::same_bits(a.span(), b.span()));
}

}  // namespace
