// SPDX-License-Identifier: MIT
// tests/support/near.hpp — the one tolerance helper: distances in ε and in ULP.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <ostream>
#include <type_traits>

namespace test {

/// What a comparison found; prints both numbers and their distance when a test fails.
struct nearness {
  bool ok;
  double found, expected, distance_in_epsilon, allowed;

  explicit operator bool() const noexcept { return ok; }
  friend std::ostream& operator<<(std::ostream& out, nearness const& n) {
    auto const precision = out.precision(17);
    out << n.found << " against " << n.expected << ", " << n.distance_in_epsilon << " eps apart, " << n.allowed
        << " allowed";
    out.precision(precision);
    return out;
  }
};

/// |a − b| ≤ n·ε·max(1, |a|, |b|), with ε of T. NaN is near NaN, infinity near the same infinity.
template <class T>
[[nodiscard]] nearness near(T a, T b, double n) {
  auto const x = static_cast<double>(a);
  auto const y = static_cast<double>(b);
  if ((std::isnan(x) && std::isnan(y)) || x == y) return {true, x, y, 0, n};
  double const eps = static_cast<double>(std::numeric_limits<T>::epsilon());
  double const distance = std::fabs(x - y) / (eps * std::max({1.0, std::fabs(x), std::fabs(y)}));
  return {distance <= n, x, y, distance, n};
}

/// The distance of a found value from the exact one, in units of the last place of T at the exact value.
/// NaN against NaN and equal infinities are 0; a NaN or an infinity on one side only is infinite.
template <class T>
[[nodiscard]] double ulps(T found, long double exact) {
  if (std::isnan(exact)) return std::isnan(found) ? 0 : std::numeric_limits<double>::infinity();
  auto const rounded = static_cast<T>(exact);
  if (std::isinf(rounded) || std::isinf(found)) return found == rounded ? 0 : std::numeric_limits<double>::infinity();
  if (std::isnan(found)) return std::numeric_limits<double>::infinity();
  int exponent = 0;
  std::frexp(std::fabs(exact), &exponent);
  constexpr int digits = std::numeric_limits<T>::digits;
  constexpr int smallest = std::numeric_limits<T>::min_exponent;
  long double const unit = std::ldexp(1.0L, std::max(exponent, smallest) - digits);
  return static_cast<double>(std::fabs(static_cast<long double>(found) - exact) / unit);
}

}  // namespace test
