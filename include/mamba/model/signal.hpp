// SPDX-License-Identifier: MIT
// mamba/model/signal.hpp — Mamba for signals: features in, pooled outputs out, all sizes given once.  [floor 6]
#pragma once

#include <mamba/model/network.hpp>
#include <mamba/nn/block.hpp>
#include <mamba/nn/mamba1.hpp>

namespace mamba::inline MAMBA_ABI::model {

/// The sizes of a classifier or regressor of signals: a template argument, in which every extent is static.
struct signal_config {
  std::size_t features;  ///< numbers in a frame
  std::size_t d_model;
  std::size_t n_layer;
  std::size_t outputs;
  pooling over = pooling::last;
  std::size_t d_state = 16;  ///< N
  std::size_t d_conv = 4;    ///< K
  std::size_t expand = 2;    ///< d_inner / d_model
  std::size_t dt_rank = 0;   ///< 0: ⌈d_model / 16⌉
  double norm_epsilon = 1e-5;

  [[nodiscard]] constexpr nn::mamba1_config mixer() const noexcept {
    return {d_model, d_state, d_conv, expand, dt_rank};
  }
  [[nodiscard]] constexpr nn::block_config<nn::mamba1_config> block() const noexcept { return {mixer(), norm_epsilon}; }
  [[nodiscard]] constexpr feature_config input() const noexcept { return {features, d_model}; }
  [[nodiscard]] constexpr pooled_config output() const noexcept { return {d_model, outputs, over, norm_epsilon}; }

  friend constexpr bool operator==(signal_config const&, signal_config const&) noexcept = default;
};

/// The network of a signal_config.
template <signal_config C, class W = float, class Storage = nn::packed>
using signal_network = network<feature_projection<W, C.features, C.d_model, Storage>,
                               uniform_stack<nn::block<nn::mamba1<C.mixer(), W, Storage>>, C.n_layer>,
                               pooled_head<W, C.d_model, C.outputs, Storage>>;

/// A model of signals: a linear map of each frame, Mamba blocks, a pooled linear map. W as in model/weights.hpp.
///
///     constexpr model::signal_config sizes{.features = 40, .d_model = 64, .n_layer = 2, .outputs = 10};
///     static model::signal_weights<sizes, q8> weights;                      // filled by for_each_tensor
///     static auto state = weights.initial_state();
///     static model::static_workspace<decltype(weights)> workspace;
///     model::step(weights, frame, state, workspace, outputs);
///
/// Why:     sizes are given once. Weights, state and workspace use no heap where weights and states are each below
///          inline_bytes (tensor/storage.hpp).
template <signal_config C, class W = float, class Storage = nn::packed>
class signal_weights : public signal_network<C, W, Storage> {
 public:
  using storage_format = W;
  static constexpr signal_config declared = C;

  constexpr signal_weights() : signal_network<C, W, Storage>({C.input(), {C.block(), C.n_layer}, C.output()}) {}
};

}  // namespace mamba::inline MAMBA_ABI::model
