// SPDX-License-Identifier: MIT
// mamba/model/observe.hpp — forward() of one sequence that calls a function with the rows between layers.  [floor 6]
#pragma once

#include <mamba/model/forward.hpp>

#include <concepts>

namespace mamba::inline MAMBA_ABI::model {

/// forward() that calls f(layers, first, rows) with the residual stream: behind the input map, with 0 layers, and after
/// each layer.
///
///     model::observe(w, tokens, state, workspace, logits, [&](std::size_t layers, std::size_t first, auto rows) {
///       if (layers == 12) keep(first, rows);          // rows: of the items first, first + 1, …
///     });
///
/// Why:     with rows that f may change, too: a direction added to them steers the model.
/// Shapes:  rows [items of a chunk, d_model]; a chunk has at most chunk_rows items. What transformers calls
///          hidden_states[i] is the rows of `layers` i, but for the last, which hidden() normalises.
/// Domain:  f is called by one thread, which need not be the calling one (parallel/parallel_for.hpp). A rollback log of
///          this state must be cleared afterwards.
/// Determinism: forward()'s, in outputs and in rows.
/// Throws:  what f throws: the state is then between two tokens of some layers, and to be reset.
template <class Input, class Stack, class Output, class State, class Workspace, class F>
  requires std::invocable<F const&, std::size_t, std::size_t, matrix_view<typename Stack::scalar>>
void observe(network<Input, Stack, Output> const& w, std::type_identity_t<typename Input::items> items, State& state,
             Workspace& workspace, std::type_identity_t<matrix_view<typename Stack::scalar>> out, F const& f) {
  using net = network<Input, Stack, Output>;
  static_assert(std::derived_from<State, typename net::state>,
                "observe: the state must be the model's: the same static sizes, the same arithmetic (float or double)");
  sequence<net> const one[] = {{items, &state, out.extent(0)}};
  detail::run<detail::wanted::outputs>(w, std::span<sequence<net> const>(one), workspace, out, f);
}

}  // namespace mamba::inline MAMBA_ABI::model
