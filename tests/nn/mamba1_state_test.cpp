// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/nn/mamba1_state.hpp>

#include <type_traits>

namespace {

using namespace mamba::nn;

constexpr mamba1_config small{.d_model = 20};
static_assert(small.d_inner() == 40 && small.rank() == 2 && all_static(small) && !all_static(any_mamba1));
static_assert(mamba1_config{.d_model = 32, .dt_rank = 5}.rank() == 5 && any_mamba1.d_inner() == mamba::dynamic);
static_assert(std::regular<mamba1_state<small, float>> && std::regular<mamba1_state<any_mamba1, double>>);

TEST_CASE("mamba1_state: shapes by the configuration; a value that reset() makes new") {
  mamba1_state<any_mamba1, float> a(small), fresh(small);
  CHECK(a.conv.extent(0) == 3);
  CHECK(a.conv.extent(1) == 40);
  CHECK(a.ssm.channels() == 40);
  CHECK(a.ssm.depth() == 16);
  a.conv(1, 2) = 3;
  CHECK_FALSE(a == fresh);
  auto const copy = a;
  CHECK(copy == a);
  a.reset();
  CHECK(a == fresh);
  mamba1_state<small, float> const fixed;
  CHECK(fixed.conv.extent(1) == 40);
}

}  // namespace
