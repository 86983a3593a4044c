// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/convolution/vandermonde_kernel.hpp>
#include <support/kernel_systems.hpp>
#include <support/largest.hpp>
#include <support/near.hpp>

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>

namespace {

namespace ssm = mamba::ssm;
using ssm::modes;
using complex = std::complex<double>;
constexpr double eps = std::numeric_limits<double>::epsilon();

/// Σ_n |C_n| |ā_n|^k |B̄_n|, what the errors of both methods are measured by.
template <class System>
double size_of(System const& s, Eigen::Index k) {
  auto const power = s.a_bar.lambda.cwiseAbs().array().pow(static_cast<double>(k)).matrix().eval();
  return s.c.cwiseAbs().row(0).cwiseProduct(power.transpose()).dot(s.b_bar.cwiseAbs().col(0));
}

// Both are sums of N products after k complex multiplications, each off by at most √5 ε/2 of its size (Brent, Percival
// and Zimmermann): (1.2 k + N + 3) ε Σ|C_n ā_n^k B̄_n| for each of the two, and 2 Re doubles it.
TEST_CASE("vandermonde_kernel: the Krylov kernel, all modes and half") {
  test::random rng(1);
  double worst = 0;
  for (std::size_t const N : {1U, 3U, 16U}) {
    auto const half = test::random_discrete_diagonal<modes::half, 1, 1>(rng, N, 1, 1);
    ssm::discrete_diagonal<complex> const all{half.a_bar.lambda, half.b_bar, half.c, half.d};
    auto const K = ssm::vandermonde_kernel(half, 200);
    auto const K_all = ssm::vandermonde_kernel(all, 200);
    auto const expected = ssm::krylov_kernel(half, 200);
    auto const expected_all = ssm::krylov_kernel(all, 200);
    for (Eigen::Index k = 0; k < 200; ++k) {
      double const unit = (1.2 * static_cast<double>(k) + static_cast<double>(N) + 3) * eps * size_of(all, k);
      worst = std::max(worst, std::abs(K_all(k) - expected_all(k)) / unit);
      CHECK(std::abs(K(k) - expected(k)) <= 4 * unit);
      CHECK(std::abs(K_all(k) - expected_all(k)) <= 2 * unit);
      CHECK(std::abs(K(k) - 2 * K_all(k).real()) <= 4 * unit);
    }
  }
  MESSAGE("at most ", worst / 2, " of the bound");
}

// The card's bound at the size where powers have had time to go wrong, against the same formula in long double. The
// exact value is that of the rounded ā, which is what the function is given.
TEST_CASE("vandermonde_kernel: within its bound at N = 64, L = 4096") {
  test::random rng(2);
  constexpr std::size_t N = 64, L = 4096;
  auto s = test::random_discrete_diagonal<modes::all, 1, 1>(rng, N, 1, 1);
  for (Eigen::Index n = 0; n < 64; ++n) {
    if (n % 2 == 0) s.a_bar(n) /= std::abs(s.a_bar(n));  // half of the modes don't decay at all
  }
  using wide = std::complex<long double>;
  ssm::discrete_diagonal<wide> const exact{s.a_bar.lambda.cast<wide>(), s.b_bar.cast<wide>(), s.c.cast<wide>(),
                                           s.d.cast<long double>()};
  auto const K = ssm::vandermonde_kernel(s, L);
  auto const K_exact = ssm::vandermonde_kernel(exact, L);
  double worst = 0, of_bound = 0, logarithm = 0;
  for (Eigen::Index k = 0; k < K.size(); ++k) {
    double const off = static_cast<double>(std::abs(wide(K(k)) - K_exact(k)));
    double const size = size_of(s, k);
    double const bound = (1.2 * static_cast<double>(k) + N + 3) * eps * size;
    worst = std::max(worst, off / size);
    of_bound = std::max(of_bound, off / bound);
    CHECK(off <= bound);
    complex other = 0;  // the other way to a power
    for (Eigen::Index n = 0; n < 64; ++n) {
      other += s.c(n) * std::exp(static_cast<double>(k) * std::log(s.a_bar(n))) * s.b_bar(n);
    }
    logarithm = std::max(logarithm, static_cast<double>(std::abs(wide(other) - K_exact(k))) / size);
  }
  CHECK(worst < logarithm);  // why the header multiplies
  MESSAGE("off by ", worst, " of the terms' sizes, ", of_bound, " of the bound; by exp(k log a) it is ", logarithm);
}

TEST_CASE("vandermonde_kernel: several inputs and outputs, steps of two inputs") {
  test::random rng(3);
  ssm::two_point<ssm::discrete_diagonal<complex, mamba::dynamic, mamba::dynamic, mamba::dynamic, modes::half>> s{
      test::random_discrete_diagonal<modes::half>(rng, 5, 2, 3), test::random_entries<complex>(rng, 5, 2)};
  for (std::size_t const L : {0U, 1U, 2U, 40U}) {
    auto const K = ssm::vandermonde_kernel(s, L);
    auto const expected = ssm::krylov_kernel(s, L);
    REQUIRE(K.rows() == static_cast<Eigen::Index>(L));
    REQUIRE(K.cols() == 6);
    // 5 modes, each product at most 2, both inputs, twice for the halves: (1.2·40 + 8) ε 40, on either side.
    for (Eigen::Index i = 0; i < K.size(); ++i) CHECK(std::abs(K(i) - expected(i)) <= 2 * 56 * 40 * eps);
  }
}

TEST_CASE("vandermonde_kernel: no length, one mode, real modes, static sizes, NaN, float") {
  ssm::discrete_diagonal<double, 2> const real{ssm::vector<double, 2>{0.5, -2}, ssm::vector<double, 2>{1, 3},
                                               ssm::matrix<double, 1, 2>{{4, 1}}, ssm::matrix<double, 1>{{9}}};
  CHECK(ssm::vandermonde_kernel(real, 0).size() == 0);
  auto const K = ssm::vandermonde_kernel(real, 10);
  for (int k = 0; k < 10; ++k) CHECK(K(k) == 4 * std::ldexp(1, -k) + 3 * std::pow(-2, k));

  test::random rng(4);
  auto s = test::random_discrete_diagonal<modes::half, 1, 1>(rng, 3, 1, 1);
  ssm::discrete_diagonal<complex, 3, 1, 1, modes::half> const fixed{s.a_bar.lambda, s.b_bar, s.c, s.d};
  auto const any = ssm::vandermonde_kernel(s, 20);
  CHECK(test::largest(ssm::vandermonde_kernel(fixed, 20) - any) <= 30 * 12 * eps);

  using narrow = std::complex<float>;
  ssm::discrete_diagonal<narrow, 3, 1, 1, modes::half> const single{
      s.a_bar.lambda.cast<narrow>(), s.b_bar.cast<narrow>(), s.c.cast<narrow>(), s.d.cast<float>()};
  // rounded parameters add 3 roundings and k of ā: (2.2 k + 9) ε of 2·3·2
  CHECK(test::largest(ssm::vandermonde_kernel(single, 20).cast<double>() - any) <= (2.2 * 20 + 9) * 12 * 1.2e-7);

  s.b_bar(1) = complex(std::numeric_limits<double>::quiet_NaN(), 0);
  auto const spoilt = ssm::vandermonde_kernel(s, 5);
  for (Eigen::Index k = 0; k < 5; ++k) CHECK(std::isnan(spoilt(k)));
}

}  // namespace
