// SPDX-License-Identifier: MIT
#include <support/checkpoint.hpp>

#include <support/error_of.hpp>
#include <support/random.hpp>
#include <support/temporary_folder.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

using mamba::model::naming;
using nlohmann::json;
using safetensors::dtype;
using safetensors::tensor;
using test::has;

namespace {

std::filesystem::path golden(std::string_view name) {
  return std::filesystem::path(MAMBA_GOLDEN_DIR) / "safetensors" / name;
}

json configuration() {
  return {{"model_type", "mamba"}, {"architectures", {"MambaForCausalLM"}},
          {"hidden_size", 6},      {"num_hidden_layers", 2},
          {"vocab_size", 7},       {"state_size", 3},
          {"conv_kernel", 2},      {"expand", 3},
          {"time_step_rank", 2},   {"use_bias", false},
          {"use_conv_bias", true}, {"tie_word_embeddings", true}};
}

// A checkpoint as a map that a test damages before it is written: name → type, shape and bytes.
struct stored {
  dtype type = dtype::f32;
  std::vector<std::size_t> shape;
  std::string data;
};

class made_checkpoint {
 public:
  explicit made_checkpoint(json const& config = configuration(), naming spelling = naming::hugging_face)
      : config_(config) {
    test::write_text(folder_ / "config.json", config.dump());
    auto const sizes = examples::read_config(folder_ / "config.json");
    test::random rng(3);
    auto const make = [&](std::string const& name, std::span<std::size_t const> shape, auto&) {
      std::vector<float> values(*safetensors::element_count(shape));
      rng.fill(std::span(values), -1, 1);
      tensors[name] = {
          dtype::f32, {shape.begin(), shape.end()}, {reinterpret_cast<char const*>(values.data()), 4 * values.size()}};
    };
    mamba::model::for_each_tensor(mamba::model::outline(sizes), make, spelling);
  }

  std::map<std::string, stored> tensors;

  examples::checkpoint open(json const& changes = json::object()) const {
    auto config = config_;
    config.merge_patch(changes);
    test::write_text(folder_ / "config.json", config.dump());
    std::vector<tensor> list;
    for (auto const& [name, t] : tensors) list.push_back({name, t.type, t.shape, std::as_bytes(std::span(t.data))});
    safetensors::write(folder_ / "model.safetensors", list);
    return examples::open_checkpoint(folder_.path());
  }

  std::string error(json const& changes = json::object()) const {
    return test::error_of([&] { static_cast<void>(open(changes)); });
  }

  test::temporary_folder const& folder() const { return folder_; }

 private:
  json config_;
  test::temporary_folder folder_;
};

// Every tensor of the weights, row by row, in one list per name.
template <class W, class Weights>
auto rows_of(Weights& weights, naming spelling) {
  using scalar = std::conditional_t<std::is_same_v<W, double>, double, float>;
  std::map<std::string, std::vector<scalar>> out;
  mamba::model::for_each_tensor(
      weights,
      [&](std::string const& name, std::span<std::size_t const>, auto& storage) {
        std::vector<scalar> row(storage.row_size());
        for (std::size_t i = 0; i < storage.rows(); ++i) {
          storage.get_row(i, std::span<scalar>(row));
          out[name].insert(out[name].end(), row.begin(), row.end());
        }
      },
      spelling);
  return out;
}

}  // namespace

TEST_CASE("checkpoint: what transformers saved is loaded to the number, from one file and from shards") {
  for (auto const& path : {golden("single"), golden("single/model.safetensors"), golden("sharded"),
                           golden("sharded/model.safetensors.index.json")}) {
    auto const from = examples::open_checkpoint(path);
    CHECK(from.config.d_model == 8);
    CHECK(from.config.n_layer == 2);
    CHECK(from.config.norm_epsilon == 1e-6);
    CHECK(from.config.bias);
    CHECK(from.naming == naming::hugging_face);
    CHECK_FALSE(from.tokenizer.has_value());
    auto const weights = examples::load_weights<float>(from);
    CHECK(weights.sizes() == from.config);
    auto const found = rows_of<float>(weights, naming::hugging_face);
    CHECK(found.size() == from.tensors.tensors().size());
    float n = 0;  // a std::map walks the names in the order in which the script numbered them
    for (auto const& entry : found) {
      auto const& values = entry.second;
      CAPTURE(entry.first);
      for (std::size_t i = 0; i < values.size(); ++i) REQUIRE(values[i] == 4096 * n + static_cast<float>(i));
      n += 1;
    }
  }
}

TEST_CASE("checkpoint: the default model opens, and so does every storage format") {
  auto const from = examples::open_checkpoint(MAMBA_DEFAULT_MODEL_DIR);
  CHECK(from.config.vocab_size == 256);
  auto const single = examples::load_weights<float>(from);
  auto const twice = examples::load_weights<double>(from);
  auto const brain = examples::load_weights<mamba::bfloat16>(from);
  auto const a = rows_of<float>(single, naming::original);
  auto const b = rows_of<double>(twice, naming::original);
  auto const c = rows_of<mamba::bfloat16>(brain, naming::original);
  for (auto const& [name, values] : a) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      REQUIRE(static_cast<double>(values[i]) == b.at(name)[i]);  // the file has F16 or F32: both are exact
      // bfloat16 keeps 8 bits: half a step is 2^-8 relative, or half of 2^-133 below the normal numbers.
      REQUIRE(std::abs(c.at(name)[i] - values[i]) <= 0x1p-8F * std::abs(values[i]) + 0x1p-134F);
    }
  }
}

TEST_CASE("checkpoint: both namings load, whatever config.json looks like") {
  json const original{{"d_model", 6},
                      {"n_layer", 2},
                      {"vocab_size", 7},
                      {"pad_vocab_size_multiple", 4},
                      {"ssm_cfg", {{"d_state", 3}, {"d_conv", 2}, {"expand", 3}, {"dt_rank", 2}}}};
  for (auto const spelling : {naming::original, naming::hugging_face}) {
    for (auto const& config : {configuration(), original}) {
      made_checkpoint const made(config, spelling);
      auto const from = made.open();
      CHECK(from.naming == spelling);
      CHECK(from.config.padded_vocab() == (config == original ? 8 : 7));
      auto const weights = examples::load_weights<float>(from);
      auto const found = rows_of<float>(weights, spelling);
      REQUIRE(found.size() == made.tensors.size());
      for (auto const& [name, values] : found) {
        auto const& bytes = made.tensors.at(name).data;
        CHECK(std::string(reinterpret_cast<char const*>(values.data()), 4 * values.size()) == bytes);
      }
    }
  }
}

TEST_CASE("checkpoint: a tokenizer is found beside the tensors") {
  made_checkpoint const made;
  test::write_text(made.folder() / "tokenizer.json", "{}");
  auto const from = made.open();
  REQUIRE(from.tokenizer.has_value());
  CHECK(*from.tokenizer == made.folder() / "tokenizer.json");
  CHECK(from.folder == made.folder().path());
}

TEST_CASE("checkpoint: whatever is called tokenizer.json is the tokenizer, even if it cannot be read") {
  made_checkpoint const made;
  auto const path = made.folder() / "tokenizer.json";
  for (auto const* const target : {"tokenizer.json", "nowhere.json"}) {  // a loop, and a link to nothing
    std::filesystem::create_symlink(target, path);
    CHECK(made.open().tokenizer == path);
    std::filesystem::remove(path);
  }
  CHECK_FALSE(made.open().tokenizer.has_value());
}

TEST_CASE("checkpoint: missing files are named") {
  test::temporary_folder const folder;
  auto const error = [](std::filesystem::path const& path) {
    return test::error_of([&] { static_cast<void>(examples::open_checkpoint(path)); });
  };
  CHECK(error(folder / "none") == (folder / "none").string() + ": no such file or folder");
  CHECK(error(folder.path()) ==
        (folder / "config.json").string() + ": no such file, expected the sizes of the model there");
  test::write_text(folder / "config.json", configuration().dump());
  CHECK(has(error(folder.path()), "has neither model.safetensors nor model.safetensors.index.json"));
}

TEST_CASE("checkpoint: a configuration that disagrees with the tensors is refused, naming the tensor and both shapes") {
  made_checkpoint const made;
  REQUIRE(made.error() == "no error");
  CHECK(has(made.error({{"state_size", 4}}),
            "model.safetensors: tensor 'backbone.layers.0.mixer.A_log' has shape [18, 3], expected [18, 4]"));
  CHECK(has(made.error({{"hidden_size", 7}}), "'backbone.embeddings.weight' has shape [7, 6], expected [7, 7]"));
  CHECK(has(made.error({{"vocab_size", 8}}), "'backbone.embeddings.weight' has shape [7, 6], expected [8, 6]"));
  CHECK(has(made.error({{"conv_kernel", 4}}), "conv1d.weight' has shape [18, 1, 2], expected [18, 1, 4]"));
  CHECK(has(made.error({{"expand", 2}}), "A_log' has shape [18, 3], expected [12, 3]"));
  CHECK(has(made.error({{"time_step_rank", 3}}), "x_proj.weight' has shape [8, 18], expected [9, 18]"));
  CHECK(has(made.error({{"num_hidden_layers", 3}}), "tensor 'backbone.layers.2.norm.weight' is missing"));
  CHECK(has(made.error({{"num_hidden_layers", 1}}), "'backbone.layers.1.mixer.A_log' is not part of the model"));
  CHECK(has(made.error({{"use_bias", true}}),
            "'backbone.layers.0.mixer.in_proj.bias' is missing, expected one of shape [36]"));
  CHECK(has(made.error({{"use_conv_bias", false}}), "'backbone.layers.0.mixer.conv1d.bias' is not part of the model"));
  CHECK(has(made.error({{"tie_word_embeddings", false}}), "'lm_head.weight' is missing, expected one of shape [7, 6]"));
  CHECK(has(made.error({{"model_type", "mamba2"}}), "model_type is \"mamba2\""));
}

TEST_CASE("checkpoint: absurd sizes are refused before anything of their size is allocated") {
  made_checkpoint const made;
  constexpr auto most = examples::largest_extent;
  CHECK(has(made.error({{"num_hidden_layers", most}}), "'backbone.layers.2.norm.weight' is missing"));
  CHECK(has(made.error({{"hidden_size", most}, {"expand", most}}), "expected [7, 2147483647]"));
  CHECK(has(made.error({{"vocab_size", most}}), "expected [2147483647, 6]"));
  CHECK(has(made.error({{"state_size", most}}), "expected [18, 2147483647]"));
  CHECK(has(made.error({{"expand", most}}), "expected [12884901882, 3]"));
  CHECK(has(made.error({{"time_step_rank", most}}), "expected [2147483653, 18]"));
  CHECK(has(made.error({{"conv_kernel", most}}), "expected [18, 1, 2147483647]"));
}

TEST_CASE("checkpoint: missing, extra and misshapen tensors and other types are refused") {
  made_checkpoint const whole;
  for (auto const& [name, t] : whole.tensors) {
    made_checkpoint made;
    made.tensors.erase(name);
    CHECK(has(made.error(), name == "backbone.embeddings.weight" ? "'backbone.embedding.weight' is missing"
                                                                 : "tensor '" + name + "' is missing"));
    made.tensors[name] = t;
    made.tensors[name].shape.push_back(1);  // the same bytes
    CHECK(has(made.error(), "tensor '" + name + "' has shape " + safetensors::to_string(made.tensors[name].shape)));
    made.tensors[name] = t;
    made.tensors[name].type = dtype::i32;
    CHECK(has(made.error(), "tensor '" + name + "' has dtype I32, expected F64, F32, F16 or BF16"));
  }
  made_checkpoint made;
  made.tensors["backbone.layers.0.mixer.extra"] = {dtype::u8, {0}, ""};
  CHECK(has(made.error(), "'backbone.layers.0.mixer.extra' is not part of the model that config.json describes"));
}

TEST_CASE("checkpoint: a stored head beside tied embeddings must be the embedding, bit for bit") {
  made_checkpoint made;
  made.tensors["lm_head.weight"] = made.tensors["backbone.embeddings.weight"];
  CHECK(made.error() == "no error");
  made.tensors["lm_head.weight"].data.back() = static_cast<char>(made.tensors["lm_head.weight"].data.back() ^ 1);
  CHECK(has(made.error(), "tensor 'lm_head.weight' differs from 'backbone.embeddings.weight'"));
  CHECK(made.error({{"tie_word_embeddings", false}}) == "no error");
  made.tensors["lm_head.weight"] = {dtype::f32, {0}, ""};
  CHECK(has(made.error(), "'lm_head.weight' differs"));
}

TEST_CASE("checkpoint: F64, F16 and BF16 files are widened or rounded to what is asked for") {
  made_checkpoint made;
  auto& norm = made.tensors["backbone.norm_f.weight"];
  std::vector<double> const exact{0.1, -2, 1e-40, 3, 4, 5};
  norm = {dtype::f64, {6}, {reinterpret_cast<char const*>(exact.data()), 8 * exact.size()}};
  auto& d = made.tensors["backbone.layers.1.mixer.D"];
  std::vector<std::uint16_t> const halves(18, 0x3555);  // 0.333251953125
  d = {dtype::f16, {18}, {reinterpret_cast<char const*>(halves.data()), 2 * halves.size()}};
  auto const from = made.open();
  auto const twice = examples::load_weights<double>(from);
  auto const single = examples::load_weights<float>(from);
  CHECK(rows_of<double>(twice, naming::original).at("backbone.norm_f.weight") == exact);
  CHECK(rows_of<float>(single, naming::original).at("backbone.norm_f.weight")[0] == 0.1F);
  CHECK(rows_of<float>(single, naming::original).at("backbone.layers.1.mixer.D") ==
        std::vector<float>(18, 0.333251953125F));
}

TEST_CASE("checkpoint: a file of another kind is called that, whatever lies beside it") {
  test::temporary_folder const folder;
  test::write_text(folder / "model.gguf", "GGUF");
  CHECK(has(test::error_of([&] { static_cast<void>(examples::open_checkpoint(folder / "model.gguf")); }),
            "model.gguf: is no checkpoint, expected a folder, a .safetensors file or an .index.json"));
}
