// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/model/sequence.hpp>
#include <mamba/model/weights.hpp>

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
}

}  // namespace
