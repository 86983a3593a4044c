// SPDX-License-Identifier: MIT
// mamba/nn/layer.hpp — the concepts of mixers and layers.  [floor 5]
//
//     mixer    (y, state') = f(x, state)             nn::mamba1, nn::s4d, one of your own
//     layer    (r, state') = (r + f(norm r), state')  nn::block<Mixer>: what a stack holds
//
// Both process rows of many sequences at once. A segment is the rows of one sequence, and a pointer to its state; every
// row's arithmetic is independent of other sequences' rows, so a batch has the bits of its sequences alone.
#pragma once

#include <mamba/kernels/gemm/matmul.hpp>
#include <mamba/nn/activations.hpp>
#include <mamba/nn/replay.hpp>
#include <mamba/nn/storage.hpp>
#include <mamba/parallel/parallel_for.hpp>

#include <concepts>
#include <span>

namespace mamba::inline MAMBA_ABI::nn {

/// Consecutive rows of one sequence, in order of time, and the state that they continue from and update.
template <class State>
struct segment {
  std::size_t first;                          ///< row
  std::size_t count;                          ///< rows; a segment may be empty
  State* state;                               ///< no two segments of one call share a state
  replay_rows<state_scalar<State>> log = {};  ///< where what the recurrence consumes is written, if anywhere
};

/// Bytes that Buffers(arena, config, rows) takes from an arena: a mixer's workspace, measured without memory.
template <class Buffers, class Config>
[[nodiscard]] constexpr std::size_t workspace_of(Config const& config, std::size_t rows) noexcept {
  arena at;
  [[maybe_unused]] Buffers const measured(at, config, rows);
  return at.used();
}

namespace detail {

/// A visitor of any list, for concepts.
struct any_visitor {
  template <class... A>
  constexpr void operator()(A&&...) const noexcept {}
};

}  // namespace detail

/// The state of a mixer or a layer: a value with reset(), which returns to that before the first row, and
/// for_each(state, f), which calls f(name, shape, rows) for each part (nn/state_storage.hpp).
template <class S>
concept carried_state = std::regular<S> && requires(S& state, S const& kept, detail::any_visitor const f) {
  state.reset();
  S::for_each(state, f);
  S::for_each(kept, f);
};

/// A type that lists its parameters once: for_each(parameters, f) calls f(name, shape, storage, role) for each, in one
/// fixed order, `shape` being the checkpoint's. with_storage<S> is the same list in another storage, of the same
/// config.
template <class P>
concept parameter_list = requires(P& parameters, P const& kept, detail::any_visitor const f) {
  P::for_each(parameters, f);
  P::for_each(kept, f);
  typename P::scalar;
  typename P::config;
  typename P::storage;
  typename P::template with_storage<meta>;
  requires(std::constructible_from<typename P::template with_storage<meta>, typename P::config const&>);
};

/// A sequence map with state: y ← f(x, state), or y ← y + f(x, state).
///
///     M mixer({.d_model = 64});                        // a configuration
///     …fill the parameters: M::for_each(mixer, f)…
///     M::state state(mixer.sizes());                   // before the first row
///     nn::workspace workspace(mixer, 100);             // rows per call
///     nn::forward(mixer, x, state, workspace, y);      // by m.apply<kernels::output::assign>(input, segments, at, y)
///
/// `input` is what its first matrix reads (activations of width(config), quantised if its format takes them so), `at`
/// the rest of the workspace, of which it needs workspace(config, rows) bytes at most. cost(rows) decides whether
/// threads are used, never a result. sizes() is the configuration that it was made with; state(config) is the state
/// before the first row, a value. Where a segment has a log, a mixer that is replayable (nn/replay.hpp) writes into it.
///
/// Domain:  segments lie side by side in the input and cover it.
/// Determinism: the partition contract: the same bits for every split of a sequence into calls, any other sequences in
///          the batch, static or dynamic sizes and every number of threads.
template <class M>
concept mixer = parameter_list<M> && carried_state<typename M::state> &&
                std::constructible_from<typename M::state, typename M::config const&> &&
                requires(M const& m, typename M::config const& c, typename M::input const& input,
                         std::span<segment<typename M::state> const> segments, arena at,
                         matrix_view<typename M::scalar> y, std::size_t rows) {
                  { m.sizes() } -> std::convertible_to<typename M::config const&>;
                  { M::workspace(c, rows) } -> std::same_as<std::size_t>;
                  m.template apply<kernels::output::assign>(input, segments, at, y);
                  m.template apply<kernels::output::add>(input, segments, at, y);
                  { M::width(c) } -> std::convertible_to<std::size_t>;
                  { M::static_width } -> std::convertible_to<std::size_t>;
                  { m.cost(rows) } -> std::same_as<parallel::cost>;
                };

/// The element of a stack: r ← r + f(norm r), in place.
template <class L>
concept layer = parameter_list<L> && carried_state<typename L::state> &&
                requires(L const& l, typename L::config const& c, std::span<segment<typename L::state> const> segments,
                         arena at, matrix_view<typename L::scalar> r, std::size_t rows) {
                  { L::initial_state(c) } -> std::same_as<typename L::state>;
                  { L::workspace(c, rows) } -> std::same_as<std::size_t>;
                  l(r, segments, at);
                  { l.cost(rows) } -> std::same_as<parallel::cost>;
                };

/// The list of a layer's parameters in a storage that doesn't compute: meta or dense.
template <class L>
concept parameters_only = (!L::storage::computes) && parameter_list<L>;

/// A layer, or the list of its parameters.
template <class L>
concept stackable = parameters_only<L> || layer<L>;

}  // namespace mamba::inline MAMBA_ABI::nn
