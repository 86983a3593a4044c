// SPDX-License-Identifier: MIT
// mamba/io/checkpoint/names.hpp — names of tensors in files: a table for each kind of file.  [floor 7]
//
// The library names a tensor as the original Mamba package does (backbone.layers.3.mixer.A_log). A table has a row for
// each name that differs in a kind of file, and how its numbers are stored there; a container or an architecture with
// other names adds a table, and no reader:
//
//     constexpr io::tensor_name rows[] = {{"backbone.input.*", "proj.*"}, {"backbone.layers.#.mixer.*", "mamba.#.*"}};
//     constexpr io::name_table my_names{"spotter", rows};
#pragma once

#include <mamba/core/error.hpp>
#include <mamba/io/tensors/tensor_source.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace mamba::inline MAMBA_ABI::io {

/// How a file stores the library's number a.
enum class stored_as {
  value,     ///< as a
  minus_exp  ///< as −exp(a): what GGUF has for A_log
};

/// One row: '#' stands for the number of a layer, '*' for the rest of a name.
struct tensor_name {
  std::string_view library, file;
  stored_as values = stored_as::value;
};

/// A tensor that a file may hold a second time, bit for bit, under another of the library's names.
struct tensor_copy {
  std::string_view copy, original;
};

/// A kind of file. Names without a row are the library's; the first row that fits counts.
struct name_table {
  std::string_view name;  ///< for messages
  std::span<tensor_name const> rows;
  std::span<tensor_copy const> copies = {};
};

namespace detail {

inline constexpr tensor_name hugging_face_rows[] = {{"backbone.embedding.weight", "backbone.embeddings.weight"}};
/// A tied head, which some writers store again.
inline constexpr tensor_copy tied_head[] = {{"lm_head.weight", "backbone.embedding.weight"}};

}  // namespace detail

/// The files of the original package (state-spaces/mamba-*), and of save_network.
inline constexpr name_table original_names{"original", {}, detail::tied_head};
/// The files of Hugging Face's transformers (state-spaces/mamba-*-hf).
inline constexpr name_table hugging_face_names{"transformers", detail::hugging_face_rows, detail::tied_head};

/// The tables that open_checkpoint chooses from.
inline constexpr name_table const* name_tables[] = {&original_names, &hugging_face_names};

/// A tensor's name in a file, and how its numbers are stored there.
struct file_name {
  std::string name;
  stored_as values;
};

namespace detail {

/// What '#' and '*' of a row stand for in a name.
struct name_parts {
  std::string_view number, rest;
};

[[nodiscard]] inline std::optional<name_parts> match_name(std::string_view pattern, std::string_view name) {
  name_parts parts;
  for (char const c : pattern) {
    if (c == '*') {
      parts.rest = name;
      return parts;
    }
    auto const digits = std::min(name.find_first_not_of("0123456789"), name.size());
    std::size_t const length = c == '#' ? digits : 1;
    if (length == 0 || name.empty() || (c != '#' && name.front() != c)) return std::nullopt;
    if (c == '#') parts.number = name.substr(0, length);
    name.remove_prefix(length);
  }
  if (!name.empty()) return std::nullopt;
  return parts;
}

}  // namespace detail

/// The name of a library's tensor in files of a kind.
[[nodiscard]] inline file_name name_in_file(name_table const& table, std::string_view library) {
  for (tensor_name const& row : table.rows) {
    auto const parts = detail::match_name(row.library, library);
    if (!parts) continue;
    std::string name;
    for (char const c : row.file) name += c == '#' ? parts->number : c == '*' ? parts->rest : std::string_view(&c, 1);
    return {name, row.values};
  }
  return {std::string(library), stored_as::value};
}

/// The library's number for a stored one.
template <class T>
[[nodiscard]] T library_value(stored_as how, T stored) {
  return how == stored_as::minus_exp ? std::log(-stored) : stored;
}

namespace detail {

// The tensor of a file whose name ends like another's: wrappers (DataParallel, torch.compile) add a prefix to all
// names, and some conversions drop "backbone.".
template <tensor_source Source>
[[nodiscard]] std::string name_instead(Source const& from, std::string_view name) {
  constexpr std::string_view backbone = "backbone.";
  auto const bare = name.starts_with(backbone) ? name.substr(backbone.size()) : name;
  auto const ends_with_part = [](std::string_view whole, std::string_view part) {
    return whole == part || (whole.ends_with(part) && whole[whole.size() - part.size() - 1] == '.');
  };
  for (auto const part : {name, bare}) {
    for (stored_tensor const& t : from.tensors()) {
      if (ends_with_part(t.name, part)) return t.name;
    }
  }
  return {};
}

}  // namespace detail

/// The table of a file, by its embedding, under whatever prefix. `otherwise` is the table of a file that has none.
template <tensor_source Source>
[[nodiscard]] name_table const& table_of(Source const& from, name_table const& otherwise) {
  constexpr std::string_view embedding = "backbone.embedding.weight";
  for (name_table const* const table : name_tables) {
    if (from.find(name_in_file(*table, embedding).name) != nullptr) return *table;
  }
  for (name_table const* const table : name_tables) {
    if (!detail::name_instead(from, name_in_file(*table, embedding).name).empty()) return *table;
  }
  return otherwise;
}

/// The likely name of a missing tensor in a file, as the end of a sentence; empty where there is none.
template <tensor_source Source>
[[nodiscard]] std::string instead_of(Source const& from, std::string_view name) {
  auto const found = detail::name_instead(from, name);
  if (!found.empty()) {
    std::string out = "; the file has " + in_quotes(found) + " instead";
    if (found.size() > name.size() && found.ends_with(name)) {
      return out + ": take the prefix " + in_quotes(found.substr(0, found.size() - name.size())) + " off its names";
    }
    if (name.ends_with(found)) {
      return out + ": put " + in_quotes(name.substr(0, name.size() - found.size())) + " before its names";
    }
    return out;
  }
  auto const& all = from.tensors();
  if (all.empty()) return "; the file has no tensors";
  return "; the file has " + in_quotes(all.front().name) +
         (all.size() > 1 ? " and " + std::to_string(all.size() - 1) + " more" : "");
}

}  // namespace mamba::inline MAMBA_ABI::io
