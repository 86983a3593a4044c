// SPDX-License-Identifier: MIT
// mamba/simd/dot4.hpp — products of bytes, four at a time, summed in 32 bits: what quantised weights need.  [floor 1]
//
//     lane l of acc  +=  Σ_{j < 4} w[4l + j] · x[4l + j]
//
// The sums are exact, so every instruction set, and the loop that takes any, gives the same bits. AVX2, AVX-512BW and
// VNNI have instructions for it here; all other machines take the loop, which is right and slow.
#pragma once

#include <mamba/simd/compat.hpp>

#include <cstring>

namespace mamba::inline MAMBA_ABI::simd {

/// Four bytes in each lane.
using bytes4 = batch<std::uint32_t>;
/// Their sums of products.
using sums32 = batch<std::int32_t>;

namespace portable {

template <class Weight>
[[nodiscard]] inline sums32 dot4(sums32 acc, bytes4 w, bytes4 x) noexcept {
  constexpr std::size_t count = lanes<std::int32_t>;
  alignas(64) Weight weight[4 * count];
  alignas(64) std::int8_t value[4 * count];
  alignas(64) std::int32_t sum[count];
  alignas(64) std::uint32_t words[count];
  w.store_unaligned(words);
  std::memcpy(weight, words, sizeof weight);
  x.store_unaligned(words);
  std::memcpy(value, words, sizeof value);
  acc.store_unaligned(sum);
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = 0; j < 4; ++j) sum[i] += weight[4 * i + j] * value[4 * i + j];
  }
  return sums32::load_unaligned(sum);
}

}  // namespace portable

/// acc + products of unsigned weights and signed values.
///
/// Domain:  weights 0 … 127 (with more, the 16-bit halves of older machines would saturate), values −128 … 127.
[[nodiscard]] inline sums32 dot4_unsigned(sums32 acc, bytes4 w, bytes4 x) noexcept {
#if defined(__AVX512VNNI__)
  return _mm512_dpbusd_epi32(acc, w, x);
#elif defined(__AVX512BW__)
  return _mm512_add_epi32(acc, _mm512_madd_epi16(_mm512_maddubs_epi16(w, x), _mm512_set1_epi16(1)));
#elif defined(__AVXVNNI__) && !defined(__AVX512F__)
  return _mm256_dpbusd_avx_epi32(acc, w, x);
#elif defined(__AVX2__) && !defined(__AVX512F__)
  return _mm256_add_epi32(acc, _mm256_madd_epi16(_mm256_maddubs_epi16(w, x), _mm256_set1_epi16(1)));
#else
  return portable::dot4<std::uint8_t>(acc, w, x);
#endif
}

/// acc + products of signed weights and signed values, if acc began as dot4_start(Σ of all values).
///
/// Why:     some machines multiply unsigned by signed only. They see w + 128, and the start takes 128·Σx back.
/// Domain:  weights and values −127 … 127.
[[nodiscard]] inline sums32 dot4_signed(sums32 acc, bytes4 w, bytes4 x) noexcept {
#if defined(__AVX512VNNI__)
  return _mm512_dpbusd_epi32(acc, _mm512_xor_si512(w, _mm512_set1_epi8(-128)), x);
#elif defined(__AVX512BW__)
  __m512i const turned = _mm512_mask_sub_epi8(x, _mm512_movepi8_mask(w), _mm512_setzero_si512(), x);
  return _mm512_add_epi32(acc,
                          _mm512_madd_epi16(_mm512_maddubs_epi16(_mm512_abs_epi8(w), turned), _mm512_set1_epi16(1)));
#elif defined(__AVXVNNI__) && !defined(__AVX512F__)
  return _mm256_dpbusd_avx_epi32(acc, _mm256_xor_si256(w, _mm256_set1_epi8(-128)), x);
#elif defined(__AVX2__) && !defined(__AVX512F__)
  __m256i const products = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
  return _mm256_add_epi32(acc, _mm256_madd_epi16(products, _mm256_set1_epi16(1)));
#else
  return portable::dot4<std::int8_t>(acc, w, x);
#endif
}

/// Where the sums of dot4_signed begin.
[[nodiscard]] inline sums32 dot4_start([[maybe_unused]] std::int32_t sum_of_values) noexcept {
#if defined(__AVX512VNNI__) || (defined(__AVXVNNI__) && !defined(__AVX512F__))
  return sums32(-128 * sum_of_values);
#else
  return sums32(0);
#endif
}

/// 4·lanes bytes from memory, one after the other.
[[nodiscard]] inline bytes4 load_bytes(std::uint8_t const* p) noexcept {
  alignas(64) std::uint32_t words[lanes<std::uint32_t>];
  std::memcpy(words, p, sizeof words);
  return bytes4::load_unaligned(words);
}

/// Four bytes from memory, in every lane.
[[nodiscard]] inline bytes4 broadcast4(std::int8_t const* p) noexcept {
  std::uint32_t word;
  std::memcpy(&word, p, sizeof word);
  return bytes4(word);
}

/// The sums as floats: exact below 2^24.
[[nodiscard]] inline batch<float> to_float(sums32 v) noexcept { return xsimd::to_float(v); }

}  // namespace mamba::inline MAMBA_ABI::simd
