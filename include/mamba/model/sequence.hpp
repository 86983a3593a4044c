// SPDX-License-Identifier: MIT
// mamba/model/sequence.hpp — one sequence of a batch.  [floor 6]
#pragma once

#include <mamba/model/rollback_log.hpp>

#include <cstddef>
#include <span>

namespace mamba::inline MAMBA_ABI::model {

/// Where the state after some of a call's items is copied to.
///
/// Domain:  a state of its own, none of the batch; best made for the model, so that the copy allocates nothing.
template <class Network>
struct state_snapshot {
  std::size_t after;  ///< items of this call
  typename Network::state* state;
};

/// One sequence of a batch: its items, the state that they continue from and update, the number of its last items with
/// outputs, a log, for a state that is to be rolled back, and snapshots, in ascending order: forward() ends a chunk of
/// rows at each, so that its weights are read once more.
///
/// Domain:  every item that the state reads goes through its log, or the log is cleared.
/// Throws:  nothing itself; the copy of a snapshot allocates where its state has other sizes.
template <class Network>
struct network_sequence {
  typename Network::items items;
  typename Network::state* state;
  std::size_t outputs = 0;
  rollback_log<Network>* log = nullptr;
  std::span<state_snapshot<Network> const> snapshots = {};
};

/// The same for a network or for a type derived from one, such as weights.
template <class Network>
using sequence = network_sequence<typename Network::network_type>;
template <class Network>
using snapshot = state_snapshot<typename Network::network_type>;

}  // namespace mamba::inline MAMBA_ABI::model
