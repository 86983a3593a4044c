// SPDX-License-Identifier: MIT
// mamba/io/checkpoint/checkpoint.hpp — from a folder on disk to weights in the library, and back.  [floor 7]
//
//     auto const from = io::open_checkpoint("mamba-130m-hf");     // config.json and model.safetensors or shards
//     auto const weights = io::load_weights<float>(from);         // or double, mamba::bfloat16, mamba::q8, …
//     io::save_weights(weights, "copy");                          // a folder, or a file that ends in .safetensors
//
// Checkpoints of the original package and of transformers load, and so do files whose matrices are in blocks, which are
// read in place. Every tensor is checked against the configuration before a single weight is allocated.
#pragma once

#include <mamba/core/error.hpp>
#include <mamba/io/checkpoint/config.hpp>
#include <mamba/io/checkpoint/names.hpp>
#include <mamba/io/checkpoint/network.hpp>
#include <mamba/io/checkpoint/special_tokens.hpp>
#include <mamba/io/checkpoint/stored_blocks.hpp>
#include <mamba/io/checkpoint/weights.hpp>
#include <mamba/io/file/new_names.hpp>
#include <mamba/io/safetensors/archive.hpp>
#include <mamba/model/weights.hpp>

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace mamba::inline MAMBA_ABI::io {

/// A checkpoint whose configuration and tensors agree. It keeps its files open; it can be moved.
struct checkpoint {
  model::config config;
  std::string config_text;  ///< config.json as it was read
  std::string config_name;  ///< "config.json", or where else it stood, for messages
  std::filesystem::path folder;
  std::optional<std::filesystem::path> tokenizer;  ///< tokenizer.json, if the folder has one
  special_tokens special;
  name_table const* names;
  safetensors::archive tensors;
  stored_blocks blocks;  ///< which matrices are in blocks already

  [[nodiscard]] tensor_layout layout() const { return {names, &blocks, config_name}; }
};

namespace detail {

inline void check_tensors(checkpoint const& from) {
  auto const check = [&]<class W>(std::type_identity<W>) {
    check_tensors(from.tensors, from.layout(), model::manifest<W>(from.config));
  };
  if (from.blocks.empty()) return check(std::type_identity<float>());
  visit_format<block_formats>(from.blocks.format, check);
}

/// The path without a config.json at its end: naming that file means its folder.
[[nodiscard]] inline std::filesystem::path model_path(std::filesystem::path const& path) {
  if (path.filename() != "config.json") return path;
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

}  // namespace detail

/// Opens a folder (config.json with model.safetensors, or with model.safetensors.index.json and its shards), or one of
/// these files with its config.json beside it, and checks that configuration and tensors agree. A file of quantize or
/// save_weights contains its configuration, which is used where there is no config.json; where there is one, it must be
/// the same.
///
/// Throws:  mamba::error that names the file, the tensor, what was found and what was expected.
[[nodiscard]] inline checkpoint open_checkpoint(std::filesystem::path const& named) {
  auto const path = detail::model_path(named);
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) core::fail(path.string() + ": no such file or folder");
  bool const is_folder = std::filesystem::is_directory(path, ignored);
  if (!is_folder) detail::check_kind(path);
  auto const folder = is_folder ? path : path.parent_path();
  auto const config_file = folder / "config.json";
  auto const exists = [&](std::filesystem::path const& file) {
    return std::filesystem::status(file, ignored).type() != std::filesystem::file_type::not_found;
  };
  bool const beside = exists(config_file);
  if (!beside && is_folder && !exists(folder / "model.safetensors")) {
    core::fail(config_file.string() + ": no such file, expected the sizes of the model there");
  }
  std::string const name = beside ? "config.json" : "the configuration in __metadata__";
  std::string text = beside ? read_config_text(config_file) : std::string();
  std::optional<model::config> config;
  if (beside) config = parse_config(text, config_file.string());
  auto tensors = safetensors::archive::open(path);
  auto const source = tensors.path().string();
  std::string const* const embedded = tensors.metadata(metadata_key::config);
  if (!beside && embedded == nullptr)
    core::fail(config_file.string() + ": no such file, expected the sizes of the model there");
  if (!beside) text = *embedded;
  if (embedded != nullptr) {
    auto const own = parse_config(*embedded, source + ", the configuration in __metadata__");
    if (beside && own != *config) {
      core::fail(source + ": carries a configuration that differs from " + config_file.string() +
                 ", expected the same or none beside it");
    }
    config = own;
  }
  auto const& names = table_of(tensors, is_hugging_face(text) ? hugging_face_names : original_names);
  auto blocks = read_stored_blocks(tensors);
  checkpoint out{*config, std::move(text), name, folder, {}, {}, &names, std::move(tensors), std::move(blocks)};
  read_special_tokens(out.config_text, beside ? config_file.string() : source + ", " + name, out.special);
  if (auto const file = folder / "generation_config.json"; exists(file))
    read_special_tokens(read_config_text(file), file.string(), out.special);
  // A tokenizer.json that exists must load: a dangling link is an error, not a byte-level model.
  auto const tokenizer = folder / "tokenizer.json";
  if (std::filesystem::symlink_status(tokenizer, ignored).type() != std::filesystem::file_type::not_found) {
    out.tokenizer = tokenizer;
  }
  detail::check_tensors(out);
  return out;
}

/// The weights of a checkpoint, stored as W: any format of io/formats.hpp, or a policy. Numbers pass through float, or
/// through double where W is double, whatever the file stores; matrices in blocks are read in place.
///
/// Throws:  mamba::error where the file has a matrix in blocks and W another format for it, where a weight is NaN or
///          infinite (unless the options allow it), and where one is too large for W; std::bad_alloc.
template <class W>
[[nodiscard]] model::weights<model::any, W> load_weights(checkpoint const& from, load_options const& options = {}) {
  detail::check_formats(from.tensors, from.layout(), model::manifest<W>(from.config));
  model::weights<model::any, W> out(from.config);
  detail::load_tensors(from.tensors, from.layout(), out, options);
  return out;
}

/// Writes weights as they are stored, bit for bit: a file that ends in .safetensors and contains its configuration,
/// or a folder that gets config.json and model.safetensors. load_weights of the same format gives them back.
///
/// Throws:  mamba::error where something of that name exists, or cannot be written.
template <model::config C, class W>
void save_weights(model::weights<C, W> const& weights, std::filesystem::path const& path) {
  static_assert(!format_name<W>.empty(), "mamba: save_weights needs a format that has a name (io/formats.hpp)");
  auto const text = config_text(weights.sizes());
  auto all = detail::saved_tensors(weights, is_hugging_face(text) ? hugging_face_names : original_names);
  all.metadata[metadata_key::config] = text;
  bool const is_file = path.extension() == ".safetensors";
  auto const file = is_file ? path : path / "model.safetensors";
  expect_new(file);
  new_names made;
  if (!is_file) made.make_folder(path);
  std::optional<new_file> config;
  if (!is_file) {
    expect_new(path / "config.json");
    config.emplace(path / "config.json");
    config->append(std::as_bytes(std::span(text)));
  }
  auto const out = detail::write_tensors(file, all);
  if (config) {
    config->commit();
    made.add(path / "config.json");
  }
  out->finish();
  made.keep();
}

}  // namespace mamba::inline MAMBA_ABI::io
