// SPDX-License-Identifier: MIT
#include <mamba/kernels/convolution/right_angle_convolution.hpp>
#include <support/bits.hpp>
#include <support/random.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace {

using mamba::kernels::right_angle_convolution;

template <class T>
std::vector<T> noise(test::random& rng, std::size_t L) {
  std::vector<T> x(L);
  rng.fill(std::span(x), -1, 1);
  return x;
}

/// y = K∗x of as many numbers as x has.
template <class T>
std::vector<T> convolved(right_angle_convolution<T> const& product, std::vector<T> const& kernel,
                         std::vector<T> const& x) {
  std::vector<typename right_angle_convolution<T>::coefficient> scratch(product.vectors()), more(product.vectors());
  std::vector<T> y(x.size());
  product.convolve(std::span<T const>(kernel), x, y, scratch.data(), more.data());
  return y;
}

/// K∗x in full length, as defined, in long double.
template <class T>
std::vector<long double> exact(std::vector<T> const& kernel, std::vector<T> const& x) {
  if (kernel.empty() || x.empty()) return {};
  std::vector<long double> y(kernel.size() + x.size() - 1);
  for (std::size_t i = 0; i < kernel.size(); ++i) {
    if (kernel[i] == T(0)) continue;
    for (std::size_t j = 0; j < x.size(); ++j) {
      y[i + j] += static_cast<long double>(kernel[i]) * static_cast<long double>(x[j]);
    }
  }
  return y;
}

template <class Vector>
long double norm(Vector const& x) {
  long double sum = 0;
  for (auto const v : x) sum += static_cast<long double>(v) * static_cast<long double>(v);
  return std::sqrt(sum);
}

/// The bound of the card. Write m for the levels taken, log₂n less one or two, X and K̂ for the residues.
///
/// Each level is off by 2.5 ε of its 2-norm at most (tests/math/fft_test.cpp) and has √2 times the norm of the one
/// above: ‖δX‖ ≤ 2.5 ε m ‖X‖ with ‖X‖ = 2^{m/2} ‖x‖, and so for K. A coefficient of y is 2^{−m} times a sum, weights of
/// size 1, over all leaves; a product in one leaf of four is at most 2 |X_leaf| |K̂_leaf|, so that by Cauchy-Schwarz
/// what X and K̂ are off by comes out as 2 · 2^{−m} (‖δX‖ ‖K̂‖ + ‖X‖ ‖δK̂‖) ≤ 10 ε m ‖x‖ ‖K‖. The way back adds
/// 2.5 ε m of the result's norm, which is that of K∗x in full length: what lies above zⁿ is the imaginary part. The
/// products in the leaves themselves, 8 ε ‖x‖ ‖K‖, are less than the level that m lacks.
template <class T>
long double bound(std::size_t n, long double kernel, long double x, long double full) {
  return static_cast<long double>(std::numeric_limits<T>::epsilon()) *
         std::max(1.0L, std::log2(static_cast<long double>(n))) * (10 * kernel * x + 2.5L * full);
}

/// |error| / bound at worst, infinite beyond it.
template <class T>
double worst_error(std::vector<T> const& y, std::vector<long double> const& full, std::size_t n, long double kernel,
                   long double x) {
  long double const allowed = bound<T>(n, kernel, x, norm(full));
  long double worst = 0;
  long double squares = 0;
  for (std::size_t k = 0; k < y.size(); ++k) {
    long double const expected = k < full.size() ? full[k] : 0.0L;
    long double const off = std::fabs(static_cast<long double>(y[k]) - expected);
    if (!(off <= allowed)) return std::numeric_limits<double>::infinity();
    squares += off * off;
    if (allowed > 0) worst = std::max(worst, off / allowed);
  }
  // On noise, roundings are independent and levels add up like a random walk: three transforms of log₂n levels, each
  // off by some 0.25 ε in the mean, are 0.43 ε √log₂n together. Found: 0.38 to 0.45. A root that is off shows here.
  // Below n = 8 (one lane, two) a single product has too few roundings for a mean: the test of many draws has those.
  auto const levels = std::log2(static_cast<long double>(n));
  if (n < 8) return static_cast<double>(worst);
  CHECK(std::sqrt(squares) <=
        static_cast<long double>(std::numeric_limits<T>::epsilon()) * norm(full) * 0.7L * std::sqrt(levels));
  return static_cast<double>(worst);
}

template <class T>
double check_length(test::random& rng, std::size_t L_K, std::size_t L, std::size_t longest) {
  auto const kernel = noise<T>(rng, L_K), x = noise<T>(rng, L);
  right_angle_convolution<T> const product(longest);
  double const worst =
      worst_error(convolved(product, kernel, x), exact(kernel, x), product.size(), norm(kernel), norm(x));
  CAPTURE(L_K);
  CAPTURE(L);
  CAPTURE(longest);
  REQUIRE(worst <= 1);
  return worst;
}

}  // namespace

TEST_CASE_TEMPLATE("right_angle_convolution: the definition, for all short lengths and awkward longer ones", T, float,
                   double) {
  test::random rng(sizeof(T));
  double worst = 0;
  for (std::size_t L = 0; L <= 70; ++L) worst = std::max(worst, check_length<T>(rng, L, L, L));
  for (std::size_t L : {127U, 128U, 129U, 251U, 255U, 256U, 257U, 511U, 512U, 513U, 1009U, 1023U, 1024U, 1025U, 2047U,
                        2048U, 2049U, 3001U}) {
    worst = std::max(worst, check_length<T>(rng, L, L, L));
    worst = std::max(worst, check_length<T>(rng, 1 + rng.below(L), L, L));      // a shorter kernel
    worst = std::max(worst, check_length<T>(rng, L, 1 + rng.below(L), L));      // a longer one
    worst = std::max(worst, check_length<T>(rng, L, L, L + rng.below(4 * L)));  // a plan for more
  }
  MESSAGE("at most ", worst, " of the bound");
}

// The shortest plans (n from 1 in one lane, from W² in W lanes) in the mean over draws, (Σ‖δy‖² / Σ‖K∗x‖²)^½. n = 1 is
// one product, 0.29 ε. From three levels on 0.7 ε √log₂n, as above. With one or two it is ε: there is one root or two,
// off by up to 0.35 ε the same way in every draw and in all three transforms, beside 0.43 ε √2 from roundings. Found:
// 0.21, at most 0.65 √log₂n, and less with more lanes.
TEST_CASE_TEMPLATE("right_angle_convolution: the shortest sequences, in the mean over many draws", T, float, double) {
  test::random rng(60 + sizeof(T));
  for (std::size_t longest = 1; longest <= 8; ++longest) {
    right_angle_convolution<T> const product(longest);
    long double errors = 0, squares = 0;
    for (int draw = 0; draw < 400; ++draw) {
      auto const kernel = noise<T>(rng, longest), x = noise<T>(rng, longest);
      auto const y = convolved(product, kernel, x);
      auto const full = exact(kernel, x);
      for (std::size_t k = 0; k < y.size(); ++k) {
        long double const off = static_cast<long double>(y[k]) - full[k];
        errors += off * off;
      }
      squares += norm(full) * norm(full);
    }
    std::size_t const n = product.size();
    long double const levels = std::log2(static_cast<long double>(n));
    long double const limit = n == 1 ? 0.29L : std::max(1.0L, 0.7L * std::sqrt(levels));
    long double const mean = std::sqrt(errors / squares) / static_cast<long double>(std::numeric_limits<T>::epsilon());
    CAPTURE(longest);
    CAPTURE(n);
    CHECK(mean <= limit);
    CHECK(mean > 0.1L);  // there are errors to look at
  }
}

TEST_CASE_TEMPLATE("right_angle_convolution: long sequences, against kernels of few taps", T, float, double) {
  test::random rng(10 + sizeof(T));
  double worst = 0;
  for (std::size_t L : {8191U, 16384U, 32769U, 65536U, 131072U}) {
    auto const x = noise<T>(rng, L);
    std::vector<T> kernel(L);
    for (int tap = 0; tap < 12; ++tap) kernel[rng.below(L)] = static_cast<T>(rng.uniform(-1, 1));
    kernel[L - 1] = 1;
    right_angle_convolution<T> const product(L);
    double const found =
        worst_error(convolved(product, kernel, x), exact(kernel, x), product.size(), norm(kernel), norm(x));
    CAPTURE(L);
    REQUIRE(found <= 1);
    worst = std::max(worst, found);
  }
  MESSAGE("at most ", worst, " of the bound");
}

TEST_CASE_TEMPLATE("right_angle_convolution: a kernel transformed before gives the same bits", T, float, double) {
  test::random rng(20 + sizeof(T));
  for (std::size_t L : {1U, 100U, 256U, 1000U, 4096U, 9000U}) {
    auto const kernel = noise<T>(rng, L), x = noise<T>(rng, L);
    right_angle_convolution<T> const product(L);
    std::vector<typename right_angle_convolution<T>::coefficient> residues(product.vectors()),
        scratch(product.vectors());
    product.transform(kernel, residues.data());
    std::vector<T> y = x;  // in place
    product.convolve(residues.data(), y, y, scratch.data());
    CHECK(test::same_bits(y, convolved(product, kernel, x)));
  }
}

TEST_CASE_TEMPLATE(
    "right_angle_convolution: commutative and linear within twice the bound; an impulse gives the kernel", T, float,
    double) {
  test::random rng(30 + sizeof(T));
  constexpr std::size_t L = 777;
  right_angle_convolution<T> const product(L);
  auto const kernel = noise<T>(rng, L), x = noise<T>(rng, L);
  long double const allowed = bound<T>(product.size(), norm(kernel), norm(x), norm(exact(kernel, x)));
  auto const y = convolved(product, kernel, x), swapped = convolved(product, x, kernel);
  auto twice = x;
  for (T& v : twice) v = 2 * v;
  auto const doubled = convolved(product, kernel, twice);
  std::vector<T> impulse(L);
  impulse[0] = 1;
  auto const answer = convolved(product, kernel, impulse);
  for (std::size_t k = 0; k < L; ++k) {
    CHECK(std::fabs(static_cast<long double>(y[k]) - static_cast<long double>(swapped[k])) <= 2 * allowed);
    CHECK(doubled[k] == 2 * y[k]);  // a power of two scales every intermediate number exactly
    CHECK(std::fabs(static_cast<long double>(answer[k]) - static_cast<long double>(kernel[k])) <=
          bound<T>(product.size(), norm(kernel), 1, norm(kernel)));
  }
}

TEST_CASE_TEMPLATE("right_angle_convolution: causal up to rounding", T, float, double) {
  test::random rng(40 + sizeof(T));
  constexpr std::size_t L = 600, t = 123;
  right_angle_convolution<T> const product(L);
  auto const kernel = noise<T>(rng, L);
  auto x = noise<T>(rng, L);
  auto const before = convolved(product, kernel, x);
  for (std::size_t k = t; k < L; ++k) x[k] = static_cast<T>(rng.uniform(-1, 1));
  auto const after = convolved(product, kernel, x);
  long double const allowed = bound<T>(product.size(), norm(kernel), std::sqrt(600.0L), norm(kernel) * 600);
  for (std::size_t k = 0; k < t; ++k) {
    CHECK(std::fabs(static_cast<long double>(before[k]) - static_cast<long double>(after[k])) <= 2 * allowed);
  }
}

TEST_CASE_TEMPLATE("right_angle_convolution: NaN anywhere is NaN everywhere", T, float, double) {
  test::random rng(50 + sizeof(T));
  right_angle_convolution<T> const product(300);
  auto const kernel = noise<T>(rng, 300);
  auto x = noise<T>(rng, 300);
  x[299] = std::numeric_limits<T>::quiet_NaN();
  for (T const v : convolved(product, kernel, x)) CHECK(std::isnan(v));
  for (T const v : convolved(product, x, kernel)) CHECK(std::isnan(v));
}

TEST_CASE("right_angle_convolution: sizes") {
  constexpr std::size_t square = mamba::simd::lanes<float> * mamba::simd::lanes<float>;
  CHECK(right_angle_convolution<float>(0).size() == square);
  CHECK(right_angle_convolution<float>(square).size() == square);
  CHECK(right_angle_convolution<float>(square + 1).size() == 2 * square);
  CHECK(right_angle_convolution<float>(1024).vectors() == 1024 / mamba::simd::lanes<float>);
}
