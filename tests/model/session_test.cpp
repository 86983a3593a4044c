// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/model/session.hpp>
#include <mamba/model/weights.hpp>
#include <support/allocations.hpp>
#include <support/bits.hpp>
#include <support/random_model.hpp>

#include <type_traits>
#include <utility>
#include <vector>

namespace {

namespace model = mamba::model;
constexpr model::config sizes{.d_model = 10, .n_layer = 2, .vocab_size = 17, .d_state = 4};

// Of a temporary a session would keep the address.
static_assert(!std::is_constructible_v<model::session<model::weights<>>, model::weights<>>);
static_assert(std::is_constructible_v<model::session<model::weights<>>, model::weights<> const&>);
static_assert(std::is_same_v<decltype(model::session(std::declval<model::session<model::weights<>>>())),
                             model::session<model::weights<>>>);

std::vector<float> copy(std::span<float const> values) { return {values.begin(), values.end()}; }

TEST_CASE("session: reads and steps as forward does, is copied with its state, and starts anew") {
  model::weights<> w(sizes);
  test::fill_weights(w, 1, test::weight_range::unit);
  std::vector<model::token> const prompt{3, 1, 4, 1, 5};
  model::session session(w);
  CHECK(session.outputs().size() == 17);
  auto const after_prompt = copy(session.read(prompt));
  model::state<> state(sizes);
  model::workspace workspace;
  std::vector<float> logits(17);
  model::forward(w, prompt, state, workspace, {logits.data(), 1, 17});
  CHECK(test::same_bits(after_prompt, logits));
  CHECK(session.state() == state);
  model::state<> const kept = session.state();
  CHECK(kept == state);

  model::session fork = session;
  auto const left = copy(session.step(9));
  CHECK(test::same_bits(copy(fork.outputs()), after_prompt));
  CHECK(test::same_bits(copy(fork.step(9)), left));
  fork = session;
  CHECK(fork.state() == session.state());
  std::size_t const before = test::allocations;
  session.step(2);
  CHECK(test::allocations == before);
  CHECK(test::same_bits(copy(session.read({})), copy(session.outputs())));
  session.reset();
  CHECK(session.outputs()[0] == 0);
  CHECK(test::same_bits(copy(session.read(prompt)), after_prompt));
}

}  // namespace
