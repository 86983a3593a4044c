// SPDX-License-Identifier: MIT
#include <mamba/io/checkpoint/checkpoint.hpp>
#include <mamba/io/safetensors/writer.hpp>

#include <support/error_of.hpp>
#include <support/random.hpp>
#include <support/spelling.hpp>
#include <support/temporary_folder.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

using mamba::io::dtype;
using mamba::io::stored_tensor;
using nlohmann::json;
using test::has;
using test::naming;

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
    auto const sizes = mamba::io::read_config(folder_ / "config.json");
    test::random rng(3);
    auto const make = [&](std::string const& name, std::span<std::size_t const> shape, auto&) {
      std::vector<float> values(*mamba::io::element_count(shape));
      rng.fill(std::span(values), -1, 1);
      tensors[name] = {
          dtype::f32, {shape.begin(), shape.end()}, {reinterpret_cast<char const*>(values.data()), 4 * values.size()}};
    };
    test::for_each_tensor(mamba::model::manifest<>(sizes), make, spelling);
  }

  std::map<std::string, stored> tensors;

  mamba::io::checkpoint open(json const& changes = json::object()) const {
    auto config = config_;
    config.merge_patch(changes);
    test::write_text(folder_ / "config.json", config.dump());
    std::vector<stored_tensor> list;
    for (auto const& [name, t] : tensors) list.push_back({name, t.type, t.shape, std::as_bytes(std::span(t.data))});
    mamba::io::safetensors::write(folder_ / "model.safetensors", list);
    return mamba::io::open_checkpoint(folder_.path());
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
auto rows_of(Weights const& weights, naming spelling) {
  using scalar = std::conditional_t<std::is_same_v<W, double>, double, float>;
  std::map<std::string, std::vector<scalar>> out;
  test::for_each_tensor(
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
    auto const from = mamba::io::open_checkpoint(path);
    CHECK(from.config.d_model == 8);
    CHECK(from.config.n_layer == 2);
    CHECK(from.config.norm_epsilon == 1e-6);
    CHECK(from.config.bias);
    CHECK(from.names == &mamba::io::hugging_face_names);
    CHECK_FALSE(from.tokenizer.has_value());
    auto const weights = mamba::io::load_weights<float>(from);
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
  auto const from = mamba::io::open_checkpoint(MAMBA_DEFAULT_MODEL_DIR);
  CHECK(from.config.vocab_size == 256);
  auto const single = mamba::io::load_weights<float>(from);
  auto const twice = mamba::io::load_weights<double>(from);
  auto const brain = mamba::io::load_weights<mamba::bfloat16>(from);
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

TEST_CASE("checkpoint: both layouts of names load, with any config.json") {
  json const original{{"d_model", 6},
                      {"n_layer", 2},
                      {"vocab_size", 7},
                      {"pad_vocab_size_multiple", 4},
                      {"ssm_cfg", {{"d_state", 3}, {"d_conv", 2}, {"expand", 3}, {"dt_rank", 2}}}};
  for (auto const spelling : {naming::original, naming::hugging_face}) {
    for (auto const& config : {configuration(), original}) {
      made_checkpoint const made(config, spelling);
      auto const from = made.open();
      CHECK(from.names == (spelling == naming::original ? &mamba::io::original_names : &mamba::io::hugging_face_names));
      CHECK(from.config.padded_vocab() == (config == original ? 8 : 7));
      auto const weights = mamba::io::load_weights<float>(from);
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
    return test::error_of([&] { static_cast<void>(mamba::io::open_checkpoint(path)); });
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
  constexpr auto most = mamba::io::largest_extent;
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
    CHECK(has(made.error(), "tensor '" + name + "' is missing"));  // in the file's own spelling
    made.tensors[name] = t;
    made.tensors[name].shape.push_back(1);  // the same bytes
    CHECK(has(made.error(), "tensor '" + name + "' has shape " + mamba::io::to_string(made.tensors[name].shape)));
    made.tensors[name] = t;
    made.tensors[name].type = dtype::i32;
    CHECK(has(made.error(), "tensor '" + name + "' has dtype I32, expected F64, F32, F16 or BF16"));
  }
  made_checkpoint made;
  made.tensors["backbone.layers.0.mixer.extra"] = {dtype::u8, {0}, ""};
  CHECK(has(made.error(), "'backbone.layers.0.mixer.extra' is not part of the model that config.json describes"));
}

TEST_CASE("checkpoint: a missing tensor is named in the file's spelling, with what the file has instead") {
  auto const renamed = [](naming spelling, auto const& rename) {
    json const original{{"d_model", 6},
                        {"n_layer", 2},
                        {"vocab_size", 7},
                        {"pad_vocab_size_multiple", 1},
                        {"ssm_cfg", {{"d_state", 3}, {"d_conv", 2}, {"expand", 3}, {"dt_rank", 2}}}};
    made_checkpoint made(spelling == naming::original ? original : configuration(), spelling);
    auto const old = std::exchange(made.tensors, {});
    for (auto const& [name, t] : old) made.tensors[rename(name)] = t;
    return made.error();
  };
  for (std::string const prefix : {"module.", "_orig_mod.", "module._orig_mod.", "model."}) {
    auto const said = renamed(naming::hugging_face, [&](std::string const& name) { return prefix + name; });
    CHECK(has(said, "tensor 'backbone.embeddings.weight' is missing, expected one of shape [7, 6]"));
    CHECK(has(said, "the file has '" + prefix + "backbone.embeddings.weight' instead: take the prefix '" + prefix +
                        "' off its names"));
    CHECK(has(renamed(naming::original, [&](std::string const& name) { return prefix + name; }),
              "tensor 'backbone.embedding.weight' is missing"));
  }
  auto const bare = renamed(naming::hugging_face, [](std::string const& name) { return name.substr(9); });
  CHECK(has(bare, "tensor 'backbone.embeddings.weight' is missing"));
  CHECK(has(bare, "the file has 'embeddings.weight' instead: put 'backbone.' before its names"));
  auto const strange = renamed(naming::hugging_face, [](std::string const& name) { return name + "_x"; });
  CHECK(has(strange, "tensor 'backbone.embeddings.weight' is missing"));
  CHECK(has(strange, "; the file has 'backbone.embeddings.weight_x' and"));
}

TEST_CASE("checkpoint: NaN and infinite weights are refused by file, tensor and place, unless they are allowed") {
  for (float const bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()}) {
    made_checkpoint made;
    auto& data = made.tensors["backbone.layers.1.mixer.in_proj.weight"].data;  // [36, 6]
    std::memcpy(data.data() + 4 * (6 * 7 + 2), &bad, 4);
    std::memcpy(data.data() + 4 * (6 * 30), &bad, 4);
    auto const from = made.open();
    auto const error = [&]<class W>(std::type_identity<W>) {
      return test::error_of([&] { (void)mamba::io::load_weights<W>(from); });
    };
    for (char const* const format : {"f32", "f64", "f16", "bf16", "q8", "q4", "ternary"}) {
      auto const said = mamba::io::visit_format(format, error);
      CHECK(has(said, "model.safetensors: tensor 'backbone.layers.1.mixer.in_proj.weight' has the value "));
      CHECK(has(said, " at [7, 2], expected a finite number"));
    }
    auto const weights = mamba::io::load_weights<float>(from, {.allow_non_finite = true});
    auto const loaded = rows_of<float>(weights, naming::hugging_face);
    CHECK_FALSE(std::isfinite(loaded.at("backbone.layers.1.mixer.in_proj.weight")[6 * 7 + 2]));
  }
}

TEST_CASE("checkpoint: a weight that a format cannot hold is refused with its value") {
  auto const error = [](double value, auto format) {
    made_checkpoint made;
    auto& t = made.tensors["backbone.layers.0.mixer.out_proj.weight"];  // [6, 18]
    std::vector<double> values(6 * 18, 0.5);
    values[18 * 2 + 3] = value;
    t = {dtype::f64, {6, 18}, {reinterpret_cast<char const*>(values.data()), 8 * values.size()}};
    auto const from = made.open();
    return test::error_of([&] { (void)mamba::io::load_weights<typename decltype(format)::type>(from); });
  };
  std::string const named = "tensor 'backbone.layers.0.mixer.out_proj.weight' has the value ";
  CHECK(error(65504, std::type_identity<mamba::float16>()) == "no error");
  CHECK(error(65519, std::type_identity<mamba::float16>()) == "no error");  // rounds to 65504
  CHECK(has(error(65520, std::type_identity<mamba::float16>()), named + "65520 at [2, 3], which is too large for f16"));
  CHECK(
      has(error(-1e5, std::type_identity<mamba::float16>()), named + "-100000 at [2, 3], which is too large for f16"));
  CHECK(error(1e5, std::type_identity<mamba::bfloat16>()) == "no error");
  CHECK(has(error(0x1.FFp127, std::type_identity<mamba::bfloat16>()), "which is too large for bf16"));
  CHECK(error(1e300, std::type_identity<double>()) == "no error");
  CHECK(has(error(1e300, std::type_identity<float>()), named + "1e+300 at [2, 3], which is too large for f32"));
  CHECK(error(1e17, std::type_identity<mamba::q8>()) == "no error");
  CHECK(has(error(1e19, std::type_identity<mamba::q8>()), "which is too large for q8"));
  CHECK(has(error(1e19, std::type_identity<mamba::q4>()), "which is too large for q4"));
}

TEST_CASE("checkpoint: config.json stands for its folder") {
  made_checkpoint const made;
  (void)made.open();
  auto const from = mamba::io::open_checkpoint(made.folder() / "config.json");
  CHECK(from.folder == made.folder().path());
  test::write_text(made.folder() / "other.json", "{}");
  CHECK(has(test::error_of([&] { (void)mamba::io::open_checkpoint(made.folder() / "other.json"); }),
            "other.json: is no index of shards (it has no object weight_map), expected a .safetensors file"));
}

TEST_CASE("checkpoint: one shard is refused with the folder to give instead") {
  for (char const* const shard : {"model-00001-of-00003.safetensors", "model-00003-of-00003.safetensors"}) {
    CHECK(has(test::error_of([&] { (void)mamba::io::open_checkpoint(golden("sharded") / shard); }),
              std::string(shard) + ": is one shard of several, expected the folder " + golden("sharded").string()));
  }
  // Without numbers in its name it is known by the index beside it.
  made_checkpoint const made;
  (void)made.open();
  std::filesystem::rename(made.folder() / "model.safetensors", made.folder() / "first.safetensors");
  CHECK(test::error_of([&] { (void)mamba::io::open_checkpoint(made.folder() / "first.safetensors"); }) == "no error");
  test::write_text(made.folder() / "model.safetensors.index.json",
                   R"({"weight_map": {"a": "first.safetensors", "b": "second.safetensors"}})");
  CHECK(has(test::error_of([&] { (void)mamba::io::open_checkpoint(made.folder() / "first.safetensors"); }),
            "first.safetensors: is one shard of several, expected the folder"));
}

TEST_CASE("checkpoint: a Git LFS pointer and PyTorch's pickles are called that") {
  std::string const pointer =
      "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1\nsize 5\n";
  made_checkpoint const made;
  (void)made.open();
  auto const error = [&](std::filesystem::path const& path) {
    return test::error_of([&] { (void)mamba::io::open_checkpoint(path); });
  };
  test::write_text(made.folder() / "model.safetensors", pointer);
  CHECK(has(error(made.folder().path()), "model.safetensors: is a Git LFS pointer in place of the file"));
  std::filesystem::remove(made.folder() / "model.safetensors");
  test::write_text(made.folder() / "pytorch_model.bin", "PK");
  CHECK(has(error(made.folder().path()), "has its weights in pytorch_model.bin, PyTorch's pickle format"));
  CHECK(has(error(made.folder() / "pytorch_model.bin"), "is a file of PyTorch's pickle format"));
  test::write_text(made.folder() / "config.json", pointer);
  CHECK(has(error(made.folder().path()), "config.json: is a Git LFS pointer"));
}

TEST_CASE("checkpoint: end and begin of a text by both files") {
  made_checkpoint const made;
  CHECK(made.open().special.end.empty());
  CHECK(made.open({{"eos_token_id", 3}, {"bos_token_id", 2}}).special.end == std::vector<std::int32_t>{3});
  CHECK(made.open({{"bos_token_id", 2}}).special.begin == 2);
  test::write_text(made.folder() / "generation_config.json", R"({"eos_token_id": [5, 6]})");
  CHECK(made.open({{"eos_token_id", 3}}).special.end == std::vector<std::int32_t>{5, 6});
}

TEST_CASE("checkpoint: saved weights load again to the bit, in every format, as a folder and as a file") {
  made_checkpoint const made;
  auto const from = made.open();
  for (char const* const format : {"f32", "f16", "bf16", "q8", "q4", "ternary", "f64"}) {
    CAPTURE(format);
    mamba::io::visit_format(format, [&]<class W>(std::type_identity<W>) {
      test::temporary_folder const folder;
      auto const weights = mamba::io::load_weights<W>(from);
      mamba::io::save_weights(weights, folder / "new/folder");
      mamba::io::save_weights(weights, folder / "file.safetensors");
      for (auto const& path : {folder / "new/folder", folder / "file.safetensors"}) {
        auto const again = mamba::io::open_checkpoint(path);
        CHECK(again.config == from.config);
        CHECK(rows_of<W>(mamba::io::load_weights<W>(again), naming::original) == rows_of<W>(weights, naming::original));
      }
      CHECK(has(test::error_of([&] { mamba::io::save_weights(weights, folder / "file.safetensors"); }),
                "file.safetensors: is there already"));
      CHECK(has(test::error_of([&] { mamba::io::save_weights(weights, folder / "new/folder"); }), "is there already"));
    });
  }
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

TEST_CASE("checkpoint: F64, F16 and BF16 files are widened or rounded to the requested type") {
  made_checkpoint made;
  auto& norm = made.tensors["backbone.norm_f.weight"];
  std::vector<double> const exact{0.1, -2, 1e-40, 3, 4, 5};
  norm = {dtype::f64, {6}, {reinterpret_cast<char const*>(exact.data()), 8 * exact.size()}};
  auto& d = made.tensors["backbone.layers.1.mixer.D"];
  std::vector<std::uint16_t> const halves(18, 0x3555);  // 0.333251953125
  d = {dtype::f16, {18}, {reinterpret_cast<char const*>(halves.data()), 2 * halves.size()}};
  auto const from = made.open();
  auto const twice = mamba::io::load_weights<double>(from);
  auto const single = mamba::io::load_weights<float>(from);
  CHECK(rows_of<double>(twice, naming::original).at("backbone.norm_f.weight") == exact);
  CHECK(rows_of<float>(single, naming::original).at("backbone.norm_f.weight")[0] == 0.1F);
  CHECK(rows_of<float>(single, naming::original).at("backbone.layers.1.mixer.D") ==
        std::vector<float>(18, 0.333251953125F));
}

TEST_CASE("checkpoint: a file of another kind is called that, whatever lies beside it") {
  test::temporary_folder const folder;
  test::write_text(folder / "model.gguf", "GGUF");
  CHECK(has(test::error_of([&] { static_cast<void>(mamba::io::open_checkpoint(folder / "model.gguf")); }),
            "model.gguf: is no checkpoint, expected a folder, a .safetensors file or an .index.json"));
}
