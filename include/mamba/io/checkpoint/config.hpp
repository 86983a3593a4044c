// SPDX-License-Identifier: MIT
// mamba/io/checkpoint/config.hpp — config.json of transformers and of the original Mamba.  [floor 7]
//
// The two spell the same sizes differently (hidden_size and d_model, …). transformers' own file is recognised by its
// model_type or hidden_size: files that were converted carry the original keys as well, and transformers ignores them.
// Settings that mean another network of the same tensors (another activation, a LayerNorm, attention) are errors.
#pragma once

#include <mamba/core/error.hpp>
#include <mamba/io/file/mapped_file.hpp>
#include <mamba/io/json/reader.hpp>
#include <mamba/model/config.hpp>

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace mamba::inline MAMBA_ABI::io {

namespace detail {

/// dt_rank: a size, or "auto" (0 in the library's config: d_model / 16, rounded up).
[[nodiscard]] inline std::size_t rank(json_value const& json, char const* key) {
  auto const value = json.find(key);
  if (!value || value->node() == "auto") return 0;
  if (!value->node().is_number_unsigned()) value->expected("a whole number or \"auto\"");
  return value->as_size();
}

inline void only_rms_norm(json_value const& json) {
  json.only("rms_norm", {true}, " (models with LayerNorm are not supported)");
}

[[nodiscard]] inline model::config hugging_face_config(json_value const& json) {
  json.only("model_type", {"mamba"});
  if (auto const names = json.find("architectures"); names && !names->node().empty()) {
    json.only("architectures", {nlohmann::json::array({"MambaForCausalLM"})});
  }
  json.only("hidden_act", {"silu", "swish"});
  only_rms_norm(json);

  model::config c{};
  c.d_model = json.size("hidden_size");
  c.n_layer = json.size("num_hidden_layers");
  c.vocab_size = json.size("vocab_size");  // as the embedding has it: padding is included
  c.d_state = json.size("state_size", 16);
  c.d_conv = json.size("conv_kernel", 4);
  c.expand = json.size("expand", 2);
  c.dt_rank = rank(json, "time_step_rank");
  c.norm_epsilon = json.positive("layer_norm_epsilon", 1e-5);
  c.bias = json.flag("use_bias", false);
  c.conv_bias = json.flag("use_conv_bias", true);
  c.tie_embeddings = json.flag("tie_word_embeddings", true);
  if (json.size("intermediate_size", c.d_inner()) != c.d_inner()) {
    json.find("intermediate_size")->expected("expand · hidden_size = " + std::to_string(c.d_inner()));
  }
  return c;
}

[[nodiscard]] inline model::config original_config(json_value const& json) {
  static nlohmann::json const none = nlohmann::json::object();
  static std::string const nowhere;
  json_value const cfg = json.has("ssm_cfg") ? json.object("ssm_cfg") : json_value(none, nowhere);
  cfg.only("layer", {"Mamba1"}, " (layers of another kind are not supported)");
  json.only("attn_layer_idx", {nlohmann::json::array()}, " (attention is not supported)");
  json.only("d_intermediate", {0}, " (an MLP in each layer is not supported)");
  only_rms_norm(json);

  model::config c{};
  c.d_model = json.size("d_model");
  c.n_layer = json.size("n_layer");
  c.vocab_size = json.size("vocab_size");
  c.pad_vocab_size_multiple = json.size("pad_vocab_size_multiple", 8);
  c.tie_embeddings = json.flag("tie_embeddings", true);
  c.d_state = cfg.size("d_state", 16);
  c.d_conv = cfg.size("d_conv", 4);
  c.expand = cfg.size("expand", 2);
  c.dt_rank = rank(cfg, "dt_rank");
  c.bias = cfg.flag("bias", false);
  c.conv_bias = cfg.flag("conv_bias", true);
  return c;
}

}  // namespace detail

/// The sizes in the text of a config.json. Each is in range; whether the tensors agree is checked elsewhere.
///
/// Throws:  mamba::error for a key of the wrong kind, a size out of range, or another architecture.
[[nodiscard]] inline model::config parse_config(std::string_view text, std::string const& source) {
  json_document const document(text, source, json_dialect::python);
  auto const json = document.root();
  if (json.has("model_type") || json.has("hidden_size")) return detail::hugging_face_config(json);
  if (!json.has("d_model")) json.fail("names neither hidden_size nor d_model: not a Mamba's configuration");
  return detail::original_config(json);
}

/// Whether the text of a config.json, which parse_config has accepted, is of transformers' kind.
[[nodiscard]] inline bool is_hugging_face(std::string_view text) {
  json_document const document(text, "config.json", json_dialect::python);
  return document.root().has("model_type") || document.root().has("hidden_size");
}

/// The sizes as a config.json: as transformers writes it, or, where logits are fewer than the embedding's rows, which
/// only the original package can express, as that does.
[[nodiscard]] inline std::string config_text(model::config const& c) {
  nlohmann::ordered_json json;
  if (c.padded_vocab() != c.vocab_size) {
    if (c.norm_epsilon != 1e-5) core::fail("a configuration with padded logits cannot state another norm_epsilon");
    json["d_model"] = c.d_model;
    json["n_layer"] = c.n_layer;
    json["vocab_size"] = c.vocab_size;
    json["ssm_cfg"] = {{"d_state", c.d_state}, {"d_conv", c.d_conv}, {"expand", c.expand},
                       {"dt_rank", c.rank()},  {"bias", c.bias},     {"conv_bias", c.conv_bias}};
    json["rms_norm"] = true;
    json["pad_vocab_size_multiple"] = c.pad_vocab_size_multiple;
    json["tie_embeddings"] = c.tie_embeddings;
    return json.dump(2) + "\n";
  }
  json["architectures"] = {"MambaForCausalLM"};
  json["model_type"] = "mamba";
  json["hidden_size"] = c.d_model;
  json["intermediate_size"] = c.d_inner();
  json["num_hidden_layers"] = c.n_layer;
  json["vocab_size"] = c.padded_vocab();
  json["state_size"] = c.d_state;
  json["conv_kernel"] = c.d_conv;
  json["expand"] = c.expand;
  json["time_step_rank"] = c.rank();
  json["hidden_act"] = "silu";
  json["layer_norm_epsilon"] = c.norm_epsilon;
  json["tie_word_embeddings"] = c.tie_embeddings;
  json["use_bias"] = c.bias;
  json["use_conv_bias"] = c.conv_bias;
  json["residual_in_fp32"] = true;
  return json.dump(2) + "\n";
}

/// The text of a config.json. Throws:  mamba::error when it is missing, not a regular file or far too long for one.
[[nodiscard]] inline std::string read_config_text(std::filesystem::path const& path) {
  constexpr std::size_t longest = 16'000'000;
  mapped_file const file(path);
  if (file.bytes().size() > longest) core::fail(path.string() + ": too large for a config.json");
  return {reinterpret_cast<char const*>(file.bytes().data()), file.bytes().size()};
}

/// The sizes from a file. Throws:  mamba::error as the two above do.
[[nodiscard]] inline model::config read_config(std::filesystem::path const& path) {
  return parse_config(read_config_text(path), path.string());
}

}  // namespace mamba::inline MAMBA_ABI::io
