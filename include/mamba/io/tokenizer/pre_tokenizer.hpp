// SPDX-License-Identifier: MIT
// mamba/io/tokenizer/pre_tokenizer.hpp — splits text into GPT-2's words, in which pairs are merged.  [floor 7]
//
// The pattern, as `tokenizers` has it:
//
//     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
//
// It is scanned by hand: the alternatives differ in the class of one character, backtracking is by one character
// at most, so that time is linear, without a match limit; and the classes are those of `tokenizers` rather
// than those of whatever regular expression library is installed (unicode_tables.hpp).
#pragma once

#include <mamba/core/abi.hpp>
#include <mamba/io/text/utf8.hpp>
#include <mamba/io/tokenizer/unicode_tables.hpp>

#include <cstddef>
#include <string_view>

namespace mamba::inline MAMBA_ABI::io {

/// The class of the first character of valid, non-empty text, and its length in bytes.
struct classified {
  character_class what;
  std::size_t length;
};

[[nodiscard]] inline classified classify_front(std::string_view text) noexcept {
  auto const length = utf8::front(text).length;
  return {classify(utf8::code_point(text.substr(0, length))), length};
}

/// The length of the run of one class that begins at `from`.
[[nodiscard]] inline std::size_t run_end(std::string_view text, std::size_t from, character_class what) noexcept {
  while (from < text.size()) {
    auto const next = classify_front(text.substr(from));
    if (next.what != what) break;
    from += next.length;
  }
  return from;
}

/// The length of the English contraction at the front of the text, or 0. Only lower case counts.
[[nodiscard]] inline std::size_t contraction(std::string_view text) noexcept {
  if (text.empty() || text[0] != '\'') return 0;
  for (std::string_view const ending : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"}) {
    if (text.substr(0, ending.size()) == ending) return ending.size();
  }
  return 0;
}

/// `\s+(?!\S)|\s+`: all of a run of white space at the end of the text; else all but its last character, which goes to
/// the word that follows; else, when it is a single one, that one.
[[nodiscard]] inline std::size_t space_length(std::string_view text) noexcept {
  std::size_t end = 0;
  std::size_t last = 0;
  while (end < text.size()) {
    auto const next = classify_front(text.substr(end));
    if (next.what != character_class::space) return last != 0 ? last : end;
    last = end;
    end += next.length;
  }
  return end;
}

/// The length of the first word of valid, non-empty text.
[[nodiscard]] inline std::size_t word_length(std::string_view text) noexcept {
  if (auto const length = contraction(text); length != 0) return length;
  std::size_t const start = text[0] == ' ' && text.size() > 1 ? 1 : 0;
  auto const what = classify_front(text.substr(start)).what;
  return what != character_class::space ? run_end(text, start, what) : space_length(text);
}

/// Calls f(word) for each word of valid text, in order; the words put together are the text.
template <class F>
void for_each_word(std::string_view text, F&& f) {
  while (!text.empty()) {
    auto const length = word_length(text);
    f(text.substr(0, length));
    text.remove_prefix(length);
  }
}

}  // namespace mamba::inline MAMBA_ABI::io
