// SPDX-License-Identifier: MIT
#include <mamba/core/bfloat16.hpp>
#include <mamba/nn/format_policy.hpp>

#include <doctest/doctest.h>

#include <tuple>
#include <type_traits>

namespace {

using mamba::bfloat16;
using mamba::q4;
using mamba::q8;
using mamba::ternary;
using namespace mamba::nn;

struct careful {
  template <role R>
  using format = std::conditional_t<R == role::selection, q8, q4>;
};

static_assert(format_policy<careful> && format_policy<uniform_format<float>>);
static_assert(!format_policy<q8> && !format_policy<float> && !format_policy<mamba::bfloat16>);
static_assert(std::is_same_v<policy<careful>, careful>);
static_assert(std::is_same_v<format_for<uniform_format<ternary>, role::output>, ternary>);
static_assert(std::is_same_v<arithmetic<careful>, float> && std::is_same_v<arithmetic<double>, double>);

template <class W, class... Format>
constexpr bool is =
    std::is_same_v<std::tuple<format_for<W, role::embedding>, format_for<W, role::head>, format_for<W, role::input>,
                              format_for<W, role::selection>, format_for<W, role::output>,
                              format_for<W, role::feed_forward>, format_for<W, role::attention>>,
                   std::tuple<Format...>>;

}  // namespace

TEST_CASE("format_policy: a format is that of every matrix, except where measurements chose another") {
  // embedding, head, input, selection, output, feed_forward, attention
  CHECK(is<float, float, float, float, float, float, float, float>);
  CHECK(is<double, double, double, double, double, double, double, double>);
  CHECK(is<bfloat16, bfloat16, bfloat16, bfloat16, bfloat16, bfloat16, bfloat16, bfloat16>);
  CHECK(is<q8, q8, q8, q8, q8, q8, q8, q8>);
  CHECK(is<q4, q4, q4, q4, q4, q4, q4, q4>);
  CHECK(is<ternary, q4, q4, ternary, q4, q4, ternary, ternary>);
  CHECK(is<ternary_mixture, q4, q4, ternary, q4, q4, ternary, ternary>);
  CHECK(is<uniform_format<ternary>, ternary, ternary, ternary, ternary, ternary, ternary, ternary>);
  CHECK(is<careful, q4, q4, q4, q8, q4, q4, q4>);
}
