// SPDX-License-Identifier: MIT
// tests/support/accuracy.hpp — compares a function of one number with its documented bound, in scalars and in batches.
#pragma once

#include <mamba/simd/load_store.hpp>
#include <support/near.hpp>
#include <support/random.hpp>

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

namespace test {

/// What a sweep found: the worst error of the batches, and on how many points scalar and batch had other bits.
template <class T>
struct accuracy {
  double worst = 0;  ///< in ulp
  T at = 0;
  std::size_t unequal = 0;
  std::size_t points = 0;
};

/// Maps numbers to integers in ascending order, so that a walk over bit patterns may cross zero.
template <class T>
[[nodiscard]] std::int64_t order_of(T x) {
  using word = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  auto const bits = std::bit_cast<word>(x);
  return bits < 0 ? std::int64_t{std::numeric_limits<word>::min()} - bits : std::int64_t{bits};
}

template <class T>
[[nodiscard]] T number_at(std::int64_t order) {
  using word = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  return std::bit_cast<T>(
      static_cast<word>(order < 0 ? std::int64_t{std::numeric_limits<word>::min()} - order : order));
}

/// Calls f on [low, high]: half of the points are uniform in value, half in the order of bit patterns, so that all
/// magnitudes down to the subnormal ones occur. `exact` is called in double for float and in long double for double.
template <class T, class F, class G>
[[nodiscard]] accuracy<T> sweep(T low, T high, F&& f, G&& exact,
                                std::size_t points = sizeof(T) == 4 ? 400000 : 100000) {
  namespace simd = mamba::simd;
  using V = simd::batch<T>;
  using wide = std::conditional_t<sizeof(T) == 4, double, long double>;
  constexpr std::size_t lanes = simd::lanes<T>;
  random rng(sizeof(T) + points);
  accuracy<T> found;
  auto const first = static_cast<double>(order_of(low));
  auto const last = static_cast<double>(order_of(high));  // the distance may exceed 2^63, either end does not
  while (found.points < points) {
    T in[lanes];
    T out[lanes];
    for (std::size_t i = 0; i < lanes; ++i) {
      if (i % 2 == 0) {
        in[i] = static_cast<T>(rng.uniform(static_cast<double>(low), static_cast<double>(high)));
      } else {
        in[i] = number_at<T>(static_cast<std::int64_t>(rng.uniform(first, last)));
      }
      if (!(in[i] >= low && in[i] <= high)) in[i] = low;  // rounding may step over an end
    }
    simd::store<V>(out, f(simd::load<V>(in)));
    for (std::size_t i = 0; i < lanes; ++i) {
      T const scalar = f(in[i]);
      if (std::memcmp(&scalar, &out[i], sizeof(T)) != 0) ++found.unequal;
      double const error = ulps(out[i], static_cast<long double>(exact(static_cast<wide>(in[i]))));
      if (error > found.worst) {
        found.worst = error;
        found.at = in[i];
      }
    }
    found.points += lanes;
  }
  return found;
}

/// True if f(x) is `expected`, in a scalar and in every lane: equal, with equal sign, or both NaN.
template <class T, class F>
[[nodiscard]] bool maps(F&& f, T x, T expected) {
  namespace simd = mamba::simd;
  using V = simd::batch<T>;
  auto const same = [expected](T y) {
    if (std::isnan(expected)) return std::isnan(y);
    return y == expected && std::signbit(y) == std::signbit(expected);
  };
  T out[simd::lanes<T>];
  simd::store<V>(out, f(V(x)));
  bool all = same(f(x));
  for (T const y : out) all = all && same(y);
  return all;
}

}  // namespace test

/// Asserts a documented bound; the numbers are printed when it fails.
#define CHECK_ACCURACY(found_expression, bound)                                                               \
  do {                                                                                                        \
    auto const found = (found_expression);                                                                    \
    INFO("worst error ", found.worst, " ulp at ", static_cast<double>(found.at), ", ", found.unequal, " of ", \
         found.points, " points with other bits in a scalar");                                                \
    CHECK(found.worst <= (bound));                                                                            \
    CHECK(found.unequal == 0);                                                                                \
  } while (false)
