// SPDX-License-Identifier: MIT
// mamba/simd/compat.hpp — xsimd 8.1 to 14 behind one set of names.  [floor 1]
//
// The only header that includes xsimd. What changed between its releases, and what it leaves to the compiler's taste,
// is decided here once; the floors above use the names of mamba::simd and plain operators.
#pragma once

#include <mamba/core/abi.hpp>

// g++ 12 takes the "undefined" registers inside its own AVX-512 intrinsics for a mistake of ours (GCC bug 105593).
#if defined(__AVX512F__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop
#endif

#include <xsimd/xsimd.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <type_traits>

#if defined(__FMA4__) && !defined(__FMA__)
#error "mamba: FMA4 without FMA leaves the rounding of a*b + c to the compiler; compile with -mno-fma4"
#endif

static_assert(XSIMD_VERSION_MAJOR > 8 || (XSIMD_VERSION_MAJOR == 8 && XSIMD_VERSION_MINOR >= 1),
              "mamba needs xsimd 8.1 or newer");

namespace mamba::inline MAMBA_ABI::simd {

/// One register full of T: float, double, or an integer of the same width.
template <class T>
using batch = xsimd::batch<T>;

/// The lane-wise answer of a comparison between two batches.
template <class T>
using batch_bool = xsimd::batch_bool<T>;

/// How many T one batch holds.
template <class T>
inline constexpr std::size_t lanes = batch<T>::size;

/// True where a*b + c is computed with one rounding (in batches and, in this library, in scalars).
#if defined(__FMA__) || defined(__AVX512F__) || defined(__aarch64__)
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

/// xsimd 8.1 has no fused multiply-add for AVX-512: its a*b + c would leave the rounding to the compiler.
template <class T>
[[nodiscard]] inline batch<T> fma(batch<T> a, batch<T> b, batch<T> c) noexcept {
#if defined(__AVX512F__)
  if constexpr (sizeof(batch<T>) == 64 && std::is_same_v<T, float>) return _mm512_fmadd_ps(a, b, c);
  if constexpr (sizeof(batch<T>) == 64 && std::is_same_v<T, double>) return _mm512_fmadd_pd(a, b, c);
#endif
  return xsimd::fma(a, b, c);
}

/// a*b + c, rounded once where the machine has fused multiply-add and twice where it has not, never by the
/// compiler's choice.
template <class T>
requires std::is_floating_point_v<T>
[[nodiscard]] inline T fma(T a, T b, T c) noexcept {
  if constexpr (fused) {
    return std::fma(a, b, c);
  } else {
    return a * b + c;
  }
}

/// a*b − c, rounded as fma(a, b, −c) is.
template <class T>
[[nodiscard]] inline batch<T> fms(batch<T> a, batch<T> b, batch<T> c) noexcept {
#if defined(__AVX512F__)
  if constexpr (sizeof(batch<T>) == 64 && std::is_same_v<T, float>) return _mm512_fmsub_ps(a, b, c);
  if constexpr (sizeof(batch<T>) == 64 && std::is_same_v<T, double>) return _mm512_fmsub_pd(a, b, c);
#endif
  return xsimd::fms(a, b, c);
}

template <class T>
requires std::is_floating_point_v<T>
[[nodiscard]] inline T fms(T a, T b, T c) noexcept { return simd::fma(a, b, -c); }

/// c − a*b, rounded as fma(−a, b, c) is.
template <class T>
[[nodiscard]] inline batch<T> fnma(batch<T> a, batch<T> b, batch<T> c) noexcept {
#if defined(__AVX512F__)
  if constexpr (sizeof(batch<T>) == 64 && std::is_same_v<T, float>) return _mm512_fnmadd_ps(a, b, c);
  if constexpr (sizeof(batch<T>) == 64 && std::is_same_v<T, double>) return _mm512_fnmadd_pd(a, b, c);
#endif
  return xsimd::fnma(a, b, c);
}

template <class T>
requires std::is_floating_point_v<T>
[[nodiscard]] inline T fnma(T a, T b, T c) noexcept { return simd::fma(-a, b, c); }

namespace detail {

/// Hides where v came from, so that the compiler cannot merge the multiplication behind v with a later addition.
template <class T>
inline void opaque(T& v) noexcept {
#if defined(__GNUC__) && defined(__SSE2__)
  asm("" : "+x"(v));
#elif defined(__GNUC__) && defined(__aarch64__)
  asm("" : "+w"(v));
#else
  T volatile kept = v;
  v = kept;
#endif
}

}  // namespace detail

/// a·b, rounded. g++ and clang may fuse a plain a * b with an addition that uses it; this product they cannot.
template <class T>
[[nodiscard]] inline batch<T> product(batch<T> a, batch<T> b) noexcept {
  batch<T> v = a * b;
  if constexpr (fused) {
    typename batch<T>::register_type r = v;
    detail::opaque(r);
    v = batch<T>(r);
  }
  return v;
}

template <class T>
requires std::is_floating_point_v<T>
[[nodiscard]] inline T product(T a, T b) noexcept {
  T v = a * b;
  if constexpr (fused && sizeof(T) <= 8) detail::opaque(v);
  return v;
}

/// True where scale() is one instruction: for AVX-512's registers. There is none for the others.
template <class V>
#if defined(__AVX512F__)
inline constexpr bool scales = sizeof(V) == 64;
#else
inline constexpr bool scales = false;
#endif

/// p·2ⁿ for a whole n, rounded once where the result is subnormal.
template <class T>
requires scales<batch<T>>
[[nodiscard]] inline batch<T> scale([[maybe_unused]] batch<T> p, [[maybe_unused]] batch<T> n) noexcept {
#if defined(__AVX512F__)
  if constexpr (std::is_same_v<T, float>) {
    return _mm512_scalef_ps(p, n);
  } else {
    return _mm512_scalef_pd(p, n);
  }
#endif
}

/// Lane by lane: mask ? a : b.
template <class T>
[[nodiscard]] inline batch<T> select(batch_bool<T> mask, batch<T> a, batch<T> b) noexcept {
  return xsimd::select(mask, a, b);
}

template <class T>
requires std::is_floating_point_v<T>
[[nodiscard]] constexpr T select(bool mask, T a, T b) noexcept { return mask ? a : b; }

/// max(x, low), where a NaN in x stays. xsimd's own max returns either operand then, which one changed in release 14.
template <class T>
[[nodiscard]] inline batch<T> at_least(batch<T> x, batch<T> low) noexcept {
#if XSIMD_VERSION_MAJOR >= 14
  return xsimd::max(x, low);
#else
  return xsimd::max(low, x);
#endif
}

template <class T>
requires std::is_floating_point_v<T>
[[nodiscard]] constexpr T at_least(T x, T low) noexcept { return x < low ? low : x; }

/// min(x, high), where a NaN in x stays.
template <class T>
[[nodiscard]] inline batch<T> at_most(batch<T> x, batch<T> high) noexcept {
#if XSIMD_VERSION_MAJOR >= 14
  return xsimd::min(x, high);
#else
  return xsimd::min(high, x);
#endif
}

template <class T>
requires std::is_floating_point_v<T>
[[nodiscard]] constexpr T at_most(T x, T high) noexcept { return high < x ? high : x; }

template <class T>
[[nodiscard]] inline batch<T> abs(batch<T> x) noexcept {
  return xsimd::abs(x);
}

template <class T>
requires std::is_floating_point_v<T>
[[nodiscard]] inline T abs(T x) noexcept { return std::fabs(x); }

template <class T>
[[nodiscard]] inline batch<T> sqrt(batch<T> x) noexcept {
  return xsimd::sqrt(x);
}

template <class T>
requires std::is_floating_point_v<T>
[[nodiscard]] inline T sqrt(T x) noexcept { return std::sqrt(x); }

/// The same bits read as another type of the same width.
template <class To, class From>
[[nodiscard]] inline batch<To> bits_as(batch<From> x) noexcept {
#if XSIMD_VERSION_MAJOR >= 11
  return xsimd::bitwise_cast<To>(x);
#else
  return xsimd::bitwise_cast<batch<To>>(x);
#endif
}

template <class To, class From>
requires std::is_arithmetic_v<From>
[[nodiscard]] constexpr To bits_as(From x) noexcept { return std::bit_cast<To>(x); }

/// True if any lane of the mask is set.
template <class T>
[[nodiscard]] inline bool any(batch_bool<T> mask) noexcept {
  return xsimd::any(mask);
}

[[nodiscard]] constexpr bool any(bool mask) noexcept { return mask; }

}  // namespace mamba::inline MAMBA_ABI::simd
