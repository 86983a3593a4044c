// SPDX-License-Identifier: MIT
// mamba/io/tokenizer/nfc.hpp — Unicode normalisation form C, as in `tokenizers`.  [floor 7]
//
// Decompose, put combining marks into canonical order, compose again: decomposition and composition are utf8proc's.
// The order is made here by a stable sort, because utf8proc's own is quadratic in a long run of marks.
//
// `tokenizers` normalises with the tables of Unicode 9.0. A character with a decomposition or a combining class
// introduced after 9.0 is a plain letter there: it stays as it is, and nothing is ordered or
// composed across it. is_inert() of unicode_tables.hpp lists those characters, so that the result does not depend on
// the version of utf8proc.
#pragma once

#include <mamba/core/abi.hpp>
#include <mamba/io/text/utf8.hpp>
#include <mamba/io/tokenizer/unicode_tables.hpp>

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace mamba::inline MAMBA_ABI::io {

/// Normalisation form C of valid UTF-8.
///
/// Cost:    linear, but n log n in a run of n combining marks; text below U+0300 is returned as it is.
[[nodiscard]] inline std::string nfc(std::string_view text);

namespace detail {

[[nodiscard]] inline auto combining_class(utf8proc_int32_t c) noexcept {
  return utf8proc_get_property(c)->combining_class;
}

/// Sorts each run of combining marks by its class, keeping the order of equal ones.
inline void order_marks(std::vector<utf8proc_int32_t>& text) {
  auto const is_mark = [](utf8proc_int32_t c) { return combining_class(c) != 0; };
  for (auto run = text.begin(); run != text.end();) {
    run = std::find_if(run, text.end(), is_mark);
    auto const end = std::find_if_not(run, text.end(), is_mark);
    std::stable_sort(run, end, [](auto a, auto b) { return combining_class(a) < combining_class(b); });
    run = end;
  }
}

/// Orders and composes decomposed characters and appends them as UTF-8.
inline void compose(std::vector<utf8proc_int32_t>& decomposed, std::string& out) {
  order_marks(decomposed);
  auto const length = utf8proc_normalize_utf32(
      decomposed.data(), static_cast<utf8proc_ssize_t>(decomposed.size()),
      static_cast<utf8proc_option_t>(static_cast<unsigned>(UTF8PROC_COMPOSE) | static_cast<unsigned>(UTF8PROC_STABLE)));
  for (utf8proc_ssize_t i = 0; i < length; ++i) {
    utf8::append(out, static_cast<char32_t>(decomposed[static_cast<std::size_t>(i)]));
  }
  decomposed.clear();
}

}  // namespace detail

inline std::string nfc(std::string_view text) {
  // U+0300 begins with byte CC, and whatever lies below it is in form C already.
  bool const plain =
      std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0xCC; });
  if (plain) return std::string(text);

  std::string normal;
  normal.reserve(text.size());
  std::vector<utf8proc_int32_t> decomposed;
  decomposed.reserve(text.size());
  while (!text.empty()) {
    auto const c = utf8::take(text);
    if (is_inert(c)) {
      detail::compose(decomposed, normal);
      utf8::append(normal, c);
      continue;
    }
    std::array<utf8proc_int32_t, 8> parts{};  // a canonical decomposition has at most four
    int boundary = 0;
    auto const count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), parts.data(), parts.size(),
                                               UTF8PROC_DECOMPOSE, &boundary);
    decomposed.insert(decomposed.end(), parts.begin(), parts.begin() + count);
  }
  detail::compose(decomposed, normal);
  return normal;
}

}  // namespace mamba::inline MAMBA_ABI::io
