// SPDX-License-Identifier: MIT
// mamba/io/json/parse.hpp — strict JSON: no duplicate keys, no deep nesting, no trailing text.  [floor 7]
#pragma once

#include <mamba/core/error.hpp>
#include <mamba/io/file/lfs_pointer.hpp>
#include <mamba/io/text/printable.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace mamba::inline MAMBA_ABI::io {

/// The greatest depth of nested objects and arrays, as in the reference's parser.
inline constexpr std::size_t deepest_json = 128;

/// Python's json module writes numbers that JSON does not have as the words Infinity, -Infinity and NaN.
enum class json_dialect { standard, python };

/// A JSON document in which every key of an object is there once (many parsers silently keep the last, so that two
/// readers may read two different files). In Python's dialect Infinity, -Infinity and NaN become strings of that
/// name, which json_value::number() reads.
///
/// Throws:  mamba::error that names `source`.
[[nodiscard]] inline nlohmann::json parse_json(std::string_view text, std::string const& source,
                                               json_dialect dialect = json_dialect::standard);

namespace detail {

// nlohmann skips a byte order mark and takes a NUL for the end of the text; neither may stand in JSON.
[[nodiscard]] inline bool has_stray_bytes(std::string_view text) {
  return text.starts_with("\xef\xbb\xbf") || text.find('\0') != std::string_view::npos;
}

/// The text with Python's words in quotes, and where in the new text each of them begins.
struct quoted_words {
  std::string text;
  std::vector<std::size_t> places;

  /// The byte of the original text that a byte of the new one stands for.
  [[nodiscard]] std::size_t original(std::size_t byte) const noexcept {
    std::size_t quotes = 0;
    for (std::size_t const place : places) quotes += place < byte ? 2 : 0;
    return byte > quotes ? byte - quotes : byte;
  }
};

[[nodiscard]] inline quoted_words quote_words(std::string_view text) {
  quoted_words out;
  out.text.reserve(text.size());
  bool inside = false;  // of a string
  for (std::size_t at = 0; at < text.size();) {
    std::string_view word;
    for (std::string_view const w : {"Infinity", "-Infinity", "NaN"}) {
      if (!inside && text.substr(at).starts_with(w)) word = w;
    }
    if (!word.empty()) {
      out.places.push_back(out.text.size());
      out.text.append("\"").append(word).append("\"");
      at += word.size();
      continue;
    }
    bool const escaped = inside && text[at] == '\\' && at + 1 < text.size();
    if (!escaped && text[at] == '"') inside = !inside;
    out.text.append(text.substr(at, escaped ? 2 : 1));
    at += escaped ? 2 : 1;
  }
  return out;
}

}  // namespace detail

inline nlohmann::json parse_json(std::string_view text, std::string const& source, json_dialect dialect) {
  using nlohmann::json;
  refuse_lfs_pointer(text, source);
  if (detail::has_stray_bytes(text)) core::fail(source + ": not valid JSON: it has a byte order mark or a NUL");
  detail::quoted_words quoted;
  if (dialect == json_dialect::python) {
    quoted = detail::quote_words(text);
    text = quoted.text;
  }
  std::vector<std::set<std::string>> keys;
  auto const watch = [&](int depth, json::parse_event_t event, json& value) {
    if (depth > static_cast<int>(deepest_json)) {
      core::fail(source + ": JSON nests deeper than " + std::to_string(deepest_json) + " levels");
    }
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end) keys.pop_back();
    if (event == json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second) {
      core::fail(source + ": key " + in_quotes(value.get<std::string>()) + " appears twice");
    }
    return true;
  };
  try {
    return json::parse(text.begin(), text.end(), watch);
  } catch (json::parse_error const& e) {
    core::fail(source + ": not valid JSON in UTF-8 (at byte " + std::to_string(quoted.original(e.byte)) + ")");
  } catch (json::exception const&) {
    core::fail(source + ": not valid JSON: a number is out of range");
  }
}

}  // namespace mamba::inline MAMBA_ABI::io
