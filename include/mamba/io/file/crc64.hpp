// SPDX-License-Identifier: MIT
// mamba/io/file/crc64.hpp — a checksum that detects damage to a file.  [floor 7]
#pragma once

#include <mamba/core/abi.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace mamba::inline MAMBA_ABI::io {

namespace detail {

/// crc64_tables[k][b]: the remainder of byte b after k more bytes of zeros.
inline constexpr std::array<std::array<std::uint64_t, 256>, 8> crc64_tables = [] {
  constexpr std::uint64_t polynomial = 0xC96C5795D7870F42U;  // of ECMA-182, lowest bit first
  std::array<std::array<std::uint64_t, 256>, 8> tables{};
  for (std::size_t b = 0; b < 256; ++b) {
    std::uint64_t rest = b;
    for (int bit = 0; bit < 8; ++bit) rest = (rest >> 1U) ^ ((rest & 1U) != 0 ? polynomial : 0);
    tables[0][b] = rest;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t b = 0; b < 256; ++b) {
      std::uint64_t const before = tables[k - 1][b];
      tables[k][b] = (before >> 8U) ^ tables[0][before & 255U];
    }
  }
  return tables;
}();

}  // namespace detail

/// CRC-64/XZ: the remainder of a sequence of bytes modulo the polynomial of ECMA-182.
///
///     io::crc64 sum;
///     sum.add(std::as_bytes(std::span("123456789", 9)));
///     sum.value();                                         // 0x995dc9bbdf1939fa
///
/// Why:     a guard against accidents. Every change within 8 consecutive bytes changes it, whatever the bytes are;
///          other damage is missed with a probability of 2⁻⁶⁴. It is no guard against forgery: a file with a chosen sum
///          is easily made.
/// Cost:    eight table look-ups for 8 bytes, a latency of about a dozen cycles.
class crc64 {
 public:
  void add(std::span<std::byte const> bytes) noexcept {
    auto const& t = detail::crc64_tables;
    static_assert(std::endian::native == std::endian::little, "crc64: words of bytes in order of their significance");
    std::uint64_t rest = rest_;
    for (; bytes.size() >= 8; bytes = bytes.subspan(8)) {
      std::uint64_t word;
      std::memcpy(&word, bytes.data(), 8);
      rest ^= word;
      rest = t[7][rest & 255U] ^ t[6][(rest >> 8U) & 255U] ^ t[5][(rest >> 16U) & 255U] ^ t[4][(rest >> 24U) & 255U] ^
             t[3][(rest >> 32U) & 255U] ^ t[2][(rest >> 40U) & 255U] ^ t[1][(rest >> 48U) & 255U] ^ t[0][rest >> 56U];
    }
    for (std::byte const b : bytes) rest = (rest >> 8U) ^ t[0][(rest ^ std::to_integer<std::uint64_t>(b)) & 255U];
    rest_ = rest;
  }

  /// The sum of all bytes so far.
  [[nodiscard]] std::uint64_t value() const noexcept { return ~rest_; }

 private:
  std::uint64_t rest_ = ~std::uint64_t{0};
};

}  // namespace mamba::inline MAMBA_ABI::io
