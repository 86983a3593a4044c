// SPDX-License-Identifier: MIT
#include <mamba/model/forward.hpp>
#include <mamba/model/weights.hpp>
#include <support/allocations.hpp>
#include <support/random_model.hpp>

#include <limits>

#include <doctest/doctest.h>

namespace model = mamba::model;

namespace {

constexpr model::config sizes{.d_model = 9, .n_layer = 2, .vocab_size = 13, .d_state = 3};

struct fixture {
  model::weights<> w{sizes};
  std::vector<float> logits = std::vector<float>(13);
  model::workspace workspace{w};
  fixture() { test::fill_weights(w, 1, test::weight_range::unit); }
};

}  // namespace

TEST_CASE_FIXTURE(fixture, "state: a value: copied, compared, stored and restored") {
  model::state<> state(sizes);
  model::state<> const empty = state;
  CHECK(state == empty);
  model::step(w, 3, state, workspace, logits);
  CHECK_FALSE(state == empty);
  model::state<> const kept = state;
  auto const after_first = logits;
  model::step(w, 5, state, workspace, logits);
  auto const after_second = logits;
  CHECK_FALSE(state == kept);
  state = kept;
  CHECK(state == kept);
  model::step(w, 5, state, workspace, logits);
  CHECK(logits == after_second);
  state.reset();
  CHECK(state == empty);
  model::step(w, 3, state, workspace, logits);
  CHECK(logits == after_first);
  model::state<> moved = std::move(state);
  CHECK(moved == kept);
}

TEST_CASE_FIXTURE(fixture, "state: restoring a stored state allocates nothing") {
  model::state<> state(sizes);
  model::step(w, 1, state, workspace, logits);
  model::state<> const kept = state;
  model::step(w, 2, state, workspace, logits);
  std::size_t const before = test::allocations;
  state = kept;
  model::step(w, 2, state, workspace, logits);
  CHECK(test::allocations == before);
}

TEST_CASE("state: its size does not depend on the number of tokens, its shapes are those of the configuration") {
  model::state<> const loose(sizes);
  model::state<sizes> const fixed;
  REQUIRE(loose.layers().size() == 2);
  CHECK(loose.layers()[0].conv.extent(0) == 3);
  CHECK(loose.layers()[0].conv.extent(1) == 18);
  CHECK(fixed.layers()[1].ssm.extent(0) == 18);
  CHECK(fixed.layers()[1].ssm.extent(1) == 3);
}

TEST_CASE("state: sizes that are not the static ones are refused") {
  model::config other = sizes;
  other.d_state = 4;
  CHECK_THROWS_WITH_AS((model::state<sizes>(other)),
                       "model::state: the sizes given are not those of the static configuration", mamba::error);
}

TEST_CASE_FIXTURE(fixture, "state: assigned to after it was moved from, it steps as before") {
  model::state<> first(sizes);
  model::step(w, 1, first, workspace, logits);
  model::state<> const kept = first;
  model::step(w, 2, first, workspace, logits);
  auto const expected = logits;
  model::state<> const taken = std::move(first);
  first = kept;
  CHECK(first == kept);
  model::step(w, 2, first, workspace, logits);
  CHECK(logits == expected);
  CHECK(first == taken);
}

TEST_CASE("state: assigned from a state of a larger model, it steps with the larger model") {
  model::config large = sizes;
  large.d_model = 33;
  large.n_layer = 4;
  model::weights<> w(large);
  model::workspace workspace;
  test::fill_weights(w, 3, test::weight_range::unit);
  std::vector<float> expected(13), found(13);
  model::state<> state(large);
  model::state<> other(sizes);
  other = state;
  model::step(w, 2, state, workspace, expected);
  model::step(w, 2, other, workspace, found);
  CHECK(found == expected);
  CHECK(other == state);
}

TEST_CASE("state: reset clears infinities and NaN, in the padding too") {
  model::state<> const fresh(sizes);
  model::state<> state(sizes);
  state.layers()[0].ssm.fill(std::numeric_limits<float>::infinity());
  state.layers()[1].conv.fill(std::numeric_limits<float>::quiet_NaN());
  CHECK_FALSE(state == fresh);
  state.reset();
  CHECK(state == fresh);
  for (float const v : state.layers()[0].ssm.span()) CHECK(v == 0);
}

TEST_CASE("state and weights: a size of zero is refused by name, not divided by") {
  for (auto const size :
       {&model::config::d_model, &model::config::n_layer, &model::config::vocab_size, &model::config::d_state,
        &model::config::d_conv, &model::config::expand, &model::config::pad_vocab_size_multiple}) {
    for (std::size_t const wrong : {std::size_t{0}, mamba::dynamic}) {
      model::config c = sizes;
      c.*size = wrong;
      CHECK_THROWS_AS(model::state<>{c}, mamba::error);
      CHECK_THROWS_AS(model::weights<>{c}, mamba::error);
    }
  }
}
