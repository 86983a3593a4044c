// SPDX-License-Identifier: MIT
// mamba/core/float16.hpp — the IEEE half-precision number, as a storage type.  [floor 0]
#pragma once

#include <mamba/core/abi.hpp>

#include <bit>
#include <cstdint>

namespace mamba::inline MAMBA_ABI {

/// binary16: sign, 5 bits of exponent, 10 bits of fraction. Storage only, no arithmetic.
///
/// Why:     the format that many checkpoints are published in; g++ 12 has _Float16, clang 14 rejects it on most x86.
/// Domain:  magnitudes up to 65,504; from 65,520 on a float becomes infinite. The smallest normal number is 2^-14, the
///          smallest of all 2^-24.
/// Error:   rounding from float is to nearest, ties to even: at most 2^-11 relative for normal numbers, 2^-25 absolute
///          below them. NaN stays NaN, and becomes a quiet one on the way back, as conversion instructions do it.
struct float16 {
  std::uint16_t bits = 0;

  constexpr float16() noexcept = default;
  constexpr explicit float16(float value) noexcept : bits(rounded(std::bit_cast<std::uint32_t>(value))) {}

  constexpr explicit operator float() const noexcept {
    std::uint32_t const sign = (bits & 0x8000U) << 16U;
    std::uint32_t const size = bits & 0x7fffU;
    if (size > 0x7c00U) return std::bit_cast<float>(sign | 0x7fc00000U | (size << 13U));
    if (size == 0x7c00U) return std::bit_cast<float>(sign | 0x7f800000U);
    // Below 2^-14 the fraction counts in units of 2^-24; above it, the exponent is too small by 127 − 15.
    float const wide =
        size < 0x400U ? static_cast<float>(size) * 0x1p-24F : std::bit_cast<float>((size << 13U) + 0x38000000U);
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(wide) | sign);
  }

  friend constexpr bool operator==(float16 const&, float16 const&) noexcept = default;

 private:
  static constexpr std::uint16_t rounded(std::uint32_t word) noexcept {
    std::uint32_t const sign = (word >> 16U) & 0x8000U;
    std::uint32_t const size = word & 0x7fffffffU;
    if (size > 0x7f800000U) return static_cast<std::uint16_t>(sign | 0x7e00U | ((size >> 13U) & 0x3ffU));
    if (size >= 0x477ff000U) return static_cast<std::uint16_t>(sign | 0x7c00U);  // 65,520 and more
    if (size < 0x38800000U) {
      // Below 2^-14 the fraction counts in units of 2^-24: adding 0.5 lines it up there and rounds it as floats round.
      float const lined_up = std::bit_cast<float>(size) + 0.5F;
      return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(lined_up) - 0x3f000000U));
    }
    std::uint32_t const halfway = 0xfffU + ((size >> 13U) & 1U);
    return static_cast<std::uint16_t>(sign | ((size - 0x38000000U + halfway) >> 13U));
  }
};

}  // namespace mamba::inline MAMBA_ABI
