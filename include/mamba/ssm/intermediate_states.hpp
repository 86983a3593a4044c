// SPDX-License-Identifier: MIT
// mamba/ssm/intermediate_states.hpp — the states that a recurrence passes through, on request.  [floor 3]
//
//     std::vector<vector<double>> seen;
//     auto const y = recurrence(system, h, x, every_state(16, seen));       // after 16, 32, 48, … inputs
//
// A recurrence calls observe(t, h) after the input number t (from 0). Any callable will do; these keep copies.
#pragma once

#include <mamba/core/contracts.hpp>
#include <mamba/ssm/matrix.hpp>

#include <algorithm>
#include <type_traits>
#include <utility>
#include <vector>

namespace mamba::inline MAMBA_ABI::ssm {

/// Observes nothing: what a recurrence does unless told otherwise.
struct see_no_state {
  template <class State>
  constexpr void operator()(std::size_t, State const&) const noexcept {}
};

/// A copy of a state that stays as it is: of a view, its numbers as a matrix; of anything else, itself.
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

/// Keeps the state after every k inputs: at t = k − 1, 2k − 1, …, ⌊L/k⌋ of them. With them, any part of a long sequence
/// can be run again from at most k steps before.
///
/// Domain:  k ≥ 1.
template <class Kept>
[[nodiscard]] auto every_state(std::size_t k, std::vector<Kept>& kept) {
  MAMBA_EXPECTS(k >= 1, "every_state: k counts inputs, from 1", k, 1);
  return [k, &kept](std::size_t t, auto const& h) {
    if ((t + 1) % k == 0) kept.push_back(snapshot(h));
  };
}

/// Keeps the states after the inputs at the given times, in the order of time.
template <class Kept>
[[nodiscard]] auto states_at(std::vector<std::size_t> times, std::vector<Kept>& kept) {
  return [times = std::move(times), &kept](std::size_t t, auto const& h) {
    if (std::find(times.begin(), times.end(), t) != times.end()) kept.push_back(snapshot(h));
  };
}

}  // namespace mamba::inline MAMBA_ABI::ssm
