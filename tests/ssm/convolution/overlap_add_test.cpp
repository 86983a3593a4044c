// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/convolution/overlap_add.hpp>
#include <support/largest.hpp>
#include <support/random_discrete.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace {

using mamba::dynamic;
using mamba::ssm::convolve;
using mamba::ssm::matrix;
using mamba::ssm::overlap_add;
using mamba::ssm::padded_length;
using test::random_sequence;

constexpr double eps = std::numeric_limits<double>::epsilon();

// The header's bound, with Σ_b ‖x_b‖₂ at most ‖x‖₁ whatever the blocks are, and one rounding for each of at most L_K
// blocks that are added, of sums that are at most max|K| ‖x‖₁.
double bound(matrix<double> const& kernel, matrix<double> const& x, std::size_t block) {
  double const n = static_cast<double>(padded_length(static_cast<std::size_t>(kernel.rows()), block));
  double const size = x.cwiseAbs().sum(), blocks = static_cast<double>(kernel.rows());
  return (12 * eps * (std::log2(n) + 1) * kernel.cwiseAbs().sum() + blocks * eps / 2 * test::largest(kernel)) * size;
}

TEST_CASE("overlap_add: chunks of any size are the whole") {
  test::random rng(1);
  double most = 0;
  for (std::size_t const kernel_length : {1U, 2U, 5U, 16U, 33U}) {
    auto const kernel = random_sequence<double, dynamic>(rng, kernel_length, 1);
    auto const x = random_sequence<double, dynamic>(rng, 70, 1);
    auto const whole = convolve(kernel, x);
    for (std::size_t const block : {0U, 1U, 3U, 8U, 100U}) {
      double const allowed = bound(kernel, x, block == 0 ? kernel_length : block);
      for (Eigen::Index const chunk : {1, 2, 7, 16, 70}) {
        overlap_add<double> stream(kernel, 1, block);
        for (Eigen::Index k = 0; k < 70; k += chunk) {
          auto const here = std::min<Eigen::Index>(chunk, 70 - k);
          auto const y = stream(x.middleRows(k, here));
          REQUIRE(y.rows() == here);
          double const off = test::largest(y - whole.middleRows(k, here));
          REQUIRE(off <= allowed);
          most = std::max(most, off / allowed);
        }
      }
    }
  }
  MESSAGE("at most ", most, " of the bound");
}

TEST_CASE("overlap_add: chunks of random sizes, empty ones among them, for several inputs and outputs") {
  test::random rng(2);
  auto const kernel = random_sequence<double, dynamic>(rng, 12, 6);
  auto const x = random_sequence<double, dynamic>(rng, 200, 3);
  auto const whole = convolve(kernel, x);
  for (int run = 0; run < 20; ++run) {
    overlap_add<double> stream(kernel, 3, 10);
    for (Eigen::Index k = 0; k < 200;) {
      auto const here = std::min<Eigen::Index>(static_cast<Eigen::Index>(rng.below(25)), 200 - k);
      auto const y = stream(x.middleRows(k, here));
      REQUIRE(y.rows() == here);
      REQUIRE(y.cols() == 2);
      if (here > 0) REQUIRE(test::largest(y - whole.middleRows(k, here)) <= bound(kernel, x, 10));
      k += here;
    }
  }
}

TEST_CASE("overlap_add: the stream is a value, and decays to zero without input") {
  test::random rng(3);
  auto const kernel = random_sequence<double, dynamic>(rng, 9, 1);
  overlap_add<double> stream(kernel);
  static_cast<void>(stream(random_sequence<double, dynamic>(rng, 30, 1)));
  auto copy = stream;
  auto const x = random_sequence<double, dynamic>(rng, 5, 1);
  CHECK(test::same_matrix(stream(x), copy(x)));

  matrix<double> const silence = matrix<double>::Zero(1, 1);
  for (int k = 0; k < 8; ++k) CHECK(stream(silence)(0) != 0);
  CHECK(stream.left().isZero(0));
  CHECK(stream(silence)(0) == 0);
}

TEST_CASE("overlap_add: a NaN is gone after a block and a kernel's length") {
  test::random rng(4);
  overlap_add<double> stream(random_sequence<double, dynamic>(rng, 4, 1));
  matrix<double> x = matrix<double>::Ones(4, 1);
  x(2) = std::numeric_limits<double>::quiet_NaN();
  CHECK(stream(x).hasNaN());
  x(2) = 1;
  CHECK(stream(x).hasNaN());
  CHECK_FALSE(stream(x).hasNaN());
}

TEST_CASE("overlap_add: an empty kernel gives zeros") {
  overlap_add<double> stream(matrix<double>(0, 1));
  CHECK(stream(matrix<double>::Ones(3, 1)).isZero(0));
}

TEST_CASE("overlap_add: in float, the card's distance from double") {
  test::random rng(20);
  auto const kernel = random_sequence<float, dynamic>(rng, 16, 1);
  auto const x = random_sequence<float, dynamic>(rng, 70, 1);
  matrix<double> const wide_kernel = kernel.cast<double>(), wide_x = x.cast<double>();
  overlap_add<float> stream(kernel);
  double const off = test::largest(stream(x).cast<double>() - convolve(wide_kernel, wide_x));
  CHECK(off <= bound(wide_kernel, wide_x, 16) * (double{std::numeric_limits<float>::epsilon()} / eps));
  CHECK(off > 0);  // it was float
}

#if MAMBA_CONTRACTS
TEST_CASE("overlap_add: a kernel for other inputs is refused") {
  CHECK_THROWS_AS(overlap_add<double>(matrix<double>(4, 3), 2), mamba::contract_violation);
  overlap_add<double> stream(matrix<double>(4, 6), 3);
  CHECK_THROWS_AS(static_cast<void>(stream(matrix<double>(5, 2))), mamba::contract_violation);
  CHECK_THROWS_AS(static_cast<void>(stream(matrix<double>(5, 6))), mamba::contract_violation);
}
#endif

}  // namespace
