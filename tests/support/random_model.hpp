// SPDX-License-Identifier: MIT
// tests/support/random_model.hpp — random sizes, weights and token sequences for whole models.
#pragma once

#include <mamba/model/weights.hpp>
#include <support/random.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace test {

/// Weights as unit tests draw them, or over the ranges that trained models have (A down to -3e5, steps from 1e-12 to
/// 14).
enum class weight_range { unit, trained };

/// Sizes that divide nothing; `scale` 1 is tiny, larger values reach the sizes at which threads are used.
inline mamba::model::config random_sizes(random& rng, std::size_t scale) {
  return {.d_model = 1 + rng.below(24 * scale),
          .n_layer = 1 + rng.below(3),
          .vocab_size = 2 + rng.below(40),
          .d_state = 1 + rng.below(24),
          .d_conv = 1 + rng.below(5),
          .expand = 1 + rng.below(3),
          .dt_rank = rng.below(3) == 0 ? 0 : 1 + rng.below(5),
          .pad_vocab_size_multiple = rng.below(2) == 0 ? 1U : 8U,
          .tie_embeddings = rng.below(2) == 0,
          .bias = rng.below(2) == 0,
          .conv_bias = rng.below(2) == 0,
          .norm_epsilon = 1e-5};
}

/// Fills every tensor of w; the same seed gives the same numbers whatever the type and the extents of w.
template <class Weights>
void fill_weights(Weights& w, std::uint64_t seed, weight_range range) {
  random rng(seed);
  using T = typename Weights::scalar;
  std::vector<T> row;
  mamba::model::for_each_tensor(w, [&](std::string_view name, std::span<std::size_t const>, auto& storage) {
    auto const is = [&](char const* end) { return name.ends_with(end); };
    bool const trained = range == weight_range::trained;
    double low = -0.5;
    double high = 0.5;
    if (is("norm.weight") || is("norm_f.weight")) low = 0.5, high = 1.5;
    if (is("A_log")) low = trained ? -7 : 0, high = trained ? 12.6 : 3;
    if (is("dt_proj.bias")) low = trained ? -28 : -4, high = trained ? 14 : 1;
    row.resize(storage.row_size());
    for (std::size_t i = 0; i < storage.rows(); ++i) {
      rng.fill(std::span<T>(row), low, high);
      storage.set_row(i, std::span<T const>(row));
    }
  });
}

inline std::vector<mamba::model::token> random_tokens(random& rng, std::size_t count, std::size_t vocab) {
  std::vector<mamba::model::token> tokens(count);
  for (auto& token : tokens) token = static_cast<mamba::model::token>(rng.below(vocab));
  return tokens;
}

}  // namespace test
