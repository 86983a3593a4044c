// SPDX-License-Identifier: MIT
// mamba/io/checkpoint/special_tokens.hpp — the special tokens of the checkpoint's JSON files.  [floor 7]
#pragma once

#include <mamba/core/error.hpp>
#include <mamba/io/json/reader.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mamba::inline MAMBA_ABI::io {

/// The ids of eos_token_id and bos_token_id; empty where a file has none.
struct special_tokens {
  std::vector<std::int32_t> end;      ///< each of them ends a text
  std::optional<std::int32_t> begin;  ///< the first token of an empty prompt

  [[nodiscard]] bool ends(std::int32_t id) const noexcept {
    for (std::int32_t const e : end) {
      if (e == id) return true;
    }
    return false;
  }
};

namespace detail {

// A number, or a list of numbers.
inline void read_ids(json_value const& json, char const* key, std::vector<std::int32_t>& to) {
  auto const value = json.find(key);
  if (!value) return;
  to.clear();
  auto const add = [&](json_value const& one) {
    to.push_back(static_cast<std::int32_t>(one.as_index(std::numeric_limits<std::int32_t>::max())));
  };
  if (!value->node().is_array()) return add(*value);
  for (std::size_t i = 0; i < value->node().size(); ++i) add(value->at(i));
}

}  // namespace detail

/// Reads the ids from the text of config.json or generation_config.json; they replace those read before. Read
/// config.json first: generation_config.json overrides it, as in transformers.
///
/// Throws:  mamba::error where an id is no whole number.
inline void read_special_tokens(std::string_view text, std::string const& source, special_tokens& to) {
  json_document const document(text, source, json_dialect::python);
  auto const json = document.root();
  detail::read_ids(json, "eos_token_id", to.end);
  std::vector<std::int32_t> begin;
  detail::read_ids(json, "bos_token_id", begin);
  if (!begin.empty()) to.begin = begin.front();
}

}  // namespace mamba::inline MAMBA_ABI::io
