// SPDX-License-Identifier: MIT
// support/checkpoint.hpp — from a folder on disk to weights in the library.
//
//     auto const from = examples::open_checkpoint("mamba-130m-hf");     // config.json and model.safetensors or shards
//     auto const weights = examples::load_weights<float>(from);         // or double, mamba::bfloat16, mamba::q8, …
//
// Both tensor namings load (backbone.embedding of the original package, backbone.embeddings of transformers), whatever
// config.json looks like, and so do the files that quantize writes, whose matrices are read in place. Every tensor is
// held against the configuration before a single weight is allocated.
#pragma once

#include <mamba/core/error.hpp>
#include <mamba/model/for_each_tensor.hpp>
#include <mamba/model/outline.hpp>
#include <safetensors/safetensors.hpp>
#include <support/config_json.hpp>
#include <support/stored_blocks.hpp>
#include <support/tensor_rows.hpp>

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
  std::string config_text;  ///< config.json as it was read
  std::string config_name;  ///< "config.json", or where else it stood, for messages
  std::filesystem::path folder;
  std::optional<std::filesystem::path> tokenizer;  ///< tokenizer.json, if the folder has one
  mamba::model::naming naming;
  safetensors::archive tensors;
  stored_blocks blocks;  ///< which matrices are in blocks already
};

namespace detail {

inline void check_shape(std::string const& source, safetensors::tensor const& found,
                        std::span<std::size_t const> expected, std::string const& by) {
  if (std::equal(found.shape.begin(), found.shape.end(), expected.begin(), expected.end())) return;
  mamba::core::fail(source + ": tensor " + safetensors::in_quotes(found.name) + " has shape " +
                    safetensors::to_string(found.shape) + ", expected " + safetensors::to_string(expected) + " by " +
                    by);
}

inline void check_type(std::string const& source, safetensors::tensor const& found) {
  using safetensors::dtype;
  for (dtype const t : {dtype::f64, dtype::f32, dtype::f16, dtype::bf16}) {
    if (found.type == t) return;
  }
  mamba::core::fail(source + ": tensor " + safetensors::in_quotes(found.name) + " has dtype " +
                    std::string(safetensors::name_of(found.type)) + ", expected F64, F32, F16 or BF16");
}

// A program that rewrites a file may drop its metadata, and nothing else says what the bytes mean.
inline void check_described(std::string const& source, stored_blocks const& said, safetensors::tensor const& found) {
  if (!said.empty() || found.type != safetensors::dtype::u8 || found.shape.size() != 3) return;
  mamba::core::fail(source + ": tensor " + safetensors::in_quotes(found.name) +
                    " has U8 as matrices in blocks have it, but __metadata__ has no " + metadata_key::weights);
}

// Everything that one tensor of the model must be: blocks where the format has them, numbers of the right shape else.
template <class Format>
void check_tensor(checkpoint const& from, safetensors::tensor const& found, std::span<std::size_t const> shape) {
  if constexpr (mamba::block_format<Format>) {
    check_blocks<Format>(from.tensors, from.blocks, found, shape, from.config_name);
  } else {
    auto const source = from.tensors.path().string();
    if (from.blocks.matrices.contains(found.name)) {
      mamba::core::fail(source + ": __metadata__ describes " + safetensors::in_quotes(found.name) + " as " +
                        safetensors::in_quotes(from.blocks.matrices.at(found.name)) +
                        ", expected nothing of a tensor of numbers");
    }
    check_described(source, from.blocks, found);
    check_shape(source, found, shape, from.config_name);
    check_type(source, found);
  }
}

// A tied head is the embedding. Some writers store it again; a head that differs would be silently ignored.
inline void check_stored_head(std::string const& source, safetensors::tensor const& head,
                              safetensors::tensor const& embedding, std::string const& by) {
  bool const same = head.type == embedding.type && head.shape == embedding.shape &&
                    std::equal(head.data.begin(), head.data.end(), embedding.data.begin(), embedding.data.end());
  if (!same) {
    mamba::core::fail(source + ": tensor 'lm_head.weight' differs from " + safetensors::in_quotes(embedding.name) +
                      ", expected none or an equal one, because " + by + " ties the head to the embedding");
  }
}

template <class W>
void check_tensors(checkpoint const& from) {
  auto const source = from.tensors.path().string();
  std::set<std::string_view> expected;
  auto const check = [&](std::string const& name, std::span<std::size_t const> shape, auto& storage) {
    safetensors::tensor const* const found = from.tensors.find(name);
    if (found == nullptr) {
      mamba::core::fail(source + ": tensor " + safetensors::in_quotes(name) + " is missing, expected one of shape " +
                        safetensors::to_string(shape) + " by " + from.config_name);
    }
    check_tensor<typename std::remove_cvref_t<decltype(storage)>::storage_format>(from, *found, shape);
    expected.insert(found->name);
  };
  mamba::model::for_each_tensor(mamba::model::outline<W>(from.config), check, from.naming);
  for (auto const& [name, description] : from.blocks.matrices) {
    if (expected.contains(name)) continue;
    mamba::core::fail(source + ": __metadata__ describes a matrix " + safetensors::in_quotes(name) +
                      ", which is not part of the model that " + from.config_name + " describes");
  }
  for (safetensors::tensor const& t : from.tensors.tensors()) {
    if (expected.contains(t.name)) continue;
    if (t.name == "lm_head.weight") {
      bool const original = from.naming == mamba::model::naming::original;
      check_stored_head(source, t,
                        from.tensors.at(original ? "backbone.embedding.weight" : "backbone.embeddings.weight"),
                        from.config_name);
      continue;
    }
    mamba::core::fail(source + ": tensor " + safetensors::in_quotes(t.name) + " is not part of the model that " +
                      from.config_name + " describes");
  }
}

inline void check_tensors(checkpoint const& from) {
  if (from.blocks.format == "q8") return check_tensors<mamba::q8>(from);
  if (from.blocks.format == "q4") return check_tensors<mamba::q4>(from);
  if (from.blocks.format == "ternary") return check_tensors<mamba::ternary>(from);
  check_tensors<float>(from);
}

// Whether the storage takes the blocks of a tensor that is described as such.
template <class Storage>
bool take_blocks(checkpoint const& from, safetensors::tensor const& stored, std::span<std::size_t const> shape,
                 Storage& storage) {
  if constexpr (requires { typename Storage::block; }) {
    using format = typename Storage::storage_format;
    if (!from.blocks.matrices.at(stored.name).starts_with(std::string(format_name<format>) + " ")) return false;
    check_blocks<format>(from.tensors, from.blocks, stored, shape, from.config_name);
    use_blocks(from.tensors, stored, storage);
    return true;
  } else {
    return false;
  }
}

// The configuration that a file carries in itself, for want of a config.json at `missing`.
inline std::string const* embedded_config(safetensors::archive const& tensors) {
  for (safetensors::part const& part : tensors.parts()) {
    if (auto const found = part.metadata.find(metadata_key::config); found != part.metadata.end())
      return &found->second;
  }
  return nullptr;
}

}  // namespace detail

/// Opens a folder (config.json with model.safetensors, or with model.safetensors.index.json and its shards), or one of
/// these files with its config.json beside it, and checks that configuration and tensors agree. A file that quantize
/// wrote carries its configuration in itself, for where there is no config.json; where there is one, it must be the same.
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
  auto const config_file = folder / "config.json";
  auto const exists = [&](std::filesystem::path const& file) {
    return std::filesystem::status(file, ignored).type() != std::filesystem::file_type::not_found;
  };
  bool const beside = exists(config_file);
  if (!beside && is_folder && !exists(folder / "model.safetensors")) {
    mamba::core::fail(config_file.string() + ": no such file, expected the sizes of the model there");
  }
  std::string const name = beside ? "config.json" : "the configuration in __metadata__";
  std::string text = beside ? read_config_text(config_file) : std::string();
  std::optional<mamba::model::config> config;
  if (beside) config = parse_config(text, config_file.string());
  auto tensors = safetensors::archive::open(path);
  auto const source = tensors.path().string();
  std::string const* const embedded = detail::embedded_config(tensors);
  if (!beside && embedded == nullptr)
    mamba::core::fail(config_file.string() + ": no such file, expected the sizes of the model there");
  if (!beside) text = *embedded;
  if (embedded != nullptr) {
    auto const own = parse_config(*embedded, source + ", the configuration in __metadata__");
    if (beside && own != *config) {
      mamba::core::fail(source + ": carries a configuration that differs from " + config_file.string() +
                        ", expected the same or none beside it");
    }
    config = own;
  }
  auto const naming = tensors.find("backbone.embeddings.weight") != nullptr ? mamba::model::naming::hugging_face
                                                                            : mamba::model::naming::original;
  auto blocks = read_stored_blocks(tensors);
  checkpoint out{*config, std::move(text), name, folder, std::nullopt, naming, std::move(tensors), std::move(blocks)};
  // Whatever stands there is meant to be the tokenizer: a link that leads nowhere is an error, not a byte-level model.
  auto const tokenizer = folder / "tokenizer.json";
  if (std::filesystem::symlink_status(tokenizer, ignored).type() != std::filesystem::file_type::not_found) {
    out.tokenizer = tokenizer;
  }
  detail::check_tensors(out);
  return out;
}

/// The weights of a checkpoint, stored as W: any format of core/weight_formats.hpp, or a recipe. Numbers pass through
/// float, or through double where W is double, whatever the file stores; matrices in blocks are read in place.
///
/// Why:     all threads pack, each its own rows: the weights are checked before, so that nothing throws among them.
/// Throws:  mamba::error where the file has a matrix in blocks and W wants it otherwise; std::bad_alloc.
template <class W>
[[nodiscard]] mamba::model::weights<mamba::model::any, W> load_weights(checkpoint const& from) {
  using scalar = std::conditional_t<std::same_as<mamba::kernels::arithmetic<W>, double>, double, float>;
  mamba::model::weights<mamba::model::any, W> out(from.config);
  auto const load = [&](std::string const& name, std::span<std::size_t const> shape, auto& storage) {
    safetensors::tensor const& stored = from.tensors.at(name);
    if (auto const found = from.blocks.matrices.find(name); found != from.blocks.matrices.end()) {
      if (detail::take_blocks(from, stored, shape, storage)) return;
      mamba::core::fail(from.tensors.path().string() + ": tensor " + safetensors::in_quotes(name) + " is stored as " +
                        safetensors::in_quotes(found->second) + ", and cannot be loaded in another format");
    }
    detail::check_tensor<float>(from, stored, shape);
    for_each_row<scalar>(stored, 0, storage.rows(),
                         [&](std::size_t row, std::span<scalar const> values) { storage.set_row(row, values); });
  };
  mamba::model::for_each_tensor(out, load, from.naming);
  return out;
}

}  // namespace examples
