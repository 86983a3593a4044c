// SPDX-License-Identifier: MIT
// mamba/io/safetensors/header.hpp — parses and checks a safetensors file's header.  [floor 7]
//
//     u64 n, little-endian | n bytes of JSON: name → {dtype, shape, data_offsets [begin, end)} | the data, row-major
//
// A file is untrusted input: nothing in it is used before it is checked, in the order of the reference implementation
// (github.com/huggingface/safetensors, tensor.rs), and every error is one sentence that names the file, the tensor,
// what was found and what was expected. One rule is stricter than the reference: a key that appears twice is an error.
#pragma once

#include <mamba/core/error.hpp>
#include <mamba/io/file/lfs_pointer.hpp>
#include <mamba/io/json/parse.hpp>
#include <mamba/io/tensors/dtype.hpp>
#include <mamba/io/tensors/stored_tensor.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mamba::inline MAMBA_ABI::io::safetensors {

/// The longest header, as in the reference: a bound on the memory that a hostile file can take.
inline constexpr std::uint64_t longest_header = 100'000'000;

using metadata_map = std::map<std::string, std::string>;

/// The contents of one file: its metadata, and its tensors in the order of their data.
struct contents {
  metadata_map metadata;
  std::vector<stored_tensor> tensors;
};

/// Checks a whole file and returns its contents. The tensors' data are views of `bytes`.
///
/// Throws:  mamba::error on any departure from the format; `source` names the file in its sentence.
[[nodiscard]] inline contents parse(std::span<std::byte const> bytes, std::string const& source);

namespace detail {

// The header's entries as they are parsed: no tree is built, so that the memory needed follows from the length of
// the header alone. Each function handles one event; false would stop the parser, but here errors are thrown.
class header_events {
 public:
  struct entry {
    stored_tensor info;
    std::uint64_t begin = 0, end = 0;
  };

  explicit header_events(std::string const& source) : source_(source) {}

  std::vector<entry> entries;
  metadata_map metadata;

  bool null() { return place_ == place::names && key_ == metadata_key ? true : scalar("null"); }
  bool boolean(bool) { return scalar("a boolean"); }
  bool number_integer(std::int64_t) { return scalar("a negative number"); }
  bool number_float(double, std::string const&) { return scalar("a fraction or a number beyond 64 bits"); }
  bool binary(std::vector<std::uint8_t>&) { return scalar("binary data"); }

  bool number_unsigned(std::uint64_t value) {
    if (place_ == place::shape) entries.back().info.shape.push_back(value);
    if (place_ == place::offsets) offsets_.push_back(value);
    return place_ == place::shape || (place_ == place::offsets && offsets_.size() <= 2) ? true : scalar("a number");
  }

  bool string(std::string& value) {
    if (place_ == place::metadata) return metadata.emplace(key_, value).second || reject_twice(key_);
    if (place_ != place::entry || key_ != "dtype") return scalar("a string");
    auto const type = dtype_named(value);
    if (!type) reject("has unknown dtype " + in_quotes(value));
    entries.back().info.type = *type;
    return true;
  }

  bool start_object(std::size_t) {
    if (place_ == place::document) {
      place_ = place::names;
    } else if (place_ == place::names) {
      place_ = key_ == metadata_key ? place::metadata : place::entry;
      fields_.clear();
      if (place_ == place::entry) entries.push_back({stored_tensor{key_, dtype::f32, {}, {}}, 0, 0});
    } else {
      return deeper("an object");
    }
    return true;
  }

  bool key(std::string& name) {
    if (place_ == place::skipped) return true;
    key_ = name;
    if (place_ == place::names && !names_.insert(name).second) reject_twice(name);
    if (place_ == place::entry && !fields_.insert(name).second) reject("has the field " + in_quotes(name) + " twice");
    return true;
  }

  bool end_object() {
    if (place_ == place::skipped) return shallower();
    if (place_ == place::entry) {
      for (char const* const field : {"dtype", "shape", "data_offsets"}) {
        if (!fields_.contains(field)) reject("has no " + std::string(field));
      }
    }
    place_ = place_ == place::names ? place::document : place::names;
    return true;
  }

  bool start_array(std::size_t) {
    if (place_ != place::entry || (key_ != "shape" && key_ != "data_offsets")) return deeper("an array");
    place_ = key_ == "shape" ? place::shape : place::offsets;
    offsets_.clear();
    return true;
  }

  bool end_array() {
    if (place_ == place::skipped) return shallower();
    if (place_ == place::offsets) {
      if (offsets_.size() != 2) reject("has " + std::to_string(offsets_.size()) + " data_offsets, expected 2");
      entries.back().begin = offsets_[0];
      entries.back().end = offsets_[1];
    }
    place_ = place::entry;
    return true;
  }

  bool parse_error(std::size_t position, std::string const&, nlohmann::json::exception const&) {
    core::fail(source_ + ": the header is not valid JSON in UTF-8 (at its byte " + std::to_string(position) + ")");
  }

 private:
  enum class place { document, names, metadata, entry, shape, offsets, skipped };
  static constexpr std::string_view metadata_key = "__metadata__";

  [[noreturn]] void reject(std::string const& what) const {
    core::fail(source_ + ": tensor " + in_quotes(entries.back().info.name) + " " + what);
  }
  [[noreturn]] bool reject_twice(std::string const& name) const {
    core::fail(source_ + ": " + in_quotes(name) + " appears twice in the header");
  }

  // A value where the format has another kind of value; unknown fields may have any value.
  bool scalar(char const* found) {
    if (place_ == place::skipped || (place_ == place::entry && !known_field())) return true;
    misplaced(found);
  }
  bool deeper(char const* found) {
    if (place_ != place::skipped && (place_ != place::entry || known_field())) misplaced(found);
    place_ = place::skipped;
    if (++depth_ + 2 > deepest_json) reject("nests deeper than " + std::to_string(deepest_json) + " levels");
    return true;
  }
  bool shallower() {
    if (--depth_ == 0) place_ = place::entry;
    return true;
  }
  [[nodiscard]] bool known_field() const { return key_ == "dtype" || key_ == "shape" || key_ == "data_offsets"; }

  [[noreturn]] void misplaced(std::string const& found) const {
    if (place_ == place::entry) {
      reject("has " + found + " as its " + key_ +
             (key_ == "dtype" ? ", expected a string" : ", expected an array of unsigned integers"));
    }
    if (place_ == place::shape) reject("has " + found + " in its shape, expected unsigned integers");
    if (place_ == place::offsets) reject("has " + found + " in its data_offsets, expected two unsigned integers");
    if (place_ == place::metadata) {
      core::fail(source_ + ": __metadata__ has " + found + " under " + in_quotes(key_) + ", expected a string");
    }
    core::fail(source_ + ": the header has " + found + (place_ == place::names ? " under " + in_quotes(key_) : "") +
               ", expected an object");
  }

  std::string const& source_;
  place place_ = place::document;
  std::string key_;
  std::set<std::string> names_, fields_;
  std::vector<std::uint64_t> offsets_;
  std::size_t depth_ = 0;
};

}  // namespace detail

inline contents parse(std::span<std::byte const> bytes, std::string const& source) {
  auto const fail = [&](std::string const& what) { core::fail(source + ": " + what); };
  auto const number = [](auto n) { return std::to_string(n); };
  if (bytes.size() < 8)
    fail("too small for a safetensors file: found " + number(bytes.size()) + " bytes, expected 8 or more");
  refuse_lfs_pointer({reinterpret_cast<char const*>(bytes.data()), bytes.size()}, source);
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  if (length > longest_header) {
    fail("the header claims " + number(length) + " bytes, expected at most " + number(longest_header));
  }
  if (length > bytes.size() - 8) {
    fail("the header claims " + number(length) + " bytes, but only " + number(bytes.size() - 8) + " follow");
  }
  auto const header = bytes.subspan(8, length);
  auto const data = bytes.subspan(8 + length);
  std::string_view const text{reinterpret_cast<char const*>(header.data()), header.size()};
  if (io::detail::has_stray_bytes(text)) fail("the header is not valid JSON: it has a byte order mark or a NUL");

  detail::header_events events(source);
  nlohmann::json::sax_parse(text.begin(), text.end(), &events);
  std::stable_sort(events.entries.begin(), events.entries.end(),
                   [](auto const& a, auto const& b) { return std::pair(a.begin, a.end) < std::pair(b.begin, b.end); });

  contents out{std::move(events.metadata), {}};
  out.tensors.reserve(events.entries.size());
  std::uint64_t covered = 0;
  for (auto& entry : events.entries) {
    stored_tensor& info = entry.info;
    std::uint64_t const begin = entry.begin, end = entry.end;
    auto const reject = [&](std::string const& what) { fail("tensor " + in_quotes(info.name) + " " + what); };
    std::string const range = "[" + number(begin) + ", " + number(end) + ")";
    if (begin != covered) {
      reject("lies at data_offsets " + range + ", expected to begin at " + number(covered) +
             (begin < covered ? " (it overlaps the one before)" : " (there is a hole)"));
    }
    if (end < begin) reject("has data_offsets " + range + ", which end before they begin");
    auto const elements = element_count(info.shape);
    auto const bits = elements ? checked_product(*elements, bits_of(info.type)) : std::nullopt;
    if (!bits) reject("has shape " + to_string(info.shape) + ", whose size overflows 64 bits");
    if (*bits % 8 != 0) reject("has shape " + to_string(info.shape) + ", which does not fill whole bytes");
    if (end - begin != *bits / 8) {
      reject("has " + number(end - begin) + " bytes, expected " + number(*bits / 8) + " for " +
             std::string(name_of(info.type)) + " " + to_string(info.shape));
    }
    if (end > data.size())
      reject("ends at byte " + number(end) + " of the data, but the file has only " + number(data.size()));
    info.data = data.subspan(begin, end - begin);
    out.tensors.push_back(std::move(info));
    covered = end;
  }
  if (covered != data.size()) {
    fail("found " + number(data.size()) + " bytes of data, expected " + number(covered) + " as the header says");
  }
  return out;
}

}  // namespace mamba::inline MAMBA_ABI::io::safetensors
