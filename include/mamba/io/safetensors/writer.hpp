// SPDX-License-Identifier: MIT
// mamba/io/safetensors/writer.hpp — writes safetensors files, whole or piece by piece.  [floor 7]
//
//     io::stored_tensor const t{"logits", io::dtype::f32, {2, 3}, std::as_bytes(std::span(values))};
//     io::safetensors::write("out.safetensors", {&t, 1});
#pragma once

#include <mamba/core/error.hpp>
#include <mamba/io/file/new_file.hpp>
#include <mamba/io/safetensors/header.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mamba::inline MAMBA_ABI::io::safetensors {

/// How a writer lays out the data: by_alignment is the reference's way (wide types first, then by name), which keeps
/// every element aligned; as_given keeps the caller's order, and the first tensor begins on a cache line of the mapped
/// file.
enum class order { by_alignment, as_given };

/// The bytes of a file before its data, without their length, and where the data of each tensor go.
struct file_header {
  std::string text;                   ///< padded, so that the data begin aligned
  std::vector<std::size_t> sequence;  ///< the tensors' positions in the caller's list, in the order of their data
  std::size_t data_bytes = 0;
};

/// The header of a file of these tensors, of which types and shapes are used. `source` names the file in messages.
///
/// Throws:  mamba::error when a name comes twice or is not UTF-8, or a size overflows.
[[nodiscard]] inline file_header header_of(std::string const& source, std::span<stored_tensor const> tensors,
                                           metadata_map const& metadata = {}, order layout = order::by_alignment);

/// Writes one file, piece by piece, for data that never exists as a whole. The file appears when finish() succeeds.
class writer {
 public:
  /// The tensors' types and shapes; their data are not used.
  ///
  /// Throws:  mamba::error when the file cannot be created, a name comes twice or is not UTF-8, or a size overflows.
  writer(std::filesystem::path const& path, std::span<stored_tensor const> tensors, metadata_map const& metadata = {},
         order layout = order::by_alignment)
      : source_(path.string()), file_(path) {
    auto header = header_of(source_, tensors, metadata, layout);
    sequence_ = std::move(header.sequence);
    missing_ = header.data_bytes;
    std::uint64_t const length = header.text.size();
    file_.append(std::as_bytes(std::span(&length, 1)));
    file_.append(std::as_bytes(std::span(header.text)));
  }

  /// The tensors' positions in the constructor's list, in the order in which append() expects their data.
  [[nodiscard]] std::vector<std::size_t> const& sequence() const noexcept { return sequence_; }

  /// The next bytes of the data. Throws:  mamba::error when they cannot be written, or are more than the header says.
  void append(std::span<std::byte const> bytes) {
    if (bytes.size() > missing_) core::fail(source_ + ": more data written than the header announces");
    file_.append(bytes);
    missing_ -= bytes.size();
  }

  /// Throws:  mamba::error when data are missing or the file cannot take its place.
  void finish() {
    if (missing_ != 0) core::fail(source_ + ": " + std::to_string(missing_) + " bytes of data are missing");
    file_.commit();
  }

 private:
  std::string source_;
  new_file file_;
  std::vector<std::size_t> sequence_;
  std::size_t missing_ = 0;  ///< bytes of data still to come
};

namespace detail {

template <class T>
[[nodiscard]] std::string json_text(std::string const& source, T const& value) {
  try {
    return nlohmann::json(value).dump();
  } catch (nlohmann::json::exception const&) {
    core::fail(source + ": a name or a metadata text is not UTF-8");
  }
}

}  // namespace detail

inline file_header header_of(std::string const& source, std::span<stored_tensor const> tensors,
                             metadata_map const& metadata, order layout) {
  file_header out;
  for (std::size_t i = 0; i < tensors.size(); ++i) out.sequence.push_back(i);
  if (layout == order::by_alignment) {
    std::stable_sort(out.sequence.begin(), out.sequence.end(), [&](std::size_t a, std::size_t b) {
      return std::pair(tensors[b].type, std::string_view(tensors[a].name)) <
             std::pair(tensors[a].type, std::string_view(tensors[b].name));
    });
  }
  std::string& text = out.text = "{";
  if (!metadata.empty()) text += "\"__metadata__\":" + detail::json_text(source, metadata);
  std::set<std::string_view> names{"__metadata__"};
  std::size_t& end = out.data_bytes;
  for (std::size_t const i : out.sequence) {
    stored_tensor const& t = tensors[i];
    auto const elements = element_count(t.shape);
    auto const bits = elements ? checked_product(*elements, bits_of(t.type)) : std::nullopt;
    if (!names.insert(t.name).second) core::fail(source + ": tensor name " + in_quotes(t.name) + " is taken");
    if (!bits || *bits % 8 != 0 || *bits / 8 > static_cast<std::size_t>(-1) - end) {
      core::fail(source + ": tensor " + in_quotes(t.name) + " has a size that cannot be written, " +
                 std::string(name_of(t.type)) + " " + to_string(t.shape));
    }
    text += (text.size() > 1 ? "," : "") + detail::json_text(source, t.name) + ":{\"dtype\":\"" +
            std::string(name_of(t.type)) + "\",\"shape\":" + detail::json_text(source, t.shape) +
            ",\"data_offsets\":[" + std::to_string(end) + "," + std::to_string(end + *bits / 8) + "]}";
    end += *bits / 8;
  }
  text += "}";
  std::size_t const boundary = layout == order::by_alignment ? 8 : 64;
  text.append((boundary - (8 + text.size()) % boundary) % boundary, ' ');  // so that the data begin aligned
  if (text.size() > longest_header) core::fail(source + ": the header would be longer than readers accept");
  return out;
}

/// Writes a whole file at once.
///
/// Throws:  mamba::error when a tensor's data are not as long as its type and shape say, and as writer does.
inline void write(std::filesystem::path const& path, std::span<stored_tensor const> tensors,
                  metadata_map const& metadata = {}, order layout = order::by_alignment) {
  for (stored_tensor const& t : tensors) {
    auto const elements = element_count(t.shape);
    auto const bits = elements ? checked_product(*elements, bits_of(t.type)) : std::nullopt;
    if (bits && *bits / 8 != t.data.size()) {
      core::fail(path.string() + ": tensor " + in_quotes(t.name) + " has " + std::to_string(t.data.size()) +
                 " bytes, expected " + std::to_string(*bits / 8) + " for " + std::string(name_of(t.type)) + " " +
                 to_string(t.shape));
    }
  }
  writer out(path, tensors, metadata, layout);
  for (std::size_t const i : out.sequence()) out.append(tensors[i].data);
  out.finish();
}

}  // namespace mamba::inline MAMBA_ABI::io::safetensors
