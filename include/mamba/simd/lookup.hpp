// SPDX-License-Identifier: MIT
// mamba/simd/lookup.hpp — a table of eight floats in a register, read lane by lane.  [floor 1]
#pragma once

#include <mamba/simd/load_store.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>

namespace mamba::inline MAMBA_ABI::simd {

/// True where a register holds the eight floats of a table and lookup is one instruction: AVX2. (With AVX-512 a table
/// would have sixteen.)
template <class T>
#if !MAMBA_SIMD_PORTABLE && defined(__AVX2__) && !defined(__AVX512F__)
inline constexpr bool looks_up = std::same_as<T, float> && sizeof(batch<T>) == 32;
#else
inline constexpr bool looks_up = false;
#endif

/// Eight floats, by their bits.
struct table_of_eight {
  alignas(32) std::uint32_t bits[8];
};

/// Entry (index mod 8) of a table, lane by lane.
///
/// Cost:    one permutation where looks_up<float>, else a loop over the lanes.
template <single_precision V>
[[nodiscard]] inline V lookup(table_of_eight const& table, uint_like<V> index) noexcept {
  if constexpr (std::same_as<V, float>) {
    return bit_cast<float>(table.bits[index % 8]);
  } else {
#if !MAMBA_SIMD_PORTABLE && defined(__AVX2__) && !defined(__AVX512F__)
    if constexpr (looks_up<float>) {
      return V(_mm256_castsi256_ps(
          _mm256_permutevar8x32_epi32(_mm256_load_si256(reinterpret_cast<__m256i const*>(table.bits)), index)));
    }
#endif
    alignas(64) float lane[width<V>];
    simd::store<V>(lane, bit_cast<float>(index));
    for (float& v : lane) v = bit_cast<float>(table.bits[bit_cast<std::uint32_t>(v) % 8]);
    return simd::load<V>(lane);
  }
}

}  // namespace mamba::inline MAMBA_ABI::simd
