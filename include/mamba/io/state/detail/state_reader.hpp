// SPDX-License-Identifier: MIT
// mamba/io/state/detail/state_reader.hpp — a state file that is checked as a whole before anything is used.  [floor 7]
#pragma once

#include <mamba/io/file/crc64.hpp>
#include <mamba/io/file/mapped_file.hpp>
#include <mamba/io/safetensors/header.hpp>
#include <mamba/io/state/fingerprint.hpp>
#include <mamba/model/sampling.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace mamba::inline MAMBA_ABI::io {

namespace metadata_key {

inline constexpr char const* state_version = "mamba.state.version";
inline constexpr char const* state_checksum = "mamba.state.checksum";
inline constexpr char const* state_model = "mamba.state.model";
inline constexpr char const* state_weights = "mamba.state.weights";
inline constexpr char const* state_digest = "mamba.state.digest";
inline constexpr char const* state_position = "mamba.state.position";
inline constexpr char const* state_generator = "mamba.state.generator";

}  // namespace metadata_key

/// The version of the description above. What it says of the checksum holds for all versions.
inline constexpr std::string_view state_file_version = "1";

namespace detail {

/// Where the digits of the checksum begin in a header; nothing where it has none.
[[nodiscard]] inline std::optional<std::size_t> checksum_place(std::string_view header) {
  auto const before = "\"" + std::string(metadata_key::state_checksum) + "\":\"";
  auto const found = header.find(before);
  if (found == header.npos || header.size() - found - before.size() < 16) return std::nullopt;
  return found + before.size();
}

/// The checksum of a file, its digits taken as zeros.
[[nodiscard]] inline std::string state_checksum(std::span<std::byte const> file, std::size_t digits) {
  crc64 sum;
  sum.add(file.first(digits));
  add_text(sum, "0000000000000000");
  sum.add(file.subspan(digits + 16));
  return hexadecimal(sum.value());
}

/// A whole number without sign in all of a text.
[[nodiscard]] inline std::optional<std::uint64_t> whole_number(std::string_view text, int base) {
  std::uint64_t value = 0;
  auto const [end, code] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// A state file whose checksum, version and model are right.
class state_reader {
 public:
  state_reader(std::filesystem::path const& path, model_fingerprint const& model)
      : file_(path), said_(safetensors::parse(file_.bytes(), path.string())) {
    std::uint64_t length = 0;
    std::memcpy(&length, file_.bytes().data(), 8);
    auto const header = file_.bytes().subspan(8, length);
    auto const digits = checksum_place({reinterpret_cast<char const*>(header.data()), header.size()});
    if (!digits) fail("is no saved state (__metadata__ has no " + std::string(metadata_key::state_checksum) + ")");
    auto const& found = required(metadata_key::state_checksum);
    auto const expected = state_checksum(file_.bytes(), 8 + *digits);
    if (found != expected)
      fail("is damaged: found the checksum " + in_quotes(found) + ", expected '" + expected + "' for its bytes");
    if (auto const& version = required(metadata_key::state_version); version != state_file_version)
      fail("has version " + in_quotes(version) + ", expected '" + std::string(state_file_version) +
           "', the only one that this version reads");
    expect(metadata_key::state_model, "a model with ", model.sizes);
    expect(metadata_key::state_weights, "a model with weights in ", model.weights);
    expect(metadata_key::state_digest, "a model of the same sizes with the digest ", hexadecimal(model.digest));
    for (stored_tensor const& t : said_.tensors) unread_.emplace(t.name, &t);
  }

  [[noreturn]] void fail(std::string const& what) const { core::fail(file_.path().string() + ": " + what); }

  [[nodiscard]] std::string const* metadata(char const* key) const {
    auto const found = said_.metadata.find(key);
    return found == said_.metadata.end() ? nullptr : &found->second;
  }

  /// The tensor of that name, once; null where there is none.
  [[nodiscard]] stored_tensor const* take(std::string_view name) {
    auto const found = unread_.find(name);
    return found == unread_.end() ? nullptr : std::exchange(found->second, nullptr);
  }

  void check(stored_tensor const& found, dtype type, std::span<std::size_t const> shape) const {
    if (found.type == type && std::equal(found.shape.begin(), found.shape.end(), shape.begin(), shape.end())) return;
    fail("tensor " + in_quotes(found.name) + " has " + std::string(name_of(found.type)) + " " + to_string(found.shape) +
         ", expected " + std::string(name_of(type)) + " " + to_string(shape));
  }

  /// A list that a program gave beside the state; empty where the file has none.
  template <class T>
  [[nodiscard]] std::vector<T> list(char const* name, dtype type) {
    stored_tensor const* const found = take(name);
    if (found == nullptr) return {};
    std::size_t const size = found->shape.empty() ? 0 : found->shape[0];
    check(*found, type, std::array{size});
    std::vector<T> out(size);
    if (size > 0) std::memcpy(out.data(), found->data.data(), size * sizeof(T));
    return out;
  }

  [[nodiscard]] std::uint64_t position() const {
    std::string const* const text = metadata(metadata_key::state_position);
    if (text == nullptr) return 0;
    auto const value = whole_number(*text, 10);
    if (!value) fail("has the position " + in_quotes(*text) + ", expected a whole number");
    return *value;
  }

  [[nodiscard]] std::optional<model::generator> generator() const {
    std::string const* const text = metadata(metadata_key::state_generator);
    if (text == nullptr) return std::nullopt;
    std::array<std::uint64_t, 4> words{};
    bool good = text->size() == 4 * 17 - 1;
    for (std::size_t i = 0; good && i < 4; ++i) {
      auto const word = whole_number(std::string_view(*text).substr(17 * i, 16), 16);
      good = word.has_value() && (i == 3 || (*text)[17 * i + 16] == ' ');
      words[i] = word.value_or(0);
    }
    if (!good || words == std::array<std::uint64_t, 4>{})
      fail("has the generator " + in_quotes(*text) + ", expected four words of 16 hexadecimal digits, not all zero");
    return model::generator(words);
  }

  [[nodiscard]] safetensors::metadata_map notes() const {
    safetensors::metadata_map out;
    for (auto const& [key, value] : said_.metadata) {
      if (!key.starts_with("mamba.")) out.emplace(key, value);
    }
    return out;
  }

  /// Throws:  mamba::error where a tensor has not been taken.
  void expect_all_taken() const {
    for (auto const& [name, tensor] : unread_) {
      if (tensor != nullptr) fail("tensor " + in_quotes(name) + " is not part of the state that is to be loaded");
    }
  }

 private:
  [[nodiscard]] std::string const& required(char const* key) const {
    std::string const* const found = metadata(key);
    if (found == nullptr) fail("is no saved state (__metadata__ has no " + std::string(key) + ")");
    return *found;
  }
  void expect(char const* key, char const* of, std::string const& expected) const {
    auto const& found = required(key);
    if (found == expected) return;
    auto const text = [](std::string const& s) { return s.empty() ? std::string("(none)") : printable(s); };
    fail("is the state of " + std::string(of) + text(shortened(found, 200)) + ", expected " + text(expected));
  }

  mapped_file file_;
  safetensors::contents said_;
  std::map<std::string_view, stored_tensor const*> unread_;
};

}  // namespace detail

}  // namespace mamba::inline MAMBA_ABI::io
