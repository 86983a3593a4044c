// SPDX-License-Identifier: MIT
// support/plain_model.hpp — a Mamba language model in plain loops: reference in double, baseline in float.
//
// nn::reference's mixers between an embedding, norms and a tied head. llama2.c and mamba.c look like this.
#pragma once

#include <mamba/model/weights.hpp>
#include <mamba/nn/reference/mamba1.hpp>

#include <vector>

namespace bench {

/// Weights and state. T is what is computed in; the weights are the numbers of the model it was made from.
template <class T>
class plain_model {
 public:
  template <class Weights>
  explicit plain_model(Weights const& weights)
      : sizes_(weights.sizes()), table_(read(weights.input.weight())), norm_(read(weights.output.norm_f.weight())) {
    for (std::size_t i = 0; i < weights.layers.size(); ++i) {
      mixers_.emplace_back(weights.layers[i].mixer);
      norms_.emplace_back(mamba::nn::reference::parameters<T>(weights.layers[i])["norm.weight"]);
    }
  }

  /// Logits after one more token.
  std::vector<T> step(mamba::model::token next) {
    namespace plain = mamba::nn::reference;
    auto const epsilon = static_cast<T>(sizes_.norm_epsilon);
    auto const row = table_.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(next) * sizes_.d_model);
    std::vector<T> r(row, row + static_cast<std::ptrdiff_t>(sizes_.d_model));
    for (std::size_t i = 0; i < mixers_.size(); ++i) {
      std::vector<T> const y = mixers_[i].step(plain::rms_norm<T>(r, norms_[i], epsilon));
      for (std::size_t k = 0; k < r.size(); ++k) r[k] += y[k];
    }
    std::vector<T> const normed = plain::rms_norm<T>(r, norm_, epsilon);
    std::vector<T> logits = plain::product<T>(table_, {}, normed);
    logits.resize(sizes_.vocab_size);
    return logits;
  }

 private:
  template <class Storage>
  static std::vector<T> read(Storage const& from) {
    std::vector<T> all;
    std::vector<float> row(from.row_size());
    for (std::size_t i = 0; i < from.rows(); ++i) {
      from.get_row(i, std::span<float>(row));
      all.insert(all.end(), row.begin(), row.end());
    }
    return all;
  }

  mamba::model::config sizes_;
  std::vector<T> table_, norm_;  ///< the embedding, which is the head, too; the last norm
  std::vector<mamba::nn::reference::mamba1<T>> mixers_;
  std::vector<std::vector<T>> norms_;
};

}  // namespace bench
