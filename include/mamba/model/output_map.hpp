// SPDX-License-Identifier: MIT
// mamba/model/output_map.hpp — from the residual stream to logits or pooled outputs.  [floor 6]
//
// An output map is a list of parameters (nn/layer.hpp) with a state of its own (for a mean over time) and
//
//     collect(r, state, hidden, at)    hidden ← the last rows of r, normalised and pooled, continuing from state
//     project(input, hidden, y, at)    y [hidden rows, ≤ width(config)]
//
// With replay_width() and replay() (nn/replay.hpp) its state can be rolled back; collect() then takes a fifth argument,
// the rows of a log.
#pragma once

#include <mamba/nn/format_policy.hpp>
#include <mamba/nn/linear.hpp>
#include <mamba/nn/replay.hpp>
#include <mamba/nn/rms_norm.hpp>
#include <mamba/nn/state_storage.hpp>

#include <array>
#include <limits>
#include <type_traits>

namespace mamba::inline MAMBA_ABI::model {

/// No state.
struct no_state {
  void reset() noexcept {}
  template <class Self, class F>
  static constexpr void for_each(Self&, F&&) {}
  friend constexpr bool operator==(no_state const&, no_state const&) noexcept = default;
};

/// The sizes of a language model's head.
struct language_config {
  std::size_t vocab, d_model;  ///< logits per token; width
  std::size_t padded_vocab;    ///< rows of lm_head.weight
  bool tied = true;            ///< the head is the embedding
  double norm_epsilon = 1e-5;
  friend constexpr bool operator==(language_config const&, language_config const&) noexcept = default;
};

/// Logits out: y_t = head(norm_f(r_t)), the head tied to the embedding or of its own.
///
/// Shapes:  norm_f.weight [d_model], lm_head.weight [padded_vocab, d_model] where it is not tied.
template <class W, std::size_t Model = dynamic, class Storage = nn::packed>
class language_head {
 public:
  using scalar = nn::arithmetic<W>;
  using config = language_config;
  using storage = Storage;
  using state = no_state;
  using linear = nn::linear<nn::format_for<W, nn::role::head>, dynamic, dynamic, Storage, 0>;
  template <class Other>
  using with_storage = language_head<W, Model, Other>;

  constexpr explicit language_head(config const& c)
      : norm_f(c.d_model, c.norm_epsilon),
        lm_head(c.tied ? 0 : c.padded_vocab, c.tied ? 0 : c.d_model, nn::bias::none) {}

  [[nodiscard]] static state initial_state(config const&) noexcept { return {}; }
  [[nodiscard]] static constexpr std::size_t width(config const& c) noexcept { return c.vocab; }
  [[nodiscard]] constexpr bool tied() const noexcept { return lm_head.weight().empty(); }

  template <class Self, class F>
  static constexpr void for_each(Self& self, F&& f) {
    f("backbone.norm_f.weight", std::array{self.norm_f.weight().rows()}, self.norm_f.weight(), nn::role::vector);
    auto& w = self.lm_head.weight();
    if (!self.tied()) f("lm_head.weight", std::array{w.rows(), w.row_size()}, w, nn::role::head);
  }

  [[nodiscard]] static constexpr std::size_t workspace(config const& c, std::size_t rows) noexcept {
    arena at;
    auto const hidden = at.matrix<scalar>(rows, c.d_model);
    nn::activations<scalar, nn::activation_format::int8> const quantized(at, hidden);  // at most
    return at.used();
  }

  void collect(matrix_view<scalar const> r, state&, matrix_view<scalar> hidden, arena,
               nn::replay_rows<scalar> = {}) const noexcept(!core::contracts_checked)
    requires Storage::computes
  {
    std::size_t const wanted = hidden.extent(0);
    if (wanted > 0) norm_f(r.rows(r.extent(0) - wanted, wanted), hidden);
  }

  [[nodiscard]] static constexpr std::size_t replay_width() noexcept { return 0; }
  static void replay(matrix_view<scalar const>, state&, arena) noexcept {}

  template <class Input>
  void project(Input const& input, matrix_view<scalar const> hidden, matrix_view<scalar> y, arena at) const
      noexcept(!core::contracts_checked)
    requires Storage::computes
  {
    if (tied()) {
      input.head()(hidden, y, at);
    } else {
      lm_head(hidden, y, at);
    }
  }

  /// The cost of so many rows of outputs on one thread.
  [[nodiscard]] parallel::cost cost(std::size_t rows, std::size_t columns) const noexcept {
    return kernels::product_cost<nn::format_for<W, nn::role::head>>(rows, columns * norm_f.weight().rows());
  }

  nn::rms_norm<scalar, Model, Storage> norm_f;
  linear lm_head;  ///< empty where the head is tied
};

/// How rows become outputs.
enum class pooling {
  none,  ///< an output for each of the last rows of out
  last,  ///< the same; for classifiers, which have one row
  mean   ///< of all rows of the sequence so far
};

/// The sizes of a pooled output map.
struct pooled_config {
  std::size_t d_model, outputs;
  pooling over = pooling::last;
  double norm_epsilon = 1e-5;
  friend constexpr bool operator==(pooled_config const&, pooled_config const&) noexcept = default;
};

/// The state of a mean over time.
template <class T, std::size_t Model>
struct mean_state {
  using scalar = T;
  tensor<T, Model> sum;
  std::size_t count = 0;

  void reset() noexcept {
    sum.fill(T{0});
    count = 0;
  }
  /// One row more.
  void add(std::span<T const> row) noexcept {
    ++count;
    for (std::size_t i = 0; i < row.size(); ++i) sum(i) += row[i];
  }
  template <class Self, class F>
  static constexpr void for_each(Self& self, F&& f) {
    f("mean.sum", std::array{self.sum.size()}, vector_rows<std::remove_reference_t<decltype((self.sum))>>(self.sum));
    f("mean.count", std::array<std::size_t, 2>{1, 2},
      count_row<std::remove_reference_t<decltype((self.count))>>(self.count));
  }
  friend bool operator==(mean_state const&, mean_state const&) noexcept = default;

 private:
  template <class Sum>
  struct vector_rows {
    explicit vector_rows(Sum& s) noexcept : sum(s) {}
    [[nodiscard]] std::size_t rows() const noexcept { return sum.size(); }
    [[nodiscard]] static constexpr std::size_t row_size() noexcept { return 1; }
    void get_row(std::size_t i, std::span<T> value) const noexcept(!core::contracts_checked) {
      nn::detail::expect_row(*this, i, value.size());
      value[0] = sum(i);
    }
    void set_row(std::size_t i, std::span<T const> value) const noexcept(!core::contracts_checked)
      requires(!std::is_const_v<Sum>)
    {
      nn::detail::expect_row(*this, i, value.size());
      sum(i) = value[0];
    }
    Sum& sum;
  };
  template <class Count>
  struct count_row {
    explicit count_row(Count& c) noexcept : count(c) {}
    static constexpr std::size_t unit = std::size_t{1} << 20U;  ///< two numbers, each a whole one in float
    [[nodiscard]] static constexpr std::size_t rows() noexcept { return 1; }
    [[nodiscard]] static constexpr std::size_t row_size() noexcept { return 2; }
    void get_row(std::size_t i, std::span<T> value) const noexcept(!core::contracts_checked) {
      nn::detail::expect_row(*this, i, value.size());
      value[0] = static_cast<T>(count / unit);
      value[1] = static_cast<T>(count % unit);
    }
    void set_row(std::size_t i, std::span<T const> value) const noexcept(!core::contracts_checked)
      requires(!std::is_const_v<Count>)
    {
      nn::detail::expect_row(*this, i, value.size());
      count = whole(value[0], std::numeric_limits<std::size_t>::max() / unit / 2) * unit + whole(value[1], unit - 1);
    }
    /// The number of `unit`s or of ones, as an integer. Other values violate the contract, and count as 0 where
    /// contracts aren't checked: they may come from a file.
    [[nodiscard]] static std::size_t whole(T v, std::size_t most) noexcept(!core::contracts_checked) {
      bool const in_range = v >= 0 && v <= static_cast<T>(most);
      MAMBA_EXPECTS(in_range, "mean.count: not a number of rows");
      return in_range ? static_cast<std::size_t>(v) : 0;
    }
    Count& count;
  };
};

/// Outputs of features or tokens, for classifiers and regressors: y = W pool(norm_f(r)) + b.
///
/// Why:     the mean is that of all rows so far, carried in the state, so that it keeps the partition contract: any
///          split of a sequence into calls has the same sums in the same order.
/// Shapes:  norm_f.weight [d_model], head.weight [outputs, d_model], head.bias [outputs].
/// Error:   of the mean: L·ε of Σ|r| (recursive summation in order of time) and a division.
template <class W, std::size_t Model = dynamic, std::size_t Outputs = dynamic, class Storage = nn::packed>
class pooled_head {
 public:
  using scalar = nn::arithmetic<W>;
  using config = pooled_config;
  using storage = Storage;
  using state = mean_state<scalar, Model>;
  using linear = nn::linear<nn::format_for<W, nn::role::head>, Outputs, Model, Storage, Outputs>;
  template <class Other>
  using with_storage = pooled_head<W, Model, Outputs, Other>;

  constexpr explicit pooled_head(config const& c)
      : norm_f(c.d_model, c.norm_epsilon), head(c.outputs, c.d_model, nn::bias::present), over_(c.over) {}

  [[nodiscard]] static state initial_state(config const& c) {
    return {tensor<scalar, Model>(c.over == pooling::mean || Model != dynamic ? c.d_model : 0), 0};
  }
  [[nodiscard]] static constexpr std::size_t width(config const& c) noexcept { return c.outputs; }

  template <class Self, class F>
  static constexpr void for_each(Self& self, F&& f) {
    f("backbone.norm_f.weight", std::array{self.norm_f.weight().rows()}, self.norm_f.weight(), nn::role::vector);
    auto& w = self.head.weight();
    f("head.weight", std::array{w.rows(), w.row_size()}, w, nn::role::head);
    f("head.bias", std::array{w.rows()}, self.head.bias(), nn::role::vector);
  }

  [[nodiscard]] static constexpr std::size_t workspace(config const& c, std::size_t rows) noexcept {
    arena at;
    auto const hidden = at.matrix<scalar>(rows, c.d_model);
    auto const normed = at.matrix<scalar>(rows, c.d_model);
    nn::activations<scalar, nn::activation_format::int8> const quantized(at, normed);  // at most
    static_cast<void>(hidden);
    return at.used();
  }

  void collect(matrix_view<scalar const> r, state& s, matrix_view<scalar> hidden, arena at,
               nn::replay_rows<scalar> log = {}) const noexcept(!core::contracts_checked)
    requires Storage::computes
  {
    std::size_t const wanted = hidden.extent(0);
    std::size_t const skip = r.extent(0) - wanted;
    if (over_ != pooling::mean) {
      if (wanted > 0) norm_f(r.rows(skip, wanted), hidden);
      return;
    }
    MAMBA_EXPECTS(s.sum.size() == r.extent(1), "pooled_head: the state was made for an output map without a mean",
                  s.sum.size(), r.extent(1));
    matrix_view<scalar> const normed = at.matrix<scalar>(r.extent(0), r.extent(1));
    norm_f(r, normed);
    log.write(0, normed);
    for (std::size_t t = 0; t < r.extent(0); ++t) {
      auto const row = normed.row(t);
      s.add(row);
      if (t < skip) continue;
      auto const mean = hidden.row(t - skip);
      for (std::size_t i = 0; i < row.size(); ++i) mean[i] = s.sum(i) / static_cast<scalar>(s.count);
    }
  }

  /// Of a mean, the normalised row.
  [[nodiscard]] constexpr std::size_t replay_width() const noexcept {
    return over_ == pooling::mean ? norm_f.weight().rows() : 0;
  }
  void replay(matrix_view<scalar const> rows, state& s, arena) const noexcept(!core::contracts_checked) {
    if (over_ != pooling::mean) return;
    for (std::size_t t = 0; t < rows.extent(0); ++t) s.add(rows.row(t));
  }

  template <class Input>
  void project(Input const&, matrix_view<scalar const> hidden, matrix_view<scalar> y, arena at) const
      noexcept(!core::contracts_checked)
    requires Storage::computes
  {
    head(hidden, y, at);
  }

  [[nodiscard]] parallel::cost cost(std::size_t rows, std::size_t) const noexcept { return head.cost(rows); }

  nn::rms_norm<scalar, Model, Storage> norm_f;
  linear head;

 private:
  pooling over_;
};

}  // namespace mamba::inline MAMBA_ABI::model
