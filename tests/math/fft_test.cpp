// SPDX-License-Identifier: MIT
#include <mamba/math/fft.hpp>
#include <mamba/simd/load_store.hpp>
#include <support/random.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstring>
#include <limits>
#include <numbers>
#include <vector>

namespace math = mamba::math;
namespace simd = mamba::simd;

namespace {

using wide = std::complex<long double>;
template <class V>
using sequence = std::vector<math::complex<V>>;

template <class T>
sequence<T> noise(test::random& rng, std::size_t n) {
  sequence<T> x(n);
  for (auto& v : x) v = {static_cast<T>(rng.uniform(-1, 1)), static_cast<T>(rng.uniform(-1, 1))};
  return x;
}

template <class T>
wide widened(math::complex<T> const& v) {
  return {static_cast<long double>(v.re), static_cast<long double>(v.im)};
}

template <class V>
sequence<V> forward(sequence<V> x) {
  math::fft<simd::scalar_of<V>>(x.size()).forward(std::span(x));
  return x;
}

template <class V>
sequence<V> inverse(sequence<V> x) {
  math::fft<simd::scalar_of<V>>(x.size()).inverse(std::span(x));
  return x;
}

template <class T>
long double norm(sequence<T> const& x) {
  long double sum = 0;
  for (auto const& v : x) sum += std::norm(widened(v));
  return std::sqrt(sum);
}

template <class T>
long double distance(sequence<T> const& a, sequence<T> const& b) {
  long double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::norm(widened(a[i]) - widened(b[i]));
  return std::sqrt(sum);
}

/// The bound of the card, relative to ‖X‖₂: 2.5 ε for each level.
///
/// With u = ε/2, E² = |a|² + |b|² and s = a + ωb, d = a − ωb (|s|² + |d|² = 2E²): s takes two fused steps, off by
/// u(|a| + |b|) and u|s|, and the rounded ω adds u|b|/√2; d = 2a − s inherits all of it and adds u|d|. So both together
/// are off by √2 u(|a| + 1.71|b|) + u‖(|s|, |s| + |d|)‖ ≤ u(1.98 + 1.62) √2 E, that is 3.6 u = 1.8 ε of their norm.
/// Going back, (a − b)/ω takes a difference, a product and a fused step: 3.71 u. Without fused multiply-adds the
/// products round as well, which adds 1.41 u|b| there and u here: 4.9 u at most, below 2.5 ε.
template <class T>
long double bound(std::size_t n) {
  return 2.5L * static_cast<long double>(std::numeric_limits<T>::epsilon()) * std::log2(static_cast<long double>(n)) *
         1.0001L;
}

/// e^{−2πi j/n}, all n of them.
std::vector<wide> circle(std::size_t n) {
  std::vector<wide> w(n);
  for (std::size_t j = 0; j < n; ++j) {
    long double const angle =
        -2 * std::numbers::pi_v<long double> * static_cast<long double>(j) / static_cast<long double>(n);
    w[j] = {std::cos(angle), std::sin(angle)};
  }
  return w;
}

}  // namespace

TEST_CASE_TEMPLATE("fft: the definition, for n = 1, 2, 4, … 16384", T, float, double) {
  test::random rng(sizeof(T));
  double worst = 0;
  for (std::size_t n = 1; n <= 16384; n *= 2) {
    auto const x = noise<T>(rng, n);
    auto const X = forward(x);
    auto const w = circle(n);
    // All frequencies of the short ones; of the long ones 48, whose mean square stands for all.
    std::size_t const count = n <= 1024 ? n : 48;
    long double error = 0;
    for (std::size_t i = 0; i < count; ++i) {
      std::size_t const k = count == n ? i : rng.below(n);
      wide sum = 0;
      for (std::size_t j = 0; j < n; ++j) sum += widened(x[j]) * w[j * k % n];
      error += std::norm(widened(X[k]) - sum);
    }
    long double const allowed = bound<T>(n) * norm(X) + 1e-18L;  // and what the sum itself is off by, when n is 1
    long double const off = std::sqrt(error * static_cast<long double>(n) / static_cast<long double>(count));
    REQUIRE(off <= allowed);
    if (n > 1) worst = std::max(worst, static_cast<double>(off / allowed));
  }
  MESSAGE("at most ", worst, " of the bound");
}

TEST_CASE_TEMPLATE("fft: the inverse undoes it", T, float, double) {
  test::random rng(10 + sizeof(T));
  for (std::size_t n = 1; n <= 16384; n *= 2) {
    auto const x = noise<T>(rng, n);
    // Both errors, of which the first is passed on at its own size.
    CHECK(distance(inverse(forward(x)), x) <= 2 * bound<T>(n) * norm(x));
  }
}

TEST_CASE_TEMPLATE("fft: Parseval, ‖X‖² = n ‖x‖²", T, float, double) {
  test::random rng(20 + sizeof(T));
  for (std::size_t n = 1; n <= 16384; n *= 2) {
    auto const x = noise<T>(rng, n);
    long double const found = norm(forward(x)) / std::sqrt(static_cast<long double>(n));
    CHECK(std::fabs(found - norm(x)) <= bound<T>(n) * norm(x) * 1.001L + 1e-18L);
  }
}

TEST_CASE_TEMPLATE("fft: linear", T, float, double) {
  test::random rng(30 + sizeof(T));
  for (std::size_t n : {1U, 8U, 64U, 2048U}) {
    auto const x = noise<T>(rng, n), z = noise<T>(rng, n);
    auto const X = forward(x), Z = forward(z);
    sequence<T> sum(n), expected(n);
    for (std::size_t i = 0; i < n; ++i) {
      sum[i] = {2 * x[i].re - z[i].im, 2 * x[i].im + z[i].re};  // 2x + iz
      expected[i] = {2 * X[i].re - Z[i].im, 2 * X[i].im + Z[i].re};
    }
    // Three transforms, and a rounding each for sum and expected.
    long double const size = 2 * norm(X) + norm(Z);
    CHECK(distance(forward(sum), expected) <= (2 * bound<T>(n) + 2 * std::numeric_limits<T>::epsilon()) * size);
  }
}

TEST_CASE_TEMPLATE("fft: a shift in time turns the frequencies", T, float, double) {
  test::random rng(40 + sizeof(T));
  for (std::size_t n : {2U, 16U, 512U, 4096U}) {
    auto const x = noise<T>(rng, n);
    std::size_t const by = 1 + rng.below(n - 1);
    sequence<T> shifted(n);
    for (std::size_t j = 0; j < n; ++j) shifted[(j + by) % n] = x[j];
    auto const X = forward(x), S = forward(shifted);
    auto const w = circle(n);
    long double error = 0;
    for (std::size_t k = 0; k < n; ++k) error += std::norm(widened(S[k]) - widened(X[k]) * w[k * by % n]);
    CHECK(std::sqrt(error) <= 2 * bound<T>(n) * norm(X));
  }
}

TEST_CASE("fft: an impulse has all frequencies, exactly; a wave has one; zeros stay zeros") {
  for (std::size_t n = 1; n <= 256; n *= 2) {
    sequence<float> impulse(n);
    impulse[0].re = 1;
    for (auto const& v : forward(impulse)) {
      CHECK(v.re == 1);
      CHECK(v.im == 0);
    }
    sequence<float> flat(n, {1, 0});
    auto const X = forward(flat);
    for (std::size_t k = 0; k < n; ++k) CHECK(std::abs(widened(X[k]) - (k == 0 ? wide(n) : wide(0))) <= 1e-12L);
    for (auto const& v : forward(sequence<float>(n))) CHECK((v.re == 0 && v.im == 0));
  }
  sequence<double> wave(16);  // e^{2πi 3j/16}: the sign of the exponent counts
  auto const w = circle(16);
  for (std::size_t j = 0; j < 16; ++j) {
    wave[j] = {static_cast<double>(w[3 * j % 16].real()), -static_cast<double>(w[3 * j % 16].imag())};
  }
  auto const W = forward(wave);
  for (std::size_t k = 0; k < 16; ++k)
    CHECK(std::abs(widened(W[k]) - (k == 3 ? wide(16) : wide(0))) <= 16 * bound<double>(16));
}

TEST_CASE_TEMPLATE("fft: a lane has the bits of the scalar, both ways, whatever the other lanes hold", T, float,
                   double) {
  using V = simd::batch<T>;
  constexpr std::size_t W = simd::lanes<T>;
  test::random rng(50 + sizeof(T));
  for (std::size_t n : {1U, 2U, 4U, 8U, 16U, 32U, 1024U}) {
    std::vector<sequence<T>> alone;
    sequence<V> together(n);
    for (std::size_t lane = 0; lane < W; ++lane) alone.push_back(noise<T>(rng, n));
    alone[W - 1][n / 2].re = std::numeric_limits<T>::quiet_NaN();
    for (std::size_t i = 0; i < n; ++i) {
      T re[W], im[W];
      for (std::size_t lane = 0; lane < W; ++lane) re[lane] = alone[lane][i].re, im[lane] = alone[lane][i].im;
      together[i] = {simd::load<V>(re), simd::load<V>(im)};
    }
    for (bool const back : {false, true}) {
      auto const Y = back ? inverse(together) : forward(together);
      for (std::size_t lane = 0; lane < W; ++lane) {
        auto const y = back ? inverse(alone[lane]) : forward(alone[lane]);
        for (std::size_t i = 0; i < n; ++i) {
          T re[W], im[W];
          simd::store<V>(re, Y[i].re);
          simd::store<V>(im, Y[i].im);
          if (lane == W - 1) {
            CHECK((n == 1 || (std::isnan(y[i].re) && std::isnan(re[lane]))));
          } else {
            REQUIRE(std::memcmp(&re[lane], &y[i].re, sizeof(T)) == 0);
            REQUIRE(std::memcmp(&im[lane], &y[i].im, sizeof(T)) == 0);
          }
        }
      }
    }
  }
}

TEST_CASE("fft: butterfly and inverse butterfly by hand") {
  math::complex<double> a{1, 2}, b{3, 4};
  math::complex<double> const w{0, -1};
  math::butterfly(a, b, w);  // ωb = 4 − 3i
  CHECK((a.re == 5 && a.im == -1 && b.re == -3 && b.im == 5));
  math::inverse_butterfly(a, b, w);
  CHECK((a.re == 2 && a.im == 4 && b.re == 6 && b.im == 8));
}

TEST_CASE("fft: all passes at once or one level after the other, the residues are the same") {
  // x modulo z^{n/8} − ρ for the eight nodes of the third level, by Horner's rule in long double.
  constexpr std::size_t n = 64;
  math::twiddle_table<double> const tree(n, math::modulus::right_angle);
  test::random rng(60);
  auto const x = noise<double>(rng, n);
  auto residues = x;
  math::forward_passes(tree, 1, residues.data(), n, 3);
  for (std::size_t node = 8; node < 16; ++node) {
    wide const parent = widened(tree.twiddle(node / 2));
    wide const rho = node % 2 == 0 ? parent : -parent;
    for (std::size_t j = 0; j < n / 8; ++j) {
      wide sum = 0;
      for (std::size_t m = 8; m-- > 0;) sum = sum * rho + widened(x[j + m * n / 8]);
      CHECK(std::abs(widened(residues[(node - 8) * n / 8 + j]) - sum) <= bound<double>(8) * norm(x) * 3);
    }
  }
  auto one_by_one = x;
  for (std::size_t level = 1; level < 8; level *= 2) {
    for (std::size_t i = 0; i < level; ++i) {
      math::forward_passes(tree, level + i, one_by_one.data() + i * n / level, n / level, 1);
    }
  }
  CHECK(std::memcmp(one_by_one.data(), residues.data(), n * sizeof(residues[0])) == 0);
  math::inverse_passes(tree, 1, residues.data(), n, 3);
  for (auto& v : residues) v = {v.re / 8, v.im / 8};
  CHECK(distance(residues, x) <= 2 * bound<double>(8) * norm(x));
}

TEST_CASE("fft: contracts") {
  CHECK_THROWS_AS(math::fft<float>(12), mamba::contract_violation);
  math::fft<float> const eight(8);
  sequence<float> four(4);
  CHECK_THROWS_AS(eight.forward(std::span(four)), mamba::contract_violation);
  CHECK_THROWS_AS(eight.inverse(std::span(four)), mamba::contract_violation);
}
