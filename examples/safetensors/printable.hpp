// SPDX-License-Identifier: MIT
// safetensors/printable.hpp — text from strangers, fit for a terminal and for one sentence.
#pragma once

#include <support/utf8.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace safetensors {

/// Whether a character acts on a terminal or on the text around it: the control characters C0, DEL and C1, the line and
/// paragraph separators, and those that set the direction of writing.
[[nodiscard]] constexpr bool is_control(char32_t c) noexcept {
  return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x61C || c == 0x200E || c == 0x200F ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

/// The text with '?' for what could move a cursor, hide or turn round what follows, and for what is no UTF-8.
[[nodiscard]] inline std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    auto const [kind, length] = examples::utf8::front(text);
    auto const character = text.substr(0, length);
    bool const shown = kind == examples::utf8::kind::valid && !is_control(examples::utf8::code_point(character));
    out += shown ? character : "?";
    text.remove_prefix(length);
  }
  return out;
}

/// The first `longest` bytes, or fewer where a character would be cut in two; "…" where something is missing.
[[nodiscard]] inline std::string shortened(std::string_view text, std::size_t longest) {
  if (text.size() <= longest) return std::string(text);
  auto const kept = text.substr(0, longest);
  return std::string(kept.substr(0, longest - examples::utf8::incomplete_tail(kept))) + "…";
}

/// Text from a file, fit for an error message: printable, in quotes, not endless.
[[nodiscard]] inline std::string in_quotes(std::string_view text) {
  constexpr std::size_t longest = 120;
  return "'" + printable(shortened(text, longest)) + "'";
}

}  // namespace safetensors
