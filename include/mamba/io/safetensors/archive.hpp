// SPDX-License-Identifier: MIT
// mamba/io/safetensors/archive.hpp — the tensors of one safetensors file or of all shards.  [floor 7]
//
//     auto const model = io::safetensors::archive::open("model.safetensors");  // or a folder, or an index of shards
//     std::vector<float> row(768);
//     io::read_values<float>(model.at("backbone.embedding.weight"), 0, row);
//
// The files are mapped, so that opening costs the header and reading costs what is read; header.hpp has the checks.
#pragma once

#include <mamba/core/error.hpp>
#include <mamba/io/file/mapped_file.hpp>
#include <mamba/io/safetensors/header.hpp>
#include <mamba/io/tensors/tensor_source.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mamba::inline MAMBA_ABI::io::safetensors {

/// One opened file of an archive. A copy of `file` keeps its tensors' data where they are.
struct part {
  std::shared_ptr<mapped_file const> file;
  metadata_map metadata;
};

namespace detail {

// A folder without model.safetensors: the message names files of other formats.
[[noreturn]] inline void fail_without_tensors(std::filesystem::path const& folder) {
  std::error_code ignored;
  for (char const* const other : {"pytorch_model.bin", "pytorch_model.bin.index.json", "pytorch_model.pt"}) {
    if (!std::filesystem::exists(folder / other, ignored)) continue;
    core::fail(folder.string() + ": has its weights in " + other +
               ", PyTorch's pickle format, which is not read; convert them to model.safetensors, for example with "
               "save_pretrained(..., safe_serialization=True) of transformers");
  }
  core::fail(folder.string() + ": has neither model.safetensors nor model.safetensors.index.json");
}

}  // namespace detail

/// The tensors of one file, or of all shards of a checkpoint. Their data live as long as the archive, or a
/// copy of the file of their part; it can be moved.
class archive {
 public:
  /// Opens FILE.safetensors, an index (*.json), or a folder with model.safetensors or model.safetensors.index.json.
  ///
  /// Throws:  mamba::error for anything that is not a valid file or a complete set of shards.
  [[nodiscard]] static archive open(std::filesystem::path path) {
    if (std::error_code ignored; std::filesystem::is_directory(path, ignored)) {
      auto const folder = path;
      path = folder / "model.safetensors";
      if (!std::filesystem::exists(path, ignored)) path += ".index.json";
      if (!std::filesystem::exists(path, ignored)) detail::fail_without_tensors(folder);
    }
    archive out;
    out.path_ = path;
    if (path.extension() == ".json") {
      out.add_shards();
    } else {
      out.add(path);
    }
    for (std::size_t i = 0; i < out.tensors_.size(); ++i) out.index_.emplace(out.tensors_[i].name, i);
    return out;
  }

  /// In the order of the data, shard by shard.
  [[nodiscard]] std::vector<stored_tensor> const& tensors() const noexcept { return tensors_; }
  [[nodiscard]] std::vector<part> const& parts() const noexcept { return parts_; }
  /// The file that was opened: what error messages should name.
  [[nodiscard]] std::filesystem::path const& path() const noexcept { return path_; }

  /// The tensor of that name, or null.
  [[nodiscard]] stored_tensor const* find(std::string_view name) const {
    auto const found = index_.find(name);
    return found == index_.end() ? nullptr : &tensors_[found->second];
  }

  /// Throws:  mamba::error when there is no such tensor.
  [[nodiscard]] stored_tensor const& at(std::string_view name) const {
    stored_tensor const* const found = find(name);
    if (found == nullptr) core::fail(path_.string() + ": has no tensor " + in_quotes(name));
    return *found;
  }

  /// A text of the files' __metadata__, of the first that has it, or null.
  [[nodiscard]] std::string const* metadata(std::string_view key) const {
    for (part const& p : parts_) {
      if (auto const found = p.metadata.find(std::string(key)); found != p.metadata.end()) return &found->second;
    }
    return nullptr;
  }

  /// The name of the file that holds a tensor, and that of the whole: for messages.
  [[nodiscard]] std::string where(stored_tensor const& t) const { return part_of(t).file->path().string(); }
  [[nodiscard]] std::string where() const { return path_.string(); }

  /// The part whose file holds a tensor of this archive.
  [[nodiscard]] part const& part_of(stored_tensor const& t) const {
    auto const holds = [&](part const& p) { return p.file == t.owner; };
    auto const found = std::find_if(parts_.begin(), parts_.end(), holds);
    if (found == parts_.end()) core::fail(path_.string() + ": tensor " + in_quotes(t.name) + " is not from here");
    return *found;
  }

 private:
  archive() = default;

  void add(std::filesystem::path const& path) {
    auto file = std::make_shared<mapped_file const>(path);
    contents said = parse(file->bytes(), path.string());
    for (stored_tensor& t : said.tensors) t.owner = file;
    parts_.push_back({std::move(file), std::move(said.metadata)});
    std::move(said.tensors.begin(), said.tensors.end(), std::back_inserter(tensors_));
  }

  // The index says in which file each tensor lies. Map and files must agree exactly: a tensor that is missing, or that
  // a file has beyond what the map says, means that the set is incomplete or mixed.
  void add_shards() {
    auto const source = path_.string();
    mapped_file const file(path_);
    if (file.bytes().size() > longest_header) core::fail(source + ": too large for an index of shards");
    std::string_view const text{reinterpret_cast<char const*>(file.bytes().data()), file.bytes().size()};
    auto const index = parse_json(text, source);
    auto const map = index.is_object() ? index.find("weight_map") : index.end();
    if (map == index.end() || !map->is_object()) {
      core::fail(source +
                 ": is no index of shards (it has no object weight_map), expected a .safetensors file, an "
                 ".index.json, or the folder with either");
    }

    std::map<std::string, std::vector<std::string>> shards;  // file → names
    for (auto const& [name, shard] : map->items()) {
      if (!shard.is_string()) core::fail(source + ": the file of tensor " + in_quotes(name) + " is not a string");
      shards[shard.get<std::string>()].push_back(name);
    }
    for (auto const& [shard, names] : shards) {
      if (!plain_name(shard)) {
        core::fail(source + ": shard " + in_quotes(shard) + " is not the plain name of a file beside the index");
      }
      std::size_t const first = tensors_.size();
      auto const shard_path = path_.parent_path() / std::filesystem::path(shard);
      add(shard_path);
      check_shard(shard_path.string(), std::span(tensors_).subspan(first), names, *map);
    }
  }

  void check_shard(std::string const& shard, std::span<stored_tensor const> found,
                   std::vector<std::string> const& expected, nlohmann::json const& map) const {
    std::map<std::string_view, stored_tensor const*> by_name;
    for (stored_tensor const& t : found) by_name.emplace(t.name, &t);
    for (std::string const& name : expected) {
      if (!by_name.contains(name)) {
        core::fail(shard + ": has no tensor " + in_quotes(name) + ", which " + path_.string() + " says is here");
      }
    }
    for (stored_tensor const& t : found) {
      auto const said = map.find(t.name);
      if (said == map.end() || path_.parent_path() / std::filesystem::path(said->get<std::string>()) != shard) {
        core::fail(shard + ": has a tensor " + in_quotes(t.name) + " that " + path_.string() +
                   (said == map.end() ? " does not list" : " says is in " + in_quotes(said->get<std::string>())));
      }
    }
  }

  // A name within the folder, on any system, and no longer than file systems allow.
  [[nodiscard]] static bool plain_name(std::string_view name) {
    return !name.empty() && name.size() <= 255 && name != "." && name != ".." &&
           name.find_first_of(std::string_view("/\\:\0", 4)) == name.npos;
  }

  std::filesystem::path path_;
  std::vector<part> parts_;
  std::vector<stored_tensor> tensors_;
  std::map<std::string_view, std::size_t> index_;  ///< views of the names in tensors_
};
static_assert(tensor_source<archive>);

}  // namespace mamba::inline MAMBA_ABI::io::safetensors
