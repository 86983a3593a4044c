// SPDX-License-Identifier: MIT
// mamba/nn/embedding.hpp — from a token to its vector, and, where the head is tied, back to logits.  [floor 5]
#pragma once

#include <mamba/kernels/quantization/quantized_matmul.hpp>
#include <mamba/nn/parameter.hpp>

#include <cstdint>

namespace mamba::inline MAMBA_ABI::nn {

/// The embedding table in storage format W, packed as a matrix product wants it, so that a tied head is stored once.
///
/// Shapes:  weight [Vocab, Model]; lookup: tokens [L] → y [L, Model]; logits: x [L, Model] → y [L, ≤ Vocab].
/// Domain:  0 ≤ token < Vocab.
template <class W, std::size_t Vocab = dynamic, std::size_t Model = dynamic>
class embedding {
 public:
  using scalar = kernels::arithmetic<W>;

  embedding() = default;
  embedding(std::size_t vocab, std::size_t d_model) : weight_(vocab, d_model) {}

  /// y[t] = weight[token t].
  void operator()(std::span<std::int32_t const> tokens, matrix_view<scalar> y) const
      noexcept(!core::contracts_checked) {
    for (std::size_t t = 0; t < tokens.size(); ++t) weight_.get_row(static_cast<std::size_t>(tokens[t]), y.row(t));
  }

  /// y = x · weightᵀ: the tied language-model head. Block formats take x in 8 bits, for which `room` has room.
  void logits(matrix_view<scalar const> x, matrix_view<scalar> y, kernels::quantized_rows& room) const
      noexcept(!core::contracts_checked) {
    if constexpr (block_format<W>) {
      room.assign(x);
      kernels::matmul(room, weight_, std::span<scalar const>{}, y);
    } else {
      kernels::matmul(x, weight_, std::span<scalar const>{}, y);
    }
  }

  /// The same without room, where the format needs none.
  void logits(matrix_view<scalar const> x, matrix_view<scalar> y) const
      noexcept(!core::contracts_checked) requires(!block_format<W>) {
    kernels::matmul(x, weight_, std::span<scalar const>{}, y);
  }

  [[nodiscard]] kernels::packed_matrix<W, Vocab, Model>& weight() noexcept { return weight_; }
  [[nodiscard]] kernels::packed_matrix<W, Vocab, Model> const& weight() const noexcept { return weight_; }

 private:
  kernels::packed_matrix<W, Vocab, Model> weight_;
};

}  // namespace mamba::inline MAMBA_ABI::nn
