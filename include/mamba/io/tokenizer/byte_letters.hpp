// SPDX-License-Identifier: MIT
// mamba/io/tokenizer/byte_letters.hpp — the letters for bytes in a byte-level vocabulary.  [floor 7]
#pragma once

#include <mamba/core/abi.hpp>
#include <mamba/io/text/utf8.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

namespace mamba::inline MAMBA_ABI::io {

/// The letter that stands for each byte in a vocabulary: itself where it is printable, else one from U+0100 on.
[[nodiscard]] inline std::array<char32_t, 256> byte_letters() noexcept {
  std::array<char32_t, 256> letters{};
  char32_t next = 0x100;
  for (char32_t b = 0; b < 256; ++b) {
    bool const printable = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
    letters[b] = printable ? b : next++;
  }
  return letters;
}

/// The bytes a token stands for. A token with any other letter, say a space, stands for itself.
[[nodiscard]] inline std::string bytes_of_token(std::string_view token) {
  static auto const byte_of_letter = [] {
    std::unordered_map<char32_t, char> map;
    auto const letters = byte_letters();
    for (std::size_t b = 0; b < 256; ++b) map.emplace(letters[b], static_cast<char>(static_cast<unsigned char>(b)));
    return map;
  }();
  std::string bytes;
  for (auto rest = token; !rest.empty();) {
    auto const found = byte_of_letter.find(utf8::take(rest));
    if (found == byte_of_letter.end()) return std::string(token);
    bytes.push_back(found->second);
  }
  return bytes;
}

}  // namespace mamba::inline MAMBA_ABI::io
