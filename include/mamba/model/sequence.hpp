// SPDX-License-Identifier: MIT
// mamba/model/sequence.hpp — one sequence of a batch.  [floor 6]
#pragma once

#include <mamba/model/rollback_log.hpp>

namespace mamba::inline MAMBA_ABI::model {

/// One sequence of a batch: its items, the state that they continue from and update, the number of its last items with
/// outputs, and a log, for a state that is to be rolled back.
template <class Network>
struct network_sequence {
  typename Network::items items;
  typename Network::state* state;
  std::size_t outputs = 0;
  rollback_log<Network>* log = nullptr;
};

/// The same for a network or for a type derived from one, such as weights.
template <class Network>
using sequence = network_sequence<typename Network::network_type>;

}  // namespace mamba::inline MAMBA_ABI::model
