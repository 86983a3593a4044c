// SPDX-License-Identifier: MIT
#include <mamba/model/weights.hpp>
#include <support/allocations.hpp>
#include <support/random_model.hpp>

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <type_traits>

namespace model = mamba::model;

TEST_CASE("manifest: the names, shapes and order of a real model, for every kind of configuration") {
  test::random rng(5);
  for (int i = 0; i < 50; ++i) {
    model::config const sizes = test::random_sizes(rng, 1);
    using entry = std::pair<std::string, std::vector<std::size_t>>;
    std::vector<entry> real;
    std::vector<entry> outlined;
    auto const keep_in = [](std::vector<entry>& list) {
      return [&list](std::string const& name, auto shape, auto&) {
        list.emplace_back(name, std::vector<std::size_t>(shape.begin(), shape.end()));
      };
    };
    model::weights<> const w(sizes);
    model::for_each_tensor(w, keep_in(real));
    model::for_each_tensor(model::manifest<>(sizes), keep_in(outlined));
    CHECK(real == outlined);
  }
}

TEST_CASE("manifest: absurd sizes need no memory") {
  model::config const absurd{.d_model = std::size_t{1} << 40U, .n_layer = std::size_t{1} << 50U, .vocab_size = 7};
  std::size_t const before = test::allocations;
  model::manifest<> const o(absurd);
  CHECK(o.sizes() == absurd);
  CHECK(o.layers.size() == std::size_t{1} << 50U);
  CHECK(test::allocations == before);
}

TEST_CASE("manifest: the format in which each tensor would be stored") {
  model::config const sizes{.d_model = 6, .n_layer = 1, .vocab_size = 11, .tie_embeddings = false, .bias = true};
  std::map<std::string, std::string> found;
  model::for_each_tensor(model::manifest<mamba::ternary>(sizes), [&](std::string const& name, auto, auto& storage) {
    using format = typename std::remove_cvref_t<decltype(storage)>::storage_format;
    std::string const last = name.substr(name.rfind('.', name.rfind('.') - 1) + 1);
    found[last] = std::is_same_v<format, mamba::ternary> ? "ternary"
                  : std::is_same_v<format, mamba::q4>    ? "q4"
                  : std::is_same_v<format, float>        ? "float"
                                                         : "?";
  });
  std::map<std::string, std::string> const expected{
      {"embedding.weight", "q4"}, {"lm_head.weight", "q4"},   {"in_proj.weight", "ternary"}, {"x_proj.weight", "q4"},
      {"dt_proj.weight", "q4"},   {"out_proj.weight", "q4"},  {"in_proj.bias", "float"},     {"out_proj.bias", "float"},
      {"dt_proj.bias", "float"},  {"conv1d.weight", "float"}, {"conv1d.bias", "float"},      {"norm.weight", "float"},
      {"norm_f.weight", "float"}, {"mixer.A_log", "float"},   {"mixer.D", "float"}};
  CHECK(found == expected);
}
