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

static_assert(mixer<mamba1<>> && mixer<mamba1<any_mamba1, mamba::q4>> && mixer<mamba1<any_mamba1, double>>);
static_assert(mixer<mamba1<any_mamba1, float, constant>>);
static_assert(parameter_list<mamba1<any_mamba1, float, meta>> && !mixer<mamba1<any_mamba1, float, meta>>);
static_assert(!parameter_list<no_parameters> && !mixer<no_parameters> && !layer<no_parameters>);
static_assert(!mixer<state_that_cannot_be_compared>);
static_assert(!layer<mamba1<>>);  // it has no norm and no residual: nn::block adds them

TEST_CASE("layer: a segment says which rows belong to one state") {
  int state = 0;
  segment<int> const s{3, 4, &state};
  CHECK(s.first + s.count == 7);
  CHECK(s.state == &state);
}

}  // namespace
