// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/convolution/fft_convolution.hpp>
#include <support/largest.hpp>
#include <support/random_discrete.hpp>

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <numbers>

namespace {

using mamba::dynamic;
using mamba::ssm::convolve;
using mamba::ssm::fft_convolve;
using mamba::ssm::matrix;
using mamba::ssm::padded_length;
using mamba::ssm::sequence;
using test::random_sequence;
using complex = std::complex<double>;

// The bound that the header states, for every pair of an input and an output, with the inputs of an output added up.
template <class T, class Kernel, class Input>
double bound(Kernel const& kernel, Input const& x, Eigen::Index p) {
  auto const M = x.cols();
  double const n =
      static_cast<double>(padded_length(static_cast<std::size_t>(kernel.rows()), static_cast<std::size_t>(x.rows())));
  double sum = 0;
  for (Eigen::Index m = 0; m < M; ++m) {
    sum += static_cast<double>(kernel.col(p * M + m).cwiseAbs().sum()) * static_cast<double>(x.col(m).norm());
  }
  return 12 * static_cast<double>(std::numeric_limits<T>::epsilon()) * (std::log2(n) + 1) * sum;
}

TEST_CASE("fft_convolution: a power of two that holds all of both") {
  static_assert(padded_length(0, 0) == 2);
  static_assert(padded_length(1, 1) == 2);
  static_assert(padded_length(2, 1) == 2);
  static_assert(padded_length(2, 2) == 4);
  static_assert(padded_length(4, 5) == 8);
  static_assert(padded_length(5, 5) == 16);
  static_assert(padded_length(4096, 4096) == 8192);
  for (std::size_t a = 0; a < 40; ++a) {
    for (std::size_t b = 0; b < 40; ++b)
      CHECK(padded_length(a, b) >= std::max({a, b, a + b - std::min<std::size_t>(a + b, 1)}));
  }
}

TEST_CASE("fft_convolution: the direct sum, within the stated bound, for every short length and some long ones") {
  test::random rng(2);
  double most = 0;
  auto const check = [&](std::size_t kernel_length, std::size_t length) {
    auto const kernel = random_sequence<double>(rng, kernel_length);
    auto const x = random_sequence<double>(rng, length);
    auto const y = fft_convolve(kernel, x);
    auto const exact = convolve(kernel.cast<long double>().eval(), x.cast<long double>().eval());
    REQUIRE(y.rows() == exact.rows());
    double const allowed = bound<double>(kernel, x, 0);
    for (Eigen::Index k = 0; k < y.rows(); ++k) {
      double const off = static_cast<double>(std::fabs(static_cast<long double>(y(k)) - exact(k)));
      REQUIRE(off <= allowed);
      if (off > 0) most = std::max(most, off / allowed);
    }
  };
  for (std::size_t a = 0; a <= 10; ++a) {
    for (std::size_t b = 0; b <= 10; ++b) check(a, b);
  }
  for (std::size_t const L : {31U, 64U, 65U, 511U}) {
    check(L, L);
    check(3, L);
    check(L, 20);
  }
  check(2000, 2000);
  MESSAGE("at most ", most, " of the bound");
}

TEST_CASE("fft_convolution: several inputs and outputs, and complex kernels") {
  test::random rng(3);
  auto const kernel = random_sequence<double, dynamic>(rng, 20, 6);
  auto const x = random_sequence<double, dynamic>(rng, 33, 2);
  auto const y = fft_convolve(kernel, x);
  auto const direct = convolve(kernel, x);
  REQUIRE(y.cols() == 3);
  for (Eigen::Index p = 0; p < 3; ++p) {
    CHECK(test::largest(y.col(p) - direct.col(p)) <= 1.1 * bound<double>(kernel, x, p));  // and the direct sum's
  }

  auto const turning = random_sequence<complex>(rng, 20);
  auto const real = random_sequence<double>(rng, 33);
  auto const z = fft_convolve(turning, real);
  CHECK(test::largest(z - convolve(turning, real)) <= 1.1 * bound<double>(turning, real, 0));
}

TEST_CASE("fft_convolution: in float") {
  test::random rng(4);
  auto const kernel = random_sequence<float>(rng, 300), x = random_sequence<float>(rng, 400);
  auto const y = fft_convolve(kernel, x);
  auto const exact = convolve(kernel.cast<double>().eval(), x.cast<double>().eval());
  CHECK(test::largest(y.cast<double>() - exact) <= bound<float>(kernel, x, 0));
}

TEST_CASE("fft_convolution: no wrap-around, and causal") {
  test::random rng(5);
  auto const kernel = random_sequence<double>(rng, 64);
  sequence<double> x = sequence<double>::Zero(64);
  for (Eigen::Index const t : {Eigen::Index(0), Eigen::Index(1), Eigen::Index(40), Eigen::Index(63)}) {
    x.setZero();
    x(t) = 1;
    auto const y = fft_convolve(kernel, x);
    double const allowed = bound<double>(kernel, x, 0);
    for (Eigen::Index k = 0; k < 64; ++k) CHECK(std::fabs(y(k) - (k < t ? 0 : kernel(k - t))) <= allowed);
  }
}

TEST_CASE("fft_convolution: linear in the input, within the bound of its three runs") {
  test::random rng(6);
  auto const kernel = random_sequence<double>(rng, 50);
  auto const x1 = random_sequence<double>(rng, 50), x2 = random_sequence<double>(rng, 50);
  auto const both = (1.5 * x1 - 0.25 * x2).eval();
  auto const y = fft_convolve(kernel, both);
  auto const sum = (1.5 * fft_convolve(kernel, x1) - 0.25 * fft_convolve(kernel, x2)).eval();
  CHECK(test::largest(y - sum) <=
        bound<double>(kernel, both, 0) + 1.6 * bound<double>(kernel, x1, 0) + 0.3 * bound<double>(kernel, x2, 0));
}

#if MAMBA_CONTRACTS
TEST_CASE("fft_convolution: a kernel for other inputs is refused") {
  matrix<double> const kernel(4, 3), x(4, 2);
  CHECK_THROWS_AS(static_cast<void>(fft_convolve(kernel, x)), mamba::contract_violation);
}
#endif

}  // namespace
