// SPDX-License-Identifier: MIT
// mamba/model/rollback_log.hpp — back to any of the last tokens of a sequence, without a state for each.  [floor 6]
//
//     a checkpoint state, and a ring of what the recurrences consumed since: the state after any of these tokens
//
// Nothing is inverted and no layer runs again: from the checkpoint, each layer replays its convolution and its scan.
#pragma once

#include <mamba/model/network.hpp>
#include <mamba/nn/workspace.hpp>

#include <algorithm>
#include <cstddef>
#include <type_traits>

namespace mamba::inline MAMBA_ABI::model {

/// Keeps what it takes to return the state of one sequence to that after any of its last `tokens` items.
///
///     model::rollback_log log(weights, 16);
///     model::forward(weights, draft, state, workspace, logits, &log);   // or step(), or sequence::log in a batch
///     log.rewind(weights, state, 3);                                    // as if the last three had not been read
///
/// Why:     a state for each token would be 117 kB a layer of mamba-130m. What its recurrence consumes for a token is a
///          ninth of that, and to compute the recurrence again takes a hundredth of a step.
/// Shapes:  replay_width() numbers an item (Mamba-1: 2·d_inner + d_state a layer, S4D: d_model) for tokens + ⌊tokens/8⌋
///          items; a state, the checkpoint, and where tokens > recent a second, nearer one; a workspace of few rows.
/// Domain:  of one sequence: each item that its state reads goes through the log, and clear() follows where the state
///          is set to another one. A copy of state and log together is a fork with its history. All layers and the
///          output map are replayable (nn/replay.hpp).
/// Determinism: the state has the same bits as one that never went on.
/// Cost:    rewind() replays the items between a checkpoint and the one that it returns to. forward() copies
///          replay_width() numbers an item; where the ring is full the checkpoint moves on, by a replay of each item
///          once; and the nearer one is a copy of the state, every `recent` items. A prompt of more items than the log
///          keeps is read in two parts: one more pass over the weights.
/// Throws:  std::bad_alloc in the constructor and in copies; nothing else allocates.
/// See:     session::rewind().
template <class Network>
class rollback_log {
 public:
  using scalar = typename Network::scalar;
  using state_type = typename Network::state;
  /// The distance of the nearer checkpoint, at most, except within a call that reads more items.
  static constexpr std::size_t recent = 8;

  rollback_log() = default;
  rollback_log(std::type_identity_t<Network> const& network, std::size_t tokens)
    requires nn::replayable<Network>
      : tokens_(tokens),
        capacity_(saturated_sum(tokens, tokens / 8)),
        rows_(capacity_, network.replay_width()),
        checkpoint_(network.initial_state()),
        near_(tokens > recent ? network.initial_state() : state_type{}),
        workspace_(Network::workspace(network.parts(), nn::replay_chunk)),
        replay_(&replay_pieces) {}

  /// Items that rewind() may take back now: all that were read since the log was empty, or at least capacity() of them.
  /// What is taken back can't be taken back again.
  [[nodiscard]] std::size_t size() const noexcept { return count_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return tokens_; }

  /// state ← what it was before the last `items` items.
  void rewind(Network const& network, state_type& state, std::size_t items) noexcept(!core::contracts_checked) {
    MAMBA_EXPECTS(items <= count_, "rollback_log: rewind() by more items than the log holds", items, count_);
    if (items == 0) return;
    count_ -= items;
    if (near_at_ > count_) near_at_ = 0;
    go_to(network, state, count_);
  }

  /// Forgets all items: the next one continues from whatever state it is given.
  void clear() noexcept { count_ = near_at_ = 0; }

  /// For forward(), before `count` items: makes room for those that are kept, and returns the first of them.
  std::size_t prepare(Network const& network, std::size_t count) noexcept(!core::contracts_checked) {
    MAMBA_EXPECTS(capacity_ == 0 || rows_.extent(1) == network.replay_width(),
                  "rollback_log: made for a network of other sizes", rows_.extent(1), network.replay_width());
    first_kept_ = 0;
    if (count <= capacity_ - count_) return 0;
    if (count >= tokens_) {
      clear();
      return first_kept_ = count - tokens_;
    }
    std::size_t const oldest = count_ + count - tokens_;
    go_to(network, checkpoint_, oldest);
    head_ = (head_ + oldest) % capacity_;
    count_ -= oldest;
    near_at_ -= std::min(near_at_, oldest);
    return 0;
  }
  [[nodiscard]] std::size_t first_kept() const noexcept { return first_kept_; }

  /// For forward(): the rows of the next `count` items, which the layers write. `state` is that before them.
  [[nodiscard]] nn::replay_rows<scalar> append(state_type const& state,
                                               std::size_t count) noexcept(!core::contracts_checked) {
    if (count_ == 0) {
      checkpoint_ = state;
      head_ = 0;
    } else if (tokens_ > recent && count_ + count > near_at_ + recent) {
      near_ = state;
      near_at_ = count_;
    }
    nn::replay_rows<scalar> const rows{rows_.view(), (head_ + count_) % capacity_};
    count_ += count;
    return rows;
  }

 private:
  /// state ← that after the oldest `count` items.
  void go_to(Network const& network, state_type& state, std::size_t count) noexcept(!core::contracts_checked) {
    bool const from_near = near_at_ > 0 && near_at_ <= count;
    state_type const& from = from_near ? near_ : checkpoint_;
    if (&state != &from) state = from;
    std::size_t const first = from_near ? near_at_ : 0;
    if (count > first) replay_(*this, network, state, first, count - first);
  }

  /// state ← that after `count` items more, from the first: one or two pieces of the ring.
  static void replay_pieces(rollback_log& log, Network const& network, state_type& state, std::size_t first,
                            std::size_t count) noexcept(!core::contracts_checked) {
    parallel::parallel_region(network.cost(count, 0, 0), [&] {
      matrix_view<scalar const> const rows(log.rows_.view());
      std::size_t const begin = (log.head_ + first) % log.capacity_;
      std::size_t const before_end = std::min(count, log.capacity_ - begin);
      network.replay(rows.rows(begin, before_end), state, log.workspace_.memory());
      if (count > before_end) network.replay(rows.rows(0, count - before_end), state, log.workspace_.memory());
    });
  }

  std::size_t tokens_ = 0, capacity_ = 0;
  std::size_t head_ = 0, count_ = 0;  ///< of the ring: the oldest item, and how many there are
  std::size_t first_kept_ = 0;        ///< of the items of the present call
  tensor<scalar, dynamic, dynamic> rows_;
  state_type checkpoint_{};
  state_type near_{};  ///< that after the oldest near_at_ items; none where near_at_ is 0
  std::size_t near_at_ = 0;
  nn::workspace workspace_;
  /// A pointer, so that programs without a log do not contain replay().
  void (*replay_)(rollback_log&, Network const&, state_type&, std::size_t, std::size_t) = nullptr;
};

template <class Network>
rollback_log(Network const&, std::size_t) -> rollback_log<typename Network::network_type>;

}  // namespace mamba::inline MAMBA_ABI::model
