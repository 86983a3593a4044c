// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/scan/intermediate_states.hpp>
#include <mamba/tensor/view.hpp>

#include <vector>

namespace {

using mamba::ssm::vector;

// A counter stands for the recurrence: its state after input t is t + 1.
template <class Observe>
void count_to(std::size_t length, Observe&& observe) {
  for (std::size_t t = 0; t < length; ++t) observe(t, static_cast<int>(t) + 1);
}

TEST_CASE("intermediate_states: all, every k-th, and at given times") {
  std::vector<int> all, third, tenth, some, none;
  count_to(8, mamba::ssm::all_states(all));
  count_to(8, mamba::ssm::every_state(3, third));
  count_to(8, mamba::ssm::every_state(10, tenth));
  count_to(8, mamba::ssm::states_at({6, 0, 6, 99}, some));
  count_to(0, mamba::ssm::all_states(none));
  count_to(8, mamba::ssm::see_no_state{});
  CHECK(all == std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8});
  CHECK(third == std::vector<int>{3, 6});
  CHECK(tenth.empty());
  CHECK(some == std::vector<int>{1, 7});
  CHECK(none.empty());
}

TEST_CASE("intermediate_states: every single one is all of them") {
  std::vector<int> all, first;
  count_to(5, mamba::ssm::all_states(all));
  count_to(5, mamba::ssm::every_state(1, first));
  CHECK(all == first);
}

#if MAMBA_CONTRACTS
TEST_CASE("intermediate_states: every zeroth state is refused") {
  std::vector<int> kept;
  CHECK_THROWS_AS(static_cast<void>(mamba::ssm::every_state(0, kept)), mamba::contract_violation);
}
#endif

TEST_CASE("intermediate_states: a snapshot does not change with the state, also of a view") {
  vector<double> h{{1, 2}};
  auto const kept = mamba::ssm::snapshot(h);
  h(0) = 7;
  CHECK(kept == vector<double>{{1, 2}});

  std::vector<double> cells{1, 2, 3, 4, 5, 6};
  mamba::matrix_view<double> const view(cells.data(), 2, 3);
  auto const copy = mamba::ssm::snapshot(view);
  cells[5] = 9;
  CHECK(copy == mamba::ssm::matrix<double>{{1, 2, 3}, {4, 5, 6}});
}

}  // namespace
