// SPDX-License-Identifier: MIT
// support/model_case.hpp — models with random weights, checked against plain loops in double before they are timed.
#pragma once

#include <make_checkpoint/random_tensors.hpp>
#include <mamba/model/forward.hpp>
#include <mamba/model/weights.hpp>
#include <support/plain_model.hpp>
#include <support/random.hpp>
#include <support/run.hpp>
#include <support/verify.hpp>

#include <algorithm>
#include <memory>

namespace bench {

using mamba::block_format;
using mamba::model::token;
template <class W>
using any_weights = mamba::model::weights<mamba::model::any, W>;
using any_state = mamba::model::state<mamba::model::any, float>;
using logits_view = mamba::matrix_view<float>;

/// The sizes of the model that ships with the examples: what CI can afford.
inline constexpr mamba::model::config small_model{.d_model = 192, .n_layer = 6, .vocab_size = 256};
/// As on a microcontroller: shows the cost of a call beside its arithmetic.
inline constexpr mamba::model::config narrow_model{.d_model = 64, .n_layer = 4, .vocab_size = 256};

/// The numbers that make_checkpoint writes: distributed as in a trained model, the same in every format.
template <class Weights>
void fill(Weights& weights) {
  std::size_t index = 0;
  mamba::model::for_each_tensor(weights, [&](std::string const& name, std::span<std::size_t const>, auto& storage) {
    examples::random_tensor(weights.sizes(), name, 1, index++)
        .rows(0, storage.rows(), storage.row_size(),
              [&](std::size_t r, std::span<float const> row) { storage.set_row(r, row); });
  });
}

inline std::vector<token> some_tokens(std::size_t count, std::size_t vocabulary) {
  test::random rng(count);
  std::vector<token> tokens(count);
  for (token& t : tokens) t = static_cast<token>(rng.below(vocabulary));
  return tokens;
}

/// The cost of one token without the head, and of the head, counted from the tensors.
struct model_work {
  double weights = 0, head_weights = 0;  ///< multiply-adds of the products
  double weight_bytes = 0;               ///< matrices as stored, all else in float
  double bytes = 0;                      ///< the weights once, and the state read and written
  double exps = 0;                       ///< of the scan, of two SiLUs and of softplus
};

template <class Weights>
model_work work_of(Weights const& weights) {
  model_work w;
  auto const& c = weights.sizes();
  mamba::model::for_each_tensor(weights, [&](std::string const& name, std::span<std::size_t const>, auto const& s) {
    auto const numbers = static_cast<double>(s.rows() * s.row_size());
    bool const head = name.ends_with("embedding.weight");
    bool const matrix = head || name.ends_with("proj.weight");
    if (matrix) (head ? w.head_weights : w.weights) += numbers;
    if constexpr (requires { s.bytes(); }) {
      w.weight_bytes += static_cast<double>(s.bytes());
    } else {
      w.weight_bytes += numbers * sizeof(float);
    }
  });
  auto const channels = static_cast<double>(c.n_layer * c.d_inner());
  w.bytes = w.weight_bytes + 2 * sizeof(float) * channels * static_cast<double>(c.d_state + c.d_conv - 1);
  w.exps = channels * static_cast<double>(c.d_state + 3);
  return w;
}

/// `tokens` tokens read at once, the logits of the last wanted; `blocks`: products of bytes.
///
/// Bytes are counted once for each piece that forward() takes through all layers.
inline work work_of_prompt(model_work const& w, bool blocks, std::size_t tokens) {
  auto const count = static_cast<double>(tokens);
  auto const pieces = std::ceil(count / static_cast<double>(mamba::model::chunk_rows));
  double const operations = 2 * (count * w.weights + w.head_weights);
  return {.tokens = count,
          .bytes = w.bytes * pieces,
          .flops = blocks ? 0 : operations,
          .exps = count * w.exps,
          .bytes_multiplied = blocks ? operations : 0};
}

/// `tokens` tokens one after the other, logits after each.
inline work work_of_steps(model_work const& w, bool blocks, std::size_t tokens) {
  auto const count = static_cast<double>(tokens);
  double const operations = 2 * count * (w.weights + w.head_weights);
  return {.tokens = count,
          .bytes = w.bytes * count,
          .flops = blocks ? 0 : operations,
          .exps = count * w.exps,
          .bytes_multiplied = blocks ? operations : 0};
}

/// A model in some format, as measurements use it.
class any_model {
 public:
  any_model() = default;
  any_model(any_model const&) = delete;
  any_model& operator=(any_model const&) = delete;
  virtual ~any_model() = default;
  virtual void forward(std::span<token const> tokens, any_state& memory, mamba::model::workspace& workspace,
                       logits_view logits) const = 0;
  virtual void step(token next, any_state& memory, mamba::model::workspace& workspace,
                    std::span<float> logits) const = 0;
  [[nodiscard]] virtual plain_model<double> plain() const = 0;

  mamba::model::config sizes{};
  model_work work;
  bool blocks = false;  ///< a block format: products of bytes
};

template <class W>
class model_in final : public any_model {
 public:
  explicit model_in(mamba::model::config const& c) : weights_(c) {
    fill(weights_);
    sizes = c;
    work = work_of(weights_);
    blocks = block_format<W>;
  }
  void forward(std::span<token const> tokens, any_state& memory, mamba::model::workspace& workspace,
               logits_view logits) const override {
    mamba::model::forward(weights_, tokens, memory, workspace, logits);
  }
  void step(token next, any_state& memory, mamba::model::workspace& workspace, std::span<float> logits) const override {
    mamba::model::step(weights_, next, memory, workspace, logits);
  }
  [[nodiscard]] plain_model<double> plain() const override { return plain_model<double>(weights_); }

 private:
  any_weights<W> weights_;
};

/// Ends the program unless the model agrees with plain loops.
///
/// Fourteen tokens fill a tile of any machine and leave a rest. All their logits, by forward() and by step(), are
/// checked against the plain model in double. Rounding errors of a sum of K products in float are of size √K·u of its
/// terms (random signs; the worst case K·u is 40 times that and would not detect real mistakes). A layer passes its
/// input through norm, in_proj, x_proj, dt_proj and out_proj in turn, and RMS norm keeps the whole at the scale of the
/// logits; so n_layer + 1 times the sum of those roots, in u of the largest logit, doubled because softplus, exp and
/// the gate have their own few u. (mamba-130m: 4.2e-4 of the largest logit, where 7e-6 is found; the small model 5.9e-5
/// and 2e-6.) A block format rounds the input of every product to 8 bits, 0.9 % of normal numbers, which the plain
/// model doesn't do: there the bound is 10 % for the distance of all logits.
inline void require_right(any_model const& model) {
  auto const& c = model.sizes;
  std::size_t const vocabulary = c.vocab_size;
  std::vector<token> const tokens = some_tokens(14, vocabulary);
  any_state memory(c), stepping(c);
  mamba::model::workspace workspace;
  mamba::tensor<float, mamba::dynamic, mamba::dynamic> at_once(tokens.size(), vocabulary), logits(1, vocabulary);
  model.forward(tokens, memory, workspace, at_once.view());
  plain_model<double> plain = model.plain();
  auto const root = [](std::size_t n) { return std::sqrt(static_cast<double>(n)); };
  double const tolerance =
      2 * unit * static_cast<double>(c.n_layer + 1) * (2 * root(c.d_model) + 2 * root(c.d_inner()) + root(c.rank()));
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    std::string const after = "logits after token " + std::to_string(t);
    model.step(tokens[t], stepping, workspace, logits.span());
    require_equal("model: step and forward", std::equal(logits.data(), logits.data() + vocabulary, &at_once(t, 0)));
    std::vector<double> const exact = plain.step(tokens[t]);
    double largest = 0;
    for (double const v : exact) largest = std::max(largest, std::fabs(v));
    double off = 0;
    double size = 0;
    for (std::size_t v = 0; v < vocabulary; ++v) {
      auto const found = static_cast<double>(at_once(t, v));
      off += std::pow(found - exact[v], 2);
      size += exact[v] * exact[v];
      if (!model.blocks) require_near("model, " + after, v, found, exact[v], tolerance * largest);
    }
    if (model.blocks) require_near("model, distance of " + after, 0, std::sqrt(off / size), 0, 0.1);
  }
  require_equal("model: states of step and forward", stepping == memory);
}

}  // namespace bench
