// SPDX-License-Identifier: MIT
// mamba/simd/compat.hpp — xsimd 8.1 to 14, or a batch of one lane, behind one set of names.  [floor 1]
//
// The only header that includes xsimd. Differences between its releases, and contraction of products, which it leaves
// to the compiler, are handled here; the layers above use the names of mamba::simd and plain operators. In a portable
// build (see MAMBA_SIMD_PORTABLE in core/abi.hpp) there is no xsimd, and a batch is a portable_batch.
#pragma once

#include <mamba/simd/portable_batch.hpp>
#include <mamba/simd/scalar.hpp>

#if !MAMBA_SIMD_PORTABLE

// g++ 12 warns of undefined registers inside its own AVX-512 intrinsics (GCC bug 105593).
#if defined(__AVX512F__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop
#endif

#include <xsimd/xsimd.hpp>

#if defined(__FMA4__) && !defined(__FMA__)
#error "mamba: FMA4 without FMA leaves the rounding of a*b + c to the compiler; compile with -mno-fma4"
#endif

static_assert(XSIMD_VERSION_MAJOR > 8 || (XSIMD_VERSION_MAJOR == 8 && XSIMD_VERSION_MINOR >= 1),
              "mamba needs xsimd 8.1 or newer");
#endif

namespace mamba::inline MAMBA_ABI::simd {

#if MAMBA_SIMD_PORTABLE
template <class T>
using batch = portable_batch<T>;
template <class T>
using batch_bool = portable_batch_bool<T>;
#else
/// One register full of T: float, double, or an integer of the same width.
template <class T>
using batch = xsimd::batch<T>;

/// The lane-wise result of a comparison between two batches.
template <class T>
using batch_bool = xsimd::batch_bool<T>;
#endif

/// The number of T in one batch.
template <class T>
inline constexpr std::size_t lanes = batch<T>::size;

/// True where scale() exists, as one instruction: for AVX-512's registers.
template <class V>
#if !MAMBA_SIMD_PORTABLE && defined(__AVX512F__)
inline constexpr bool scales = sizeof(V) == 64;
#else
inline constexpr bool scales = false;
#endif

/// p·2ⁿ for a whole n, rounded once where the result is subnormal.
template <class T>
  requires scales<batch<T>>
[[nodiscard]] inline batch<T> scale([[maybe_unused]] batch<T> p, [[maybe_unused]] batch<T> n) noexcept {
#if !MAMBA_SIMD_PORTABLE && defined(__AVX512F__)
  if constexpr (std::is_same_v<T, float>) {
    return _mm512_scalef_ps(p, n);
  } else {
    return _mm512_scalef_pd(p, n);
  }
#endif
}

#if !MAMBA_SIMD_PORTABLE
/// xsimd 8.1 has no fused multiply-add for AVX-512: its a*b + c would leave the rounding to the compiler.
template <class T>
[[nodiscard]] inline batch<T> fma(batch<T> a, batch<T> b, batch<T> c) noexcept {
#if defined(__AVX512F__)
  if constexpr (sizeof(batch<T>) == 64 && std::is_same_v<T, float>) return _mm512_fmadd_ps(a, b, c);
  if constexpr (sizeof(batch<T>) == 64 && std::is_same_v<T, double>) return _mm512_fmadd_pd(a, b, c);
#endif
  return xsimd::fma(a, b, c);
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

/// c − a*b, rounded as fma(−a, b, c) is.
template <class T>
[[nodiscard]] inline batch<T> fnma(batch<T> a, batch<T> b, batch<T> c) noexcept {
#if defined(__AVX512F__)
  if constexpr (sizeof(batch<T>) == 64 && std::is_same_v<T, float>) return _mm512_fnmadd_ps(a, b, c);
  if constexpr (sizeof(batch<T>) == 64 && std::is_same_v<T, double>) return _mm512_fnmadd_pd(a, b, c);
#endif
  return xsimd::fnma(a, b, c);
}

/// a·b, rounded. g++ and clang may fuse a plain a * b with an addition that uses it, but not this.
template <class T>
[[nodiscard]] inline batch<T> mul_unfused(batch<T> a, batch<T> b) noexcept {
  batch<T> v = a * b;
  if constexpr (fused) {
    typename batch<T>::register_type r = v;
    detail::opaque(r);
    v = batch<T>(r);
  }
  return v;
}

/// v as an opaque value, which the compiler cannot simplify with what follows (simd/scalar.hpp).
template <class T>
[[nodiscard]] inline batch<T> kept(batch<T> v) noexcept {
#if defined(__clang__)
  typename batch<T>::register_type r = v;
  detail::opaque(r);
  v = batch<T>(r);
#endif
  return v;
}

/// Lane by lane: mask ? a : b.
template <class T>
[[nodiscard]] inline batch<T> select(batch_bool<T> mask, batch<T> a, batch<T> b) noexcept {
  return xsimd::select(mask, a, b);
}

/// max(x, low), where a NaN in x stays. xsimd's own max returns either operand then, which one changed in release 14.
template <class T>
[[nodiscard]] inline batch<T> maximum(batch<T> x, batch<T> low) noexcept {
#if XSIMD_VERSION_MAJOR >= 14
  return xsimd::max(x, low);
#else
  return xsimd::max(low, x);
#endif
}

/// min(x, high), where a NaN in x stays.
template <class T>
[[nodiscard]] inline batch<T> minimum(batch<T> x, batch<T> high) noexcept {
#if XSIMD_VERSION_MAJOR >= 14
  return xsimd::min(x, high);
#else
  return xsimd::min(high, x);
#endif
}

/// |x|.
template <class T>
[[nodiscard]] inline batch<T> abs(batch<T> x) noexcept {
  return xsimd::abs(x);
}

/// √x, rounded once.
template <class T>
[[nodiscard]] inline batch<T> sqrt(batch<T> x) noexcept {
  return xsimd::sqrt(x);
}

/// The same bits read as another type of the same width.
template <class To, class From>
[[nodiscard]] inline batch<To> bit_cast(batch<From> x) noexcept {
#if XSIMD_VERSION_MAJOR >= 11
  return xsimd::bitwise_cast<To>(x);
#else
  return xsimd::bitwise_cast<batch<To>>(x);
#endif
}

/// True if any lane of the mask is set.
template <class T>
[[nodiscard]] inline bool any(batch_bool<T> mask) noexcept {
  return xsimd::any(mask);
}
#endif  // not portable

}  // namespace mamba::inline MAMBA_ABI::simd
