// SPDX-License-Identifier: MIT
#include <mamba/model/forward.hpp>
#include <mamba/model/network.hpp>
#include <support/random_model.hpp>

#include <map>

#include <doctest/doctest.h>

namespace model = mamba::model;

namespace {

using rows = std::vector<std::vector<float>>;

/// Everything that a model would write to a checkpoint.
template <class Weights>
std::map<std::string, rows> saved(Weights const& w) {
  std::map<std::string, rows> all;
  model::for_each_tensor(w, [&](std::string const& name, std::span<std::size_t const> shape, auto& storage) {
    std::size_t row_size = 1;
    for (std::size_t const extent : shape.subspan(1)) row_size *= extent;
    CHECK(storage.rows() == shape[0]);
    CHECK(storage.row_size() == row_size);
    rows& values = all[name];
    for (std::size_t i = 0; i < storage.rows(); ++i) {
      values.emplace_back(row_size);
      storage.get_row(i, std::span<float>(values.back()));
    }
  });
  return all;
}

}  // namespace

TEST_CASE("for_each_tensor: names of the original checkpoints") {
  model::config const sizes{.d_model = 4, .n_layer = 2, .vocab_size = 5, .tie_embeddings = false, .bias = true};
  auto const all = saved(model::weights<>(sizes));
  CHECK(all.size() == 3 + 2 * 12);
  for (char const* const name :
       {"backbone.embedding.weight", "backbone.layers.0.norm.weight", "backbone.layers.1.mixer.A_log",
        "backbone.layers.1.mixer.D", "backbone.layers.0.mixer.in_proj.weight", "backbone.layers.0.mixer.in_proj.bias",
        "backbone.layers.0.mixer.conv1d.weight", "backbone.layers.0.mixer.conv1d.bias",
        "backbone.layers.0.mixer.x_proj.weight", "backbone.layers.0.mixer.dt_proj.weight",
        "backbone.layers.0.mixer.dt_proj.bias", "backbone.layers.0.mixer.out_proj.weight",
        "backbone.layers.0.mixer.out_proj.bias", "backbone.norm_f.weight", "lm_head.weight"}) {
    CAPTURE(name);
    CHECK(all.contains(name));
  }
}

TEST_CASE("for_each_tensor: optional tensors appear exactly where the configuration has them") {
  model::config const sizes{.d_model = 4, .n_layer = 1, .vocab_size = 5, .conv_bias = false};
  auto const all = saved(model::weights<>(sizes));
  CHECK(all.size() == 2 + 9);
  CHECK_FALSE(all.contains("lm_head.weight"));
  CHECK_FALSE(all.contains("backbone.layers.0.mixer.conv1d.bias"));
  CHECK_FALSE(all.contains("backbone.layers.0.mixer.in_proj.bias"));
}

TEST_CASE("for_each_tensor: what goes in comes out, to the bit") {
  test::random rng(3);
  for (int i = 0; i < 30; ++i) {
    model::config const sizes = test::random_sizes(rng, 1);
    model::weights<> first(sizes);
    test::fill_weights(first, rng.bits(), test::weight_range::trained);
    auto const source = saved(first);
    model::weights<> second(sizes);
    model::for_each_tensor(second, [&](std::string const& name, auto, auto& storage) {
      for (std::size_t r = 0; r < storage.rows(); ++r) storage.set_row(r, std::span<float const>(source.at(name)[r]));
    });
    CHECK(saved(second) == source);
  }
}
