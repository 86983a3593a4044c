// SPDX-License-Identifier: MIT
// mamba/model/detail/batch_run.hpp — the forward pass of a batch, chunk by chunk.  [floor 6]
#pragma once

#include <mamba/model/network.hpp>
#include <mamba/model/sequence.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <type_traits>

namespace mamba::inline MAMBA_ABI::model::detail {

/// The result of forward(): outputs, or the rows of the last layer.
enum class wanted { outputs, hidden };

/// No function is called with the rows between layers.
struct unobserved {};

/// The forward pass of a batch, in chunks.
template <class Network>
struct batch_run {
  using T = typename Network::scalar;
  using input_map = decltype(Network::input);
  using stack_state = decltype(Network::state::stack);
  Network const& network;
  std::span<sequence<Network> const> batch;
  matrix_view<T> out;
  std::size_t chunk;

  /// Two passes over the sequences: up to the items that a log keeps, where the log's checkpoint is; and the rest.
  enum class pass { before_logs, rest };

  pass now = pass::before_logs;
  std::size_t next = 0;            ///< sequence
  std::size_t begun = 0;           ///< its items of this pass that are read
  std::size_t outputs_before = 0;  ///< rows of out of the sequences before it

  [[nodiscard]] std::size_t first_kept(std::size_t sequence) const noexcept {
    if constexpr (nn::replayable<Network>) {
      if (batch[sequence].log != nullptr) return batch[sequence].log->first_kept();
    }
    return 0;
  }
  /// The log's rows for a part; none where it isn't kept.
  [[nodiscard]] nn::replay_rows<nn::state_scalar<stack_state>> log_of(batch_part const& p) const
      noexcept(!core::contracts_checked) {
    if constexpr (nn::replayable<Network>) {
      auto const& s = batch[p.sequence];
      if (s.log != nullptr && now == pass::rest) return s.log->append(*s.state, p.count);
    }
    return {};
  }

  /// The number of rows of a part that have outputs: its last ones.
  [[nodiscard]] std::size_t outputs_of(batch_part const& p) const noexcept {
    std::size_t const without = input_map::size(batch[p.sequence].items) - batch[p.sequence].outputs;
    return p.first + p.count > without ? std::min(p.first + p.count - without, p.count) : 0;
  }

  /// The row of out of a part's first output.
  [[nodiscard]] std::size_t row_of_out(batch_part const& p) const noexcept {
    std::size_t const without = input_map::size(batch[p.sequence].items) - batch[p.sequence].outputs;
    return outputs_before + (p.first > without ? p.first - without : 0);
  }

  /// Items from `first` to `end`, or to the next snapshot of the present sequence.
  [[nodiscard]] std::size_t before_snapshot(std::size_t first, std::size_t end) const noexcept {
    for (auto const& s : batch[next].snapshots) {
      if (s.after > first) return std::min(end, s.after) - first;
    }
    return end - first;
  }

  /// Copies the states that are to be kept after `items` items of a sequence.
  void keep(std::size_t sequence, std::size_t items) const {
    for (auto const& s : batch[sequence].snapshots) {
      if (s.after == items) *s.state = *batch[sequence].state;
    }
  }

  /// The next part of this pass of at most `rows` rows; empty at the end of the pass.
  [[nodiscard]] batch_part next_part(std::size_t rows) noexcept {
    for (; next < batch.size(); outputs_before += batch[next].outputs, ++next, begun = 0) {
      std::size_t const kept = first_kept(next);
      std::size_t const first = now == pass::rest ? kept : 0;
      std::size_t const end = now == pass::rest ? input_map::size(batch[next].items) : kept;
      if (first + begun < end) return {next, first + begun, std::min(rows, before_snapshot(first + begun, end))};
    }
    return {next, 0, 0};
  }

  /// Computes the next chunk; false when there is none left.
  template <wanted Wanted, class Observe>
  bool run(arena at, Observe const& observe) {
    auto const parts = at.take<batch_part>(batch.size());
    auto const segments = at.take<nn::segment<stack_state>>(batch.size());
    std::size_t count = 0;
    std::size_t rows = 0;
    std::size_t outputs = 0;
    std::size_t first_out = 0;
    while (rows < chunk) {
      batch_part const p = next_part(chunk - rows);
      if (count > 0 && p.sequence == parts[count - 1].sequence) break;  // a sequence has one part in a chunk
      if (p.count == 0) {
        if (rows > 0 || now == pass::rest) break;
        now = pass::rest, next = 0, begun = 0, outputs_before = 0;
        continue;
      }
      std::size_t const with_outputs = outputs_of(p);
      if (outputs == 0) first_out = row_of_out(p);
      if (with_outputs > 0 && row_of_out(p) != first_out + outputs) break;  // a chunk's outputs are consecutive
      parts[count] = p;
      segments[count] = {rows, p.count, &batch[p.sequence].state->stack, log_of(p)};
      begun += p.count;
      rows += p.count;
      outputs += with_outputs;
      ++count;
    }
    if (rows == 0) return false;
    matrix_view<T> const r = at.matrix<T>(rows, network.width());
    for (std::size_t k = 0; k < count; ++k) {
      network.input(input_map::part(batch[parts[k].sequence].items, parts[k].first, parts[k].count),
                    r.rows(segments[k].first, segments[k].count), at);
    }
    if constexpr (std::is_same_v<Observe, unobserved>) {
      network.layers(r, segments.first(count), at);
    } else {
      auto const each_part = [&](std::size_t layer) {
        for (std::size_t k = 0; k < count; ++k) {
          observe(layer, parts[k].first, r.rows(segments[k].first, segments[k].count));
        }
      };
      each_part(0);
      network.layers(r, segments.first(count), at, [&](std::size_t i) { each_part(i + 1); });
    }
    collect<Wanted>(r, parts.first(count), segments.first(count), out.rows(outputs == 0 ? 0 : first_out, outputs), at);
    for (batch_part const& p : parts.first(count)) keep(p.sequence, p.first + p.count);
    return true;
  }

 private:
  template <wanted Wanted>
  void collect(matrix_view<T> r, std::span<batch_part const> parts, std::span<nn::segment<stack_state> const> segments,
               matrix_view<T> rows_out, arena at) noexcept(!core::contracts_checked) {
    std::size_t const outputs = rows_out.extent(0);
    matrix_view<T> const hidden = Wanted == wanted::hidden ? rows_out : at.matrix<T>(outputs, network.width());
    std::size_t row = 0;
    std::size_t first = 0;
    for (batch_part const& p : parts) {
      std::size_t const count = outputs_of(p);
      auto& state = batch[p.sequence].state->output;
      if constexpr (nn::replayable<Network>) {
        auto const& log = segments[static_cast<std::size_t>(&p - parts.data())].log;
        std::size_t const width = network.output.replay_width();
        network.output.collect(r.rows(row, p.count), state, hidden.rows(first, count), at,
                               log.empty() ? log : log.columns(network.layers.replay_width(), width));
      } else {
        network.output.collect(r.rows(row, p.count), state, hidden.rows(first, count), at);
      }
      row += p.count;
      first += count;
    }
    if constexpr (Wanted == wanted::outputs) {
      if (outputs > 0) network.output.project(network.input, hidden, rows_out, at);
    }
  }
};

}  // namespace mamba::inline MAMBA_ABI::model::detail
