// SPDX-License-Identifier: MIT
#include <mamba/io/checkpoint/config.hpp>

#include <support/error_of.hpp>
#include <support/temporary_folder.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <string>

using nlohmann::json;
using test::has;

namespace {

mamba::model::config config_of(json const& document) {
  test::temporary_folder const folder;
  test::write_text(folder / "config.json", document.dump());
  return mamba::io::read_config(folder / "config.json");
}

std::string error(json document, json const& changes) {
  document.merge_patch(changes);
  return test::error_of([&] { static_cast<void>(config_of(document)); });
}

json hugging_face() {
  return {{"model_type", "mamba"}, {"hidden_size", 24}, {"num_hidden_layers", 2}, {"vocab_size", 11}};
}

json original() { return {{"d_model", 24}, {"n_layer", 2}, {"vocab_size", 11}}; }

}  // namespace

TEST_CASE("config_json: transformers' keys, and its defaults where a key is absent") {
  auto const c = config_of(hugging_face());
  CHECK(c.d_model == 24);
  CHECK(c.n_layer == 2);
  CHECK(c.vocab_size == 11);
  CHECK(c.padded_vocab() == 11);
  CHECK(c.d_state == 16);
  CHECK(c.d_conv == 4);
  CHECK(c.d_inner() == 48);
  CHECK(c.rank() == 2);  // 24 / 16, rounded up
  CHECK_FALSE(c.bias);
  CHECK(c.conv_bias);
  CHECK(c.tie_embeddings);
  CHECK(c.norm_epsilon == 1e-5);

  auto document = hugging_face();
  document.update({{"state_size", 8},
                   {"conv_kernel", 3},
                   {"expand", 3},
                   {"intermediate_size", 72},
                   {"time_step_rank", 5},
                   {"use_bias", true},
                   {"use_conv_bias", false},
                   {"tie_word_embeddings", false},
                   {"layer_norm_epsilon", 1e-6},
                   {"hidden_act", "silu"},
                   {"architectures", {"MambaForCausalLM"}},
                   {"residual_in_fp32", true},
                   {"pad_token_id", nullptr},
                   {"anything", {{"else", 1}}}});
  auto const d = config_of(document);
  CHECK(d.d_state == 8);
  CHECK(d.d_conv == 3);
  CHECK(d.d_inner() == 72);
  CHECK(d.rank() == 5);
  CHECK(d.bias);
  CHECK_FALSE(d.conv_bias);
  CHECK_FALSE(d.tie_embeddings);
  CHECK(d.norm_epsilon == 1e-6);
  document["time_step_rank"] = "auto";
  CHECK(config_of(document).rank() == 2);
}

TEST_CASE("config_json: the original package's keys, and its defaults where a key is absent") {
  auto const c = config_of(original());
  CHECK(c.d_model == 24);
  CHECK(c.n_layer == 2);
  CHECK(c.vocab_size == 11);
  CHECK(c.padded_vocab() == 16);  // to a multiple of 8
  CHECK(c.d_inner() == 48);
  CHECK_FALSE(c.bias);
  CHECK(c.conv_bias);
  CHECK(c.tie_embeddings);

  auto document = original();
  document.update({{"ssm_cfg",
                    {{"layer", "Mamba1"},
                     {"d_state", 8},
                     {"d_conv", 2},
                     {"expand", 3},
                     {"dt_rank", 7},
                     {"bias", true},
                     {"conv_bias", false},
                     {"dt_min", 0.001}}},
                   {"rms_norm", true},
                   {"pad_vocab_size_multiple", 5},
                   {"tie_embeddings", false},
                   {"d_intermediate", 0},
                   {"attn_layer_idx", json::array()},
                   {"residual_in_fp32", true}});
  auto const d = config_of(document);
  CHECK(d.d_state == 8);
  CHECK(d.d_conv == 2);
  CHECK(d.d_inner() == 72);
  CHECK(d.rank() == 7);
  CHECK(d.bias);
  CHECK_FALSE(d.conv_bias);
  CHECK_FALSE(d.tie_embeddings);
  CHECK(d.padded_vocab() == 15);
}

TEST_CASE("config_json: a converted file with both sets of keys is read as transformers reads it") {
  auto document = hugging_face();
  document.update({{"d_model", 999}, {"n_layer", 999}, {"ssm_cfg", json::object()}, {"pad_vocab_size_multiple", 8}});
  auto const c = config_of(document);
  CHECK(c.d_model == 24);
  CHECK(c.padded_vocab() == 11);
}

TEST_CASE("config_json: other architectures are refused by name") {
  for (auto const* const type : {"mamba2", "falcon_mamba", "llama", "jamba", ""}) {
    CHECK(has(error(hugging_face(), {{"model_type", type}}),
              "config.json: model_type is \"" + std::string(type) + "\", expected \"mamba\""));
  }
  CHECK(has(error(hugging_face(), {{"architectures", {"LlamaForCausalLM"}}}),
            "architectures is [\"LlamaForCausalLM\"], expected [\"MambaForCausalLM\"]"));
  CHECK(has(error(hugging_face(), {{"hidden_act", "gelu"}}), "hidden_act is \"gelu\", expected \"silu\""));
  CHECK(
      has(error(original(), {{"ssm_cfg", {{"layer", "Mamba2"}}}}), "ssm_cfg.layer is \"Mamba2\", expected \"Mamba1\""));
  CHECK(has(error(original(), {{"rms_norm", false}}), "rms_norm is false, expected true"));
  CHECK(has(error(original(), {{"d_intermediate", 64}}), "d_intermediate is 64, expected 0"));
  CHECK(has(error(original(), {{"attn_layer_idx", {1}}}), "attn_layer_idx is [1], expected []"));
  CHECK(has(error({{"n_embd", 12}, {"n_head", 2}}, json::object()), "names neither hidden_size nor d_model"));
}

TEST_CASE("config_json: sizes that are missing, negative, zero, absurd or no sizes at all are refused") {
  for (auto const* const key : {"hidden_size", "num_hidden_layers", "vocab_size"}) {
    CHECK(has(error(hugging_face(), {{key, nullptr}}), std::string("config.json: ") + key + " is missing"));
  }
  for (auto const* const key : {"n_layer", "vocab_size"}) {
    CHECK(has(error(original(), {{key, nullptr}}), std::string(key) + " is missing"));
  }
  std::string const expected = ", expected a whole number from 1 to 2147483647";
  for (auto const* const key : {"hidden_size", "num_hidden_layers", "vocab_size", "state_size", "conv_kernel", "expand",
                                "time_step_rank", "intermediate_size"}) {
    for (json const& value : {json(0), json(2147483648U), json(18446744073709551615U)}) {
      CHECK(has(error(hugging_face(), {{key, value}}), key + (" is " + value.dump()) + expected));
    }
    for (json const& value : {json(-1), json(1.5), json("12"), json(true), json(1e300)}) {
      CHECK(has(error(hugging_face(), {{key, value}}), key + (" is " + value.dump()) + ", expected a whole number"));
    }
  }
  CHECK(has(error(original(), {{"ssm_cfg", {{"d_state", -16}}}}), "ssm_cfg.d_state is -16" + expected));
  CHECK(
      has(error(original(), {{"ssm_cfg", {{"dt_rank", "large"}}}}), "ssm_cfg.dt_rank is \"large\", expected a whole"));
  CHECK(has(error(original(), {{"pad_vocab_size_multiple", 0}}), "pad_vocab_size_multiple is 0" + expected));
  CHECK(has(error(original(), {{"ssm_cfg", 5}}), "config.json: ssm_cfg is 5, expected an object"));
  CHECK(has(error(hugging_face(), {{"use_bias", 1}}), "use_bias is 1, expected true or false"));
  CHECK(has(error(hugging_face(), {{"layer_norm_epsilon", -1e-5}}), "expected a positive number"));
  CHECK(has(error(hugging_face(), {{"layer_norm_epsilon", "1e-5"}}), "expected a positive number"));
  CHECK(has(error(hugging_face(), {{"intermediate_size", 49}}),
            "intermediate_size is 49, expected expand · hidden_size = 48"));
  CHECK(error(hugging_face(), {{"hidden_size", std::string(100'000, 'x')}}).size() < 300);
}

TEST_CASE("config_json: files that are no JSON object are refused") {
  test::temporary_folder const folder;
  auto const of = [&](std::string const& text) {
    test::write_text(folder / "config.json", text);
    return test::error_of([&] { static_cast<void>(mamba::io::read_config(folder / "config.json")); });
  };
  CHECK(has(of(""), "config.json: not valid JSON"));
  CHECK(has(of("{"), "config.json: not valid JSON"));
  CHECK(has(of("[]"), "config.json: the file is a list, expected an object"));
  CHECK(has(of("{\"d_model\":1,\"d_model\":2}"), "key 'd_model' appears twice"));
  CHECK(has(test::error_of([&] { static_cast<void>(mamba::io::read_config(folder / "none")); }), "none: no such file"));
  CHECK(has(test::error_of([&] { static_cast<void>(mamba::io::read_config(folder.path())); }), "is a folder"));
}

TEST_CASE("config_json: numbers that JSON does not have are read in their three spellings") {
  for (char const* const limit :
       {"[0.0, Infinity]", "[-Infinity, NaN]", "\"Infinity\"", R"({"__float__": "Infinity"})"}) {
    CAPTURE(limit);
    auto text = hugging_face().dump();
    text.back() = ',';
    text += std::string("\"time_step_limit\": ") + limit + "}";
    CHECK(mamba::io::parse_config(text, "config.json").d_model == 24);
  }
  // Of another architecture, the message names the architecture.
  CHECK(has(test::error_of([] {
              (void)mamba::io::parse_config(R"({"time_step_limit": [0.0, Infinity], "model_type": "mamba2"})",
                                            "c.json");
            }),
            "c.json: model_type is \"mamba2\", expected \"mamba\""));
  CHECK(has(test::error_of([] {
              (void)mamba::io::parse_config(
                  R"({"d_model": 8, "d_intermediate": 3, "ssm_cfg": {"layer": "Mamba2", "dt_limit": [0.0, Infinity]}})",
                  "c.json");
            }),
            "ssm_cfg.layer is \"Mamba2\", expected \"Mamba1\""));
}

TEST_CASE("config_json: a model with LayerNorm is refused as such, in both kinds of files") {
  for (json const& document : {hugging_face(), original()}) {
    CHECK(has(error(document, {{"rms_norm", false}}), "rms_norm is false, expected true (models with LayerNorm"));
  }
}
