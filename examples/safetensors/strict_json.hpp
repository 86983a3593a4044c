// SPDX-License-Identifier: MIT
// safetensors/strict_json.hpp — JSON from strangers: no duplicate keys, no deep nesting, nothing after the end.
#pragma once

#include <mamba/core/error.hpp>
#include <nlohmann/json.hpp>
#include <safetensors/printable.hpp>

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace safetensors {

/// How deep objects and arrays may nest. The reference's parser has the same bound.
inline constexpr std::size_t deepest_json = 128;

namespace detail {

// nlohmann skips a byte order mark and takes a NUL for the end of the text; neither may stand in JSON.
[[nodiscard]] inline bool has_stray_bytes(std::string_view text) {
  return text.starts_with("\xef\xbb\xbf") || text.find('\0') != std::string_view::npos;
}

}  // namespace detail

/// A JSON document in which every key of an object is there once (the usual parsers keep the last, silently, so that
/// two readers may see two different files).
///
/// Throws:  mamba::error that names `source`.
[[nodiscard]] inline nlohmann::json parse_json(std::string_view text, std::string const& source) {
  using nlohmann::json;
  if (detail::has_stray_bytes(text)) mamba::core::fail(source + ": not valid JSON: it has a byte order mark or a NUL");
  std::vector<std::set<std::string>> keys;
  auto const watch = [&](int depth, json::parse_event_t event, json& value) {
    if (depth > static_cast<int>(deepest_json)) {
      mamba::core::fail(source + ": JSON nests deeper than " + std::to_string(deepest_json) + " levels");
    }
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end) keys.pop_back();
    if (event == json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second) {
      mamba::core::fail(source + ": key " + in_quotes(value.get<std::string>()) + " appears twice");
    }
    return true;
  };
  try {
    return json::parse(text.begin(), text.end(), watch);
  } catch (json::parse_error const& e) {
    mamba::core::fail(source + ": not valid JSON in UTF-8 (at byte " + std::to_string(e.byte) + ")");
  } catch (json::exception const&) {
    mamba::core::fail(source + ": not valid JSON: a number is out of range");
  }
}

}  // namespace safetensors
