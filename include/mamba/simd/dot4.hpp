// SPDX-License-Identifier: MIT
// mamba/simd/dot4.hpp — products of bytes, four at a time, summed in 32 bits: for quantised weights.  [floor 1]
//
//     lane l of acc  +=  Σ_{j < 4} w[4l + j] · x[4l + j]
//
// The sums are exact, so every instruction set, and the loop that takes any, gives the same bits:
//
//     VNNI (AVX-512, AVX)       one instruction: dpbusd, unsigned by signed
//     AVX-512BW, AVX2, SSSE3    maddubs (two products in 16 bits), madd by ones (their sums in 32 bits), an addition
//     AVX without AVX2          the same on halves of a register
//     SSE2                      even and odd bytes widened to 16 bits, madd
//     all others                the loop
//
// Small weights (0 … 15) save most of the madds: their products are added in 16 bits first (small_sums).
#pragma once

#include <mamba/simd/compat.hpp>

#if MAMBA_SIMD_PORTABLE
#include <mamba/simd/detail/dot4_portable.hpp>
#else
#include <cstring>

#if defined(__AVX512VNNI__) || (defined(__AVXVNNI__) && !defined(__AVX512F__))
#define MAMBA_DOT4_VNNI 1
#elif defined(__AVX512BW__) || (defined(__SSSE3__) && !defined(__AVX512F__))
#define MAMBA_DOT4_MADDUBS 1
#elif defined(__SSE2__) && !defined(__AVX__)
#define MAMBA_DOT4_MADD 1
#endif
#if defined(__GNUC__) && !defined(__clang__) && defined(__SSE2__) && !defined(__AVX512F__)
#define MAMBA_DOT4_FEW_REGISTERS 1
#endif

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

namespace detail {

#if defined(MAMBA_DOT4_MADDUBS)
#if defined(__AVX512BW__)
using bytes_register = __m512i;
inline __m512i multiply_bytes(__m512i w, __m512i x) noexcept { return _mm512_maddubs_epi16(w, x); }
inline __m512i add_pairs(__m512i v) noexcept { return _mm512_madd_epi16(v, _mm512_set1_epi16(1)); }
inline __m512i add16(__m512i a, __m512i b) noexcept { return _mm512_add_epi16(a, b); }
inline __m512i add32(__m512i a, __m512i b) noexcept { return _mm512_add_epi32(a, b); }
inline __m512i magnitude(__m512i w) noexcept { return _mm512_abs_epi8(w); }
inline __m512i with_sign_of(__m512i w, __m512i x) noexcept {
  return _mm512_mask_sub_epi8(x, _mm512_movepi8_mask(w), _mm512_setzero_si512(), x);
}
#elif defined(__AVX2__)
using bytes_register = __m256i;
inline __m256i multiply_bytes(__m256i w, __m256i x) noexcept { return _mm256_maddubs_epi16(w, x); }
inline __m256i add_pairs(__m256i v) noexcept { return _mm256_madd_epi16(v, _mm256_set1_epi16(1)); }
inline __m256i add16(__m256i a, __m256i b) noexcept { return _mm256_add_epi16(a, b); }
inline __m256i add32(__m256i a, __m256i b) noexcept { return _mm256_add_epi32(a, b); }
inline __m256i magnitude(__m256i w) noexcept { return _mm256_abs_epi8(w); }
inline __m256i with_sign_of(__m256i w, __m256i x) noexcept { return _mm256_sign_epi8(x, w); }
#else
inline __m128i multiply_bytes(__m128i w, __m128i x) noexcept { return _mm_maddubs_epi16(w, x); }
inline __m128i add_pairs(__m128i v) noexcept { return _mm_madd_epi16(v, _mm_set1_epi16(1)); }
inline __m128i add16(__m128i a, __m128i b) noexcept { return _mm_add_epi16(a, b); }
inline __m128i add32(__m128i a, __m128i b) noexcept { return _mm_add_epi32(a, b); }
inline __m128i magnitude(__m128i w) noexcept { return _mm_abs_epi8(w); }
inline __m128i with_sign_of(__m128i w, __m128i x) noexcept { return _mm_sign_epi8(x, w); }
#if defined(__AVX__)  // integers in half a register
using bytes_register = __m256i;
inline __m128i lower(__m256i v) noexcept { return _mm256_castsi256_si128(v); }
inline __m128i upper(__m256i v) noexcept { return _mm256_extractf128_si256(v, 1); }
inline __m256i joined(__m128i low, __m128i high) noexcept {
  return _mm256_insertf128_si256(_mm256_castsi128_si256(low), high, 1);
}
inline __m256i multiply_bytes(__m256i w, __m256i x) noexcept {
  return joined(multiply_bytes(lower(w), lower(x)), multiply_bytes(upper(w), upper(x)));
}
inline __m256i add_pairs(__m256i v) noexcept { return joined(add_pairs(lower(v)), add_pairs(upper(v))); }
inline __m256i add16(__m256i a, __m256i b) noexcept {
  return joined(add16(lower(a), lower(b)), add16(upper(a), upper(b)));
}
inline __m256i add32(__m256i a, __m256i b) noexcept {
  return joined(add32(lower(a), lower(b)), add32(upper(a), upper(b)));
}
inline __m256i magnitude(__m256i w) noexcept { return joined(magnitude(lower(w)), magnitude(upper(w))); }
inline __m256i with_sign_of(__m256i w, __m256i x) noexcept {
  return joined(with_sign_of(lower(w), lower(x)), with_sign_of(upper(w), upper(x)));
}
#else
using bytes_register = __m128i;
#endif
#endif
#elif defined(MAMBA_DOT4_MADD)
/// Bytes 0, 2, 4, … (1, 3, 5, …) as numbers of 16 bits.
inline __m128i even_bytes(__m128i v) noexcept { return _mm_srai_epi16(_mm_slli_epi16(v, 8), 8); }
inline __m128i odd_bytes(__m128i v) noexcept { return _mm_srai_epi16(v, 8); }
inline __m128i dot4_widened(__m128i acc, __m128i w, __m128i x) noexcept {
  __m128i const products = _mm_add_epi32(_mm_madd_epi16(even_bytes(w), even_bytes(x)),  //
                                         _mm_madd_epi16(odd_bytes(w), odd_bytes(x)));
  return _mm_add_epi32(acc, products);
}
#endif

}  // namespace detail

/// acc + products of unsigned weights and signed values.
///
/// Domain:  weights 0 … 127 (with more, the 16-bit halves of older machines would saturate), values −128 … 127.
[[nodiscard]] inline sums32 dot4_unsigned(sums32 acc, bytes4 w, bytes4 x) noexcept {
#if defined(__AVX512VNNI__)
  return _mm512_dpbusd_epi32(acc, w, x);
#elif defined(MAMBA_DOT4_VNNI)
  return _mm256_dpbusd_avx_epi32(acc, w, x);
#elif defined(MAMBA_DOT4_MADDUBS)
  return detail::add32(acc, detail::add_pairs(detail::multiply_bytes(w, x)));
#elif defined(MAMBA_DOT4_MADD)
  return detail::dot4_widened(acc, w, x);
#else
  return portable::dot4<std::uint8_t>(acc, w, x);
#endif
}

/// acc + products of signed weights and signed values, if acc began as dot4_start(Σ of all values).
///
/// Why:     some machines multiply unsigned by signed only. With VNNI the weight is w + 128, and the start subtracts
///          128·Σx; without, |w| and x with the sign of w, whose two products are at most 2·127·127 = 32258 together:
///          one pair fits into 16 bits.
/// Domain:  weights and values −127 … 127. (−128, which no quantiser makes, would be correct, too: 2·128·127 = 32512.)
[[nodiscard]] inline sums32 dot4_signed(sums32 acc, bytes4 w, bytes4 x) noexcept {
#if defined(__AVX512VNNI__)
  return _mm512_dpbusd_epi32(acc, _mm512_xor_si512(w, _mm512_set1_epi8(-128)), x);
#elif defined(MAMBA_DOT4_VNNI)
  return _mm256_dpbusd_avx_epi32(acc, _mm256_xor_si256(w, _mm256_set1_epi8(-128)), x);
#elif defined(MAMBA_DOT4_MADDUBS)
  detail::bytes_register const products = detail::multiply_bytes(detail::magnitude(w), detail::with_sign_of(w, x));
  return detail::add32(acc, detail::add_pairs(products));
#elif defined(MAMBA_DOT4_MADD)
  return detail::dot4_widened(acc, w, x);
#else
  return portable::dot4<std::int8_t>(acc, w, x);
#endif
}

/// Where the sums of dot4_signed begin.
[[nodiscard]] inline sums32 dot4_start([[maybe_unused]] std::int32_t sum_of_values) noexcept {
#if defined(MAMBA_DOT4_VNNI)
  return sums32(-128 * sum_of_values);
#elif defined(MAMBA_DOT4_MADDUBS)
  return sums32(0x4b400000);  // the bits of 1.5·2²³
#else
  return sums32(0);
#endif
}

/// The sums as floats: exact below 2^24.
[[nodiscard]] inline batch<float> to_float(sums32 v) noexcept { return xsimd::to_float(v); }

/// Sums that began as dot4_start, as floats.
///
/// Why:     with maddubs, the ports that multiply also convert, and are the bottleneck: begun with the bits of 1.5·2²³,
///          the sum is a float already, too large by 1.5·2²³, and the subtraction is exact.
/// Domain:  sums below 2²² in magnitude: 65 times four products of −127 … 127. A block has 8 times four.
[[nodiscard]] inline batch<float> dot4_float(sums32 v) noexcept {
#if defined(MAMBA_DOT4_MADDUBS)
  return bit_cast<float>(v) - batch<float>(0x1.8p23F);
#else
  return to_float(v);
#endif
}

/// Sums of products of small weights: in 16 bits, two for a lane, where that saves instructions.
#if defined(MAMBA_DOT4_MADDUBS)
struct small_sums {
  detail::bytes_register pairs;
};
#else
struct small_sums {
  sums32 whole;
};
#endif

/// How often dot4_small may add to one small_sums.
///
/// Why:     each adds at most 2·15·128 = 3840 to a number of 16 bits, and 8·3840 = 30720 < 2¹⁵.
inline constexpr std::size_t small_sums_terms = 8;

/// Where small sums begin, if `excess` is to be taken from them in the end.
[[nodiscard]] inline small_sums small_start([[maybe_unused]] std::int32_t excess) noexcept {
#if defined(MAMBA_DOT4_MADDUBS)
  return {static_cast<detail::bytes_register>(sums32(0))};
#else
  return {sums32(-excess)};
#endif
}

/// acc + products of small weights and signed values.
///
/// Domain:  weights 0 … 15, values −128 … 127; at most small_sums_terms times.
[[nodiscard]] inline small_sums dot4_small(small_sums acc, bytes4 w, bytes4 x) noexcept {
#if defined(MAMBA_DOT4_MADDUBS)
  return {detail::add16(acc.pairs, detail::multiply_bytes(w, x))};
#else
  return {dot4_unsigned(acc.whole, w, x)};
#endif
}

/// The sums in 32 bits, less the excess that they began with.
[[nodiscard]] inline sums32 total(small_sums v, [[maybe_unused]] std::int32_t excess) noexcept {
#if defined(MAMBA_DOT4_MADDUBS)
  return sums32(detail::add_pairs(v.pairs)) - sums32(excess);
#else
  return v.whole;
#endif
}

/// 4·lanes bytes from memory, one after the other.
///
/// Why:     one load. Copied into an array first, they would be stored in smaller pieces than they are then read in,
///          and store forwarding would fail.
[[nodiscard]] inline bytes4 load_bytes(std::uint8_t const* p) noexcept {
#if defined(__AVX512F__)
  return _mm512_loadu_si512(p);
#elif defined(__AVX__)
  return _mm256_loadu_si256(reinterpret_cast<__m256i const*>(p));
#elif defined(__SSE2__)
  return _mm_loadu_si128(reinterpret_cast<__m128i const*>(p));
#elif defined(__aarch64__) && !defined(__ARM_FEATURE_SVE)
  return vreinterpretq_u32_u8(vld1q_u8(p));
#else
  alignas(64) std::uint32_t words[lanes<std::uint32_t>];
  std::memcpy(words, p, sizeof words);
  return bytes4::load_unaligned(words);
#endif
}

/// Four bytes from memory, in every lane.
[[nodiscard]] inline bytes4 broadcast4(std::int8_t const* p) noexcept {
  std::uint32_t word;
  std::memcpy(&word, p, sizeof word);
  return bytes4(word);
}

/// The same sums, computed before those that follow in the program.
///
/// Why:     g++ 12 moves the operands of all sums of a tile to its front; with 16 registers it then spills some sums in
///          every iteration. Elsewhere it has no effect.
[[nodiscard, gnu::always_inline]] inline sums32 in_order(sums32 v) noexcept {
#if MAMBA_DOT4_FEW_REGISTERS
  typename sums32::register_type r = v;
  asm volatile("" : "+x"(r));
  return sums32(r);
#else
  return v;
#endif
}

/// The same small sums, in order.
[[nodiscard, gnu::always_inline]] inline small_sums in_order(small_sums v) noexcept {
#if defined(MAMBA_DOT4_MADDUBS) && MAMBA_DOT4_FEW_REGISTERS
  asm volatile("" : "+x"(v.pairs));
  return v;
#elif defined(MAMBA_DOT4_MADDUBS)
  return v;
#else
  return {in_order(v.whole)};
#endif
}

}  // namespace mamba::inline MAMBA_ABI::simd

#undef MAMBA_DOT4_VNNI
#undef MAMBA_DOT4_MADDUBS
#undef MAMBA_DOT4_MADD
#undef MAMBA_DOT4_FEW_REGISTERS

#endif  // not portable
