// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/nn/silu_gate.hpp>
#include <support/bits.hpp>
#include <support/guarded.hpp>
#include <support/random.hpp>

#include <cmath>
#include <limits>

namespace {

using test::guarded;

template <class T>
void check() {
  test::random rng(sizeof(T));
  for (std::size_t D = 0; D <= 2 * mamba::simd::lanes<T> + 1; ++D) {
    std::size_t const L = rng.below(5);
    guarded<T> y(L, D, rng.below(9), rng.below(5)), z(L, D, rng.below(9), rng.below(5));
    y.fill(rng, -3, 3);
    z.fill(rng, -20, 20);
    auto before = y;
    mamba::nn::silu_gate<T>(y.view(), z.view());
    REQUIRE(y.intact());
    for (std::size_t t = 0; t < L; ++t) {
      for (std::size_t i = 0; i < D; ++i) {
        long double const gate = z(t, i);
        long double const exact = before(t, i) * gate / (1 + std::exp(-gate));
        // silu is 3.25 ulp, at most 3.25 ε; the product is half an ε.
        REQUIRE(std::fabs(y(t, i) - exact) <= 3.8L * std::numeric_limits<T>::epsilon() * std::fabs(exact));
      }
    }
  }
}

TEST_CASE("silu_gate: y · silu(z) at every length and misalignment") {
  check<float>();
  check<double>();
}

TEST_CASE("silu_gate: zeros, infinities and NaN") {
  float const infinity = std::numeric_limits<float>::infinity();
  float y[] = {2, 2, 2, std::numeric_limits<float>::quiet_NaN(), 2};
  float const z[] = {0, infinity, -infinity, 1, std::numeric_limits<float>::quiet_NaN()};
  mamba::nn::silu_gate<float>(mamba::matrix_view<float>(y, 1, 5), mamba::matrix_view<float const>(z, 1, 5));
  CHECK(y[0] == 0);
  CHECK(y[1] == infinity);
  CHECK(y[2] == 0);
  CHECK(std::isnan(y[3]));
  CHECK(std::isnan(y[4]));
}

TEST_CASE("silu_gate: contracts") {
  guarded<float> y(2, 4), narrow(2, 3);
  CHECK_THROWS_AS(mamba::nn::silu_gate<float>(y.view(), narrow.view()), mamba::contract_violation);
}

}  // namespace
