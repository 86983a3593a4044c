// SPDX-License-Identifier: MIT
// mamba/ssm/scan/intermediate_states.hpp — the states of a recurrence between its inputs, on request.  [floor 3]
//
//     std::vector<vector<double>> seen;
//     auto const y = recurrence(system, h, x, every_state(16, seen));       // after 16, 32, 48, … inputs
//
// A recurrence calls observe(t, h) after the input number t (from 0). Any callable will do; these keep copies. Each
// call of a recurrence counts from 0: `before` is the number of inputs of earlier calls that the state continues.
#pragma once

#include <mamba/core/contracts.hpp>
#include <mamba/ssm/systems/matrix.hpp>

#include <algorithm>
#include <type_traits>
#include <utility>
#include <vector>

namespace mamba::inline MAMBA_ABI::ssm {

/// Observes nothing, the default.
struct see_no_state {
  template <class State>
  constexpr void operator()(std::size_t, State const&) const noexcept {}
};

/// A copy of a state: of a view, its numbers as a matrix; of anything else, itself.
template <class State>
[[nodiscard]] auto snapshot(State const& h) {
  if constexpr (requires { h.extent(1); }) {
    matrix<std::remove_cvref_t<decltype(h(0, 0))>> copy(index(h.extent(0)), index(h.extent(1)));
    for (std::size_t i = 0; i < h.extent(0); ++i) {
      for (std::size_t n = 0; n < h.extent(1); ++n) copy(index(i), index(n)) = h(i, n);
    }
    return copy;
  } else {
    return std::remove_cvref_t<State>(h);
  }
}

/// Keeps every state, in order: L of them.
template <class Kept>
[[nodiscard]] auto all_states(std::vector<Kept>& kept) {
  return [&kept](std::size_t, auto const& h) { kept.push_back(snapshot(h)); };
}

/// Keeps the state after every k inputs: at t = k − 1, 2k − 1, …, ⌊L/k⌋ of them. Any part of a long sequence can
/// be recomputed from the nearest of them in fewer than k steps (checkpointing).
///
///     static_cast<void>(recurrence(s, h, first, every_state(16, seen)));                    // 20 inputs: after 16
///     static_cast<void>(recurrence(s, h, then, every_state(16, seen, first.rows())));       // after 32, 48, …
///
/// Domain:  k ≥ 1. `before` is the number of inputs of earlier calls.
template <class Kept>
[[nodiscard]] auto every_state(std::size_t k, std::vector<Kept>& kept, std::size_t before = 0) {
  MAMBA_EXPECTS(k >= 1, "every_state: k counts inputs, from 1", k, 1);
  return [k, before, &kept](std::size_t t, auto const& h) {
    if ((before + t + 1) % k == 0) kept.push_back(snapshot(h));
  };
}

/// Keeps the states after the inputs at the given times, in the order of time: states_at({6, 0, 6, 99}, kept) of 8
/// inputs keeps two, those at 0 and 6.
///
/// Domain:  any times. One given twice is kept once; one outside this call keeps nothing. `before` is the number of
///          inputs of earlier calls.
template <class Kept>
[[nodiscard]] auto states_at(std::vector<std::size_t> times, std::vector<Kept>& kept, std::size_t before = 0) {
  return [times = std::move(times), before, &kept](std::size_t t, auto const& h) {
    if (std::find(times.begin(), times.end(), before + t) != times.end()) kept.push_back(snapshot(h));
  };
}

}  // namespace mamba::inline MAMBA_ABI::ssm
