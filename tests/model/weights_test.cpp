// SPDX-License-Identifier: MIT
#include <mamba/model/weights.hpp>

#include <doctest/doctest.h>

#include <type_traits>
#include <utility>

namespace model = mamba::model;
namespace nn = mamba::nn;

namespace {
constexpr model::config small{.d_model = 6, .n_layer = 2, .vocab_size = 11, .pad_vocab_size_multiple = 4};

struct mixed {
  template <nn::role R>
  using format = std::conditional_t<
      R == nn::role::embedding, mamba::q8,
      std::conditional_t<R == nn::role::head, mamba::bfloat16,
                         std::conditional_t<R == nn::role::input, mamba::q4,
                                            std::conditional_t<R == nn::role::output, mamba::ternary, float>>>>;
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
  CHECK(fixed.layers[0].mixer.in_proj.weight().out() == 24);
  CHECK(loose.layers[1].mixer.in_proj.weight().in() == 6);
  CHECK(loose.input.weight().out() == 12);
  CHECK(fixed.output.lm_head.weight().empty());
  model::config untied = small;
  untied.tie_embeddings = false;
  CHECK(model::weights<>(untied).output.lm_head.weight().out() == 12);
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
    auto& table = tied ? w.input.weight() : w.output.lm_head.weight();
    std::vector<float> row(6, 0);
    for (std::size_t id = 0; id < 12; ++id) {
      row[0] = static_cast<float>(id);
      table.set_row(id, row);
    }
    mamba::tensor<float, mamba::dynamic, mamba::dynamic> x(1, 6);
    mamba::tensor<float, mamba::dynamic, mamba::dynamic> y(1, 11);
    x(0, 0) = 2;
    w.output.project(w.input, x.view(), y.view(), mamba::arena());
    for (std::size_t id = 0; id < 11; ++id) CHECK(y(0, id) == 2 * static_cast<float>(id));
  }
}

TEST_CASE("weights: every matrix in the format that a policy gives it") {
  using weights = model::weights<model::any, mixed>;
  using mixer = decltype(weights::layers)::layer::mixer_type;
  static_assert(std::is_same_v<weights::scalar, float> && std::is_same_v<nn::arithmetic<mixed>, float>);
  static_assert(std::is_same_v<nn::arithmetic<nn::uniform_format<double>>, double>);
  static_assert(stored_as<decltype(weights::input), mamba::q8>);
  static_assert(stored_as<decltype(weights::output.lm_head), mamba::bfloat16>);
  static_assert(stored_as<decltype(mixer::in_proj), mamba::q4>);
  static_assert(stored_as<decltype(mixer::x_proj), float>);
  static_assert(stored_as<decltype(mixer::dt_proj), float>);
  static_assert(stored_as<decltype(mixer::out_proj), mamba::ternary>);
  using plain = decltype(model::weights<small, mamba::ternary>::layers)::layer::mixer_type;
  static_assert(stored_as<decltype(plain::in_proj), mamba::ternary>);
  static_assert(stored_as<decltype(plain::out_proj), mamba::q4>);
  model::config untied = small;
  untied.tie_embeddings = false;
  weights const w(untied);
  CHECK(w.layers[1].mixer.out_proj.weight().in() == 12);
  CHECK(w.output.lm_head.weight().out() == 12);
}
