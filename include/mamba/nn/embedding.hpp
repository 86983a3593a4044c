// SPDX-License-Identifier: MIT
// mamba/nn/embedding.hpp — from a token to its vector, and, where the head is tied, back to logits.  [floor 5]
#pragma once

#include <mamba/nn/linear.hpp>

#include <cstdint>

namespace mamba::inline MAMBA_ABI::nn {

/// The embedding table in storage format W, packed as for a matrix product, so that a tied head is stored once.
///
/// Shapes:  weight [Vocab, Model]; lookup: tokens [L] → y [L, Model]; logits: x [L, Model] → y [L, ≤ Vocab].
/// Domain:  0 ≤ token < Vocab.
template <class W, std::size_t Vocab = dynamic, std::size_t Model = dynamic, class Storage = packed>
class embedding {
 public:
  using scalar = kernels::arithmetic<W>;
  using table = linear<W, Vocab, Model, Storage>;
  using matrix = typename table::matrix;

  embedding() = default;
  constexpr embedding(std::size_t vocab, std::size_t d_model) : table_(vocab, d_model, nn::bias::none) {}

  /// y[t] = weight[token t].
  void operator()(std::span<std::int32_t const> tokens, matrix_view<scalar> y) const noexcept(!core::contracts_checked)
    requires Storage::computes
  {
    for (std::size_t t = 0; t < tokens.size(); ++t) weight().get_row(static_cast<std::size_t>(tokens[t]), y.row(t));
  }

  /// The tied language-model head: y = x · weightᵀ.
  [[nodiscard]] table const& head() const noexcept { return table_; }

  [[nodiscard]] constexpr matrix& weight() noexcept { return table_.weight(); }
  [[nodiscard]] constexpr matrix const& weight() const noexcept { return table_.weight(); }

 private:
  table table_;
};

}  // namespace mamba::inline MAMBA_ABI::nn
