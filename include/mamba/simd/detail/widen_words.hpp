// SPDX-License-Identifier: MIT
// mamba/simd/detail/widen_words.hpp — bfloat16 and float16 to float with SSE2, where no instruction does it.  [floor 1]
#pragma once

#include <mamba/core/bfloat16.hpp>
#include <mamba/core/float16.hpp>
#include <mamba/simd/real.hpp>

#if !MAMBA_SIMD_PORTABLE && defined(__SSE2__)

namespace mamba::inline MAMBA_ABI::simd::detail {

[[nodiscard]] inline __m128 widen4(bfloat16 const* p) noexcept {
  __m128i const words = _mm_loadl_epi64(reinterpret_cast<__m128i const*>(p));
  return _mm_castsi128_ps(_mm_unpacklo_epi16(_mm_setzero_si128(), words));
}

/// The conversion of core/float16.hpp, operation by operation.
[[nodiscard]] inline __m128 widen4(float16 const* p) noexcept {
  __m128i const words = _mm_unpacklo_epi16(_mm_loadl_epi64(reinterpret_cast<__m128i const*>(p)), _mm_setzero_si128());
  __m128i const size = _mm_and_si128(words, _mm_set1_epi32(0x7fff));
  __m128i const sign = _mm_slli_epi32(_mm_xor_si128(words, size), 16);
  __m128i const normal = _mm_add_epi32(_mm_slli_epi32(size, 13), _mm_set1_epi32(0x38000000));
  __m128i const small = _mm_castps_si128(_mm_mul_ps(_mm_cvtepi32_ps(size), _mm_set1_ps(0x1p-24F)));
  __m128i const is_small = _mm_cmplt_epi32(size, _mm_set1_epi32(0x400));
  __m128i const not_finite = _mm_and_si128(_mm_cmpgt_epi32(size, _mm_set1_epi32(0x7bff)), _mm_set1_epi32(0x7f800000));
  __m128i const quiet = _mm_and_si128(_mm_cmpgt_epi32(size, _mm_set1_epi32(0x7c00)), _mm_set1_epi32(0x00400000));
  __m128i const wide = _mm_or_si128(_mm_and_si128(is_small, small), _mm_andnot_si128(is_small, normal));
  return _mm_castsi128_ps(_mm_or_si128(_mm_or_si128(wide, sign), _mm_or_si128(not_finite, quiet)));
}

/// A whole V, of 4 or 8 floats.
template <class V, class Half>
[[nodiscard]] inline V widen(Half const* p) noexcept {
#if defined(__AVX__)
  if constexpr (sizeof(V) == 32) return V(_mm256_insertf128_ps(_mm256_castps128_ps256(widen4(p)), widen4(p + 4), 1));
#endif
  if constexpr (sizeof(V) == 16) return V(widen4(p));
}

/// True where widen() supports V.
template <class V>
inline constexpr bool widens_words = is_batch<V> && (sizeof(V) == 16 || sizeof(V) == 32);

}  // namespace mamba::inline MAMBA_ABI::simd::detail

#endif
