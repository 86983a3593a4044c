// SPDX-License-Identifier: MIT
// mamba/simd/detail/first_lanes.hpp — the first n lanes of an x86 register, from and to memory.  [floor 1]
//
// A register filled through the stack, n numbers stored and the whole loaded, stalls: its bytes come from several
// stores.
#pragma once

#include <mamba/simd/real.hpp>

#include <cstdint>

#if !MAMBA_SIMD_PORTABLE && defined(__SSE2__)

namespace mamba::inline MAMBA_ABI::simd::detail {

/// True where load_lanes() and store_lanes() support V.
template <class V>
inline constexpr bool masks_lanes = is_batch<V> && (sizeof(V) == 16 || sizeof(V) == 32 || sizeof(V) == 64);

#if defined(__AVX__)
/// n times −1, then zeros, for `Lanes` words.
template <class Word, std::size_t Lanes>
[[nodiscard]] inline __m256i lane_mask(std::size_t n) noexcept {
  static constexpr auto ones_and_zeros = [] {
    struct {
      Word at[2 * Lanes] = {};
    } words;
    for (std::size_t i = 0; i < Lanes; ++i) words.at[i] = -1;
    return words;
  }();
  return _mm256_loadu_si256(reinterpret_cast<__m256i const*>(ones_and_zeros.at + Lanes - n));
}
#endif

template <class V>
[[nodiscard]] inline V load_lanes(float const* p, std::size_t n) noexcept {
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64) return V(_mm512_maskz_loadu_ps(static_cast<__mmask16>((1U << n) - 1U), p));
#endif
#if defined(__AVX__)
  if constexpr (sizeof(V) == 32) return V(_mm256_maskload_ps(p, lane_mask<std::int32_t, 8>(n)));
#endif
  if constexpr (sizeof(V) == 16) {
    if (n == 4) return V(_mm_loadu_ps(p));
    if (n < 2) return V(n == 0 ? _mm_setzero_ps() : _mm_load_ss(p));
    __m128 const two = _mm_castsi128_ps(_mm_loadl_epi64(reinterpret_cast<__m128i const*>(p)));
    return V(n == 2 ? two : _mm_movelh_ps(two, _mm_load_ss(p + 2)));
  }
}

template <class V>
[[nodiscard]] inline V load_lanes(double const* p, std::size_t n) noexcept {
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64) return V(_mm512_maskz_loadu_pd(static_cast<__mmask8>((1U << n) - 1U), p));
#endif
#if defined(__AVX__)
  if constexpr (sizeof(V) == 32) return V(_mm256_maskload_pd(p, lane_mask<std::int64_t, 4>(n)));
#endif
  if constexpr (sizeof(V) == 16) {
    if (n == 2) return V(_mm_loadu_pd(p));
    return V(n == 0 ? _mm_setzero_pd() : _mm_load_sd(p));
  }
}

template <class V>
inline void store_lanes(float* p, V v, std::size_t n) noexcept {
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64) _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1U << n) - 1U), v);
#endif
#if defined(__AVX__)
  if constexpr (sizeof(V) == 32) _mm256_maskstore_ps(p, lane_mask<std::int32_t, 8>(n), v);
#endif
  if constexpr (sizeof(V) == 16) {
    __m128 const lanes4 = v;
    if (n == 4) {
      _mm_storeu_ps(p, lanes4);
    } else if (n >= 2) {
      _mm_storel_pi(reinterpret_cast<__m64*>(p), lanes4);
      if (n == 3) _mm_store_ss(p + 2, _mm_movehl_ps(lanes4, lanes4));
    } else if (n == 1) {
      _mm_store_ss(p, lanes4);
    }
  }
}

template <class V>
inline void store_lanes(double* p, V v, std::size_t n) noexcept {
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64) _mm512_mask_storeu_pd(p, static_cast<__mmask8>((1U << n) - 1U), v);
#endif
#if defined(__AVX__)
  if constexpr (sizeof(V) == 32) _mm256_maskstore_pd(p, lane_mask<std::int64_t, 4>(n), v);
#endif
  if constexpr (sizeof(V) == 16) {
    if (n == 2) _mm_storeu_pd(p, v);
    if (n == 1) _mm_store_sd(p, v);
  }
}

}  // namespace mamba::inline MAMBA_ABI::simd::detail

#endif
