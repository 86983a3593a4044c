// SPDX-License-Identifier: MIT
// What adds a large number and subtracts it again, to round, where a compiler may fold the two away.
#include <mamba/kernels/quantization/quantized_matmul.hpp>
#include <mamba/math/exp.hpp>
#include <support/random.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace {

/// The worst relative error of f, one number and a vector at a time, over low … high.
template <class T, class F, class G>
double worst(F const& f, G const& exact, double low, double high) {
  using V = mamba::simd::batch<T>;
  double most = 0;
  for (int i = 0; i <= 4000; ++i) {
    auto const x = static_cast<T>(low + (high - low) * i / 4000);
    T lanes[V::size];
    f(V(x)).store_unaligned(lanes);
    double const r = exact(static_cast<double>(x));
    for (T const y : {f(x), lanes[0]}) most = std::max(most, std::abs(static_cast<double>(y) - r) / std::abs(r));
  }
  return most;
}

template <class T>
void check_powers() {
  namespace math = mamba::math;
  double const e = std::numeric_limits<T>::epsilon();
  auto const exp = [](double x) { return std::exp(x); };
  auto const exp2 = [](double x) { return std::exp2(x); };
  // At most 2.25 ulp are promised; a compiler that may reassociate polynomials gets twice that.
  CHECK(worst<T>([](auto x) { return math::exp(x); }, exp, -80, 80) <= 4 * e);
  CHECK(worst<T>([](auto x) { return math::exp2(x); }, exp2, -120, 120) <= 4 * e);
  CHECK(worst<T>([](auto x) { return math::exp2_nonpositive(x); }, exp2, -120, 0) <= 4 * e);
  CHECK(worst<T>([](auto x) { return math::expm1(x); }, [](double x) { return std::expm1(x); }, 0.01, 80) <= 5 * e);
  auto const product = [](auto x) { return math::exp2_of_product<math::exponents::normal>(x, decltype(x)(1)); };
  CHECK(worst<T>(product, exp2, -120, 120) <= 4 * e);
}

}  // namespace

TEST_CASE("fast-math: powers round their exponents") {
  check_powers<float>();
  check_powers<double>();
}

// Relative root mean square errors of Gaussian rows: q8 0.6 %, q4 7.2 %, ternary 45 % for blocks of 32, and 0.6 % for
// the activations; without rounding to integers they are several times as large, or all.
template <class W>
double product_error() {
  constexpr std::size_t in = 256, out = 64, tokens = 7;
  test::random rng(5);
  mamba::kernels::packed_matrix<W> w(out, in);
  std::vector<float> weights(out * in), x(tokens * in), y(tokens * out);
  for (float& v : weights) v = static_cast<float>(rng.normal());
  for (float& v : x) v = static_cast<float>(rng.normal());
  for (std::size_t r = 0; r < out; ++r) w.set_row(r, std::span<float const>(weights).subspan(r * in, in));
  mamba::kernels::quantized_buffer q(tokens, in);
  q.assign({x.data(), tokens, in});
  mamba::kernels::matmul(q, w, std::span<float const>(), mamba::matrix_view<float>(y.data(), tokens, out));
  double error = 0, norm = 0;
  for (std::size_t t = 0; t < tokens; ++t) {
    for (std::size_t o = 0; o < out; ++o) {
      double exact = 0;
      for (std::size_t k = 0; k < in; ++k)
        exact += static_cast<double>(weights[o * in + k]) * static_cast<double>(x[t * in + k]);
      double const difference = static_cast<double>(y[t * out + o]) - exact;
      error += difference * difference;
      norm += exact * exact;
    }
  }
  return std::sqrt(error / norm);
}

TEST_CASE("fast-math: weights and activations are rounded to integers") {
  CHECK(product_error<mamba::q8>() < 0.015);
  CHECK(product_error<mamba::q4>() < 0.1);
  CHECK(product_error<mamba::ternary>() < 0.6);
}
