// SPDX-License-Identifier: MIT
// safetensors/safetensors.hpp — reads and writes the format in which checkpoints are published.
//
//     auto const model = safetensors::archive::open("model.safetensors");        // or a folder, or an index of shards
//     std::vector<float> row(768);
//     safetensors::read<float>(model.at("backbone.embedding.weight"), 0, row);
//
//     safetensors::tensor const t{"logits", safetensors::dtype::f32, {2, 3}, std::as_bytes(std::span(values))};
//     safetensors::write("out.safetensors", {&t, 1});
//
// The files are mapped, so that opening costs the header and reading costs what is read; header.hpp has the checks.
#pragma once

#include <mamba/core/error.hpp>
#include <safetensors/header.hpp>
#include <safetensors/mapped_file.hpp>
#include <safetensors/new_file.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace safetensors {

/// One opened file of an archive. Whoever holds `file` keeps its tensors' data where they are.
struct part {
  std::shared_ptr<mapped_file const> file;
  metadata_map metadata;
};

/// The tensors of one file, or of all shards of a checkpoint. Their data live as long as the archive, or whoever has
/// taken the file of their part; it can be moved.
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
      if (!std::filesystem::exists(path, ignored)) {
        mamba::core::fail(folder.string() + ": has neither model.safetensors nor model.safetensors.index.json");
      }
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
  [[nodiscard]] std::vector<tensor> const& tensors() const noexcept { return tensors_; }
  [[nodiscard]] std::vector<part> const& parts() const noexcept { return parts_; }
  /// The file that was opened: what error messages should name.
  [[nodiscard]] std::filesystem::path const& path() const noexcept { return path_; }

  /// The tensor of that name, or null.
  [[nodiscard]] tensor const* find(std::string_view name) const {
    auto const found = index_.find(name);
    return found == index_.end() ? nullptr : &tensors_[found->second];
  }

  /// Throws:  mamba::error when there is no such tensor.
  [[nodiscard]] tensor const& at(std::string_view name) const {
    tensor const* const found = find(name);
    if (found == nullptr) mamba::core::fail(path_.string() + ": has no tensor " + in_quotes(name));
    return *found;
  }

  /// The part whose file holds a tensor of this archive.
  [[nodiscard]] part const& part_of(tensor const& t) const {
    auto const holds = [&](part const& p) {
      auto const bytes = p.file->bytes();
      std::less_equal<std::byte const*> const before;
      return before(bytes.data(), t.data.data()) && before(t.data.data() + t.data.size(), bytes.data() + bytes.size());
    };
    auto const found = std::find_if(parts_.begin(), parts_.end(), holds);
    if (found == parts_.end())
      mamba::core::fail(path_.string() + ": tensor " + in_quotes(t.name) + " is not from here");
    return *found;
  }

 private:
  archive() = default;

  void add(std::filesystem::path const& path) {
    auto file = std::make_shared<mapped_file const>(path);
    contents said = parse(file->bytes(), path.string());
    parts_.push_back({std::move(file), std::move(said.metadata)});
    std::move(said.tensors.begin(), said.tensors.end(), std::back_inserter(tensors_));
  }

  // The index says in which file each tensor lies. Map and files must agree exactly: a tensor that is missing, or that
  // a file has beyond what the map says, means that the set is not the one that was saved.
  void add_shards() {
    auto const source = path_.string();
    mapped_file const file(path_);
    if (file.bytes().size() > longest_header) mamba::core::fail(source + ": too large for an index of shards");
    std::string_view const text{reinterpret_cast<char const*>(file.bytes().data()), file.bytes().size()};
    auto const index = parse_json(text, source);
    auto const map = index.is_object() ? index.find("weight_map") : index.end();
    if (map == index.end() || !map->is_object()) mamba::core::fail(source + ": has no object weight_map");

    std::map<std::string, std::vector<std::string>> shards;  // file → names
    for (auto const& [name, shard] : map->items()) {
      if (!shard.is_string())
        mamba::core::fail(source + ": the file of tensor " + in_quotes(name) + " is not a string");
      shards[shard.get<std::string>()].push_back(name);
    }
    for (auto const& [shard, names] : shards) {
      if (!plain_name(shard)) {
        mamba::core::fail(source + ": shard " + in_quotes(shard) + " is not the plain name of a file beside the index");
      }
      std::size_t const first = tensors_.size();
      auto const shard_path = path_.parent_path() / std::filesystem::path(shard);
      add(shard_path);
      check_shard(shard_path.string(), std::span(tensors_).subspan(first), names, *map);
    }
  }

  void check_shard(std::string const& shard, std::span<tensor const> found, std::vector<std::string> const& expected,
                   nlohmann::json const& map) const {
    std::map<std::string_view, tensor const*> by_name;
    for (tensor const& t : found) by_name.emplace(t.name, &t);
    for (std::string const& name : expected) {
      if (!by_name.contains(name)) {
        mamba::core::fail(shard + ": has no tensor " + in_quotes(name) + ", which " + path_.string() + " says is here");
      }
    }
    for (tensor const& t : found) {
      auto const said = map.find(t.name);
      if (said == map.end() || path_.parent_path() / std::filesystem::path(said->get<std::string>()) != shard) {
        mamba::core::fail(
            shard + ": has a tensor " + in_quotes(t.name) + " that " + path_.string() +
            (said == map.end() ? " does not list" : " says is in " + in_quotes(said->get<std::string>())));
      }
    }
  }

  // No way out of the folder, on any system, and no longer than file systems allow.
  [[nodiscard]] static bool plain_name(std::string_view name) {
    return !name.empty() && name.size() <= 255 && name != "." && name != ".." &&
           name.find_first_of(std::string_view("/\\:\0", 4)) == name.npos;
  }

  std::filesystem::path path_;
  std::vector<part> parts_;
  std::vector<tensor> tensors_;
  std::map<std::string_view, std::size_t> index_;  ///< views of the names in tensors_
};

/// How a writer lays out the data: by_alignment is the reference's way (wide types first, then by name), which keeps
/// every element aligned; as_given keeps the caller's order, and the first tensor begins on a cache line of the mapped
/// file.
enum class order { by_alignment, as_given };

/// Writes one file, piece by piece, for data that never exists as a whole. The file appears when finish() succeeds.
class writer {
 public:
  /// The tensors' types and shapes; their data are not looked at.
  ///
  /// Throws:  mamba::error when the file cannot be created, a name comes twice or is not UTF-8, or a size overflows.
  writer(std::filesystem::path const& path, std::span<tensor const> tensors, metadata_map const& metadata = {},
         order layout = order::by_alignment)
      : source_(path.string()), file_(path) {
    for (std::size_t i = 0; i < tensors.size(); ++i) sequence_.push_back(i);
    if (layout == order::by_alignment) {
      std::stable_sort(sequence_.begin(), sequence_.end(), [&](std::size_t a, std::size_t b) {
        return std::pair(tensors[b].type, std::string_view(tensors[a].name)) <
               std::pair(tensors[a].type, std::string_view(tensors[b].name));
      });
    }
    auto const text = header(tensors, metadata, layout);
    std::uint64_t const length = text.size();
    if (length > longest_header) mamba::core::fail(source_ + ": the header would be longer than readers accept");
    file_.append(std::as_bytes(std::span(&length, 1)));
    file_.append(std::as_bytes(std::span(text)));
  }

  /// The tensors' positions in the constructor's list, in the order in which append() expects their data.
  [[nodiscard]] std::vector<std::size_t> const& sequence() const noexcept { return sequence_; }

  /// The next bytes of the data. Throws:  mamba::error when they cannot be written, or are more than the header says.
  void append(std::span<std::byte const> bytes) {
    if (bytes.size() > missing_) mamba::core::fail(source_ + ": more data written than the header announces");
    file_.append(bytes);
    missing_ -= bytes.size();
  }

  /// Throws:  mamba::error when data are missing or the file cannot take its place.
  void finish() {
    if (missing_ != 0) mamba::core::fail(source_ + ": " + std::to_string(missing_) + " bytes of data are missing");
    file_.commit();
  }

 private:
  std::string header(std::span<tensor const> tensors, metadata_map const& metadata, order layout) {
    std::string text = "{";
    auto const separate = [&] { text += text.size() > 1 ? "," : ""; };
    if (!metadata.empty()) text += "\"__metadata__\":" + json_text(metadata);
    std::set<std::string_view> names{"__metadata__"};
    for (std::size_t const i : sequence_) {
      tensor const& t = tensors[i];
      auto const elements = element_count(t.shape);
      auto const bits = elements ? checked_product(*elements, bits_of(t.type)) : std::nullopt;
      if (!names.insert(t.name).second) mamba::core::fail(source_ + ": tensor name " + in_quotes(t.name) + " is taken");
      if (!bits || *bits % 8 != 0 || *bits / 8 > static_cast<std::size_t>(-1) - missing_) {
        mamba::core::fail(source_ + ": tensor " + in_quotes(t.name) + " has a size that cannot be written, " +
                          std::string(name_of(t.type)) + " " + to_string(t.shape));
      }
      separate();
      text += json_text(t.name) + ":{\"dtype\":\"" + std::string(name_of(t.type)) +
              "\",\"shape\":" + json_text(t.shape) + ",\"data_offsets\":[" + std::to_string(missing_) + "," +
              std::to_string(missing_ + *bits / 8) + "]}";
      missing_ += *bits / 8;
    }
    text += "}";
    std::size_t const boundary = layout == order::by_alignment ? 8 : 64;
    text.append((boundary - (8 + text.size()) % boundary) % boundary, ' ');  // so that the data begin aligned
    return text;
  }

  template <class T>
  std::string json_text(T const& value) const {
    try {
      return nlohmann::json(value).dump();
    } catch (nlohmann::json::exception const&) {
      mamba::core::fail(source_ + ": a name or a metadata text is not UTF-8");
    }
  }

  std::string source_;
  new_file file_;
  std::vector<std::size_t> sequence_;
  std::size_t missing_ = 0;  ///< bytes of data still to come
};

/// Writes a whole file at once.
///
/// Throws:  mamba::error when a tensor's data are not as long as its type and shape say, and as writer does.
inline void write(std::filesystem::path const& path, std::span<tensor const> tensors, metadata_map const& metadata = {},
                  order layout = order::by_alignment) {
  for (tensor const& t : tensors) {
    auto const elements = element_count(t.shape);
    auto const bits = elements ? checked_product(*elements, bits_of(t.type)) : std::nullopt;
    if (bits && *bits / 8 != t.data.size()) {
      mamba::core::fail(path.string() + ": tensor " + in_quotes(t.name) + " has " + std::to_string(t.data.size()) +
                        " bytes, expected " + std::to_string(*bits / 8) + " for " + std::string(name_of(t.type)) + " " +
                        to_string(t.shape));
    }
  }
  writer out(path, tensors, metadata, layout);
  for (std::size_t const i : out.sequence()) out.append(tensors[i].data);
  out.finish();
}

}  // namespace safetensors
