// SPDX-License-Identifier: MIT
// tests/support/scan_case.hpp — selective scans with random numbers, their reference, and how far a kernel may be off.
#pragma once

#include <mamba/ssm/selective/selective_scan.hpp>
#include <mamba/tensor/tensor.hpp>
#include <support/random.hpp>

#include <cmath>
#include <limits>
#include <vector>

namespace test {

/// Where the numbers of a case come from: all of the order of 1, or the ranges that trained models have (A to −2.9e5,
/// Δ from 3.7e-13 to 14, and 0).
enum class scan_range { ordinary, trained };

/// A row-major matrix of any scalar, long double and complex numbers included.
template <class T>
class table {
 public:
  table() = default;
  table(std::size_t rows, std::size_t columns) : rows_(rows), columns_(columns), cells_(rows * columns) {}

  T& operator()(std::size_t i, std::size_t j) { return cells_[i * columns_ + j]; }
  T const& operator()(std::size_t i, std::size_t j) const { return cells_[i * columns_ + j]; }
  [[nodiscard]] std::size_t extent(std::size_t axis) const { return axis == 0 ? rows_ : columns_; }
  [[nodiscard]] bool empty() const { return cells_.empty(); }
  [[nodiscard]] std::vector<T>& cells() { return cells_; }
  [[nodiscard]] std::vector<T> const& cells() const { return cells_; }
  [[nodiscard]] mamba::matrix_view<T const> view() const { return {cells_.data(), rows_, columns_}; }
  [[nodiscard]] mamba::matrix_view<T> view() { return {cells_.data(), rows_, columns_}; }

  /// The same numbers in another type.
  template <class U>
  [[nodiscard]] table<U> as() const {
    table<U> out(rows_, columns_);
    for (std::size_t i = 0; i < cells_.size(); ++i) out.cells()[i] = static_cast<U>(cells_[i]);
    return out;
  }

 private:
  std::size_t rows_ = 0, columns_ = 0;
  std::vector<T> cells_;
};

/// The arguments of a selective scan; h is the state before it.
template <class T>
struct scan_case {
  table<T> delta, a, b, c;
  std::vector<T> d;
  table<T> x, z, h;

  template <class U>
  [[nodiscard]] scan_case<U> as() const {
    return {delta.template as<U>(),
            a.template as<U>(),
            b.template as<U>(),
            c.template as<U>(),
            std::vector<U>(d.begin(), d.end()),
            x.template as<U>(),
            z.template as<U>(),
            h.template as<U>()};
  }
  /// y, and h after the scan in place of h before it, as the reference has them.
  [[nodiscard]] table<T> run() {
    table<T> y(x.extent(0), x.extent(1));
    mamba::ssm::selective_scan(delta, a, b, c, d, x, z, h, y);
    return y;
  }
};

template <class T>
[[nodiscard]] scan_case<T> random_scan(random& rng, std::size_t L, std::size_t D, std::size_t N, scan_range range,
                                       bool with_d, bool with_z) {
  auto const fill = [&](table<T> t, double low, double high) {
    for (T& v : t.cells()) v = static_cast<T>(rng.uniform(low, high));
    return t;
  };
  auto const exponentials = [&](table<T> t, double sign, double low, double high) {
    for (T& v : t.cells()) v = static_cast<T>(sign * std::exp(rng.uniform(low, high)));
    return t;
  };
  bool const wide = range == scan_range::trained;
  scan_case<T> out;
  out.delta = exponentials(table<T>(L, D), 1, wide ? -28.6 : -7, wide ? 2.639 : 0);
  if (wide) {
    for (T& v : out.delta.cells()) v = rng.below(16) == 0 ? T(0) : v;  // softplus underflows
  }
  out.a = exponentials(table<T>(D, N), -1, wide ? -7 : -2, wide ? 12.577 : 2);
  out.b = fill(table<T>(L, N), -2, 2);
  out.c = fill(table<T>(L, N), -2, 2);
  out.x = fill(table<T>(L, D), -2, 2);
  out.h = fill(table<T>(D, N), -2, 2);
  if (with_z) out.z = fill(table<T>(L, D), -8, 8);
  if (with_d) out.d = fill(table<T>(1, D), -2, 2).cells();
  return out;
}

/// Whether a kernel was given the case's own numbers, or their nearest neighbours in its type.
enum class inputs { exact, rounded };

/// How far y and h of kernels::selective_scan<T> may be from the exact ones.
///
/// With u = ε/2, the bound of one rounding, and every quantity's magnitude from the recurrence itself, per step:
///
///     Ā        (3|ΔA| + 2.5) u Ā   three roundings of ΔA log₂ e, which 2^z magnifies by |ΔA|; exp2 itself is 1.25 ulp
///     Δ B x    2 u |ΔBx|           two products
///     h        u |h|               the multiply-add
///     C·h      N u Σ|C||h|         N multiply-adds in a row, and one more for D x
///     gate     7.5 u |y|           silu is 3.25 ulp, and the product
///
/// Where the inputs were rounded, ΔA has two roundings more, ΔBx three, C one, D x two, and silu(z) is off by (1 + |z|)
/// u. An error of h is carried on and shrinks with Ā, as h does. Numbers below the smallest normal one count as that
/// one.
template <class T>
struct scan_bound {
  table<long double> y, h;

  scan_bound(scan_case<long double> exact, inputs given)
      : y(exact.x.extent(0), exact.x.extent(1)), h(exact.h.extent(0), exact.h.extent(1)) {
    constexpr long double u = std::numeric_limits<T>::epsilon() / 2.0L * 1.01L;  // 1 %: products of roundings
    constexpr long double least = std::numeric_limits<T>::min();
    long double const off = given == inputs::rounded ? 1 : 0;
    std::size_t const N = exact.h.extent(1);
    for (std::size_t t = 0; t < exact.x.extent(0); ++t) {
      for (std::size_t channel = 0; channel < exact.x.extent(1); ++channel) {
        long double const delta = exact.delta(t, channel);
        long double const x = exact.x(t, channel);
        long double const skip = exact.d.empty() ? 0 : std::fabs(exact.d[channel] * x);
        long double error = u * (1 + 2 * off) * skip, size = skip, sum = exact.d.empty() ? 0 : exact.d[channel] * x;
        for (std::size_t n = 0; n < N; ++n) {
          long double const z = std::fabs(delta * exact.a(channel, n));
          long double const a_bar = std::exp(-z);
          long double const before = exact.h(channel, n);
          long double const input = delta * exact.b(t, n) * x;
          long double const after = exact.h(channel, n) = a_bar * before + input;
          long double& e = h(channel, n);
          if (t == 0) e = off * u * std::fabs(before);
          e = a_bar * e +
              u * (((3 + 2 * off) * z + 2.5L) * a_bar * std::fabs(before) + (2 + 3 * off) * std::fabs(input) +
                   std::fabs(after)) +
              least * (2 + std::fabs(before));
          long double const term = std::fabs(exact.c(t, n) * after);
          error += std::fabs(exact.c(t, n)) * e + off * u * term + least;
          size += term;
          sum += exact.c(t, n) * after;
        }
        error += static_cast<long double>(N + 1) * u * size;
        if (!exact.z.empty()) {
          long double const gate = exact.z(t, channel);
          error =
              std::fabs(mamba::ssm::silu(gate)) * (error + u * (7.5L + off * (1 + std::fabs(gate))) * std::fabs(sum)) +
              least;
        }
        y(t, channel) = error;
      }
    }
  }
};

/// The largest |found − exact| / allowed of two tables: at most 1 where a bound holds. NaN is worse than any number.
template <class Found>
[[nodiscard]] double worst(Found const& found, table<long double> const& exact, table<long double> const& allowed) {
  double most = 0;
  for (std::size_t i = 0; i < exact.extent(0); ++i) {
    for (std::size_t j = 0; j < exact.extent(1); ++j) {
      long double const off = std::fabs(static_cast<long double>(found(i, j)) - exact(i, j));
      if (off == 0) continue;
      double const share = static_cast<double>(off / allowed(i, j));
      if (!(share <= most)) most = std::isnan(share) ? std::numeric_limits<double>::infinity() : share;
    }
  }
  return most;
}

}  // namespace test
