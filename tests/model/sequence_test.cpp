// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/model/forward.hpp>
#include <mamba/model/sequence.hpp>
#include <mamba/model/weights.hpp>
#include <support/bits.hpp>
#include <support/random_model.hpp>

#include <vector>

namespace {

namespace model = mamba::model;

// Of weights as of the network that they are: a batch of either is one type.
static_assert(std::is_same_v<model::sequence<model::weights<>>, model::sequence<model::mamba_network<>>>);

TEST_CASE("sequence: items and a state are enough; outputs and a log are options") {
  model::state<> state(model::config{.d_model = 4, .n_layer = 1, .vocab_size = 5});
  model::token const tokens[] = {1, 2};
  model::sequence<model::weights<>> const s{tokens, &state};
  CHECK(s.items.size() == 2);
  CHECK(s.state == &state);
  CHECK(s.outputs == 0);
  CHECK(s.log == nullptr);
  CHECK(s.snapshots.empty());
}

TEST_CASE("sequence: snapshots are the states between, and change no bit; beside a log and other sequences") {
  constexpr model::config sizes{.d_model = 12, .n_layer = 2, .vocab_size = 30, .d_state = 4};
  model::weights<> w(sizes);
  test::fill_weights(w, 1, test::weight_range::unit);
  test::random rng(1);
  auto const tokens = test::random_tokens(rng, 300, 30);
  model::workspace workspace;
  model::state<> state(sizes);
  std::vector<model::state<>> between{state};
  for (model::token const t : tokens) {
    model::forward(w, {{t}}, state, workspace, {});
    between.push_back(state);
  }
  std::vector<float> expected(300 * 30), out(350 * 30);
  state.reset();
  model::forward(w, tokens, state, workspace, {expected.data(), 300, 30});

  std::size_t const positions[] = {0, 1, 40, 80, 270, 290, 300};
  std::vector<model::state<>> kept(7, model::state<>(sizes)), others(3, model::state<>(sizes));
  std::vector<model::snapshot<model::weights<>>> snapshots, of_empty{{0, &others[2]}};
  for (std::size_t k = 0; k < 7; ++k) snapshots.push_back({positions[k], &kept[k]});
  state.reset();
  model::rollback_log log(w, 20);
  std::span<model::token const> const text(tokens);
  model::sequence<model::weights<>> const batch[] = {{text.first(30), &others[0], 30},
                                                     {text, &state, 300, &log, snapshots},
                                                     {text.first(20), &others[1], 20},
                                                     {{}, &between[9], 0, nullptr, of_empty}};
  model::forward(w, batch, workspace, {out.data(), 350, 30});
  CHECK(test::same_bits(std::span(out).subspan(30 * 30, 300 * 30), expected));
  CHECK(test::same_bits(std::span(out).first(30 * 30), std::span(expected).first(30 * 30)));
  CHECK(test::same_bits(std::span(out).last(20 * 30), std::span(expected).first(20 * 30)));
  for (std::size_t k = 0; k < 7; ++k) CHECK(kept[k] == between[positions[k]]);
  CHECK(state == between[300]);
  CHECK(others[0] == between[30]);
  CHECK(others[1] == between[20]);
  CHECK(others[2] == between[9]);
  log.rewind(w, state, 17);
  CHECK(state == between[283]);

  snapshots.back().after = 301;
  CHECK_THROWS_AS(model::forward(w, batch, workspace, {out.data(), 350, 30}), mamba::contract_violation);
}

}  // namespace
