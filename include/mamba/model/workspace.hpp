// SPDX-License-Identifier: MIT
// mamba/model/workspace.hpp — memory for the intermediate values of forward(), owned by the caller.  [floor 6]
#pragma once

#include <mamba/nn/workspace.hpp>

#include <algorithm>
#include <cstddef>

namespace mamba::inline MAMBA_ABI::model {

/// Rows that forward() computes at a time: it bounds the workspace (9.4 MB for mamba-130m) and changes no result.
inline constexpr std::size_t chunk_rows = 256;

/// Memory for the intermediate values of one call at a time, shared by any number of states.
///
///     model::workspace workspace(weights);            // for step(); forward() may let it grow
///     model::workspace workspace(weights, 512);       // no call of up to 512 rows allocates
///
/// Throws:  std::bad_alloc.
class workspace {
 public:
  workspace() = default;
  template <class Network>
  explicit workspace(Network const& network, std::size_t rows = 1, std::size_t sequences = 1) {
    static_cast<void>(prepare(network, rows, sequences));
  }

  /// Reserves the memory for calls of so many rows, in chunks; returns the rows of a chunk.
  template <class Network>
  std::size_t prepare(Network const& network, std::size_t rows, std::size_t sequences) {
    std::size_t const chunk = std::min(rows, chunk_rows);
    memory_.reserve(Network::workspace(network.parts(), chunk, sequences));
    return chunk;
  }
  [[nodiscard]] std::size_t bytes() const noexcept { return memory_.bytes(); }
  [[nodiscard]] arena memory() noexcept { return memory_.memory(); }

 private:
  nn::workspace memory_;
};

namespace detail {

/// The sizes of the three parts of a network type that has them in `declared`.
template <class Weights>
[[nodiscard]] constexpr typename Weights::config declared_parts() noexcept {
  constexpr bool has_sizes = requires { Weights::declared; };
  static_assert(has_sizes,
                "static_workspace: sizes are to follow a network that has none: <Network, Rows, Sequences, sizes>");
  if constexpr (has_sizes) {
    constexpr auto c = Weights::declared;
    return {c.input(), {c.block(), c.n_layer}, c.output()};
  }
}

}  // namespace detail

/// The same in place, for a static configuration: no heap. Longer calls go through the layers `Rows` rows at a time.
///
///     model::static_workspace<model::weights<watchdog>> workspace;
///     model::static_workspace<my_network, 1, 1, my_sizes> workspace;   // my_network is a model::network of my_sizes
template <class Network, std::size_t Rows = 1, std::size_t Sequences = 1,
          typename Network::config Parts = detail::declared_parts<Network>()>
class static_workspace {
  static constexpr std::size_t size = Network::workspace(Parts, Rows, Sequences);

 public:
  template <class Given>
  [[nodiscard]] std::size_t prepare(Given const&, std::size_t, [[maybe_unused]] std::size_t sequences) const
      noexcept(!core::contracts_checked) {
    MAMBA_EXPECTS(sequences <= Sequences, "static_workspace: too many sequences", sequences, Sequences);
    return Rows;
  }
  [[nodiscard]] static constexpr std::size_t bytes() noexcept { return size; }
  [[nodiscard]] arena memory() noexcept { return memory_.memory(); }

 private:
  nn::static_workspace<size> memory_;
};

}  // namespace mamba::inline MAMBA_ABI::model
