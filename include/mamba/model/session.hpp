// SPDX-License-Identifier: MIT
// mamba/model/session.hpp — one sequence: weights, state, workspace and the latest outputs.  [floor 6]
#pragma once

#include <mamba/model/forward.hpp>

#include <concepts>
#include <span>
#include <vector>

namespace mamba::inline MAMBA_ABI::model {

/// One sequence of a model, for programs that have one.
///
///     model::session session(weights);
///     session.read(prompt);                                    // logits of the next token
///     for (int i = 0; i < 100; ++i) {
///       history.push_back(sampler(session.outputs(), history, random));
///       session.step(history.back());
///     }
///
/// Shapes:  outputs() [outputs of the model], those after the last item; zeros before the first.
/// Domain:  the weights must outlive the session. Copying a session copies its state, not the weights.
/// Determinism: forward()'s.
/// Throws:  std::bad_alloc in the constructor, and in read() where the workspace must grow.
template <class Network>
class session {
 public:
  using scalar = typename Network::scalar;
  using items = typename Network::items;
  using state_type = typename Network::state;

  explicit session(Network const& weights)
      : weights_(&weights), state_(weights.initial_state()), workspace_(weights), outputs_(weights.outputs()) {}
  /// With a log, for rewind() by that many items at least (model/rollback_log.hpp); state() is then only to be read.
  session(Network const& weights, std::size_t rewindable)
    requires nn::replayable<Network>
      : session(weights) {
    log_.emplace_back(weights, rewindable);
  }
  explicit session(Network const&&) = delete;  // of a temporary: the weights must outlive the session
  session(session const& other)
      : weights_(other.weights_),
        state_(other.state_),
        workspace_(*other.weights_),
        outputs_(other.outputs_),
        log_(other.log_) {}
  session(session&&) noexcept = default;
  session& operator=(session const& other) {
    session copy(other);
    return *this = std::move(copy);
  }
  session& operator=(session&&) noexcept = default;
  ~session() = default;

  /// Reads items and returns the outputs after the last of them (the previous outputs where there are none).
  std::span<scalar const> read(items from) {
    bool const some = decltype(weights_->input)::size(from) > 0;
    model::forward(*weights_, from, state_, workspace_,
                   matrix_view<scalar>(outputs_.data(), std::size_t{some ? 1U : 0U}, outputs_.size()), log());
    return outputs_;
  }

  /// One item: a token, which is an integer of at least 0 (a byte of text is an unsigned char), or a row of features.
  template <class Item>
  std::span<scalar const> step(Item const& item) noexcept(!core::contracts_checked) {
    static_assert(!std::same_as<items, std::span<token const>> || std::integral<Item>,
                  "session: a token is an integer");
    model::step(*weights_, item, state_, workspace_, std::span<scalar>(outputs_), log());
    return outputs_;
  }

  [[nodiscard]] std::span<scalar const> outputs() const noexcept { return outputs_; }
  [[nodiscard]] state_type& state() noexcept { return state_; }
  [[nodiscard]] state_type const& state() const noexcept { return state_; }
  /// Items that rewind() may take back.
  [[nodiscard]] std::size_t rewindable() const noexcept { return log_.empty() ? 0 : log_.front().size(); }
  /// As if the last `count` items had not been read; outputs() are zeros until the next.
  void rewind(std::size_t count) noexcept(!core::contracts_checked) {
    MAMBA_EXPECTS(count <= rewindable(), "session: rewind() by more items than the log holds", count, rewindable());
    if (count == 0) return;
    log_.front().rewind(*weights_, state_, count);
    std::fill(outputs_.begin(), outputs_.end(), scalar{0});
  }
  /// Back to the state before the first item.
  void reset() noexcept {
    state_.reset();
    for (auto& log : log_) log.clear();
    std::fill(outputs_.begin(), outputs_.end(), scalar{0});
  }

 private:
  using log_type = rollback_log<typename Network::network_type>;
  [[nodiscard]] log_type* log() noexcept { return log_.empty() ? nullptr : log_.data(); }

  Network const* weights_;
  state_type state_;
  workspace workspace_;
  std::vector<scalar> outputs_;
  std::vector<log_type> log_;  ///< one or none
};

}  // namespace mamba::inline MAMBA_ABI::model
