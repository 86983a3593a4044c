// SPDX-License-Identifier: MIT
// mamba/simd/scalar.hpp — the operations of a batch for one number, rounded alike by every compiler.  [floor 1]
//
// g++ contracts a*b + c in C++ wherever the machine has an instruction for it. Here every multiply-add is either
// explicit (simd::fma) or prevented (simd::mul_unfused).
#pragma once

#include <mamba/core/abi.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <type_traits>

namespace mamba::inline MAMBA_ABI::simd {

namespace detail {

/// True where the machine has a multiply-add that rounds once, into which the compiler may contract a product and a
/// sum.
#if defined(__FMA__) || defined(__FMA4__) || defined(__AVX512F__) || defined(__aarch64__) || defined(_M_ARM64) || \
    defined(__ARM_FEATURE_FMA) || defined(__riscv_flen) || defined(__FP_FAST_FMA) || defined(__FP_FAST_FMAF)
inline constexpr bool may_contract = true;
#else
inline constexpr bool may_contract = false;
#endif

/// Hides where v came from, so that the compiler cannot merge the multiplication behind v with a later addition.
template <class T>
inline void opaque(T& v) noexcept {
#if defined(__GNUC__) && defined(__SSE2__)
  asm("" : "+x"(v));
#elif defined(__GNUC__) && defined(__aarch64__)
  asm("" : "+w"(v));
#elif defined(__GNUC__) && defined(__arm__)
#if defined(__ARM_FP) && (__ARM_FP & 4)
  if constexpr (sizeof(T) == 4) {
    asm("" : "+t"(v));
    return;
  }
#endif
#if defined(__ARM_FP) && (__ARM_FP & 8)
  asm("" : "+w"(v));
#else
  asm("" : "+r"(v));  // computed by software, in integer registers
#endif
#elif defined(__GNUC__) && defined(__riscv_flen)
  if constexpr (8 * sizeof(T) <= __riscv_flen) {
    asm("" : "+f"(v));
  } else {
    asm("" : "+r"(v));
  }
#else
  T volatile kept = v;
  v = kept;
#endif
}

}  // namespace detail

/// True where fma computes a*b + c with one rounding, in batches and in scalars. Portable builds round twice on every
/// machine: some have the instruction for float and not for double, and all of them are to give the same bits.
#if MAMBA_SIMD_PORTABLE
inline constexpr bool fused = false;
#elif defined(__FMA__) || defined(__AVX512F__) || defined(__aarch64__)
inline constexpr bool fused = true;
#else
inline constexpr bool fused = false;
#endif

/// The signed integer as wide as T: bits of floating-point numbers are handled in it.
template <class T>
using int_of = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;

/// The unsigned integer as wide as T: shifting it right is one instruction on every machine.
template <class T>
using uint_of = std::make_unsigned_t<int_of<T>>;

/// a·b, rounded. g++ and clang may fuse a plain a * b with an addition that uses it, but not this.
template <class T>
  requires std::is_floating_point_v<T>
[[nodiscard]] inline T mul_unfused(T a, T b) noexcept {
  T v = a * b;
  if constexpr (detail::may_contract && sizeof(T) <= 8) detail::opaque(v);
  return v;
}

/// v as an opaque value, which the compiler cannot simplify with what follows: a rounding sum does not cancel against a
/// later subtraction.
///
/// Why:     -funsafe-math-optimizations, of which clang 14 shows nothing in a macro, folds (x + c) − c into x. g++
///          shows it, and is refused (core/abi.hpp).
template <class T>
  requires std::is_floating_point_v<T>
[[nodiscard]] inline T kept(T v) noexcept {
#if defined(__clang__)
  if constexpr (sizeof(T) <= 8) detail::opaque(v);
#endif
  return v;
}

/// a*b + c, rounded once where the machine has fused multiply-add and twice where it has not,
/// independent of the compiler.
template <class T>
  requires std::is_floating_point_v<T>
[[nodiscard]] inline T fma(T a, T b, T c) noexcept {
  if constexpr (fused) {
    return std::fma(a, b, c);
  } else {
    return simd::mul_unfused(a, b) + c;
  }
}

/// a*b − c, rounded as fma(a, b, −c) is.
template <class T>
  requires std::is_floating_point_v<T>
[[nodiscard]] inline T fms(T a, T b, T c) noexcept {
  return simd::fma(a, b, -c);
}

/// c − a*b, rounded as fma(−a, b, c) is.
template <class T>
  requires std::is_floating_point_v<T>
[[nodiscard]] inline T fnma(T a, T b, T c) noexcept {
  return simd::fma(-a, b, c);
}

/// mask ? a : b.
template <class T>
  requires std::is_floating_point_v<T>
[[nodiscard]] constexpr T select(bool mask, T a, T b) noexcept {
  return mask ? a : b;
}

/// max(x, low), where a NaN in x stays, as in maximum of IEEE 754-2019. low is a number; of two zeros, either.
template <class T>
  requires std::is_floating_point_v<T>
[[nodiscard]] constexpr T maximum(T x, T low) noexcept {
  return x < low ? low : x;
}

/// min(x, high), where a NaN in x stays, as in minimum of IEEE 754-2019. high is a number; of two zeros, either.
template <class T>
  requires std::is_floating_point_v<T>
[[nodiscard]] constexpr T minimum(T x, T high) noexcept {
  return high < x ? high : x;
}

template <class T>
  requires std::is_floating_point_v<T>
[[nodiscard]] inline T abs(T x) noexcept {
  return std::fabs(x);
}

template <class T>
  requires std::is_floating_point_v<T>
[[nodiscard]] inline T sqrt(T x) noexcept {
  return std::sqrt(x);
}

/// The same bits read as another type of the same width.
template <class To, class From>
  requires std::is_arithmetic_v<From>
[[nodiscard]] constexpr To bit_cast(From x) noexcept {
  return std::bit_cast<To>(x);
}

[[nodiscard]] constexpr bool any(bool mask) noexcept { return mask; }

}  // namespace mamba::inline MAMBA_ABI::simd
