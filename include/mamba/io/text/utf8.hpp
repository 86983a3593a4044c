// SPDX-License-Identifier: MIT
// mamba/io/text/utf8.hpp — UTF-8: sequences, replacement of invalid parts, incomplete tails.  [floor 7]
//
// Invalid bytes become U+FFFD, one for each maximal part that could still have begun a character. This is
// the practice of the Unicode standard (chapter 3, table 3-8), of Python's errors="replace" and of Rust's
// from_utf8_lossy, so all three give the same text.
#pragma once

#include <mamba/core/abi.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace mamba::inline MAMBA_ABI::io::utf8 {

/// The kind of the first sequence of some bytes.
enum class kind {
  valid,      ///< one character
  invalid,    ///< bytes that begin no character, whatever follows
  incomplete  ///< the beginning of a character, cut off
};

struct sequence {
  utf8::kind kind;
  std::size_t length;  ///< in bytes; at least 1
};

inline constexpr std::string_view replacement = "\xEF\xBF\xBD";  ///< U+FFFD

/// The sequence at the front of `bytes`, which must not be empty.
[[nodiscard]] inline sequence front(std::string_view bytes) noexcept {
  auto const at = [bytes](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  unsigned const lead = at(0);
  if (lead < 0x80) return {kind::valid, 1};
  if (lead < 0xC2 || lead > 0xF4) return {kind::invalid, 1};
  std::size_t const length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  // The second byte excludes overlong forms (E0, F0), surrogates (ED) and what lies beyond U+10FFFF (F4).
  unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  for (std::size_t i = 1; i < length; ++i) {
    if (i == bytes.size()) return {kind::incomplete, i};
    if (at(i) < low || at(i) > high) return {kind::invalid, i};
    low = 0x80;
    high = 0xBF;
  }
  return {kind::valid, length};
}

/// The code point of one valid sequence.
[[nodiscard]] inline char32_t code_point(std::string_view character) noexcept {
  auto const lead = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return lead;
  char32_t value = lead & (0xFFU >> (character.size() + 1));
  for (char const c : character.substr(1)) value = (value << 6U) | (static_cast<unsigned char>(c) & 0x3FU);
  return value;
}

/// Takes the first character off valid text and returns its code point.
inline char32_t take(std::string_view& text) noexcept {
  auto const length = front(text).length;
  auto const value = code_point(text.substr(0, length));
  text.remove_prefix(length);
  return value;
}

/// Appends a code point that is not a surrogate and not beyond U+10FFFF.
inline void append(std::string& text, char32_t value) {
  auto const byte = [&text](char32_t bits) { text.push_back(static_cast<char>(static_cast<unsigned char>(bits))); };
  if (value < 0x80) return byte(value);
  if (value < 0x800) {
    byte(0xC0U | (value >> 6U));
  } else {
    if (value < 0x10000) {
      byte(0xE0U | (value >> 12U));
    } else {
      byte(0xF0U | (value >> 18U));
      byte(0x80U | ((value >> 12U) & 0x3FU));
    }
    byte(0x80U | ((value >> 6U) & 0x3FU));
  }
  byte(0x80U | (value & 0x3FU));
}

/// The text with every invalid or unfinished part replaced by U+FFFD.
[[nodiscard]] inline std::string replace_invalid(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    auto const [kind, length] = front(bytes);
    text += kind == kind::valid ? bytes.substr(0, length) : replacement;
    bytes.remove_prefix(length);
  }
  return text;
}

/// How many bytes at the end begin a character that is not finished yet: 0 to 3.
[[nodiscard]] inline std::size_t incomplete_tail(std::string_view bytes) noexcept {
  for (std::size_t length = 1; length <= 3 && length <= bytes.size(); ++length) {
    if (front(bytes.substr(bytes.size() - length)).kind == kind::incomplete) return length;
  }
  return 0;
}

}  // namespace mamba::inline MAMBA_ABI::io::utf8
