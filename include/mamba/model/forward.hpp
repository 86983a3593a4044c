// SPDX-License-Identifier: MIT
// mamba/model/forward.hpp — from tokens to logits, any number at a time, from any state.  [floor 6]
#pragma once

#include <mamba/model/state.hpp>
#include <mamba/model/weights.hpp>

namespace mamba::inline MAMBA_ABI::model {

/// Reads tokens, continuing from `memory`, and writes the logits that follow the last r = logits.extent(0) of them.
///
///     forward(w, tokens, memory, logits);      // r = tokens.size(): all; r = 1: what comes next; r = 0: only read
///
/// Paper:   Mamba, section 3.4: embedding, blocks with residual, RMS norm, head.
/// Shapes:  logits [r, vocab_size], r ≤ tokens.size().
/// Why:     tokens go through all layers chunk_tokens at a time, so scratch does not grow with the prompt.
/// Domain:  0 ≤ token < vocab_size, and `memory` made for the same sizes. NaN in, NaN out.
/// Error:   the partition contract: every split of the tokens into calls, step() among them, every number of threads,
///          static and dynamic extents give the same bits in logits and memory, within one build.
/// Throws:  std::bad_alloc on the first call with more tokens than any before (see state::reserve).
template <config C, class W>
void forward(weights<C, W> const& w, std::span<token const> tokens, state<C, kernels::arithmetic<W>>& memory,
             matrix_view<kernels::arithmetic<W>> logits) {
  using T = kernels::arithmetic<W>;
  MAMBA_EXPECTS(memory.sizes() == w.sizes(), "forward: the state was made for a model of other sizes");
  MAMBA_EXPECTS(logits.extent(0) <= tokens.size(), "forward: more rows of logits than tokens", logits.extent(0),
                tokens.size());
  MAMBA_EXPECTS(logits.extent(0) == 0 || logits.extent(1) <= w.sizes().vocab_size,
                "forward: logits are wider than the vocabulary", logits.extent(1), w.sizes().vocab_size);
  if (tokens.empty()) return;
  memory.reserve(tokens.size());
  auto& room = memory.room();
  std::size_t const silent = tokens.size() - logits.extent(0);  // tokens whose logits nobody asked for
  parallel::cost const cost{static_cast<double>(w.layers.size()) * w.layers.front().cost(tokens.size()).nanoseconds +
                            kernels::product_cost<T>(logits.extent(0), logits.size() * w.sizes().d_model).nanoseconds};
  parallel::parallel_region(cost, [&] {
    for (std::size_t first = 0; first < tokens.size(); first += chunk_tokens) {
      auto const chunk = tokens.subspan(first, std::min(chunk_tokens, tokens.size() - first));
      matrix_view<T> const r = room.residual.view().rows(0, chunk.size());
      w.embedding(chunk, r);
      for (std::size_t i = 0; i < w.layers.size(); ++i) w.layers[i](r, memory.layers()[i], room.block);
      std::size_t const skip = silent > first ? std::min(silent - first, chunk.size()) : 0;
      if (skip == chunk.size()) continue;
      std::size_t const heard = chunk.size() - skip;
      matrix_view<T> const normed = room.normed.view().rows(0, heard);
      w.norm_f(r.rows(skip, heard), normed);
      w.head(normed, logits.rows(first + skip - silent, heard), room.block.narrow);
    }
  });
}

/// One token: forward() with L = 1. After the state is made it allocates nothing and throws nothing, and it takes no
/// lock: serial, or with OpenMP for models whose token costs less than parallel::parallel_threshold().
///
/// Shapes:  logits [vocab_size].
/// See:     examples/embed for a Mamba inside a loop of one's own.
template <config C, class W>
void step(weights<C, W> const& w, token next, state<C, kernels::arithmetic<W>>& memory,
          std::span<kernels::arithmetic<W>> logits) noexcept(!core::contracts_checked) {
  using T = kernels::arithmetic<W>;
  forward(w, std::span<token const>(&next, 1), memory, matrix_view<T>(logits.data(), std::size_t{1}, logits.size()));
}

}  // namespace mamba::inline MAMBA_ABI::model
