// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/nn/layer.hpp>
#include <mamba/nn/mamba1.hpp>

namespace {

using namespace mamba::nn;

struct no_parameters {};
struct state_that_cannot_be_compared : mamba1<> {
  struct state {
    explicit state(mamba1_config const&) {}
  };
};

// What forward(), a stack and a session use of a mixer is all in the concept.
struct mixer_without_sizes : mamba1<> {
  void sizes() const;
};
struct mixer_without_a_list : mamba1<> {
  void for_each() const;
};
struct state_without_reset : mamba1<> {
  struct state : mamba1<>::state {
    using mamba1<>::state::mamba1_state;
    void reset() = delete;
  };
  template <mamba::kernels::output>
  void apply(input const&, std::span<segment<state> const>, mamba::arena, mamba::matrix_view<float>) const;
};
static_assert(!mixer<mixer_without_sizes> && !mixer<mixer_without_a_list> && !mixer<state_without_reset>);
static_assert(!carried_state<state_without_reset::state> && carried_state<mamba1<>::state>);

static_assert(mixer<mamba1<>> && mixer<mamba1<any_mamba1, mamba::q4>> && mixer<mamba1<any_mamba1, double>>);
static_assert(mixer<mamba1<any_mamba1, float, constant>>);
static_assert(parameter_list<mamba1<any_mamba1, float, meta>> && !mixer<mamba1<any_mamba1, float, meta>>);
static_assert(!parameter_list<no_parameters> && !mixer<no_parameters> && !layer<no_parameters>);
static_assert(!mixer<state_that_cannot_be_compared>);
static_assert(!layer<mamba1<>>);  // it has no norm and no residual: nn::block adds them

TEST_CASE("layer: a segment names the rows that belong to one state") {
  int state = 0;
  segment<int> const s{3, 4, &state};
  CHECK(s.first + s.count == 7);
  CHECK(s.state == &state);
}

}  // namespace
