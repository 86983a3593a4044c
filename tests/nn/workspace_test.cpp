// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/nn/forward.hpp>
#include <mamba/nn/mamba1.hpp>
#include <mamba/nn/workspace.hpp>
#include <support/allocations.hpp>

#include <vector>

TEST_CASE("nn::workspace: made for a mixer and some rows, forward() allocates nothing") {
  mamba::nn::mamba1<> const mixer({.d_model = 20});
  mamba::nn::workspace memory(mixer, 7);
  mamba::nn::mamba1<>::state state(mixer.sizes());
  std::vector<float> x(7 * 20, 1), y(7 * 20);
  std::size_t const before = test::allocations;
  mamba::nn::forward(mixer, {x.data(), 7, 20}, state, memory, {y.data(), 7, 20});
  CHECK(test::allocations == before);
  std::vector<float> longer(40 * 20, 1), out(40 * 20);
  CHECK_THROWS_AS(mamba::nn::forward(mixer, {longer.data(), 40, 20}, state, memory, {out.data(), 40, 20}),
                  mamba::contract_violation);
}

TEST_CASE("nn::workspace: reserve() grows and never shrinks, a static one needs no heap") {
  mamba::nn::workspace memory(100);
  memory.reserve(50);
  CHECK(memory.bytes() == 100);
  memory.reserve(200);
  CHECK(memory.bytes() == 200);
  std::size_t const before = test::allocations;
  mamba::nn::static_workspace<256> fixed;
  mamba::arena at = fixed.memory();
  CHECK(at.take<float>(64).size() == 64);
  CHECK(test::allocations == before);
}
