// SPDX-License-Identifier: MIT
// mamba/model/forward.hpp — from items to outputs, any number at a time, of one sequence or many.  [floor 6]
#pragma once

#include <mamba/model/detail/batch_run.hpp>
#include <mamba/model/workspace.hpp>

#include <algorithm>
#include <concepts>
#include <span>
#include <type_traits>
#include <utility>

namespace mamba::inline MAMBA_ABI::model {

namespace detail {

/// The `out` of forward() and hidden() as rows in T. What does not convert, because it is constant or has numbers of
/// another type, does not compile, with one of two sentences.
template <wanted Wanted, class T, class Out>
[[nodiscard]] matrix_view<T> rows_of(Out&& out) noexcept(!core::contracts_checked);

/// The outputs of step() as a matrix of one row.
template <class T, class Out>
[[nodiscard]] matrix_view<T> one_row(Out& out) noexcept(!core::contracts_checked);

/// The forward pass of a batch, in one parallel region.
template <wanted Wanted, class Network, class Workspace, class Observe = unobserved>
void run(Network const& network, std::span<sequence<Network> const> batch, Workspace& workspace,
         matrix_view<typename Network::scalar> out, Observe const& observe = {});

}  // namespace detail

/// Reads the items of many sequences, each continuing from its own state, and writes the outputs that follow the last
/// s.outputs items of each, sequence after sequence.
///
///     model::sequence<weights> const batch[] = {{tokens_a, &state_a, 1}, {tokens_b, &state_b, 1}};
///     model::forward(w, std::span(batch), workspace, logits);      // logits [2, vocab_size]
///
/// Paper:   Mamba, section 3.4: embedding, blocks with residual, RMS norm, head.
/// Why:     rows of all sequences go through a layer together, so that its weights are read once; chunk_rows at a time,
///          so that the workspace does not grow with the input.
/// Shapes:  out [Σ s.outputs, ≤ outputs()], a writable matrix of the model's arithmetic type: nothing is narrowed on
///          the way. s.outputs at most the number of items. Sequences may be empty.
/// Domain:  states made for this model, no two sequences with one state; tokens in the vocabulary. NaN in, NaN out.
/// Determinism: the partition contract: every split of the items into calls, every batch, every number of threads,
///          static and dynamic extents give the same bits in outputs and states, within one build.
/// Cost:    on the stack, at most 24 kB beside that of matmul (kernels/gemm/matmul.hpp,
///          kernels/quantization/quantized_matmul.hpp), whatever the sizes of the model.
/// Throws:  std::bad_alloc where the workspace must grow (model/workspace.hpp says how to prevent it).
template <class Input, class Stack, class Output, class Workspace, class Out = matrix_view<typename Stack::scalar>>
void forward(network<Input, Stack, Output> const& w,
             std::type_identity_t<std::span<network_sequence<network<Input, Stack, Output>> const>> batch,
             Workspace& workspace, Out&& out) {
  auto const rows = detail::rows_of<detail::wanted::outputs, typename Stack::scalar>(std::forward<Out>(out));
  detail::run<detail::wanted::outputs>(w, batch, workspace, rows);
}

/// One sequence: reads items, continuing from `state`, and writes the outputs that follow the last out.extent(0) of
/// them.
///
///     forward(w, tokens, state, workspace, logits);    // rows: as many as tokens, one for what comes next, none
///     forward(w, tokens, state, workspace, logits, &log);    // and keeps what rolls `state` back
///
/// See:     the batch above for all else.
template <class Input, class Stack, class Output, class State, class Workspace,
          class Out = matrix_view<typename Stack::scalar>>
void forward(network<Input, Stack, Output> const& w, std::type_identity_t<typename Input::items> items, State& state,
             Workspace& workspace, Out&& out,
             std::type_identity_t<rollback_log<network<Input, Stack, Output>>>* log = nullptr) {
  using net = network<Input, Stack, Output>;
  static_assert(std::derived_from<State, typename net::state>,
                "forward: the state must be the model's: the same static sizes, the same arithmetic (float or double)");
  auto const rows = detail::rows_of<detail::wanted::outputs, typename Stack::scalar>(std::forward<Out>(out));
  sequence<net> const one[] = {{items, &state, rows.extent(0), log}};
  detail::run<detail::wanted::outputs>(w, std::span<sequence<net> const>(one), workspace, rows);
}

/// The hidden vectors behind the last out.extent(0) items, normalised (and pooled), without the output map's
/// projection: what transformers calls last_hidden_state.
///
/// Shapes:  out [≤ items, d_model].
template <class Input, class Stack, class Output, class State, class Workspace,
          class Out = matrix_view<typename Stack::scalar>>
void hidden(network<Input, Stack, Output> const& w, std::type_identity_t<typename Input::items> items, State& state,
            Workspace& workspace, Out&& out) {
  using net = network<Input, Stack, Output>;
  static_assert(std::derived_from<State, typename net::state>,
                "hidden: the state must be the model's: the same static sizes, the same arithmetic (float or double)");
  auto const rows = detail::rows_of<detail::wanted::hidden, typename Stack::scalar>(std::forward<Out>(out));
  MAMBA_EXPECTS(rows.extent(0) == 0 || rows.extent(1) == w.width(), "hidden: rows are as wide as the model",
                rows.extent(1), w.width());
  sequence<net> const one[] = {{items, &state, rows.extent(0)}};
  detail::run<detail::wanted::hidden>(w, std::span<sequence<net> const>(one), workspace, rows);
}

/// One item: forward() with one row. With a workspace made for the model it allocates nothing and throws nothing, and
/// it takes no lock: serial, or with threads for models whose token costs less than parallel::parallel_threshold().
///
/// Shapes:  out [≤ outputs()].
/// See:     examples/embed for a Mamba in an application's loop.
template <class Input, class Stack, class Output, class State, class Workspace,
          class Out = std::span<typename Stack::scalar>>
  requires std::same_as<typename Input::items, std::span<token const>>
void step(network<Input, Stack, Output> const& w, token next, State& state, Workspace& workspace, Out&& out,
          std::type_identity_t<rollback_log<network<Input, Stack, Output>>>* log =
              nullptr) noexcept(!core::contracts_checked) {
  model::forward(w, std::span<token const>(&next, 1), state, workspace, detail::one_row<typename Stack::scalar>(out),
                 log);
}

/// One row of features.
///
/// Shapes:  x [features], out [≤ outputs()].
template <class Input, class Stack, class Output, class State, class Workspace,
          class Out = std::span<typename Stack::scalar>>
  requires std::same_as<typename Input::items, matrix_view<typename Stack::scalar const>>
void step(network<Input, Stack, Output> const& w, std::type_identity_t<std::span<typename Stack::scalar const>> x,
          State& state, Workspace& workspace, Out&& out,
          std::type_identity_t<rollback_log<network<Input, Stack, Output>>>* log =
              nullptr) noexcept(!core::contracts_checked) {
  using T = typename Stack::scalar;
  model::forward(w, matrix_view<T const>(x.data(), std::size_t{1}, x.size()), state, workspace, detail::one_row<T>(out),
                 log);
}

namespace detail {

template <wanted Wanted, class T, class Out>
matrix_view<T> rows_of(Out&& out) noexcept(!core::contracts_checked) {
  constexpr bool fits = std::convertible_to<Out, matrix_view<T>>;
  static_assert(fits || Wanted != wanted::outputs,
                "forward: out must be a writable matrix of the model's arithmetic type (float or double)");
  static_assert(fits || Wanted != wanted::hidden,
                "hidden: out must be a writable matrix of the model's arithmetic type (float or double)");
  if constexpr (fits) {
    return std::forward<Out>(out);
  } else {
    return {};
  }
}

template <class T, class Out>
matrix_view<T> one_row(Out& out) noexcept(!core::contracts_checked) {
  constexpr bool fits = std::convertible_to<Out&, std::span<T>>;
  static_assert(fits, "step: outputs must be a span of the model's arithmetic type (float or double)");
  if constexpr (fits) {
    std::span<T> const row(out);
    return {row.data(), std::size_t{1}, row.size()};
  } else {
    return {};
  }
}

template <wanted Wanted, class Network, class Workspace, class Observe>
void run(Network const& network, std::span<sequence<Network> const> batch, Workspace& workspace,
         matrix_view<typename Network::scalar> out, Observe const& observe) {
  using run_type = batch_run<Network>;
  std::size_t rows = 0;
  std::size_t outputs = 0;
  for (sequence<Network> const& s : batch) {
    std::size_t const length = run_type::input_map::size(s.items);
    MAMBA_EXPECTS(s.outputs <= length, "forward: more rows of outputs than items", s.outputs, length);
    MAMBA_EXPECTS(s.state != nullptr, "forward: every sequence needs a state, an empty one too");
    MAMBA_EXPECTS(std::none_of(batch.data(), &s, [&](auto const& before) { return before.state == s.state; }),
                  "forward: two sequences have one state");
    MAMBA_EXPECTS(s.log == nullptr || std::none_of(batch.data(), &s, [&](auto const& b) { return b.log == s.log; }),
                  "forward: two sequences have one log");
    MAMBA_EXPECTS(s.state->stack.size() == network.layers.size(),
                  "forward: the state was made for a model of other sizes");
    MAMBA_EXPECTS(std::is_sorted(s.snapshots.begin(), s.snapshots.end(),
                                 [](auto const& a, auto const& b) { return a.after < b.after; }) &&
                      (s.snapshots.empty() || s.snapshots.back().after <= length),
                  "forward: snapshots are in ascending order, none after more items than there are");
    MAMBA_EXPECTS(std::all_of(s.snapshots.begin(), s.snapshots.end(),
                              [&](auto const& kept) {
                                return kept.state != nullptr &&
                                       std::none_of(batch.begin(), batch.end(),
                                                    [&](auto const& other) { return other.state == kept.state; });
                              }),
                  "forward: a snapshot needs a state that is no sequence's");
    if constexpr (!nn::replayable<Network>)
      MAMBA_EXPECTS(s.log == nullptr, "forward: the layers of this network have no replay()");
    rows += length;
    outputs += s.outputs;
  }
  MAMBA_EXPECTS(out.extent(0) == outputs, "forward: out must have a row for each output", out.extent(0), outputs);
  MAMBA_EXPECTS(outputs == 0 || out.extent(1) <= (Wanted == wanted::hidden ? network.width() : network.outputs()),
                "forward: outputs are wider than the model's", out.extent(1), network.outputs());
  if (rows == 0 && std::all_of(batch.begin(), batch.end(), [](auto const& s) { return s.snapshots.empty(); })) return;
  std::size_t const chunk = workspace.prepare(network, rows, batch.size());
  parallel::parallel_region(network.cost(rows, outputs, outputs == 0 ? 0 : out.extent(1)), [&] {
    if constexpr (nn::replayable<Network>) {
      for (sequence<Network> const& s : batch) {
        if (s.log != nullptr) static_cast<void>(s.log->prepare(network, run_type::input_map::size(s.items)));
      }
    }
    run_type all{network, batch, out, chunk};
    for (std::size_t k = 0; k < batch.size(); ++k) all.keep(k, 0);
    while (all.template run<Wanted>(workspace.memory(), observe)) {
    }
  });
}

}  // namespace detail

}  // namespace mamba::inline MAMBA_ABI::model
