// SPDX-License-Identifier: MIT
// mamba/model/weights.hpp — all parameters of a Mamba language model.  [floor 6]
#pragma once

#include <mamba/model/config.hpp>
#include <mamba/nn/embedding.hpp>

#include <vector>

namespace mamba::inline MAMBA_ABI::model {

/// The weights of a model: C says which sizes the compiler knows, W in which format the matrices are stored.
///
///     model::weights<> weights(sizes);                     // any checkpoint
///     model::weights<model::mamba_130m, bfloat16> weights; // one shape, 16-bit matrices
///     model::weights<model::any, careful> weights(sizes);  // matrix by matrix, see core/weight_recipe.hpp
///
/// Shapes:  named as in checkpoints; filled by for_each_tensor. Matrices are stored as the recipe of W says (float,
///          double, float16, bfloat16, or a block format: q8, q4, ternary); norms, biases, conv1d, A_log and D in the
///          arithmetic type.
/// Throws:  mamba::error if `sizes` are not those of C, or one is zero; std::bad_alloc.
template <config C = any, class W = float>
class weights {
 public:
  using storage_format = W;
  using formats = recipe<W>;
  using scalar = kernels::arithmetic<W>;
  using block = nn::mamba_block<C.block(), W>;
  static constexpr config declared = C;

  weights() requires(C.n_layer != dynamic) : weights(C) {}

  explicit weights(config const& sizes)
      : sizes_(checked(C, sizes, "model::weights")),
        embedding(sizes.padded_vocab(), sizes.d_model),
        norm_f(sizes.d_model, sizes.norm_epsilon),
        lm_head(sizes.tie_embeddings ? head_type() : head_type(sizes.padded_vocab(), sizes.d_model, nn::bias::none)) {
    layers.reserve(sizes.n_layer);
    for (std::size_t i = 0; i < sizes.n_layer; ++i) layers.emplace_back(sizes.block());
  }

  [[nodiscard]] config const& sizes() const noexcept { return sizes_; }

  /// Logits of the first y.extent(1) ids from final hidden vectors, by the tied or the separate head.
  void head(matrix_view<scalar const> x, matrix_view<scalar> y, kernels::quantized_rows& room) const
      noexcept(!core::contracts_checked) {
    if (sizes_.tie_embeddings) {
      embedding.logits(x, y, room);
    } else {
      lm_head(x, y, room);
    }
  }

 private:
  using head_type = nn::linear<typename formats::lm_head>;
  config sizes_;

 public:
  nn::embedding<typename formats::embedding, C.padded_vocab(), C.d_model> embedding;
  std::vector<block> layers;
  nn::rms_norm<scalar, C.d_model> norm_f;
  head_type lm_head;  ///< empty where the head is tied
};

}  // namespace mamba::inline MAMBA_ABI::model
