// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/nn/forward.hpp>
#include <mamba/nn/mamba1.hpp>
#include <support/bits.hpp>
#include <support/parameters.hpp>

#include <utility>
#include <vector>

namespace {

using mixer = mamba::nn::mamba1<mamba::nn::any_mamba1, mamba::q8>;

TEST_CASE("nn::forward: one call for a quantised mixer, too; any split has the bits of the whole") {
  mixer m({.d_model = 36});
  test::random rng(1);
  mixer::for_each(
      m, [&](auto const&, auto const&, auto& storage, auto) { test::fill_rows<float>(storage, rng, -0.5, 0.5); });
  std::vector<float> x(12 * 36), whole(12 * 36), parts(12 * 36);
  rng.fill(std::span(x), -1, 1);
  mamba::nn::workspace memory(m, 12);
  mixer::state at_once(m.sizes()), carried(m.sizes());
  mamba::nn::forward(m, {x.data(), 12, 36}, at_once, memory, {whole.data(), 12, 36});
  for (std::size_t first = 0; first < 12; first += 4) {
    mamba::nn::forward(m, {x.data() + first * 36, 4, 36}, carried, memory, {parts.data() + first * 36, 4, 36});
  }
  CHECK(test::same_bits(parts, whole));
  CHECK(carried == at_once);
  mamba::nn::forward(m, {x.data(), 0, 36}, carried, memory, {parts.data(), 0, 36});
  CHECK(carried == at_once);
}

TEST_CASE("nn::forward: shapes are checked") {
  mixer const m({.d_model = 36});
  mamba::nn::workspace memory(m, 2);
  mixer::state state(m.sizes());
  std::vector<float> x(2 * 37), y(2 * 37);
  CHECK_THROWS_AS(mamba::nn::forward(m, {x.data(), 2, 37}, state, memory, {y.data(), 2, 37}),
                  mamba::contract_violation);
  CHECK_THROWS_AS(mamba::nn::forward(m, {x.data(), 2, 36}, state, memory, {y.data(), 1, 36}),
                  mamba::contract_violation);
}

TEST_CASE("nn::forward: a state of another mixer, one that was moved from, a workspace of nothing") {
  mixer const m({.d_model = 36});
  mamba::nn::workspace memory(m, 1), nothing;
  std::vector<float> x(36), y(36);
  mixer::state narrower({.d_model = 20}), shorter({.d_model = 36, .d_state = 3}), fewer({.d_model = 36, .d_conv = 2});
  for (auto* const other : {&narrower, &shorter, &fewer}) {
    CHECK_THROWS_AS(mamba::nn::step(m, x, *other, memory, y), mamba::contract_violation);
  }
  mixer::state state(m.sizes());
  CHECK_THROWS_AS(mamba::nn::step(m, x, state, nothing, y), mamba::contract_violation);
  CHECK_NOTHROW(mamba::nn::step(m, x, state, memory, y));
  mixer::state const taken = std::move(state);
  CHECK_FALSE(state.made_for(m.sizes()));
  CHECK(taken.made_for(m.sizes()));
}

}  // namespace
