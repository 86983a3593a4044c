// SPDX-License-Identifier: MIT
// tests/support/random.hpp — seeded numbers that are the same on every standard library.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

namespace test {

/// splitmix64: passes BigCrush, one line of state, and nothing of it is left to the library's implementation.
class random {
 public:
  explicit random(std::uint64_t seed) noexcept : state_(seed) {}

  std::uint64_t bits() noexcept {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }

  /// Uniform in [0, n).
  std::size_t below(std::size_t n) noexcept { return static_cast<std::size_t>(bits() % n); }

  /// Uniform in [low, high).
  double uniform(double low, double high) noexcept {
    return low + (high - low) * static_cast<double>(bits() >> 11U) * 0x1p-53;
  }

  /// Normal with mean 0 and standard deviation 1 (Box and Muller).
  double normal() noexcept {
    double const u = 1.0 - uniform(0, 1);
    return std::sqrt(-2 * std::log(u)) * std::cos(6.283185307179586 * uniform(0, 1));
  }

  template <class T>
  void fill(std::span<T> out, double low, double high) noexcept {
    for (T& v : out) v = static_cast<T>(uniform(low, high));
  }

 private:
  std::uint64_t state_;
};

}  // namespace test
