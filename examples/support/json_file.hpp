// SPDX-License-Identifier: MIT
// support/json_file.hpp — a JSON file whose members are asked for by type, with one sentence when they are another.
#pragma once

#include <mamba/core/error.hpp>

#include <safetensors/mapped_file.hpp>
#include <safetensors/strict_json.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace examples {

/// A JSON object read from a file. Strict as safetensors::parse_json: no member twice, no deep nesting.
class json_file {
 public:
  using json = nlohmann::json;

  /// Larger files are no tokenizers: the largest published ones have some 30 MB.
  static constexpr std::size_t longest = 200'000'000;

  /// Throws:  mamba::error when the path is not a regular file, or not such JSON.
  explicit json_file(std::filesystem::path const& path)
      : json_file(safetensors::mapped_file(path).bytes(), path.string()) {}

  /// The same from the bytes of a file. `source` is its name for messages.
  json_file(std::span<std::byte const> bytes, std::string source) : path_(std::move(source)) {
    if (bytes.size() > longest) fail("has " + std::to_string(bytes.size()) + " bytes, expected a tokenizer.json");
    root_ = safetensors::parse_json({reinterpret_cast<char const*>(bytes.data()), bytes.size()}, path_);
    if (!root_.is_object()) fail("the file is " + excerpt(root_) + ", expected an object");
  }

  [[nodiscard]] json const& root() const noexcept { return root_; }

  /// Throws mamba::error with a sentence about this file.
  [[noreturn]] void fail(std::string const& sentence) const { mamba::core::fail(path_ + ": " + sentence); }

  /// Whether a member is there and not null.
  [[nodiscard]] static bool has(json const& object, char const* name) {
    auto const found = object.find(name);
    return found != object.end() && !found->is_null();
  }

  [[nodiscard]] json const& object(json const& owner, char const* name, std::string const& owner_name = "") const {
    auto const& value = member(owner, owner_name, name, "an object");
    if (!value.is_object()) fail_type(value, join(owner_name, name), "an object");
    return value;
  }

  [[nodiscard]] json const& array(json const& owner, std::string const& owner_name, char const* name) const {
    auto const& value = member(owner, owner_name, name, "a list");
    if (!value.is_array()) fail_type(value, join(owner_name, name), "a list");
    return value;
  }

  [[nodiscard]] std::string const& text(json const& owner, std::string const& owner_name, char const* name) const {
    auto const& value = member(owner, owner_name, name, "a string");
    if (!value.is_string()) fail_type(value, join(owner_name, name), "a string");
    return value.get_ref<std::string const&>();
  }

  [[nodiscard]] bool flag(json const& owner, std::string const& owner_name, char const* name) const {
    auto const& value = member(owner, owner_name, name, "true or false");
    if (!value.is_boolean()) fail_type(value, join(owner_name, name), "true or false");
    return value.get<bool>();
  }

  /// A whole number below `limit`.
  [[nodiscard]] std::size_t index(json const& value, std::string const& name, std::size_t limit) const {
    bool const fits = value.is_number_unsigned() && value.get<std::uint64_t>() < limit;
    if (!fits) fail_type(value, name, "a whole number below " + std::to_string(limit));
    return value.get<std::size_t>();
  }

  void expect_absent(json const& owner, std::string const& owner_name, char const* name) const {
    if (has(owner, name)) fail_type(owner[name], join(owner_name, name), "null");
  }

  /// "owner.name", or the name alone at the top.
  [[nodiscard]] static std::string join(std::string const& owner, std::string_view name) {
    return owner.empty() ? std::string(name) : owner + "." + std::string(name);
  }

  /// A value for a message: short, in one line.
  [[nodiscard]] static std::string excerpt(json const& value) {
    if (value.is_object()) return "an object";
    if (value.is_array()) return "a list";
    auto text = value.dump(-1, ' ', true);
    if (text.size() > 60) text = text.substr(0, 57) + "...";
    return text;
  }

 private:
  [[nodiscard]] json const& member(json const& owner, std::string const& owner_name, char const* name,
                                   char const* expected) const {
    auto const found = owner.find(name);
    if (found == owner.end()) fail(join(owner_name, name) + " is missing, expected " + expected);
    return *found;
  }

  [[noreturn]] void fail_type(json const& value, std::string const& name, std::string const& expected) const {
    fail(name + " is " + excerpt(value) + ", expected " + expected);
  }

  std::string path_;
  json root_;
};

}  // namespace examples
