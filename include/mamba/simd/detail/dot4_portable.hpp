// SPDX-License-Identifier: MIT
// mamba/simd/detail/dot4_portable.hpp — dot4.hpp where a batch has one lane, in plain C++.  [floor 1]
#pragma once

#include <mamba/simd/compat.hpp>

#if MAMBA_SIMD_PORTABLE

#include <cstring>

namespace mamba::inline MAMBA_ABI::simd {

/// Four bytes.
using bytes4 = batch<std::uint32_t>;
/// Their sum of products.
using sums32 = batch<std::int32_t>;

namespace portable {

template <class Weight>
[[nodiscard]] inline sums32 dot4(sums32 acc, bytes4 w, bytes4 x) noexcept {
  Weight weight[4];
  std::int8_t value[4];
  std::uint32_t word = w.get(0);
  std::memcpy(weight, &word, 4);
  word = x.get(0);
  std::memcpy(value, &word, 4);
  std::int32_t sum = acc.get(0);
  for (std::size_t j = 0; j < 4; ++j) sum += weight[j] * value[j];
  return sum;
}

}  // namespace portable

/// acc + products of unsigned weights and signed values.
[[nodiscard]] inline sums32 dot4_unsigned(sums32 acc, bytes4 w, bytes4 x) noexcept {
  return portable::dot4<std::uint8_t>(acc, w, x);
}

/// acc + products of signed weights and signed values.
[[nodiscard]] inline sums32 dot4_signed(sums32 acc, bytes4 w, bytes4 x) noexcept {
  return portable::dot4<std::int8_t>(acc, w, x);
}

/// Where the sums of dot4_signed begin: at 0, whatever the values.
[[nodiscard]] inline sums32 dot4_start(std::int32_t) noexcept { return 0; }

/// Sums that began as dot4_start, as floats.
[[nodiscard]] inline batch<float> dot4_float(sums32 v) noexcept { return to_float(v); }

/// Sums of products of small weights.
struct small_sums {
  sums32 whole;
};
inline constexpr std::size_t small_sums_terms = 8;

/// Where small sums begin, if `excess` is to be taken from them in the end.
[[nodiscard]] inline small_sums small_start(std::int32_t excess) noexcept { return {sums32(-excess)}; }

/// acc + products of small weights and signed values.
[[nodiscard]] inline small_sums dot4_small(small_sums acc, bytes4 w, bytes4 x) noexcept {
  return {dot4_unsigned(acc.whole, w, x)};
}

/// The sums, less the excess that they began with.
[[nodiscard]] inline sums32 total(small_sums v, std::int32_t) noexcept { return v.whole; }

/// The same sums: one lane leaves registers free.
[[nodiscard]] inline sums32 in_order(sums32 v) noexcept { return v; }
[[nodiscard]] inline small_sums in_order(small_sums v) noexcept { return v; }

/// Four bytes from memory.
[[nodiscard]] inline bytes4 load_bytes(std::uint8_t const* p) noexcept {
  std::uint32_t word;
  std::memcpy(&word, p, sizeof word);
  return word;
}

/// Four bytes from memory.
[[nodiscard]] inline bytes4 broadcast4(std::int8_t const* p) noexcept {
  std::uint32_t word;
  std::memcpy(&word, p, sizeof word);
  return word;
}

}  // namespace mamba::inline MAMBA_ABI::simd

#endif
