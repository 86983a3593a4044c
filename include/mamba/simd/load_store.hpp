// SPDX-License-Identifier: MIT
// mamba/simd/load_store.hpp — whole batches and the first few lanes of one, from and to memory.  [floor 1]
//
// A tail is never a scalar loop: it is a whole batch whose missing lanes are zero, so that an element has the same
// arithmetic in a full vector and in a tail (the partition contract).
#pragma once

#include <mamba/core/bfloat16.hpp>
#include <mamba/core/float16.hpp>
#include <mamba/simd/detail/first_lanes.hpp>
#include <mamba/simd/detail/widen_words.hpp>
#include <mamba/simd/real.hpp>

#include <cstring>

namespace mamba::inline MAMBA_ABI::simd {

/// Loads one V (a scalar or a batch) from p, of any alignment.
template <real V>
[[nodiscard]] inline V load(scalar_of<V> const* p) noexcept {
  if constexpr (is_batch<V>) {
    return V::load_unaligned(p);
  } else {
    return *p;
  }
}

/// Loads width<V> bfloat16 and widens them to float, exactly.
template <single_precision V>
[[nodiscard]] inline V load(bfloat16 const* p) noexcept {
#if !MAMBA_SIMD_PORTABLE && defined(__AVX512F__)
  if constexpr (width<V> == 16) {
    __m512i const words = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<__m256i const*>(p)));
    return V(_mm512_castsi512_ps(_mm512_slli_epi32(words, 16)));
  }
#endif
#if !MAMBA_SIMD_PORTABLE && defined(__AVX2__)
  if constexpr (width<V> == 8) {
    __m256i const words = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<__m128i const*>(p)));
    return V(_mm256_castsi256_ps(_mm256_slli_epi32(words, 16)));
  }
#endif
#if !MAMBA_SIMD_PORTABLE && defined(__SSE2__)
  if constexpr (detail::widens_words<V>) return detail::widen<V>(p);
#endif
  alignas(64) float lane[width<V>];
  for (std::size_t i = 0; i < width<V>; ++i) lane[i] = static_cast<float>(p[i]);
  return load<V>(lane);
}

/// Loads width<V> float16 and widens them to float, exactly.
template <single_precision V>
[[nodiscard]] inline V load(float16 const* p) noexcept {
#if !MAMBA_SIMD_PORTABLE && defined(__AVX512F__)
  if constexpr (width<V> == 16) {
    return V(_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<__m256i const*>(p))));
  }
#endif
#if !MAMBA_SIMD_PORTABLE && defined(__F16C__)
  if constexpr (width<V> == 8) return V(_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<__m128i const*>(p))));
#endif
#if !MAMBA_SIMD_PORTABLE && defined(__SSE2__)
  if constexpr (detail::widens_words<V>) return detail::widen<V>(p);
#endif
  alignas(64) float lane[width<V>];
  for (std::size_t i = 0; i < width<V>; ++i) lane[i] = static_cast<float>(p[i]);
  return load<V>(lane);
}

/// Prefetches the cache line `ahead` bytes behind p, which need not exist: nothing is read.
///
/// Why:     always inlined, because g++ 12 removes a function that only prefetches, as one without effect.
[[gnu::always_inline]] inline void prefetch(void const* p, std::size_t ahead) noexcept {
#if defined(__GNUC__)
  __builtin_prefetch(static_cast<char const*>(p) + ahead);
#else
  static_cast<void>(p), static_cast<void>(ahead);
#endif
}

/// The same for a line that is to be written.
[[gnu::always_inline]] inline void prefetch_to_write(void const* p, std::size_t ahead) noexcept {
#if defined(__GNUC__)
  __builtin_prefetch(static_cast<char const*>(p) + ahead, 1);
#else
  static_cast<void>(p), static_cast<void>(ahead);
#endif
}

/// Stores one V at p, of any alignment.
template <real V>
inline void store(scalar_of<V>* p, V v) noexcept {
  if constexpr (is_batch<V>) {
    v.store_unaligned(p);
  } else {
    *p = v;
  }
}

/// Loads the first n <= lanes values; the others are zero. Nothing past p + n is read.
template <real V>
[[nodiscard]] inline V load_first(scalar_of<V> const* p, std::size_t n) noexcept {
#if !MAMBA_SIMD_PORTABLE && defined(__SSE2__)
  if constexpr (detail::masks_lanes<V>) return detail::load_lanes<V>(p, n);
#endif
  alignas(64) scalar_of<V> lane[width<V>] = {};
  std::memcpy(lane, p, n * sizeof(scalar_of<V>));
  return load<V>(lane);
}

/// Stores the first n <= lanes values; nothing past p + n is written.
template <real V>
inline void store_first(scalar_of<V>* p, V v, std::size_t n) noexcept {
#if !MAMBA_SIMD_PORTABLE && defined(__SSE2__)
  if constexpr (detail::masks_lanes<V>) return detail::store_lanes<V>(p, v, n);
#endif
  alignas(64) scalar_of<V> lane[width<V>];
  store<V>(lane, v);
  std::memcpy(p, lane, n * sizeof(scalar_of<V>));
}

}  // namespace mamba::inline MAMBA_ABI::simd
