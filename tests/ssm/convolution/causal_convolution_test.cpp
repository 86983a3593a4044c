// SPDX-License-Identifier: MIT
#include <mamba/ssm/convolution/causal_convolution.hpp>
#include <mamba/tensor/tensor.hpp>
#include <support/random.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

namespace {

using mamba::dynamic;
using matrix = mamba::tensor<double, dynamic, dynamic>;

matrix filled(test::random& rng, std::size_t L, std::size_t D) {
  matrix m(L, D);
  for (double& v : m.span()) v = static_cast<double>(rng.below(17)) - 8;  // whole numbers: sums of products are exact
  return m;
}

matrix convolved(matrix const& kernel, matrix const& x) {
  matrix y(x.extent(0), x.extent(1));
  mamba::ssm::causal_convolution(kernel.view(), x.view(), y.view());
  return y;
}

}  // namespace

TEST_CASE("causal_convolution: by hand, two independent channels") {
  matrix kernel(2, 2), x(3, 2);
  kernel(0, 0) = 1, kernel(1, 0) = 10, kernel(0, 1) = 2, kernel(1, 1) = 0;
  x(0, 0) = 1, x(1, 0) = 2, x(2, 0) = 3, x(0, 1) = 5, x(1, 1) = 6, x(2, 1) = 7;
  matrix const y = convolved(kernel, x);
  CHECK(y(0, 0) == 1);
  CHECK(y(1, 0) == 12);
  CHECK(y(2, 0) == 23);
  CHECK(y(0, 1) == 10);
  CHECK(y(1, 1) == 12);
  CHECK(y(2, 1) == 14);
}

TEST_CASE("causal_convolution: linear, commutative and causal; whole numbers, so exactly") {
  test::random rng(1);
  for (std::size_t L = 0; L < 20; ++L) {
    matrix const kernel = filled(rng, L, 3), x = filled(rng, L, 3), z = filled(rng, L, 3);
    matrix const y = convolved(kernel, x);
    CHECK(convolved(x, kernel) == y);
    matrix sum(L, 3);
    for (std::size_t i = 0; i < sum.size(); ++i) sum.span()[i] = 2 * x.span()[i] - 3 * z.span()[i];
    matrix expected = convolved(kernel, z);
    for (std::size_t i = 0; i < sum.size(); ++i) expected.span()[i] = 2 * y.span()[i] - 3 * expected.span()[i];
    CHECK(convolved(kernel, sum) == expected);
    if (L == 0) continue;
    matrix later = x;
    std::size_t const t = rng.below(L);
    for (std::size_t k = t; k < L; ++k) later(k, 1) += 1 + static_cast<double>(rng.below(5));
    matrix const changed = convolved(kernel, later);
    for (std::size_t k = 0; k < t; ++k) CHECK(changed(k, 1) == y(k, 1));
    for (std::size_t k = 0; k < L; ++k) CHECK(changed(k, 0) == y(k, 0));
  }
}

TEST_CASE("causal_convolution: a kernel of one tap scales, a late tap delays, a long kernel is cut off") {
  test::random rng(2);
  matrix const x = filled(rng, 9, 2);
  matrix scale(1, 2), delay(12, 2);
  scale.fill(3);
  delay(4, 0) = delay(4, 1) = 1;
  delay(11, 0) = delay(11, 1) = 1000;  // beyond x: of no effect
  matrix const scaled = convolved(scale, x), delayed = convolved(delay, x);
  for (std::size_t k = 0; k < 9; ++k) {
    CHECK(scaled(k, 1) == 3 * x(k, 1));
    CHECK(delayed(k, 1) == (k < 4 ? 0 : x(k - 4, 1)));
  }
}

TEST_CASE("causal_convolution: in float, within the bound of its card") {
  test::random rng(4);
  using narrow = mamba::tensor<float, dynamic, dynamic>;
  for (std::size_t const taps : {1UL, 2UL, 30UL, 100UL}) {
    narrow kernel(taps, 2), x(100, 2), y(100, 2);
    for (float& v : kernel.span()) v = static_cast<float>(rng.uniform(-1, 1));
    for (float& v : x.span()) v = static_cast<float>(rng.uniform(-1, 1));
    mamba::ssm::causal_convolution(kernel.view(), x.view(), y.view());
    for (std::size_t k = 0; k < 100; ++k) {
      double sum = 0, moduli = 0;
      for (std::size_t j = 0; j < taps && j <= k; ++j) {
        double const term = static_cast<double>(kernel(j, 1)) * static_cast<double>(x(k - j, 1));
        sum += term;
        moduli += std::fabs(term);
      }
      double const u = std::numeric_limits<float>::epsilon() / 2;
      CHECK(std::fabs(static_cast<double>(y(k, 1)) - sum) <= static_cast<double>(taps + 1) * u * moduli);
    }
  }
}

TEST_CASE("causal_convolution: NaN stays in its channel, from its time on, as long as the kernel is") {
  test::random rng(3);
  matrix const kernel = filled(rng, 3, 2);
  matrix x = filled(rng, 9, 2);
  x(4, 0) = std::numeric_limits<double>::quiet_NaN();
  matrix const y = convolved(kernel, x);
  for (std::size_t k = 0; k < 9; ++k) {
    CHECK(std::isnan(y(k, 0)) == (k >= 4 && k < 7));
    CHECK_FALSE(std::isnan(y(k, 1)));
  }
  CHECK_THROWS_AS(convolved(filled(rng, 3, 1), x), mamba::contract_violation);
}
