// SPDX-License-Identifier: MIT
// support/model_case.hpp — models with random weights, checked against plain loops in double before they are timed.
#pragma once

#include <mamba/model/forward.hpp>
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

/// The sizes of the model that ships with the examples: what CI can afford.
inline constexpr mamba::model::config small_model{.d_model = 192, .n_layer = 6, .vocab_size = 256};

/// Random weights, distributed as a fresh model of the reference implementation has them: products keep the size of
/// their input, A = −1 … −N, steps between 0.001 and 0.1.
template <class Weights>
void fill(Weights& weights) {
  test::random rng(130);
  std::vector<float> row;
  mamba::model::for_each_tensor(weights, [&](std::string const& name, std::span<std::size_t const>, auto& storage) {
    auto const is = [&](char const* end) { return name.ends_with(end); };
    double const gain = std::sqrt(3.0 / static_cast<double>(storage.row_size()));
    row.resize(storage.row_size());
    for (std::size_t i = 0; i < storage.rows(); ++i) {
      rng.fill(std::span<float>(row), -gain, gain);
      if (is("norm.weight") || is("norm_f.weight") || is(".D")) row[0] = 1;
      if (is("conv1d.bias")) row[0] *= 0.1F;
      if (is("dt_proj.bias")) row[0] = static_cast<float>(std::log(std::expm1(std::exp(rng.uniform(-6.9, -2.3)))));
      for (std::size_t n = 0; is("A_log") && n < row.size(); ++n) row[n] = std::log(static_cast<float>(n + 1));
      storage.set_row(i, std::span<float const>(row));
    }
  });
}

inline std::vector<token> some_tokens(std::size_t count, std::size_t vocabulary) {
  test::random rng(count);
  std::vector<token> tokens(count);
  for (token& t : tokens) t = static_cast<token>(rng.below(vocabulary));
  return tokens;
}

/// What one token costs without the head, and what the head costs, counted from the tensors themselves.
struct model_work {
  double weights = 0, head_weights = 0;  ///< multiply-adds of the products
  double bytes = 0;                      ///< all weights once (matrices as stored), and the state read and written
  double exps = 0;                       ///< of the scan, of two SiLUs and of softplus
};

template <class W>
model_work work_of(any_weights<W> const& weights) {
  model_work w;
  auto const& c = weights.sizes();
  mamba::model::for_each_tensor(weights, [&](std::string const& name, std::span<std::size_t const>, auto const& s) {
    auto const numbers = static_cast<double>(s.rows() * s.row_size());
    bool const head = name.ends_with("embedding.weight");
    bool const matrix = head || name.ends_with("proj.weight");
    if (matrix) (head ? w.head_weights : w.weights) += numbers;
    if constexpr (requires { s.bytes(); }) {
      w.bytes += static_cast<double>(s.bytes());
    } else {
      w.bytes += numbers * sizeof(float);
    }
  });
  auto const channels = static_cast<double>(c.n_layer * c.d_inner());
  w.bytes += 2 * sizeof(float) * channels * static_cast<double>(c.d_state + c.d_conv - 1);
  w.exps = channels * static_cast<double>(c.d_state + 3);
  return w;
}

/// A model that has been found right.
///
/// Fourteen tokens fill a tile of any machine and leave a rest. All their logits, by forward() and by step(), are held
/// to the plain model in double. Rounding errors of a sum of K products in float are of size √K·u of its terms (they
/// don't conspire: the worst case K·u is 40 times that and would let real mistakes pass). A layer passes its input
/// through norm, in_proj, x_proj, dt_proj and out_proj in turn, and RMS norm keeps the whole at the scale of the
/// logits; so n_layer + 1 times the sum of those roots, in u of the largest logit, doubled because softplus, exp and
/// the gate have their own few u. (mamba-130m: 4.2e-4 of the largest logit, where 7e-6 is found; the small model 5.9e-5
/// and 2e-6.) A block format rounds the input of every product to 8 bits, 0.9 % of normal numbers, which the plain model
/// doesn't do: there the distance of all logits is held to 10 %.
template <class W>
class model_case {
 public:
  explicit model_case(mamba::model::config const& sizes) : weights(sizes), memory(sizes), logits(1, sizes.vocab_size) {
    fill(weights);
    work = work_of(weights);
    check();
  }

  any_weights<W> weights;
  any_state memory;
  mamba::tensor<float, mamba::dynamic, mamba::dynamic> logits;
  model_work work;

 private:
  void check() {
    auto const& c = weights.sizes();
    std::size_t const vocabulary = c.vocab_size;
    std::vector<token> const tokens = some_tokens(14, vocabulary);
    any_state stepping(c);
    mamba::tensor<float, mamba::dynamic, mamba::dynamic> at_once(tokens.size(), vocabulary);
    mamba::model::forward(weights, std::span<token const>(tokens), memory, mamba::matrix_view<float>(at_once.view()));
    plain_model<double> plain(weights);
    auto const root = [](std::size_t n) { return std::sqrt(static_cast<double>(n)); };
    double const tolerance =
        2 * unit * static_cast<double>(c.n_layer + 1) * (2 * root(c.d_model) + 2 * root(c.d_inner()) + root(c.rank()));
    for (std::size_t t = 0; t < tokens.size(); ++t) {
      mamba::model::step(weights, tokens[t], stepping, logits.span());
      require_equal("model: step and forward", std::equal(logits.data(), logits.data() + vocabulary, &at_once(t, 0)));
      std::vector<double> const exact = plain.step(tokens[t]);
      double largest = 0;
      for (double const v : exact) largest = std::max(largest, std::fabs(v));
      double off = 0;
      double size = 0;
      for (std::size_t v = 0; v < vocabulary; ++v) {
        off += std::pow(static_cast<double>(at_once(t, v)) - exact[v], 2);
        size += exact[v] * exact[v];
        if constexpr (!block_format<W>)
          require_near("model, logits of token " + std::to_string(t), v, static_cast<double>(at_once(t, v)), exact[v],
                       tolerance * largest);
      }
      if constexpr (block_format<W>) {
        require_near("model, distance of logits of token " + std::to_string(t), 0, std::sqrt(off / size), 0, 0.1);
      }
    }
    require_equal("model: states of step and forward", stepping == memory);
  }
};

/// The case asked for last is kept; the one before makes room for it.
template <class W>
model_case<W>& latest_model(mamba::model::config const& sizes) {
  static std::unique_ptr<model_case<W>> kept;
  if (kept == nullptr || kept->weights.sizes() != sizes) {
    kept.reset();
    kept = std::make_unique<model_case<W>>(sizes);
  }
  return *kept;
}

/// The rival in plain loops, with the weights of the same model.
inline plain_model<float>& latest_plain_model(mamba::model::config const& sizes) {
  static std::unique_ptr<plain_model<float>> kept;
  static mamba::model::config of{};
  if (kept == nullptr || of != sizes) {
    kept.reset();
    kept = std::make_unique<plain_model<float>>(latest_model<float>(sizes).weights);
    of = sizes;
  }
  return *kept;
}

}  // namespace bench
