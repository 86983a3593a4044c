// SPDX-License-Identifier: MIT
#include <mamba/core/bfloat16.hpp>
#include <mamba/nn/format_policy.hpp>

#include <doctest/doctest.h>

#include <tuple>
#include <type_traits>

namespace {

using mamba::q4;
using mamba::q8;
using mamba::recipe;
using mamba::ternary;
using mamba::uniform_recipe;

struct careful : uniform_recipe<q4> {
  using x_proj = q8;
  using dt_proj = float;
};

static_assert(mamba::weight_recipe<careful> && mamba::weight_recipe<uniform_recipe<float>>);
static_assert(!mamba::weight_recipe<q8> && !mamba::weight_recipe<float> && !mamba::weight_recipe<mamba::bfloat16>);
static_assert(std::is_same_v<recipe<careful>, careful>);
static_assert(std::is_same_v<recipe<uniform_recipe<ternary>>::out_proj, ternary>);

template <class Recipe, class... W>
constexpr bool is =
    std::is_same_v<std::tuple<typename Recipe::embedding, typename Recipe::lm_head, typename Recipe::in_proj,
                              typename Recipe::x_proj, typename Recipe::dt_proj, typename Recipe::out_proj>,
                   std::tuple<W...>>;

}  // namespace

TEST_CASE("weight_recipe: a format is the recipe of every matrix, but where the measurements say otherwise") {
  CHECK(is<recipe<float>, float, float, float, float, float, float>);
  CHECK(is<recipe<q8>, q8, q8, q8, q8, q8, q8>);
  CHECK(is<recipe<q4>, q4, q4, q4, q4, q4, q4>);
  CHECK(is<recipe<ternary>, ternary, ternary, ternary, q4, q4, q4>);
  CHECK(is<recipe<careful>, q4, q4, q4, q8, float, q4>);
}
