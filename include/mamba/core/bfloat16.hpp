// SPDX-License-Identifier: MIT
// mamba/core/bfloat16.hpp — the upper half of a float, as a storage type.  [floor 0]
#pragma once

#include <mamba/core/abi.hpp>

#include <bit>
#include <cstdint>

namespace mamba::inline MAMBA_ABI {

/// A float cut to 8 bits of precision: sign, the exponent of float, 7 bits of fraction. Storage only, no arithmetic.
///
/// Why:     clang 14 has no __bf16 and g++ 12 no <stdfloat>; half the bytes of float, read back by one shift.
/// Error:   rounding from float is to nearest, ties to even: at most 2^-8 relative for normal numbers. NaN stays NaN.
struct bfloat16 {
  std::uint16_t bits = 0;

  constexpr bfloat16() noexcept = default;
  constexpr explicit bfloat16(float value) noexcept : bits(rounded(std::bit_cast<std::uint32_t>(value))) {}

  constexpr explicit operator float() const noexcept {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U);
  }

  friend constexpr bool operator==(bfloat16 const&, bfloat16 const&) noexcept = default;

 private:
  static constexpr std::uint16_t rounded(std::uint32_t word) noexcept {
    bool const nan = (word & 0x7fffffffU) > 0x7f800000U;
    if (nan) return static_cast<std::uint16_t>((word >> 16U) | 0x40U);
    return static_cast<std::uint16_t>((word + 0x7fffU + ((word >> 16U) & 1U)) >> 16U);
  }
};

}  // namespace mamba::inline MAMBA_ABI
