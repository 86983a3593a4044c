// SPDX-License-Identifier: MIT
#include <mamba/core/bfloat16.hpp>
#include <mamba/nn/format_policy.hpp>

#include <doctest/doctest.h>

#include <tuple>
#include <type_traits>

namespace {

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
                              format_for<W, role::selection>, format_for<W, role::output>>,
                   std::tuple<Format...>>;

}  // namespace

TEST_CASE("format_policy: a format is that of every matrix, except where measurements chose another") {
  CHECK(is<float, float, float, float, float, float>);
  CHECK(is<q8, q8, q8, q8, q8, q8>);
  CHECK(is<q4, q4, q4, q4, q4, q4>);
  CHECK(is<ternary, q4, q4, ternary, q4, q4>);
  CHECK(is<careful, q4, q4, q4, q8, q4>);
}
