// SPDX-License-Identifier: MIT
// scan_vs_convolution/layer.hpp — one time-invariant linear layer, in every mode that computes it.
#pragma once

#include <mamba/kernels/convolution/fft_convolution.hpp>
#include <mamba/kernels/convolution/vandermonde_kernel.hpp>
#include <mamba/kernels/scan/chunked_recurrence.hpp>
#include <mamba/kernels/scan/diagonal_recurrence.hpp>
#include <mamba/tensor/tensor.hpp>
#include <scan_vs_convolution/direct_convolution.hpp>
#include <support/random.hpp>
#include <support/verify.hpp>

#include <cmath>
#include <complex>
#include <numbers>
#include <optional>
#include <string>
#include <vector>

namespace bench {

using sequence = mamba::tensor<float, mamba::dynamic, mamba::dynamic>;

/// The sequences of one size, which all layers share: time first, [L, D], in every mode.
struct sequences {
  sequence x, y, expected, kernel;

  sequences(std::size_t L, std::size_t D) : x(L, D), y(L, D), expected(L, D), kernel(L, D) {
    test::random rng(L + D);
    std::vector<float> some(std::min<std::size_t>(L * D, 1'000'003));
    rng.fill(std::span<float>(some), -1, 1);
    for (std::size_t i = 0; i < x.size(); ++i) x.span()[i] = some[i % some.size()];
  }
  [[nodiscard]] std::size_t length() const { return x.extent(0); }
  [[nodiscard]] std::size_t channels() const { return x.extent(1); }
};

/// S4D layers: N real modes a = −1 … −N, or N complex ones a = −1/2 + iπn with their conjugates implied; Δ between
/// 0.001 and 0.1, one per channel; zero-order hold. B̄ = 1, and c holds C B̄: only the product matters.
template <class Blocked>
class layer {
  static constexpr bool half = requires(Blocked b) { b.im; };
  using number = std::complex<double>;

 public:
  layer(std::size_t D, std::size_t N)
      : a_(D, N), c_(D, N), state_(D, N), weight_(D), slowest_(D), chunked_(made(*this)) {}

  void recurrence(sequences& s) {
    state_.fill(0);
    mamba::kernels::diagonal_recurrence({.b_bar = mamba::kernels::unit_b{}, .c = c_, .x = s.x}, a_, state_, s.y);
  }
  void chunked(sequences& s) {
    state_.fill(0);
    chunked_(s.x.view(), state_, s.y.view());
  }
  void make_kernel(sequences& s) {
    mamba::kernels::vandermonde_kernel({.b_bar = mamba::kernels::unit_b{}, .c = c_}, a_, s.kernel);
  }

  /// |ŷ − y| between two of the modes, at most, for each channel and |x| ≤ 1; s holds the kernel, and y as expected.
  ///
  /// With u = 2⁻²⁴ and r = |ā| of the slowest mode: |h_n| ≤ 1/(1 − |ā_n|), and an error of 3√2 u |h| a step grows to
  /// 1/(1 − r) times that; y adds (2N + 5) u of S = Σ|c_n|/(1 − |ā_n|), chunks less than 4(2N + 64) u more. The
  /// kernel's numbers are off by (N + 50) u of Σ|c ā^k|, whose sum over k is S again, and a direct sum by
  /// (257 + L/256) u. A transform of n numbers is off by 2u log₂n (10 ‖K‖ ‖x‖ + 2.5 ‖y‖).
  [[nodiscard]] std::vector<double> bounds(sequences const& s) const {
    auto const norms = [&](sequence const& v) {
      std::vector<double> sum(s.channels());
      for (std::size_t t = 0; t < s.length(); ++t) {
        for (std::size_t d = 0; d < s.channels(); ++d) sum[d] += std::norm(static_cast<double>(v(t, d)));
      }
      for (double& v2 : sum) v2 = std::sqrt(v2);
      return sum;
    };
    auto const of_kernel = norms(s.kernel), of_x = norms(s.x), of_y = norms(s.expected);
    auto const N = static_cast<double>(a_.depth()), length = static_cast<double>(s.length());
    std::vector<double> allowed(s.channels());
    for (std::size_t d = 0; d < allowed.size(); ++d) {
      double const sums = 3 * std::sqrt(2.0) / (1 - slowest_[d]) + 12 * N + 600 + length / 256;
      double const transform = 2 * (std::log2(length) + 6) * (10 * of_kernel[d] * of_x[d] + 2.5 * of_y[d]);
      allowed[d] = unit * (sums * weight_[d] + transform);
    }
    return allowed;
  }

 private:
  /// Fills a, c and what bound() needs; here, so that the chunks' matrices can be made from them in the list above.
  static mamba::kernels::chunked_recurrence<Blocked> made(layer& l) {
    std::size_t const D = l.a_.channels(), N = l.a_.depth();
    test::random rng(D * N);
    for (std::size_t d = 0; d < D; ++d) {
      double const delta = std::exp(rng.uniform(std::log(1e-3), std::log(1e-1)));
      for (std::size_t n = 0; n < N; ++n) {
        auto const m = static_cast<double>(n);
        number const a = half ? number(-0.5, std::numbers::pi * m) : number(-(m + 1), 0);
        number const a_bar = std::exp(delta * a);
        number const c = (a_bar - 1.0) / a * (half ? number(rng.normal(), rng.normal()) : number(rng.normal(), 0));
        set(l.a_, d, n, a_bar);
        set(l.c_, d, n, c);
        l.weight_[d] += (half ? 2 : 1) * std::abs(c) / (1 - std::abs(a_bar));
        l.slowest_[d] = std::max(l.slowest_[d], std::abs(a_bar));
      }
    }
    return {{.b_bar = mamba::kernels::unit_b{}, .c = l.c_}, l.a_};
  }
  static void set(Blocked& m, std::size_t d, std::size_t n, number v) {
    if constexpr (half) {
      m.set(d, n, std::complex<float>(v));
    } else {
      m(d, n) = static_cast<float>(v.real());
    }
  }

  Blocked a_, c_, state_;
  std::vector<double> weight_, slowest_;
  mamba::kernels::chunked_recurrence<Blocked> chunked_;
};

/// Convolutions of one size, wherever the kernel came from.
class convolutions {
 public:
  explicit convolutions(std::size_t L) : transform_(L) {}

  void direct(sequences& s) { direct_convolution(s.kernel.view(), s.x.view(), s.y.view()); }
  void transform_kernel(sequences& s) {
    in_layout(s, [&](auto const& k, auto const&, auto const&) { spectrum_ = transform_.spectrum(k); });
  }
  void with_known_spectrum(sequences& s) {
    in_layout(s, [&](auto const&, auto const& x, auto const& y) { transform_({.spectrum = spectrum_, .x = x}, y); });
  }
  void with_new_kernel(sequences& s) {
    in_layout(s, [&](auto const& k, auto const& x, auto const& y) { transform_({.kernel = k, .x = x}, y); });
  }

 private:
  /// One channel is the same numbers in either layout; as a row it needs no transposition.
  template <class F>
  static void in_layout(sequences& s, F&& f) {
    using row = mamba::kernels::channel_major<float>;
    std::size_t const L = s.length();
    if (s.channels() == 1) {
      f(row{{s.kernel.data(), 1, L}}, row{{s.x.data(), 1, L}}, row{{s.y.data(), 1, L}});
    } else {
      f(mamba::matrix_view<float>(s.kernel.view()), mamba::matrix_view<float>(s.x.view()),
        mamba::matrix_view<float>(s.y.view()));
    }
  }

  mamba::kernels::fft_convolution<float> transform_;
  mamba::kernels::kernel_spectrum<float> spectrum_;
};

/// Ends the program unless y is `expected`, within its bound, in every number.
inline void require_same(std::string const& what, sequences const& s, std::vector<double> const& allowed) {
  for (std::size_t t = 0; t < s.length(); ++t) {
    for (std::size_t d = 0; d < s.channels(); ++d) {
      require_near(what, t * s.channels() + d, static_cast<double>(s.y(t, d)), static_cast<double>(s.expected(t, d)),
                   allowed[d]);
    }
  }
}

}  // namespace bench
