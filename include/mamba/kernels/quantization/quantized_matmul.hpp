// SPDX-License-Identifier: MIT
// mamba/kernels/quantization/quantized_matmul.hpp — y = x Wᵀ + b, W in blocks, x rounded to 8 bits.  [floor 4]
//
// A tile computes R tokens × some outputs, block after block: four bytes of x[t] are broadcast, multiplied with four
// bytes of each output and summed in 32 bits, exactly; then one multiply-add (two where there is an offset) adds
// the block's sum to the output. So each output is
//
//     y[t, o] = … fma(Σ c_w c_x, s_w·s_x, fma(m_w, s_x·Σ c_x, y of the block before)) … + b[o],     k ascending
//
// whatever the number of tokens, the tile and the thread.
#pragma once

#include <mamba/kernels/gemm/matmul.hpp>
#include <mamba/kernels/quantization/activations.hpp>
#include <mamba/kernels/quantization/detail/quantized_micro_kernel.hpp>
#include <mamba/kernels/quantization/quantized_matrix.hpp>

namespace mamba::inline MAMBA_ABI::kernels {

/// y = x Wᵀ + b, or y + x Wᵀ + b, for x in 8 bits: the outputs of some panels, by the calling thread alone.
///
/// Shapes:  x [tokens, in] as it was rounded, w [out, in] packed, b [out] or empty, y [tokens, columns]: the first
///          y.extent(0) rows of x; columns may be fewer than out. Panel p has the outputs from p·panel on; y's other
///          columns stay as they are.
/// Error:   as below.
/// See:     the same without a range.
template <output Mode = output::assign, block_format W, std::size_t Out, std::size_t In, class Memory>
void matmul(quantized_activations const& x, packed_matrix<W, Out, In, Memory> const& w, std::span<float const> bias,
            matrix_view<float> y, panel_range part) noexcept(!core::contracts_checked);

/// y = x Wᵀ + b, or y + x Wᵀ + b, for x in 8 bits.
///
/// Shapes:  as above.
/// Domain:  any numbers; NaN in, NaN out (in its own row and column only).
/// Error:   against the product of the rounded numbers, (3·in/B + 3)·ε of the sum over the blocks of
///          |s_w s_x Σ c_w c_x| + |m_w s_x Σ c_x|: products within a block are exact.
/// Determinism: an output has the same bits for every number of tokens, of threads and of columns.
/// Cost:    tokens · in · out products of bytes; the weights are read once per call from memory. At most
///          blocking::stack_of_bytes (8 kB) of stack.
template <output Mode = output::assign, block_format W, std::size_t Out, std::size_t In, class Memory>
void matmul(quantized_activations const& x, packed_matrix<W, Out, In, Memory> const& w, std::span<float const> bias,
            matrix_view<float> y) noexcept(!core::contracts_checked);

namespace detail {

/// The arguments of one product, shared by its tiles.
template <output Mode, class Matrix>
struct quantized_product {
  using W = typename Matrix::storage_format;
  using V = simd::batch<float>;
  quantized_activations const& x;
  Matrix const& w;
  std::span<float const> bias;
  matrix_view<float> y;

  template <std::size_t R>
  void run_tile(std::size_t first, std::size_t p) const noexcept {
    using tile = quantized_tile<R, W>;
    std::size_t const blocks = w.blocks();
    std::size_t const x_blocks = quantized_activations::blocks_of(x.in());
    for (std::size_t within = 0; within < weight_block<W>::outputs; within += tile::width) {
      std::size_t const o = p * weight_block<W>::outputs + within;
      if (o >= y.extent(1)) return;
      tile sums;
      if constexpr (R > 1) prefetch_rows<tile::width>(y, first, R, o);
      sums.multiply(x.row(first), x_blocks, w.panel_data(p), blocks, within);
      for (std::size_t r = 0; r < R; ++r) {
        for (std::size_t v = 0; v < tile::vectors; ++v) {
          std::size_t const at = o + v * tile::lanes;
          if (at >= y.extent(1)) break;
          write_sums<Mode>(y, first + r, at, simd::load<V>(sums.sum + (r * tile::vectors + v) * tile::lanes), bias);
        }
      }
    }
  }

  /// R tokens, R at most a whole tile.
  template <std::size_t R = blocking::int8_mr>
  void run_tokens(std::size_t first, std::size_t count, std::size_t p) const noexcept {
    if constexpr (R > 0) {
      if (count == R) {
        run_tile<R>(first, p);
      } else {
        run_tokens<R - 1>(first, count, p);
      }
    }
  }

  /// Tiles as even as possible: with seven tokens in a tile, eight are four and four, not seven and one.
  void run(panel_range part) const noexcept {
    auto [p, last] = part;
    std::size_t const tokens = y.extent(0);
    std::size_t const tiles = (tokens + blocking::int8_mr - 1) / blocking::int8_mr;
    for (; p < last; ++p) {
      for (std::size_t i = 0; i < tiles; ++i) {
        std::size_t const first = tokens * i / tiles;
        run_tokens(first, tokens * (i + 1) / tiles - first, p);
      }
    }
  }
};

}  // namespace detail

template <output Mode, block_format W, std::size_t Out, std::size_t In, class Memory>
void matmul(quantized_activations const& x, packed_matrix<W, Out, In, Memory> const& w, std::span<float const> bias,
            matrix_view<float> y, panel_range part) noexcept(!core::contracts_checked) {
  MAMBA_EXPECTS(x.in() == w.in(), "matmul: x must have as many columns as W", x.in(), w.in());
  MAMBA_EXPECTS(y.extent(0) <= x.rows(), "matmul: y must not have more rows than x", y.extent(0), x.rows());
  MAMBA_EXPECTS(y.extent(1) <= w.out(), "matmul: y must not have more columns than W has rows", y.extent(1), w.out());
  MAMBA_EXPECTS(bias.empty() || bias.size() >= y.extent(1), "matmul: the bias must cover the outputs", bias.size(),
                y.extent(1));
  MAMBA_EXPECTS(part.last <= w.panels_of(y.extent(1)), "matmul: y has no such panel", part.last,
                w.panels_of(y.extent(1)));
  if (y.extent(0) > 0) detail::quantized_product<Mode, packed_matrix<W, Out, In, Memory>>{x, w, bias, y}.run(part);
}

template <output Mode, block_format W, std::size_t Out, std::size_t In, class Memory>
void matmul(quantized_activations const& x, packed_matrix<W, Out, In, Memory> const& w, std::span<float const> bias,
            matrix_view<float> y) noexcept(!core::contracts_checked) {
  matmul<Mode>(x, w, bias, y, panel_range{0, 0});  // checks the shapes
  parallel::parallel_for(
      w.panels_of(y.extent(1)), product_cost<W>(y.extent(0), w.in() * y.extent(1)),
      [&](std::size_t first, std::size_t last) {
        if (y.extent(0) > 0)
          detail::quantized_product<Mode, packed_matrix<W, Out, In, Memory>>{x, w, bias, y}.run({first, last});
      });
}

}  // namespace mamba::inline MAMBA_ABI::kernels
