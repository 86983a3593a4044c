// SPDX-License-Identifier: MIT
// mamba/parallel/cost_model.hpp — the one table of costs: how long counted operations take one thread.  [floor 1]
//
// parallel_for uses several threads where the cost is above a threshold. Costs are given in operations; this table
// converts them to time. A cost never changes a result.
#pragma once

#include <mamba/core/abi.hpp>

#include <compare>
#include <type_traits>

namespace mamba::inline MAMBA_ABI::parallel {

/// Operations that one thread completes in a nanosecond.
///
/// Why:     one number for all instruction sets (but for products of bytes, which differ most), between what builds for
///          AVX2 and for AVX-512 did on one core of a shared Sapphire Rapids on 28 November 2026 (clang, products of
///          64 tokens): the ranges in the comments.
/// Units:   [1/ns].
/// Error:   a factor of two, more for small sizes and for AVX2: the decision is one of magnitude (a layer of 768
///          channels costs a hundred times as much as one of 64).
struct operation_rates {
  double multiply_adds_f32 = 40;      ///< in registers and the first-level cache: 24 to 50
  double multiply_adds_f64 = 20;      ///< the same in double: 11 to 32
  double multiply_adds_widened = 40;  ///< of 16-bit numbers converted to float on the way: 22 to 64
#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)
  double multiply_adds_int8 = 150;  ///< products of bytes, summed in 32 bits: 130 to 187
#elif defined(__AVX2__)
  double multiply_adds_int8 = 60;  ///< with AVX2 48 to 78: q8 to ternary
#else
  double multiply_adds_int8 = 25;  ///< with SSSE3 22 to 30
#endif
  double exponentials = 2.5;     ///< exp, sigmoid or softplus of floats and what is around it; exp alone: 1.4 to 5.5
  double elementwise = 3.5;      ///< numbers that are read, changed, and written; estimated, in the cache 11 to 19
  double scalar_operations = 1;  ///< in code that is not vectorised; a call of libm's exp counts as ten; estimated
  double bytes = 12;             ///< read from memory in order, or written to it: 9 to 16
};

/// The table in use.
///
/// Determinism: it decides where threads are used, and changes no result.
inline constexpr operation_rates rates{};

/// Estimated time of a piece of work on one thread.
///
/// Why:     costs of operations done in turn add up; of operations that overlap (arithmetic, and reading what it works
///          on) the larger counts: max(cost::multiply_adds(n), cost::bytes(m)).
struct cost {
  double nanoseconds = 0;

  // Each of these divides n, of any arithmetic type, by a rate of the table.

  /// n multiply-adds of T: float, double, a 16-bit format, or std::int8_t for products of bytes.
  template <class T = float>
  [[nodiscard]] static constexpr cost multiply_adds(auto n) noexcept {
    if constexpr (sizeof(T) == 1) {
      return at(rates.multiply_adds_int8, n);
    } else if constexpr (sizeof(T) == 2) {
      return at(rates.multiply_adds_widened, n);
    } else {
      return at(std::is_same_v<T, double> ? rates.multiply_adds_f64 : rates.multiply_adds_f32, n);
    }
  }
  /// n exponentials, sigmoids or softplus of floats.
  [[nodiscard]] static constexpr cost exponentials(auto n) noexcept { return at(rates.exponentials, n); }
  /// n numbers that are read, changed by a few vector operations, and written.
  [[nodiscard]] static constexpr cost elementwise(auto n) noexcept { return at(rates.elementwise, n); }
  /// n operations of code that is not vectorised.
  [[nodiscard]] static constexpr cost scalar_operations(auto n) noexcept { return at(rates.scalar_operations, n); }
  /// n bytes read from memory in order, or written to it.
  [[nodiscard]] static constexpr cost bytes(auto n) noexcept { return at(rates.bytes, n); }
  /// A measured or otherwise known time.
  [[nodiscard]] static constexpr cost seconds(double s) noexcept { return {s * 1e9}; }

  /// Of two pieces of work done in turn.
  friend constexpr cost operator+(cost a, cost b) noexcept { return {a.nanoseconds + b.nanoseconds}; }
  /// Of the same work so many times.
  friend constexpr cost operator*(double times, cost c) noexcept { return {times * c.nanoseconds}; }
  friend constexpr auto operator<=>(cost const&, cost const&) = default;  // NOLINT(modernize-use-nullptr)

 private:
  template <class Count>
    requires std::is_arithmetic_v<Count>
  [[nodiscard]] static constexpr cost at(double rate, Count n) noexcept {
    return {static_cast<double>(n) / rate};
  }
};

/// The cost of operations that overlap: that of the slower.
[[nodiscard]] constexpr cost max(cost a, cost b) noexcept { return a < b ? b : a; }

}  // namespace mamba::inline MAMBA_ABI::parallel
