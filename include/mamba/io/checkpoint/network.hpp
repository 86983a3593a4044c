// SPDX-License-Identifier: MIT
// mamba/io/checkpoint/network.hpp — any network from and to safetensors files, with sizes from the caller.  [floor 7]
//
//     using spotter = model::network<model::feature_projection<q8>, model::stack<nn::block<nn::mamba1<any, q8>>>,
//                                    model::pooled_head<q8>>;
//     auto const network = io::load_network<spotter>("spotter.safetensors", sizes);
//     io::save_network(network, "copy.safetensors");
//
// A file has no config.json and does not state the network's type, which is that of the program. The type is checked
// against the names, shapes and formats of all tensors and, in __metadata__, epsilons, pooling and number of logits:
//
//     mamba.network    {"layers":[{"norm_epsilon":1e-05}],"output":{"pooling":"mean","norm_epsilon":1e-05}}
//
// Layers, input maps and output maps of an application load and save as the library's do, by their lists of parameters
// (nn/layer.hpp). Checkpoints of language models, which state their sizes: checkpoint.hpp.
#pragma once

#include <mamba/io/checkpoint/names.hpp>
#include <mamba/io/checkpoint/weights.hpp>
#include <mamba/io/file/new_names.hpp>
#include <mamba/io/json/reader.hpp>
#include <mamba/io/safetensors/archive.hpp>
#include <mamba/io/text/printable.hpp>

#include <concepts>
#include <filesystem>
#include <string>
#include <system_error>
#include <variant>

namespace mamba::inline MAMBA_ABI::io {

namespace detail {

// model-00002-of-00003.safetensors, and any other file that an index beside it lists among others.
[[nodiscard]] inline bool is_shard(std::filesystem::path const& path) {
  auto const name = path.stem().string();
  auto const of = name.rfind("-of-");
  if (of != name.npos) {
    auto const count = name.substr(of + 4);
    if (!count.empty() && count.find_first_not_of("0123456789") == count.npos) {
      auto const first = count.find_first_not_of('0');
      return first != count.npos && count.substr(first) != "1";
    }
  }
  auto const index = path.parent_path() / "model.safetensors.index.json";
  std::error_code ignored;
  if (path.filename() == "model.safetensors" || !std::filesystem::is_regular_file(index, ignored)) return false;
  try {
    auto const file = json_document::open(index, safetensors::longest_header);
    auto const map = file.root().object("weight_map");
    bool listed = false, others = false;
    for (auto const& entry : map.node()) (entry == path.filename().string() ? listed : others) = true;
    return listed && others;
  } catch (error const&) {
    return false;  // not an index of shards
  }
}

inline void check_kind(std::filesystem::path const& path) {
  auto const kind = path.extension();
  auto const where = path.string();
  if (kind == ".bin" || kind == ".pt" || kind == ".pth") {
    core::fail(where + ": is a file of PyTorch's pickle format, which is not read; convert it to model.safetensors, " +
               "for example with save_pretrained(..., safe_serialization=True) of transformers");
  }
  if (kind != ".safetensors" && kind != ".json") {
    core::fail(where + ": is no checkpoint, expected a folder, a .safetensors file or an .index.json");
  }
  if (kind == ".safetensors" && is_shard(path)) {
    auto const folder = path.has_parent_path() ? path.parent_path().string() : std::string(".");
    core::fail(where + ": is one shard of several, expected the folder " + folder + " that has all of them");
  }
}

/// A network whose configuration has layers and an output map, as model::network's.
template <class N>
concept network_of_parts = requires(N const& network, typename N::config const& c) {
  network.parts();
  c.layers;
  c.output;
};

/// The settings of a layer or a map that no shape shows. Pooling none and last compute the same.
template <class Config>
[[nodiscard]] nlohmann::ordered_json beside_shapes(Config const& c) {
  auto out = nlohmann::ordered_json::object();
  if constexpr (requires { c.vocab, c.padded_vocab; }) out["logits"] = c.vocab;
  if constexpr (requires { model::pooling{c.over}; }) out["pooling"] = c.over == model::pooling::mean ? "mean" : "none";
  if constexpr (requires { double{c.norm_epsilon}; }) out["norm_epsilon"] = c.norm_epsilon;
  return out;
}

/// The same of all layers and of the output map, as metadata_key::network has it.
template <class Config>
[[nodiscard]] std::string network_text(Config const& c) {
  auto layers = nlohmann::ordered_json::array();
  if constexpr (requires { c.layers.layer, c.layers.count; }) {
    layers.insert(layers.end(), c.layers.count, beside_shapes(c.layers.layer));
  } else if constexpr (requires { c.layers.front().index(); }) {
    for (auto const& one : c.layers) layers.push_back(std::visit([](auto const& l) { return beside_shapes(l); }, one));
  }
  return nlohmann::ordered_json{{"layers", layers}, {"output", beside_shapes(c.output)}}.dump();
}

/// Compares metadata_key::network of a file, if it has it, with the caller's configuration.
template <class Config>
void check_beside_shapes(safetensors::archive const& from, tensor_layout const& layout, Config const& sizes) {
  std::string const* const found = from.metadata(metadata_key::network);
  if (found == nullptr) return;
  auto const expected = network_text(sizes);
  if (*found == expected) return;
  core::fail(from.where() + ": __metadata__ has " + metadata_key::network + " " + printable(*found) + ", expected " +
             expected + " by " + layout.described_by);
}

}  // namespace detail

/// A network that is made from its configuration, in a storage that can be set.
template <class N>
concept loadable_network = std::constructible_from<N, typename N::config const&> && requires {
  typename N::scalar;
  typename detail::shapes_of<N>;
};

/// The network of these sizes out of an opened archive. Every tensor is checked against the sizes before anything of
/// their size is allocated. Numbers of any floating-point type are converted to the network's formats; matrices in
/// blocks are read in place, and must be in the network's own format.
///
/// Shapes:  names and shapes are model::for_each_tensor's, names spelled as the table has them. The file must have all
///          tensors of the network and no others.
/// Domain:  the sizes' epsilons, pooling and number of logits must be the file's, where it states them (save_network's
///          files do).
/// Throws:  mamba::error that names the file, the tensor, what was found and what was expected; std::bad_alloc.
template <loadable_network N>
[[nodiscard]] N load_network(safetensors::archive const& from, typename N::config const& sizes,
                             load_options const& options = {}, name_table const& names = original_names) {
  auto const blocks = read_stored_blocks(from);
  tensor_layout const layout{&names, &blocks, "the caller's configuration"};
  detail::shapes_of<N> const shapes(sizes);
  detail::check_formats(from, layout, shapes);
  detail::check_tensors(from, layout, shapes);
  if constexpr (detail::network_of_parts<N>) detail::check_beside_shapes(from, layout, sizes);
  N out(sizes);
  detail::load_tensors(from, layout, out, options);
  return out;
}

/// The same out of a .safetensors file, an index of shards, or a folder with either.
template <loadable_network N>
[[nodiscard]] N load_network(std::filesystem::path const& path, typename N::config const& sizes,
                             load_options const& options = {}, name_table const& names = original_names) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) core::fail(path.string() + ": no such file or folder");
  if (!std::filesystem::is_directory(path, ignored)) detail::check_kind(path);
  return load_network<N>(safetensors::archive::open(path), sizes, options, names);
}

/// Writes a network as it is stored, bit for bit, to a new file: load_network of the same type and sizes gives it back,
/// and that of other epsilons, pooling or logits is an error.
///
/// Why:     no config.json: the types of an application's layers have no names for other programs.
/// Throws:  mamba::error where something of that name exists, or cannot be written; no file is left then.
template <loadable_network N>
void save_network(N const& network, std::filesystem::path const& file, name_table const& names = original_names) {
  if (file.extension() != ".safetensors")
    core::fail(file.string() + ": is no name for a network, expected one that ends in .safetensors");
  expect_new(file);
  auto all = detail::saved_tensors(network, names);
  if constexpr (detail::network_of_parts<N>)
    all.metadata[metadata_key::network] = detail::network_text(network.parts());
  detail::write_tensors(file, all)->finish();
}

}  // namespace mamba::inline MAMBA_ABI::io
