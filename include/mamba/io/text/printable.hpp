// SPDX-License-Identifier: MIT
// mamba/io/text/printable.hpp — text from files, made safe for terminals and error messages.  [floor 7]
#pragma once

#include <mamba/core/abi.hpp>
#include <mamba/io/text/utf8.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace mamba::inline MAMBA_ABI::io {

/// Whether a character acts on a terminal or on the text around it, or cannot be seen: the control characters C0, DEL
/// and C1, the line and paragraph separators, those that set the direction of writing, those without width, and the
/// byte order mark.
[[nodiscard]] constexpr bool is_control(char32_t c) noexcept {
  return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x61C || (c >= 0x200B && c <= 0x200F) || c == 0x2060 ||
         c == 0xFEFF || (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

/// The text with '?' for characters that move a cursor or hide or reverse what follows, and for invalid UTF-8.
[[nodiscard]] inline std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    auto const [kind, length] = utf8::front(text);
    auto const character = text.substr(0, length);
    bool const shown = kind == utf8::kind::valid && !is_control(utf8::code_point(character));
    out += shown ? character : "?";
    text.remove_prefix(length);
  }
  return out;
}

/// The first `longest` bytes, or fewer where a character would be cut in two; "…" where something is missing.
[[nodiscard]] inline std::string shortened(std::string_view text, std::size_t longest) {
  if (text.size() <= longest) return std::string(text);
  auto const kept = text.substr(0, longest);
  return std::string(kept.substr(0, longest - utf8::incomplete_tail(kept))) + "…";
}

/// Text from a file for an error message: printable, in quotes, shortened.
[[nodiscard]] inline std::string in_quotes(std::string_view text) {
  constexpr std::size_t longest = 120;
  return "'" + printable(shortened(text, longest)) + "'";
}

}  // namespace mamba::inline MAMBA_ABI::io
