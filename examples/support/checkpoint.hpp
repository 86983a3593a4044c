// SPDX-License-Identifier: MIT
// support/checkpoint.hpp — from a folder on disk to weights in the library.
//
//     auto const from = examples::open_checkpoint("mamba-130m-hf");     // config.json and model.safetensors or shards
//     auto const weights = examples::load_weights<float>(from);         // or double, mamba::bfloat16, mamba::q8, …
//
// Both tensor namings load (backbone.embedding of the original package, backbone.embeddings of transformers), whatever
// config.json looks like. Every tensor is held against the configuration before a single weight is allocated.
#pragma once

#include <mamba/core/error.hpp>
#include <mamba/core/threads.hpp>
#include <mamba/model/for_each_tensor.hpp>
#include <mamba/model/outline.hpp>
#include <safetensors/safetensors.hpp>
#include <support/config_json.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace examples {

/// A checkpoint whose configuration and tensors agree. It keeps its files open; it can be moved.
struct checkpoint {
  mamba::model::config config;
  std::filesystem::path folder;
  std::optional<std::filesystem::path> tokenizer;  ///< tokenizer.json, if the folder has one
  mamba::model::naming naming;
  safetensors::archive tensors;
};

namespace detail {

inline void check_shape(std::string const& source, safetensors::tensor const& found,
                        std::span<std::size_t const> expected) {
  if (std::equal(found.shape.begin(), found.shape.end(), expected.begin(), expected.end())) return;
  mamba::core::fail(source + ": tensor " + safetensors::in_quotes(found.name) + " has shape " +
                    safetensors::to_string(found.shape) + ", expected " + safetensors::to_string(expected) +
                    " by config.json");
}

inline void check_type(std::string const& source, safetensors::tensor const& found) {
  using safetensors::dtype;
  for (dtype const t : {dtype::f64, dtype::f32, dtype::f16, dtype::bf16}) {
    if (found.type == t) return;
  }
  mamba::core::fail(source + ": tensor " + safetensors::in_quotes(found.name) + " has dtype " +
                    std::string(safetensors::name_of(found.type)) + ", expected F64, F32, F16 or BF16");
}

// A tied head is the embedding. Some writers store it again; a head that differs would be silently ignored.
inline void check_stored_head(std::string const& source, safetensors::tensor const& head,
                              safetensors::tensor const& embedding) {
  bool const same = head.type == embedding.type && head.shape == embedding.shape &&
                    std::equal(head.data.begin(), head.data.end(), embedding.data.begin(), embedding.data.end());
  if (!same) {
    mamba::core::fail(source + ": tensor 'lm_head.weight' differs from " + safetensors::in_quotes(embedding.name) +
                      ", expected none or an equal one, because config.json ties the head to the embedding");
  }
}

inline void check_tensors(checkpoint const& from) {
  auto const source = from.tensors.path().string();
  std::set<std::string_view> expected;
  auto const check = [&](std::string const& name, std::span<std::size_t const> shape, auto&) {
    safetensors::tensor const* const found = from.tensors.find(name);
    if (found == nullptr) {
      mamba::core::fail(source + ": tensor " + safetensors::in_quotes(name) + " is missing, expected one of shape " +
                        safetensors::to_string(shape) + " by config.json");
    }
    check_shape(source, *found, shape);
    check_type(source, *found);
    expected.insert(found->name);
  };
  mamba::model::for_each_tensor(mamba::model::outline(from.config), check, from.naming);
  for (safetensors::tensor const& t : from.tensors.tensors()) {
    if (expected.contains(t.name)) continue;
    if (t.name == "lm_head.weight") {
      bool const original = from.naming == mamba::model::naming::original;
      check_stored_head(source, t,
                        from.tensors.at(original ? "backbone.embedding.weight" : "backbone.embeddings.weight"));
      continue;
    }
    mamba::core::fail(source + ": tensor " + safetensors::in_quotes(t.name) +
                      " is not part of the model that config.json describes");
  }
}

}  // namespace detail

/// Opens a folder (config.json with model.safetensors, or with model.safetensors.index.json and its shards), or one of
/// these files with its config.json beside it, and checks that configuration and tensors agree.
///
/// Throws:  mamba::error that names the file, the tensor, what was found and what was expected.
[[nodiscard]] inline checkpoint open_checkpoint(std::filesystem::path const& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) mamba::core::fail(path.string() + ": no such file or folder");
  bool const is_folder = std::filesystem::is_directory(path, ignored);
  if (!is_folder && path.extension() != ".safetensors" && path.extension() != ".json") {
    mamba::core::fail(path.string() + ": is no checkpoint, expected a folder, a .safetensors file or an .index.json");
  }
  auto const folder = is_folder ? path : path.parent_path();
  if (std::filesystem::status(folder / "config.json", ignored).type() == std::filesystem::file_type::not_found) {
    mamba::core::fail((folder / "config.json").string() + ": no such file, expected the sizes of the model there");
  }
  auto const config = read_config(folder / "config.json");
  auto tensors = safetensors::archive::open(path);
  auto const naming = tensors.find("backbone.embeddings.weight") != nullptr ? mamba::model::naming::hugging_face
                                                                            : mamba::model::naming::original;
  auto const tokenizer = folder / "tokenizer.json";
  checkpoint out{config, folder, std::nullopt, naming, std::move(tensors)};
  // Whatever stands there is meant to be the tokenizer: a link that leads nowhere is an error, not a byte-level model.
  if (std::filesystem::symlink_status(tokenizer, ignored).type() != std::filesystem::file_type::not_found) {
    out.tokenizer = tokenizer;
  }
  detail::check_tensors(out);
  return out;
}

/// The weights of a checkpoint, stored as W, any format of core/weight_formats.hpp. Values pass through float, or through
/// double where W is double, whatever the file stores.
///
/// Why:     all threads pack, each its own rows: the weights are checked before, so that nothing throws among them.
template <class W>
[[nodiscard]] mamba::model::weights<mamba::model::any, W> load_weights(checkpoint const& from) {
  using scalar = std::conditional_t<std::same_as<W, double>, double, float>;
  auto const source = from.tensors.path().string();
  mamba::model::weights<mamba::model::any, W> out(from.config);
  std::vector<scalar> room;  // a row for each piece
  mamba::model::for_each_tensor(
      out,
      [&](std::string const& name, std::span<std::size_t const> shape, auto& storage) {
        safetensors::tensor const& stored = from.tensors.at(name);
        detail::check_shape(source, stored, shape);
        detail::check_type(source, stored);
        std::size_t const rows = storage.rows();
        std::size_t const size = storage.row_size();
        auto const pieces = static_cast<std::size_t>(mamba::core::thread_count());
        room.resize(pieces * size);
        mamba::core::work const cost{2.0 * static_cast<double>(rows * size)};
        mamba::core::for_each_range(pieces, cost, [&](std::size_t first, std::size_t last) {
          for (std::size_t piece = first; piece < last; ++piece) {
            auto const row = std::span(room).subspan(piece * size, size);
            for (std::size_t i = rows * piece / pieces; i < rows * (piece + 1) / pieces; ++i) {
              safetensors::read<scalar>(stored, i * size, row);
              storage.set_row(i, std::span<scalar const>(row));
            }
          }
        });
      },
      from.naming);
  return out;
}

}  // namespace examples
