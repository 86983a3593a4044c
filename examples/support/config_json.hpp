// SPDX-License-Identifier: MIT
// support/config_json.hpp — config.json, as transformers and as the original Mamba package write it.
//
// The two spell the same sizes differently (hidden_size and d_model, …). transformers' own file is recognised by its
// model_type or hidden_size: files that were converted carry the original keys as well, and transformers ignores them.
// Whatever would make another network of the same tensors (another activation, a LayerNorm, attention) is an error.
#pragma once

#include <mamba/core/error.hpp>
#include <mamba/model/config.hpp>
#include <safetensors/mapped_file.hpp>
#include <safetensors/printable.hpp>
#include <safetensors/strict_json.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace examples {

/// Sizes beyond this are taken for damage; products of two of them still fit 64 bits.
inline constexpr std::uint64_t largest_extent = 2'147'483'647;

/// The keys of one JSON object, with sentences for what is wrong with them. A null counts as absent.
class json_object {
 public:
  /// `place` is the object's own place in the file, empty or such as "ssm_cfg.".
  json_object(nlohmann::json const& object, std::string source, std::string place = "")
      : object_(object), source_(std::move(source)), place_(std::move(place)) {
    if (!object.is_object()) {
      fail((place_.empty() ? "the document" : place_.substr(0, place_.size() - 1)) + " is not an object");
    }
  }

  [[nodiscard]] nlohmann::json const* find(char const* key) const {
    auto const found = object_.find(key);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }

  [[nodiscard]] std::size_t size(char const* key, std::optional<std::size_t> absent = std::nullopt) const {
    auto const* const value = find(key);
    if (value == nullptr) {
      if (!absent) fail("has no " + place_ + key);
      return *absent;
    }
    bool const fits = value->is_number_unsigned() && value->get<std::uint64_t>() - 1 < largest_extent;
    if (!fits) reject(key, "a whole number from 1 to " + std::to_string(largest_extent));
    return value->get<std::size_t>();
  }

  [[nodiscard]] bool flag(char const* key, bool absent) const {
    auto const* const value = find(key);
    if (value != nullptr && !value->is_boolean()) reject(key, "true or false");
    return value == nullptr ? absent : value->get<bool>();
  }

  [[nodiscard]] double positive(char const* key, double absent) const {
    auto const* const value = find(key);
    if (value == nullptr) return absent;
    double const number = value->is_number() ? value->get<double>() : -1;
    if (!(number > 0) || !std::isfinite(number)) reject(key, "a positive number");
    return number;
  }

  /// dt_rank: a size, or "auto" (0 in the library's config: d_model / 16, rounded up).
  [[nodiscard]] std::size_t rank(char const* key) const {
    auto const* const value = find(key);
    if (value == nullptr || *value == "auto") return 0;
    if (!value->is_number_unsigned()) reject(key, "a whole number or \"auto\"");
    return size(key);
  }

  /// For a key that may be absent, but not have another value than these: the network would be another one.
  void only(char const* key, std::initializer_list<nlohmann::json> const& allowed) const {
    auto const* const value = find(key);
    if (value == nullptr) return;
    for (auto const& a : allowed) {
      if (*value == a) return;
    }
    reject(key, allowed.begin()->dump());
  }

  [[noreturn]] void reject(std::string const& key, std::string const& expected) const {
    constexpr std::size_t longest = 80;
    std::string const found = safetensors::printable(safetensors::shortened(object_.at(key).dump(), longest));
    fail(place_ + key + " is " + found + ", expected " + expected);
  }

  [[noreturn]] void fail(std::string const& what) const { mamba::core::fail(source_ + ": " + what); }

 private:
  nlohmann::json const& object_;
  std::string source_, place_;
};

namespace detail {

[[nodiscard]] inline mamba::model::config hugging_face_config(json_object const& json) {
  json.only("model_type", {"mamba"});
  if (auto const* const names = json.find("architectures"); names != nullptr && !names->empty()) {
    json.only("architectures", {nlohmann::json::array({"MambaForCausalLM"})});
  }
  json.only("hidden_act", {"silu", "swish"});

  mamba::model::config c{};
  c.d_model = json.size("hidden_size");
  c.n_layer = json.size("num_hidden_layers");
  c.vocab_size = json.size("vocab_size");  // as the embedding has it: padding is included
  c.d_state = json.size("state_size", 16);
  c.d_conv = json.size("conv_kernel", 4);
  c.expand = json.size("expand", 2);
  c.dt_rank = json.rank("time_step_rank");
  c.norm_epsilon = json.positive("layer_norm_epsilon", 1e-5);
  c.bias = json.flag("use_bias", false);
  c.conv_bias = json.flag("use_conv_bias", true);
  c.tie_embeddings = json.flag("tie_word_embeddings", true);
  if (json.size("intermediate_size", c.d_inner()) != c.d_inner()) {
    json.reject("intermediate_size", "expand · hidden_size = " + std::to_string(c.d_inner()));
  }
  return c;
}

[[nodiscard]] inline mamba::model::config original_config(json_object const& json, std::string const& source) {
  json.only("rms_norm", {true});
  json.only("d_intermediate", {0});
  json.only("attn_layer_idx", {nlohmann::json::array()});

  nlohmann::json const none = nlohmann::json::object();
  auto const* const ssm = json.find("ssm_cfg");
  json_object const cfg(ssm == nullptr ? none : *ssm, source, "ssm_cfg.");
  cfg.only("layer", {"Mamba1"});

  mamba::model::config c{};
  c.d_model = json.size("d_model");
  c.n_layer = json.size("n_layer");
  c.vocab_size = json.size("vocab_size");
  c.pad_vocab_size_multiple = json.size("pad_vocab_size_multiple", 8);
  c.tie_embeddings = json.flag("tie_embeddings", true);
  c.d_state = cfg.size("d_state", 16);
  c.d_conv = cfg.size("d_conv", 4);
  c.expand = cfg.size("expand", 2);
  c.dt_rank = cfg.rank("dt_rank");
  c.bias = cfg.flag("bias", false);
  c.conv_bias = cfg.flag("conv_bias", true);
  return c;
}

}  // namespace detail

/// The sizes that the text of a config.json states. They are plausible each by itself; the tensors must still agree.
///
/// Throws:  mamba::error for a key of the wrong kind, a size out of range, or another architecture.
[[nodiscard]] inline mamba::model::config parse_config(std::string_view text, std::string const& source) {
  auto const document = safetensors::parse_json(text, source);
  json_object const json(document, source);
  if (json.find("model_type") != nullptr || json.find("hidden_size") != nullptr) {
    return detail::hugging_face_config(json);
  }
  if (json.find("d_model") == nullptr) json.fail("names neither hidden_size nor d_model: not a Mamba's configuration");
  return detail::original_config(json, source);
}

/// The text of a config.json. Throws:  mamba::error when it is missing, not a regular file or far too long for one.
[[nodiscard]] inline std::string read_config_text(std::filesystem::path const& path) {
  constexpr std::size_t longest = 16'000'000;
  safetensors::mapped_file const file(path);
  if (file.bytes().size() > longest) mamba::core::fail(path.string() + ": too large for a config.json");
  return {reinterpret_cast<char const*>(file.bytes().data()), file.bytes().size()};
}

/// The sizes from a file. Throws:  mamba::error as the two above do.
[[nodiscard]] inline mamba::model::config read_config(std::filesystem::path const& path) {
  return parse_config(read_config_text(path), path.string());
}

}  // namespace examples
