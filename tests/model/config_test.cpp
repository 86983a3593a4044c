// SPDX-License-Identifier: MIT
#include <mamba/model/config.hpp>

#include <doctest/doctest.h>

namespace model = mamba::model;

namespace {

/// Parameters of a checkpoint with these sizes, counted from the formulas of the paper's section 3.4.
std::size_t parameters(model::config const& c) {
  std::size_t const d = c.d_inner();
  std::size_t const layer = c.d_model + 2 * d * c.d_model + d * c.d_conv + d + (c.rank() + 2 * c.d_state) * d +
                            d * c.rank() + d + d * c.d_state + d + c.d_model * d;
  return c.padded_vocab() * c.d_model + c.n_layer * layer + c.d_model;
}

template <model::config C>
constexpr std::size_t as_template_argument = C.d_inner();

}  // namespace

TEST_CASE("config: derived sizes") {
  constexpr model::config c{.d_model = 37, .n_layer = 3, .vocab_size = 93, .expand = 3, .pad_vocab_size_multiple = 8};
  static_assert(c.d_inner() == 111);
  static_assert(c.rank() == 3);  // 37/16, rounded up
  static_assert(c.padded_vocab() == 96);
  static_assert(
      model::config{.d_model = 48, .n_layer = 1, .vocab_size = 96, .pad_vocab_size_multiple = 8}.padded_vocab() == 96);
  static_assert(model::config{.d_model = 48, .n_layer = 1, .vocab_size = 5}.rank() == 3);
  static_assert(model::config{.d_model = 48, .n_layer = 1, .vocab_size = 5, .dt_rank = 7}.rank() == 7);
  CHECK(as_template_argument<c> == 111);
}

TEST_CASE("config: the published sizes have the published numbers of parameters") {
  CHECK(parameters(model::mamba_130m) == 129135360);
  CHECK(parameters(model::mamba_370m) == 371516416);
  CHECK(parameters(model::mamba_790m) == 793204224);
  CHECK(parameters(model::mamba_1_4b) == 1372178432);
  CHECK(parameters(model::mamba_2_8b) == 2768345600);
  CHECK(model::mamba_130m.rank() == 48);
  CHECK(model::mamba_2_8b.rank() == 160);
}

TEST_CASE("config: every extent of `any` is dynamic, and what is derived from it too") {
  static_assert(model::any.d_inner() == mamba::dynamic);
  static_assert(model::any.rank() == mamba::dynamic);
  static_assert(model::any.padded_vocab() == mamba::dynamic);
  CHECK(model::fits(model::any, model::mamba_130m));
}

TEST_CASE("config: fits compares what is static and nothing else") {
  CHECK(model::fits(model::mamba_130m, model::mamba_130m));
  CHECK_FALSE(model::fits(model::mamba_130m, model::mamba_370m));
  model::config free_length = model::mamba_130m;
  free_length.n_layer = mamba::dynamic;
  model::config shallow = model::mamba_130m;
  shallow.n_layer = 2;
  CHECK(model::fits(free_length, shallow));
  CHECK_FALSE(model::fits(model::mamba_130m, shallow));
  shallow.d_state = 17;
  CHECK_FALSE(model::fits(free_length, shallow));
}

TEST_CASE("config: the biases are static as soon as the mixer's sizes are, whatever else is left to the run") {
  model::config half = model::mamba_130m;
  half.n_layer = half.vocab_size = half.pad_vocab_size_multiple = mamba::dynamic;
  model::config sizes = model::mamba_130m;
  CHECK(model::fits(half, sizes));
  sizes.bias = true;
  CHECK_FALSE(model::fits(half, sizes));
  CHECK_THROWS_AS(static_cast<void>(model::checked(half, sizes, "weights")), mamba::error);
  sizes.bias = false;
  sizes.conv_bias = false;
  CHECK_FALSE(model::fits(half, sizes));
  half.d_state = mamba::dynamic;
  CHECK(model::fits(half, sizes));
}
