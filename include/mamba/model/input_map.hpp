// SPDX-License-Identifier: MIT
// mamba/model/input_map.hpp — from tokens or features to rows of the residual stream.  [floor 6]
//
// An input map is a list of parameters (nn/layer.hpp) with
//
//     items                           a sequence, one item a row: size(items), part(items, first, count)
//     map(items, r, at)               one row of r [items, d_model] for each item
#pragma once

#include <mamba/nn/embedding.hpp>
#include <mamba/nn/format_policy.hpp>

#include <array>
#include <cstdint>

namespace mamba::inline MAMBA_ABI::model {

/// A token id of tokenizers and checkpoints.
using token = std::int32_t;

/// The sizes of a token embedding.
struct token_config {
  std::size_t vocab, d_model;  ///< rows of the table, padding included; width
  friend constexpr bool operator==(token_config const&, token_config const&) noexcept = default;
};

/// Tokens in: r_t = embedding[token_t].
///
/// Shapes:  embedding.weight [vocab, d_model].
/// Domain:  0 ≤ token < vocab.
template <class W, std::size_t Vocab = dynamic, std::size_t Model = dynamic, class Storage = nn::packed>
class token_embedding : public nn::embedding<nn::format_for<W, nn::role::embedding>, Vocab, Model, Storage> {
  using base = nn::embedding<nn::format_for<W, nn::role::embedding>, Vocab, Model, Storage>;

 public:
  using scalar = nn::arithmetic<W>;
  using config = token_config;
  using storage = Storage;
  using items = std::span<token const>;
  template <class Other>
  using with_storage = token_embedding<W, Vocab, Model, Other>;

  constexpr explicit token_embedding(config const& c) : base(c.vocab, c.d_model) {}

  [[nodiscard]] static std::size_t size(items from) noexcept { return from.size(); }
  [[nodiscard]] static items part(items from, std::size_t first, std::size_t count) noexcept {
    return from.subspan(first, count);
  }

  template <class Self, class F>
  static constexpr void for_each(Self& self, F&& f) {
    auto& w = self.weight();
    f("embedding.weight", std::array{w.rows(), w.row_size()}, w, nn::role::embedding);
  }

  [[nodiscard]] static constexpr std::size_t workspace(config const&, std::size_t) noexcept { return 0; }

  void operator()(items tokens, matrix_view<scalar> r, arena) const noexcept(!core::contracts_checked)
    requires Storage::computes
  {
    base::operator()(tokens, r);
  }
};

/// The sizes of a linear input map.
struct feature_config {
  std::size_t features, d_model;
  friend constexpr bool operator==(feature_config const&, feature_config const&) noexcept = default;
};

/// Features in, as sensors, audio or another model give them: r_t = W x_t + b.
///
/// Shapes:  input.weight [d_model, features], input.bias [d_model]; items x [L, features].
template <class W, std::size_t Features = dynamic, std::size_t Model = dynamic, class Storage = nn::packed>
class feature_projection {
 public:
  using scalar = nn::arithmetic<W>;
  using config = feature_config;
  using storage = Storage;
  using items = matrix_view<scalar const>;
  using linear = nn::linear<nn::format_for<W, nn::role::embedding>, Model, Features, Storage, Model>;
  template <class Other>
  using with_storage = feature_projection<W, Features, Model, Other>;

  constexpr explicit feature_projection(config const& c) : projection(c.d_model, c.features, nn::bias::present) {}

  [[nodiscard]] static std::size_t size(items from) noexcept { return from.extent(0); }
  [[nodiscard]] static items part(items from, std::size_t first, std::size_t count) noexcept {
    return from.rows(first, count);
  }

  template <class Self, class F>
  static constexpr void for_each(Self& self, F&& f) {
    auto& w = self.projection.weight();
    f("input.weight", std::array{w.rows(), w.row_size()}, w, nn::role::embedding);
    f("input.bias", std::array{w.rows()}, self.projection.bias(), nn::role::vector);
  }

  [[nodiscard]] static constexpr std::size_t workspace(config const& c, std::size_t rows) noexcept {
    arena at;
    [[maybe_unused]] typename linear::input const x(at, matrix_view<scalar const>(nullptr, rows, c.features));
    return at.used();
  }

  void operator()(items x, matrix_view<scalar> r, arena at) const noexcept(!core::contracts_checked)
    requires Storage::computes
  {
    projection(x, r, at);
  }

  linear projection;
};

}  // namespace mamba::inline MAMBA_ABI::model
