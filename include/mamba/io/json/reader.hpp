// SPDX-License-Identifier: MIT
// mamba/io/json/reader.hpp — JSON values read by type, with errors that name them.  [floor 7]
//
//     io::json_document const file = io::json_document::open("config.json", 1 << 20);
//     io::json_value const root = file.root();
//     std::size_t const width = root.size("hidden_size");        // config.json: hidden_size is "x", expected …
//     std::size_t const taps = root.object("ssm_cfg").size("d_conv", 4);
//
// Where a member may be absent, null counts as absent.
#pragma once

#include <mamba/core/error.hpp>
#include <mamba/io/file/mapped_file.hpp>
#include <mamba/io/json/parse.hpp>

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace mamba::inline MAMBA_ABI::io {

/// The largest accepted size; the product of two fits 64 bits.
inline constexpr std::uint64_t largest_extent = 2'147'483'647;

/// One value of a document, and where it stands: a view, valid as long as the json it is made from.
class json_value {
 public:
  using json = nlohmann::json;

  /// `path` is the value's own place, empty for a whole document.
  json_value(json const& node, std::string const& source, std::string path = "")
      : node_(&node), source_(&source), path_(std::move(path)) {}

  [[nodiscard]] json const& node() const noexcept { return *node_; }

  /// The member of that name, or nothing where it is absent or null.
  [[nodiscard]] std::optional<json_value> find(char const* key) const {
    auto const found = node_->find(key);
    if (found == node_->end() || found->is_null()) return std::nullopt;
    return json_value(*found, *source_, join(key));
  }
  [[nodiscard]] bool has(char const* key) const {
    auto const found = node_->find(key);
    return found != node_->end() && !found->is_null();
  }

  // Members by type.
  [[nodiscard]] json_value object(char const* key) const { return member(key, "an object").as_object(); }
  [[nodiscard]] json_value array(char const* key) const { return member(key, "a list").as_array(); }
  [[nodiscard]] std::string const& text(char const* key) const { return member(key, "a string").as_text(); }
  [[nodiscard]] bool flag(char const* key) const { return member(key, "true or false").as_flag(); }
  [[nodiscard]] bool flag(char const* key, bool absent) const {
    auto const value = find(key);
    return value ? value->as_flag() : absent;
  }
  /// A whole number from 1 to largest_extent.
  [[nodiscard]] std::size_t size(char const* key) const { return member(key, size_rule()).as_size(); }
  [[nodiscard]] std::size_t size(char const* key, std::size_t absent) const {
    auto const value = find(key);
    return value ? value->as_size() : absent;
  }
  /// A whole number from 0 to limit − 1.
  [[nodiscard]] std::size_t index(char const* key, std::size_t limit) const {
    return member(key, "a whole number").as_index(limit);
  }
  [[nodiscard]] double positive(char const* key, double absent) const {
    auto const value = find(key);
    if (!value) return absent;
    auto const number = value->number_or_nothing();
    if (!number || !(*number > 0) || !std::isfinite(*number)) value->expected("a positive number");
    return *number;
  }

  // The value itself by type.
  json_value as_object() const { return node_->is_object() ? *this : (expected("an object"), *this); }
  json_value as_array() const { return node_->is_array() ? *this : (expected("a list"), *this); }
  [[nodiscard]] std::string const& as_text() const {
    if (!node_->is_string()) expected("a string");
    return node_->get_ref<std::string const&>();
  }
  [[nodiscard]] bool as_flag() const {
    if (!node_->is_boolean()) expected("true or false");
    return node_->get<bool>();
  }
  [[nodiscard]] std::size_t as_size() const {
    bool const fits = node_->is_number_unsigned() && node_->get<std::uint64_t>() - 1 < largest_extent;
    if (!fits) expected(size_rule());
    return node_->get<std::size_t>();
  }
  /// A whole number from 0 to limit − 1.
  [[nodiscard]] std::size_t as_index(std::size_t limit) const {
    bool const fits = node_->is_number_unsigned() && node_->get<std::uint64_t>() < limit;
    if (!fits) expected("a whole number below " + std::to_string(limit));
    return node_->get<std::size_t>();
  }
  /// A number, infinite or NaN in the spellings of Python's json ("Infinity") and of transformers 5
  /// ({"__float__": "Infinity"}), too.
  [[nodiscard]] double as_number() const {
    auto const number = number_or_nothing();
    if (!number) expected("a number");
    return *number;
  }
  [[nodiscard]] json_value at(std::size_t i) const {
    return {node_->at(i), *source_, path_ + "[" + std::to_string(i) + "]"};
  }

  /// For a member that may be absent, but not have another value than these. `because` says why not.
  void only(char const* key, std::initializer_list<json> const& allowed, std::string const& because = "") const {
    auto const value = find(key);
    if (!value) return;
    for (auto const& a : allowed) {
      if (*value->node_ == a) return;
    }
    constexpr std::size_t longest = 80;
    std::string const found = printable(shortened(value->node_->dump(), longest));
    fail(value->path_ + " is " + found + ", expected " + allowed.begin()->dump() + because);
  }
  void only_text(char const* key, std::string_view allowed) const {
    auto const& found = text(key);
    if (found != allowed) fail(join(key) + " is " + quoted(found) + ", expected " + quoted(allowed));
  }

  /// Throws:  mamba::error: this value is another than expected.
  [[noreturn]] void expected(std::string const& what) const {
    fail((path_.empty() ? "the file" : path_) + " is " + excerpt(*node_) + ", expected " + what);
  }
  /// Throws:  mamba::error with a sentence about this document.
  [[noreturn]] void fail(std::string const& sentence) const { core::fail(*source_ + ": " + sentence); }

  /// "owner.name", or the name alone at the top.
  [[nodiscard]] std::string join(std::string_view name) const {
    return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
  }
  /// A value for a message: short, in one line.
  [[nodiscard]] static std::string excerpt(json const& value) {
    if (value.is_object()) return "an object";
    if (value.is_array()) return "a list";
    auto text = value.dump(-1, ' ', true);
    if (text.size() > 60) text = text.substr(0, 57) + "...";
    return text;
  }
  [[nodiscard]] static std::string quoted(std::string_view text) { return excerpt(json(text)); }

 private:
  [[nodiscard]] static std::string size_rule() { return "a whole number from 1 to " + std::to_string(largest_extent); }

  [[nodiscard]] json_value member(char const* key, std::string const& expected) const {
    auto const found = node_->find(key);
    if (found == node_->end()) fail(join(key) + " is missing, expected " + expected);
    return {*found, *source_, join(key)};
  }

  [[nodiscard]] std::optional<double> number_or_nothing() const {
    if (node_->is_number()) return node_->get<double>();
    json const* word = node_;
    if (node_->is_object() && node_->size() == 1 && node_->contains("__float__")) word = &node_->at("__float__");
    if (!word->is_string()) return std::nullopt;
    auto const& spelled = word->get_ref<std::string const&>();
    constexpr double infinity = std::numeric_limits<double>::infinity();
    if (spelled == "Infinity") return infinity;
    if (spelled == "-Infinity") return -infinity;
    if (spelled == "NaN") return std::numeric_limits<double>::quiet_NaN();
    return std::nullopt;
  }

  json const* node_;
  std::string const* source_;
  std::string path_;
};

/// A document whose root is an object, strict as parse_json.
class json_document {
 public:
  /// Throws:  mamba::error when the text is no such JSON, or longer than `longest` bytes. `source` names it.
  json_document(std::string_view text, std::string source, json_dialect dialect = json_dialect::standard)
      : source_(std::move(source)), root_(parse_json(text, source_, dialect)) {
    static_cast<void>(root().as_object());
  }
  json_document(std::span<std::byte const> bytes, std::string source, json_dialect dialect = json_dialect::standard)
      : json_document(std::string_view(reinterpret_cast<char const*>(bytes.data()), bytes.size()), std::move(source),
                      dialect) {}

  /// Throws:  mamba::error when the path is not a regular file of at most `longest` bytes, or not such JSON.
  [[nodiscard]] static json_document open(std::filesystem::path const& path, std::size_t longest,
                                          json_dialect dialect = json_dialect::standard) {
    mapped_file const file(path);
    if (file.bytes().size() > longest) {
      core::fail(path.string() + ": has " + std::to_string(file.bytes().size()) + " bytes, expected at most " +
                 std::to_string(longest));
    }
    return json_document(file.bytes(), path.string(), dialect);
  }

  /// A view that must not outlive this document.
  [[nodiscard]] json_value root() const { return {root_, source_}; }

 private:
  std::string source_;
  nlohmann::json root_;
};

}  // namespace mamba::inline MAMBA_ABI::io
