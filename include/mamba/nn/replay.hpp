// SPDX-License-Identifier: MIT
// mamba/nn/replay.hpp — what a recurrence consumed, kept so that its state can be computed again.  [floor 5]
//
// A recurrence cannot be inverted stably. From an earlier state and what the recurrence has consumed since (of Mamba-1:
// Δ, B and the input of the convolution), the same operations in the same order give every state between, bit for bit,
// without a matrix product. model::rollback_log keeps both.
#pragma once

#include <mamba/tensor/arena.hpp>
#include <mamba/tensor/view.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>

namespace mamba::inline MAMBA_ABI::nn {

namespace detail {

template <class State>
struct scalar_of_state {
  using type = float;
};
template <class State>
  requires requires { typename State::scalar; }
struct scalar_of_state<State> {
  using type = typename State::scalar;
};

}  // namespace detail

/// The arithmetic type of a state: its member type `scalar`, or float.
template <class State>
using state_scalar = typename detail::scalar_of_state<State>::type;

/// Rows that replay() may take at a time from a workspace.
inline constexpr std::size_t replay_chunk = 8;

/// Consecutive rows of a ring, into which a layer writes what its recurrence consumes; empty where nothing is kept.
///
/// Shapes:  ring [capacity, replay_width()]; row t of a segment is row (first + t) mod capacity.
template <class T>
struct replay_rows {
  matrix_view<T> ring{};
  std::size_t first = 0;

  [[nodiscard]] constexpr bool empty() const noexcept { return ring.empty(); }
  [[nodiscard]] constexpr std::span<T> row(std::size_t t) const noexcept(!core::contracts_checked) {
    return ring.row((first + t) % ring.extent(0));
  }
  [[nodiscard]] constexpr replay_rows columns(std::size_t column, std::size_t count) const
      noexcept(!core::contracts_checked) {
    return {ring.columns(column, count), first};
  }
  /// Copies the rows of a matrix, one for each row of the segment, to the columns from `column` on.
  void write(std::size_t column, matrix_view<T const> from) const noexcept(!core::contracts_checked) {
    if (empty()) return;
    for (std::size_t t = 0; t < from.extent(0); ++t) {
      auto const values = from.row(t);
      std::copy(values.begin(), values.end(), row(t).subspan(column, values.size()).begin());
    }
  }
};

namespace detail {

template <class State, class T>
concept computes_in = std::is_empty_v<State> || std::same_as<state_scalar<State>, T>;

}  // namespace detail

/// A mixer, layer, stack or output map whose state can be replayed: an option that mixers have by two members.
///
///     m.replay_width()             numbers that the recurrence consumes for a row; 0 without a state
///     m.replay(rows, state, at)    state ← that after `rows`, as apply() wrote them into segment::log
///
/// Shapes:  rows [any number, replay_width()]; `at` has workspace(config, replay_chunk) bytes.
/// Domain:  state::scalar is the arithmetic type, where that isn't float.
/// Determinism: the state has the bits that apply() gave it, for every split of the rows and number of threads.
/// Cost:    replay() reads no matrix.
template <class M>
concept replayable = detail::computes_in<typename M::state, typename M::scalar> && requires(M const& m) {
  { m.replay_width() } -> std::convertible_to<std::size_t>;
  requires !M::storage::computes || requires(matrix_view<typename M::scalar const> rows, typename M::state& state,
                                             arena at) { m.replay(rows, state, at); };
};

}  // namespace mamba::inline MAMBA_ABI::nn
