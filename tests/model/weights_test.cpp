// SPDX-License-Identifier: MIT
#include <mamba/model/weights.hpp>

#include <doctest/doctest.h>

#include <type_traits>
#include <utility>

namespace model = mamba::model;

namespace {
constexpr model::config small{.d_model = 6, .n_layer = 2, .vocab_size = 11, .pad_vocab_size_multiple = 4};

struct mixed {
  using embedding = mamba::q8;
  using lm_head = mamba::bfloat16;
  using in_proj = mamba::q4;
  using x_proj = float;
  using dt_proj = mamba::float16;
  using out_proj = mamba::ternary;
};

template <class Linear, class W>
constexpr bool stored_as =
    std::is_same_v<typename std::remove_cvref_t<decltype(std::declval<Linear const&>().weight())>::storage_format, W>;

}  // namespace

TEST_CASE("weights: shapes follow the configuration, static or not") {
  model::weights<small> const fixed;
  model::weights<> const loose(small);
  CHECK(fixed.sizes() == small);
  CHECK(loose.layers.size() == 2);
  CHECK(fixed.layers[0].in_proj.weight().out() == 24);
  CHECK(loose.layers[1].in_proj.weight().in() == 6);
  CHECK(loose.embedding.weight().out() == 12);
  CHECK(fixed.lm_head.weight().empty());
  model::config untied = small;
  untied.tie_embeddings = false;
  CHECK(model::weights<>(untied).lm_head.weight().out() == 12);
}

TEST_CASE("weights: sizes that are not the static ones are refused") {
  model::config other = small;
  other.d_model = 7;
  CHECK_THROWS_WITH_AS((model::weights<small>(other)),
                       "model::weights: the sizes given are not those of the static configuration", mamba::error);
}

TEST_CASE("weights: the head gives the first ids' logits, tied or not") {
  for (bool const tied : {true, false}) {
    model::config sizes = small;
    sizes.tie_embeddings = tied;
    model::weights<> w(sizes);
    auto& table = tied ? w.embedding.weight() : w.lm_head.weight();
    std::vector<float> row(6, 0);
    for (std::size_t id = 0; id < 12; ++id) {
      row[0] = static_cast<float>(id);
      table.set_row(id, row);
    }
    mamba::tensor<float, mamba::dynamic, mamba::dynamic> x(1, 6);
    mamba::tensor<float, mamba::dynamic, mamba::dynamic> y(1, 11);
    x(0, 0) = 2;
    mamba::kernels::quantized_rows unused;
    w.head(x.view(), y.view(), unused);
    for (std::size_t id = 0; id < 11; ++id) CHECK(y(0, id) == 2 * static_cast<float>(id));
  }
}

TEST_CASE("weights: every matrix in the format that a recipe gives it") {
  using weights = model::weights<model::any, mixed>;
  static_assert(std::is_same_v<weights::scalar, float> && std::is_same_v<mamba::kernels::arithmetic<mixed>, float>);
  static_assert(std::is_same_v<mamba::kernels::arithmetic<mamba::uniform_recipe<double>>, double>);
  static_assert(stored_as<decltype(weights::embedding), mamba::q8>);
  static_assert(stored_as<decltype(weights::lm_head), mamba::bfloat16>);
  static_assert(stored_as<decltype(weights::block::in_proj), mamba::q4>);
  static_assert(stored_as<decltype(weights::block::x_proj), float>);
  static_assert(stored_as<decltype(weights::block::dt_proj), mamba::float16>);
  static_assert(stored_as<decltype(weights::block::out_proj), mamba::ternary>);
  using plain = model::weights<small, mamba::ternary>;
  static_assert(stored_as<decltype(plain::block::in_proj), mamba::ternary>);
  static_assert(stored_as<decltype(plain::block::out_proj), mamba::q4>);
  model::config untied = small;
  untied.tie_embeddings = false;
  weights const w(untied);
  CHECK(w.layers[1].out_proj.weight().in() == 12);
  CHECK(w.lm_head.weight().out() == 12);
}
