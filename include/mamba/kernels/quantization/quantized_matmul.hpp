// SPDX-License-Identifier: MIT
// mamba/kernels/quantization/quantized_matmul.hpp — y = x Wᵀ + b where W is stored in blocks and x is rounded to 8 bits.  [floor 4]
//
// A tile computes R tokens × some outputs, block after block: four bytes of x[t] are broadcast, multiplied with four
// bytes of each output and summed in 32 bits, exactly; then one multiply-add (two where there is an offset) takes the
// block's sum into the output. So each output is
//
//     y[t, o] = … fma(Σ c_w c_x, s_w·s_x, fma(m_w, s_x·Σ c_x, y of the block before)) … + b[o],     k ascending
//
// whatever the number of tokens, the tile and the thread it falls to.
#pragma once

#include <mamba/kernels/gemm/matmul.hpp>
#include <mamba/kernels/quantization/activations.hpp>
#include <mamba/kernels/quantization/quantized_matrix.hpp>
#include <mamba/simd/dot4.hpp>

namespace mamba::inline MAMBA_ABI::kernels {

namespace detail {

/// Tokens per tile, at most, and vectors of outputs that a tile of R tokens has: sums of a block fill the register file
/// (those of the row wait in memory where it has 16 registers only). Many tokens share what is done to a weight once, few
/// tokens take more vectors, so that a panel is read in one go.
#if defined(__AVX512F__) || defined(__aarch64__)
inline constexpr std::size_t quantized_tile_tokens = 7;
template <std::size_t R>
inline constexpr std::size_t quantized_tile_vectors = 2;
#else
inline constexpr std::size_t quantized_tile_tokens = 8;
template <std::size_t R>
inline constexpr std::size_t quantized_tile_vectors = R <= 2   ? 4
                                                      : R <= 4 ? 2
                                                               : 1;
#endif

/// Bytes of a panel that one token asks for before it needs them.
inline constexpr std::size_t quantized_read_ahead = 4096;

/// R tokens × `width` outputs of one panel. Indices of accumulators are constants of folds, as in the tile of floats.
template <std::size_t R, block_format W>
struct quantized_tile {
  using V = simd::batch<float>;
  using block = weight_block<W>;
  static constexpr std::size_t lanes = simd::lanes<float>;
  static constexpr std::size_t vectors = quantized_tile_vectors<R>;
  static constexpr std::size_t width = vectors * lanes;
  static_assert(block::outputs % width == 0);
  alignas(64) float sum[R * width];

  /// x: the first block of R rows, x_blocks apart; w: the first block of a panel, of whose outputs `o` is the first.
  void multiply(quantized_block const* x, std::size_t x_blocks, block const* w, std::size_t blocks,
                std::size_t o) noexcept {
    [&]<std::size_t... A>(std::index_sequence<A...>) __attribute__((always_inline)) {
      V acc[R * vectors];
      ((acc[A] = V(0.0F)), ...);
      for (std::size_t b = 0; b < blocks; ++b, ++x, ++w) {
        block_sums dot[R * vectors];
        if constexpr (R == 1) {
          for (std::size_t i = 0; i < sizeof(block); i += 64) simd::prefetch(w, quantized_read_ahead + i);
        }
        ((dot[A] = start(x[A / vectors * x_blocks])), ...);
        for (std::size_t i = 0; i < block::words; ++i) {
          simd::bytes4 packed[vectors];
          [&]<std::size_t... J>(std::index_sequence<J...>) __attribute__((always_inline)) {
            ((packed[J] = simd::load_bytes(w->codes[i][o + J * lanes])), ...);
          }
          (std::make_index_sequence<vectors>{});
          [&]<std::size_t... P>(std::index_sequence<P...>) __attribute__((always_inline)) {
            (add_part<P>(dot, packed, x, x_blocks, i, std::index_sequence<A...>{}), ...);
          }
          (std::make_index_sequence<block::parts>{});
        }
        V scale[vectors];
        V offset[vectors];
        [&]<std::size_t... J>(std::index_sequence<J...>) __attribute__((always_inline)) {
          ((scale[J] = simd::load<V>(w->line[0] + o + J * lanes)), ...);
          if constexpr (W::has_offset) ((offset[J] = simd::load<V>(w->line[1] + o + J * lanes)), ...);
        }
        (std::make_index_sequence<vectors>{});
        V with;
        if constexpr (W::has_offset) {
          ((with = A % vectors == 0 ? scaled_sum(x[A / vectors * x_blocks]) : with,
            acc[A] = simd::fma(offset[A % vectors], with, acc[A])),
           ...);
        }
        ((with = A % vectors == 0 ? V(x[A / vectors * x_blocks].scale) : with,
          acc[A] =
              simd::fma(in_float(dot[A], x[A / vectors * x_blocks]), simd::product(scale[A % vectors], with), acc[A])),
         ...);
      }
      (simd::store<V>(sum + A * lanes, acc[A]), ...);
    }
    (std::make_index_sequence<R * vectors>{});
  }

 private:
  /// Codes below 8 bits are small weights: one block of them, 32 / 4 terms, can be added in 16 bits.
  static constexpr bool small = W::bits < 8;
  static_assert(!small || (block::mask <= 15 && block_size / 4 <= simd::small_sums_terms));
  using block_sums = std::conditional_t<small, simd::small_sums, simd::sums32>;

  /// They are stored with `zero` added: zero·Σx is too much.
  [[gnu::always_inline]] static std::int32_t excess(quantized_block const& x) noexcept { return block::zero * x.sum; }

  [[gnu::always_inline]] static block_sums start(quantized_block const& x) noexcept {
    if constexpr (small) {
      return simd::small_start(excess(x));
    } else {
      return simd::dot4_start(x.sum);
    }
  }

  /// Σ c_w c_x, exactly.
  [[gnu::always_inline]] static V in_float(block_sums const& v, [[maybe_unused]] quantized_block const& x) noexcept {
    if constexpr (small) {
      return simd::to_float(simd::total(v, excess(x)));
    } else {
      return simd::dot4_float(v);
    }
  }

  /// s_x·Σ c_x in every lane.
  [[gnu::always_inline]] static V scaled_sum(quantized_block const& x) noexcept {
    return simd::product(V(x.scale), simd::to_float(simd::sums32(x.sum)));
  }

  template <std::size_t P, std::size_t... A>
  [[gnu::always_inline]] static void add_part(block_sums (&dot)[R * vectors], simd::bytes4 const (&packed)[vectors],
                                              quantized_block const* x, std::size_t x_blocks, std::size_t i,
                                              std::index_sequence<A...>) noexcept {
    simd::bytes4 w[vectors];
    [&]<std::size_t... J>(std::index_sequence<J...>) __attribute__((always_inline)) {
      ((w[J] = part<P>(packed[J])), ...);
    }
    (std::make_index_sequence<vectors>{});
    std::size_t const k = P * 4 * block::words + 4 * i;
    simd::bytes4 four;
    ((four = A % vectors == 0 ? simd::broadcast4(x[A / vectors * x_blocks].c + k) : four,
      dot[A] = simd::in_order(add(dot[A], w[A % vectors], four))),
     ...);
  }

  template <std::size_t P>
  [[gnu::always_inline]] static simd::bytes4 part(simd::bytes4 packed) noexcept {
    if constexpr (W::bits == 8) return packed;
    constexpr std::uint32_t mask = block::mask * 0x01010101U;
    return (packed >> static_cast<int>(P * W::bits)) & simd::bytes4(mask);
  }

  [[gnu::always_inline]] static block_sums add(block_sums const& dot, simd::bytes4 w, simd::bytes4 x) noexcept {
    if constexpr (small) {
      return simd::dot4_small(dot, w, x);
    } else {
      return simd::dot4_signed(dot, w, x);
    }
  }
};

/// One call of the product.
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
    for (std::size_t within = 0; within < weight_block<W>::outputs; within += tile::width) {
      std::size_t const o = p * weight_block<W>::outputs + within;
      if (o >= y.extent(1)) return;
      tile sums;
      if constexpr (R > 1) ask_for_rows<tile::width>(y, first, R, o);
      sums.multiply(x.row(first), blocks, w.panel_data(p), blocks, within);
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
  template <std::size_t R = quantized_tile_tokens>
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
    std::size_t const tiles = (tokens + quantized_tile_tokens - 1) / quantized_tile_tokens;
    for (; p < last; ++p) {
      for (std::size_t i = 0; i < tiles; ++i) {
        std::size_t const first = tokens * i / tiles;
        run_tokens(first, tokens * (i + 1) / tiles - first, p);
      }
    }
  }
};

}  // namespace detail

/// y = x Wᵀ + b, or y + x Wᵀ + b, for x in 8 bits: the outputs of some panels, by the calling thread alone.
///
/// Shapes:  x [tokens, in] as it was rounded, w [out, in] packed, b [out] or empty, y [tokens, columns]: the first
///          y.extent(0) rows of x; columns may be fewer than out. Panel p has the outputs from p·panel on; y's other
///          columns stay as they are.
/// See:     the same without a range.
template <output Mode = output::assign, block_format W, std::size_t Out, std::size_t In, class Memory>
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

/// y = x Wᵀ + b, or y + x Wᵀ + b, for x in 8 bits.
///
/// Shapes:  as above.
/// Domain:  any numbers; NaN in, NaN out (in its own row and column only).
/// Error:   against the product of the rounded numbers, (3·in/32 + 3)·ε of the sum over the blocks of
///          |s_w s_x Σ c_w c_x| + |m_w s_x Σ c_x|: products within a block are exact.
/// Cost:    tokens · in · out products of bytes; the weights are read once per call from memory.
template <output Mode = output::assign, block_format W, std::size_t Out, std::size_t In, class Memory>
void matmul(quantized_activations const& x, packed_matrix<W, Out, In, Memory> const& w, std::span<float const> bias,
            matrix_view<float> y) noexcept(!core::contracts_checked) {
  matmul<Mode>(x, w, bias, y, panel_range{0, 0});  // looks at the shapes
  parallel::parallel_for(
      w.panels_of(y.extent(1)), product_cost<W>(y.extent(0), w.in() * y.extent(1)),
      [&](std::size_t first, std::size_t last) {
        if (y.extent(0) > 0)
          detail::quantized_product<Mode, packed_matrix<W, Out, In, Memory>>{x, w, bias, y}.run({first, last});
      });
}

}  // namespace mamba::inline MAMBA_ABI::kernels
