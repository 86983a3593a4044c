// SPDX-License-Identifier: MIT
// mamba/model/network.hpp — a model: an input map, a stack of layers, an output map.  [floor 6]
//
//     network<token_embedding<float>, stack<nn::block<nn::mamba1<>>>, language_head<float>>    a language model
//     network<feature_projection<q8>, stack<nn::block<nn::s4d<>>>, pooled_head<q8>>            a classifier of signals
#pragma once

#include <mamba/model/input_map.hpp>
#include <mamba/model/output_map.hpp>
#include <mamba/model/stack.hpp>

#include <span>
#include <string_view>

namespace mamba::inline MAMBA_ABI::model {

/// The configurations of a network's three parts.
template <class Input, class Stack, class Output>
struct network_config {
  Input input;
  Stack layers;
  Output output;
  friend bool operator==(network_config const&, network_config const&) = default;
};

/// The state of a network between calls: a value that holds its numbers and nothing else.
///
/// Why:     copy, move and comparison are the compiler's. Intermediate values are in a workspace.
template <class StackState, class OutputState>
struct network_state {
  using scalar = nn::state_scalar<StackState>;
  StackState stack;
  OutputState output;

  /// Back to the state before the first item: all zero.
  void reset() noexcept {
    stack.reset();
    output.reset();
  }

  [[nodiscard]] auto& layers() noexcept { return stack.layers; }
  [[nodiscard]] auto const& layers() const noexcept { return stack.layers; }

  /// f(name, shape, rows) for every part, as in `layers.3.ssm` [d_inner, d_state]: for saving, restoring and inspecting
  /// it.
  template <class Self, class F>
  static constexpr void for_each(Self& self, F&& f) {
    StackState::for_each(self.stack, f);
    OutputState::for_each(self.output, f);
  }

  friend bool operator==(network_state const&, network_state const&) = default;
};

/// Items of one sequence of a batch that go through the network together.
struct batch_part {
  std::size_t sequence, first, count;
};

/// The parameters of a model.
///
/// Shapes:  named as in checkpoints: the input map's and the layers' parameters behind "backbone.", see
///          for_each_tensor.
/// Throws:  std::bad_alloc.
template <class Input, class Stack, class Output>
class network {
 public:
  using network_type = network;  ///< of types derived from it, too
  using scalar = typename Stack::scalar;
  using storage = typename Stack::storage;
  using items = typename Input::items;
  using state = network_state<typename Stack::state, typename Output::state>;
  template <class Other>
  using with_storage =
      network<typename Input::template with_storage<Other>, typename Stack::template with_storage<Other>,
              typename Output::template with_storage<Other>>;
  using config = network_config<typename Input::config, typename Stack::config, typename Output::config>;
  static_assert(std::is_same_v<scalar, typename Input::scalar> && std::is_same_v<scalar, typename Output::scalar>,
                "network: input map, layers and output map compute in one type");

  constexpr explicit network(config const& c) : input(c.input), layers(c.layers), output(c.output), parts_(c) {}

  [[nodiscard]] constexpr config const& parts() const noexcept { return parts_; }
  /// The width of the residual stream.
  [[nodiscard]] std::size_t width() const noexcept { return parts_.input.d_model; }
  /// The columns of a full row of outputs.
  [[nodiscard]] std::size_t outputs() const noexcept { return Output::width(parts_.output); }

  [[nodiscard]] state initial_state() const {
    return {Stack::initial_state(parts_.layers), Output::initial_state(parts_.output)};
  }

  /// f(name, shape, storage, role) for every tensor of the model's checkpoint, in one fixed order.
  template <class Self, class F>
  static constexpr void for_each(Self& self, F&& f) {
    auto visit = nn::prefixed(backbone, f);
    Input::for_each(self.input, visit);
    Stack::for_each(self.layers, visit);
    Output::for_each(self.output, f);
  }

  /// Bytes of workspace for calls of up to so many rows of so many sequences.
  [[nodiscard]] static constexpr std::size_t workspace(config const& c, std::size_t rows,
                                                       std::size_t sequences = 1) noexcept {
    arena at;
    static_cast<void>(at.take<batch_part>(sequences));
    static_cast<void>(at.take<nn::segment<typename Stack::state>>(sequences));
    static_cast<void>(at.matrix<scalar>(rows, c.input.d_model));
    std::size_t const rest = std::max({Input::workspace(c.input, rows), Stack::workspace(c.layers, rows, sequences),
                                       Output::workspace(c.output, rows)});
    return saturated_sum(at.used(), rest);
  }

  /// The cost of so many rows, and so many rows of outputs with so many columns, on one thread.
  [[nodiscard]] parallel::cost cost(std::size_t rows, std::size_t output_rows, std::size_t columns) const noexcept {
    return layers.cost(rows) + output.cost(output_rows, columns);
  }

  /// Numbers that an item adds to the state: the layers', then the output map's (nn/replay.hpp). An input map has no
  /// state.
  [[nodiscard]] std::size_t replay_width() const noexcept
    requires(nn::replayable<Stack> && nn::replayable<Output>)
  {
    return layers.replay_width() + output.replay_width();
  }
  void replay(matrix_view<scalar const> rows, state& s, arena at) const noexcept(!core::contracts_checked)
    requires(storage::computes && nn::replayable<Stack> && nn::replayable<Output>)
  {
    std::size_t const of_layers = layers.replay_width();
    layers.replay(rows.columns(0, of_layers), s.stack, at);
    output.replay(rows.columns(of_layers, output.replay_width()), s.output, at);
  }

  Input input;
  Stack layers;
  Output output;

 private:
  static constexpr char backbone[] = "backbone.";
  config parts_;
};

/// Calls f(name, shape, storage) for every tensor of a model's checkpoint, in one fixed order.
///
///     model::for_each_tensor(weights, [&](std::string_view name, auto shape, auto& storage) {
///       for (std::size_t row = 0; row < storage.rows(); ++row) storage.set_row(row, my_source(name, row));
///     });
///
/// Why:     a program that includes the library alone can fill a model from flash, a file or a network, and save it.
/// Shapes:  `shape` is the checkpoint's (conv1d.weight is [d_inner, 1, d_conv]); storage.rows() = shape[0],
///          storage.row_size() = the product of the rest; rows are numbers of the arithmetic type, row-major, with the
///          checkpoint's meaning (A_log, not A). Packing and derived values happen in set_row. Names are those of the
///          original checkpoints; mamba::io has the tables of other spellings.
/// Domain:  `w` is a network in any storage, const or not (constant and meta storage can't be set). lm_head.weight
///          appears where the head is not tied, biases where the configuration has them. f may take a fourth argument,
///          nn::role, and the name as a std::string.
/// Cost:    nothing on the heap for names, where f takes them as std::string_view.
template <class Network, class F>
void for_each_tensor(Network&& w, F&& f) {
  std::remove_cvref_t<Network>::for_each(
      w, [&](nn::parameter_name const& name, auto const& shape, auto& storage, nn::role role) {
        std::span<std::size_t const> const extents(shape);
        if constexpr (requires { f(name, extents, storage, role); }) {
          f(name, extents, storage, role);
        } else {
          f(name, extents, storage);
        }
      });
}

}  // namespace mamba::inline MAMBA_ABI::model
