// SPDX-License-Identifier: MIT
// A model of two layers whose weights are made by integer arithmetic: the same numbers on every machine, without a file
// and without a library function whose last bit is a matter of taste.
#pragma once

#include <mamba/model/forward.hpp>
#include <mamba/model/weights.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace targets {

namespace model = mamba::model;

// No size is a multiple of a block or of a register, and d_model has a block that is not full.
constexpr model::config sizes{.d_model = 24, .n_layer = 2, .vocab_size = 61, .d_state = 5};
constexpr std::size_t tokens = 20;
constexpr std::size_t vocabulary = sizes.vocab_size;

/// Numbers in [-1, 1) with 24 bits: Knuth's linear congruences, exact in float.
class numbers {
 public:
  explicit numbers(std::uint32_t seed) : word_(seed) {}
  float next() {
    word_ = word_ * 1664525U + 1013904223U;
    return static_cast<float>(static_cast<std::int32_t>(word_ >> 8U) - 0x800000) * 0x1p-23F;
  }
  /// The product is exact in double, so it makes no difference whether the machine merges it with the sum.
  float between(float low, float high) {
    double const half = (static_cast<double>(high) - static_cast<double>(low)) / 2;
    double const moved = static_cast<double>(low) + half;
    return static_cast<float>(moved + half * static_cast<double>(next()));
  }

 private:
  std::uint32_t word_;
};

inline bool ends_with(std::string_view name, std::string_view ending) { return name.ends_with(ending); }

/// The range of a tensor's numbers: steps between 0.01 and 0.3, decays within some tokens.
inline std::array<float, 2> range_of(std::string_view name) {
  if (ends_with(name, "norm.weight") || ends_with(name, "norm_f.weight")) return {0.75F, 1.25F};
  if (ends_with(name, "A_log")) return {0.0F, 2.5F};
  if (ends_with(name, "mixer.D")) return {0.5F, 1.5F};
  if (ends_with(name, "dt_proj.bias")) return {-4.5F, -1.25F};
  if (ends_with(name, "embedding.weight")) return {-1.0F, 1.0F};
  return {-0.5F, 0.5F};
}

/// Fills a model, tensor after tensor.
template <class Weights>
void fill(Weights& w) {
  using T = typename Weights::scalar;
  numbers random(1);
  std::vector<T> row;
  model::for_each_tensor(w, [&](std::string_view name, std::span<std::size_t const>, auto& tensor) {
    auto const [low, high] = range_of(name);
    row.resize(tensor.row_size());
    for (std::size_t r = 0; r < tensor.rows(); ++r) {
      for (T& v : row) v = static_cast<T>(random.between(low, high));
      tensor.set_row(r, std::span<T const>(row));
    }
  });
}

template <class T>
using all_logits = std::array<T, tokens * vocabulary>;

inline model::token token_at(std::size_t t) { return static_cast<model::token>(t * t * 7 % vocabulary); }

/// The logits of every token, one step at a time; false if a prefill in two calls has one other bit.
template <class Weights, class T>
[[nodiscard]] bool run(Weights const& w, all_logits<T>& logits) {
  static all_logits<T> prefilled;
  static std::array<model::token, tokens> text;
  static model::state<Weights::declared, T> stepping, filling;
  static model::static_workspace<Weights, tokens> workspace;
  stepping.reset();
  filling.reset();
  for (std::size_t t = 0; t < tokens; ++t) {
    text[t] = token_at(t);
    model::step(w, text[t], stepping, workspace, std::span<T>(logits).subspan(t * vocabulary, vocabulary));
  }
  constexpr std::size_t first = 7;
  std::span<model::token const> const all(text);
  model::forward(w, all.first(first), filling, workspace, mamba::matrix_view<T>(prefilled.data(), first, vocabulary));
  model::forward(w, all.subspan(first), filling, workspace,
                 mamba::matrix_view<T>(prefilled.data() + first * vocabulary, tokens - first, vocabulary));
  return std::memcmp(prefilled.data(), logits.data(), sizeof logits) == 0 && stepping == filling;
}

/// FNV-1a over the logits' bits, lowest byte first.
template <class T>
[[nodiscard]] std::uint32_t digest(all_logits<T> const& logits) {
  std::uint32_t hash = 2166136261U;
  for (T const v : logits) {
    auto word = std::bit_cast<mamba::simd::uint_of<T>>(v);
    for (std::size_t i = 0; i < sizeof word; ++i, word >>= 8U) {
      hash = (hash ^ static_cast<std::uint32_t>(word & 0xffU)) * 16777619U;
    }
  }
  return hash;
}

}  // namespace targets
