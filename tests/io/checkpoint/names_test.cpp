// SPDX-License-Identifier: MIT
#include <mamba/io/checkpoint/names.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <string>
#include <string_view>
#include <vector>

using mamba::io::name_in_file;
using mamba::io::stored_as;
using mamba::io::tensor_name;

namespace {

// Some of the names that llama.cpp gives to a Mamba.
constexpr tensor_name gguf_rows[] = {
    {"backbone.embedding.weight", "token_embd.weight"},
    {"backbone.layers.#.mixer.A_log", "blk.#.ssm_a", stored_as::minus_exp},
    {"backbone.layers.#.mixer.D", "blk.#.ssm_d"},
};
constexpr mamba::io::name_table gguf{"GGUF", gguf_rows};

struct named {
  std::vector<mamba::io::stored_tensor> all;

  explicit named(std::vector<std::string> const& names) {
    for (auto const& name : names) all.push_back({name, mamba::io::dtype::f32, {}});
  }
  mamba::io::stored_tensor const* find(std::string_view name) const {
    for (auto const& t : all)
      if (t.name == name) return &t;
    return nullptr;
  }
  std::vector<mamba::io::stored_tensor> const& tensors() const { return all; }
  std::string const* metadata(std::string_view) const { return nullptr; }
  std::string where() const { return "x"; }
  std::string where(mamba::io::stored_tensor const&) const { return "x"; }
};

}  // namespace

TEST_CASE("names: rows with and without a layer's number, and names without a row") {
  CHECK(name_in_file(mamba::io::original_names, "backbone.embedding.weight").name == "backbone.embedding.weight");
  CHECK(name_in_file(mamba::io::hugging_face_names, "backbone.embedding.weight").name == "backbone.embeddings.weight");
  CHECK(name_in_file(mamba::io::hugging_face_names, "backbone.layers.3.mixer.D").name == "backbone.layers.3.mixer.D");
  CHECK(name_in_file(gguf, "backbone.layers.12.mixer.A_log").name == "blk.12.ssm_a");
  CHECK(name_in_file(gguf, "backbone.layers.12.mixer.A_log").values == stored_as::minus_exp);
  CHECK(name_in_file(gguf, "backbone.layers.0.mixer.D").name == "blk.0.ssm_d");
  CHECK(name_in_file(gguf, "backbone.layers.0.mixer.D").values == stored_as::value);
  for (char const* const other :
       {"backbone.layers..mixer.D", "backbone.layers.x.mixer.D", "backbone.layers.0.mixer.DD"}) {
    CHECK(name_in_file(gguf, other).name == other);
  }
}

TEST_CASE("names: a row may stand for all names that begin alike, the first row that fits counts") {
  static constexpr tensor_name rows[] = {{"backbone.layers.#.mixer.D", "d.#"},
                                         {"backbone.layers.#.mixer.*", "mamba.#.*"},
                                         {"backbone.layers.#.*", "layer #.*"},
                                         {"head.*", "*"}};
  constexpr mamba::io::name_table table{"test", rows};
  CHECK(name_in_file(table, "backbone.layers.10.mixer.D").name == "d.10");
  CHECK(name_in_file(table, "backbone.layers.10.mixer.dt_proj.bias").name == "mamba.10.dt_proj.bias");
  CHECK(name_in_file(table, "backbone.layers.2.norm.weight").name == "layer 2.norm.weight");
  CHECK(name_in_file(table, "head.bias").name == "bias");
  for (char const* const other : {"backbone.layers.x.norm.weight", "backbone.layers.", "backbone.layers.7", "head", ""})
    CHECK(name_in_file(table, other).name == other);
}

TEST_CASE("names: values of another kind become the library's") {
  CHECK(mamba::io::library_value(stored_as::value, -2.5) == -2.5);
  for (double const a : {-3.0, 0.0, 0.7, 2.0}) {
    CHECK(std::abs(mamba::io::library_value(stored_as::minus_exp, -std::exp(a)) - a) <= 4e-16 * std::exp(std::abs(a)));
  }
}

TEST_CASE("names: a file's table is known by its embedding, prefixed or not") {
  using mamba::io::table_of;
  auto const& original = mamba::io::original_names;
  auto const& transformers = mamba::io::hugging_face_names;
  CHECK(&table_of(named({"backbone.embedding.weight"}), transformers) == &original);
  CHECK(&table_of(named({"backbone.embeddings.weight"}), original) == &transformers);
  CHECK(&table_of(named({"module.backbone.embeddings.weight"}), original) == &transformers);
  CHECK(&table_of(named({"embedding.weight"}), transformers) == &original);
  CHECK(&table_of(named({"x"}), transformers) == &transformers);
  CHECK(&table_of(named({"x"}), original) == &original);
}

TEST_CASE("names: what a file has instead of a missing tensor") {
  using mamba::io::instead_of;
  CHECK(instead_of(named({"a", "_orig_mod.norm.weight"}), "norm.weight") ==
        "; the file has '_orig_mod.norm.weight' instead: take the prefix '_orig_mod.' off its names");
  CHECK(instead_of(named({"a", "norm.weight"}), "backbone.norm.weight") ==
        "; the file has 'norm.weight' instead: put 'backbone.' before its names");
  CHECK(instead_of(named({"a", "model.norm.weight"}), "backbone.norm.weight") ==
        "; the file has 'model.norm.weight' instead");
  CHECK(instead_of(named({"a", "b", "c"}), "norm.weight") == "; the file has 'a' and 2 more");
  CHECK(instead_of(named({"xnorm.weight"}), "norm.weight") == "; the file has 'xnorm.weight'");
  CHECK(instead_of(named({}), "norm.weight") == "; the file has no tensors");
}
