// SPDX-License-Identifier: MIT
// mamba/kernels/gemm/matmul.hpp — y = x Wᵀ + b for any number of tokens, in one order of summation.  [floor 4]
//
// A tile computes R tokens × Q panels: for k = 0, 1, 2, … broadcast x[t, k] and multiply-add it onto the accumulators
// of all its outputs. Each output therefore is
//
//     y[t, o] = fma(x[t, in−1], W[o, in−1], … fma(x[t, 1], W[o, 1], fma(x[t, 0], W[o, 0], 0)) …) + b[o]
//
// whatever the number of tokens, the tile and the thread: the partition contract follows from the order of summation.
#pragma once

#include <mamba/kernels/gemm/blocking.hpp>
#include <mamba/kernels/gemm/detail/micro_kernel.hpp>
#include <mamba/kernels/gemm/packed_matrix.hpp>
#include <mamba/parallel/parallel_for.hpp>

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace mamba::inline MAMBA_ABI::kernels {

/// Panels first … last − 1 of a packed matrix: a part of a product, computed by one thread.
struct panel_range {
  std::size_t first, last;
};

/// The cost of x Wᵀ on one thread: the multiply-adds, or reading the weights.
template <class W>
[[nodiscard]] parallel::cost product_cost(std::size_t tokens, std::size_t weights) noexcept {
  using parallel::cost;
  if constexpr (block_format<W>) {
    return max(cost::multiply_adds<std::int8_t>(tokens * weights), cost::bytes(weights * W::bits / 8));
  } else {
    return max(cost::multiply_adds<W>(tokens * weights), cost::bytes(weights * sizeof(W)));
  }
}

/// y = x Wᵀ + b, or y + x Wᵀ + b: the outputs of some panels, by the calling thread alone.
///
/// Shapes:  x [tokens, in], w [out, in] packed, b [out] or empty, y [tokens, columns]; columns may be fewer than out:
///          then the first `columns` outputs are computed (the padding of a vocabulary is not read). Panel p has the
///          outputs from p·panel on; y's other columns stay as they are.
/// Error:   as below.
/// See:     the same without a range.
template <output Mode = output::assign, scalar_format W, std::size_t Out, std::size_t In, class Memory>
void matmul(matrix_view<arithmetic<W> const> x, packed_matrix<W, Out, In, Memory> const& w,
            std::span<arithmetic<W> const> bias, matrix_view<arithmetic<W>> y,
            panel_range part) noexcept(!core::contracts_checked);

/// y = x Wᵀ + b, or y + x Wᵀ + b.
///
/// Shapes:  as above.
/// Domain:  any numbers; NaN in, NaN out (in its own row and column only). x and y must not overlap.
/// Error:   |Δy| ≤ (in + 2)/2 ε (Σ|x||W| + |b| + |y|), the bound of recursive summation, |y| where it is added to;
///          without fused multiply-add 2·in in place of in. tests/kernels/gemm/matmul_test.cpp verifies it.
/// Determinism: an output has the same bits for every number of tokens, of threads and of columns.
/// Cost:    tokens · in · out multiply-adds; the weights are read from memory once for every blocking::mc tokens.
///          Stack: blocking::stack_of_one for one token (at most 4.5 kB), blocking::stack_of_many for more (22 kB with
///          AVX-512, 13 with AVX2; 136 and 70 where 16-bit weights are converted).
template <output Mode = output::assign, scalar_format W, std::size_t Out, std::size_t In, class Memory>
void matmul(matrix_view<arithmetic<W> const> x, packed_matrix<W, Out, In, Memory> const& w,
            std::span<arithmetic<W> const> bias, matrix_view<arithmetic<W>> y) noexcept(!core::contracts_checked);

namespace detail {

/// The arguments of one product, shared by its tiles.
template <output Mode, class Matrix>
struct product_of {
  using W = typename Matrix::storage_format;
  using T = arithmetic<W>;
  using V = simd::batch<T>;
  static constexpr std::size_t P = Matrix::panel;
  static constexpr bool narrow = !std::is_same_v<W, T>;
  matrix_view<T const> x;
  Matrix const& w;
  std::span<T const> bias;
  matrix_view<T> y;

  void run(panel_range part) const noexcept {
    std::size_t const tokens = x.extent(0);
    auto [p, last] = part;
    if (tokens == 1) {
      for (; p < last && last - p >= blocking::panels_per_tile; p += blocking::panels_per_tile)
        run_one<blocking::panels_per_tile>(p);
      for (; p < last; ++p) run_one<1>(p);
      return;
    }
    // Tokens in the outer loop: a block of x stays in the second-level cache while the weights are streamed.
    std::size_t const blocks = (tokens + blocking::mc<narrow> - 1) / blocking::mc<narrow>;
    for (std::size_t i = 0; i < blocks; ++i) {
      std::size_t const first = tokens * i / blocks;
      std::size_t const count = tokens * (i + 1) / blocks - first;
      for (std::size_t q = p; q < last; ++q) run_many(first, count, q);
    }
  }

 private:
  /// One token times panels p … p+Q−1, straight from memory.
  template <std::size_t Q>
  void run_one(std::size_t p) const noexcept {
    alignas(64) T sum[Q * P] = {};
    tile<1, Q, W>::add(x.data(), x.pitch(), w.panel_data(p), w.in() * P, w.in(), sum);
    write(sum, 0, p, Q * P);
  }

  /// Some tokens times panel p.
  ///
  /// Why:     never inlined, so that one token does not take the stack of many.
  [[gnu::noinline]] void run_many(std::size_t first, std::size_t count, std::size_t p) const noexcept {
    alignas(64) T sum[blocking::mc<narrow> * P];
    std::fill_n(sum, count * P, T{0});
    bool const few = narrow && count <= blocking::small_m;
    std::size_t const block = few ? w.in() : blocking::kc<narrow>;
    for (std::size_t k = 0; k < w.in(); k += block) {
      std::size_t const columns = std::min(block, w.in() - k);
      W const* const from = w.panel_data(p) + k * P;
      if (!narrow || few) {
        run_columns(first, count, p, k, from, columns, sum);
      } else {
        alignas(64) T wide[narrow ? blocking::kc<narrow> * P : 1];
        run_columns(first, count, p, k, widened(from, columns, wide), columns, sum);
      }
    }
    for (std::size_t t = 0; t < count; ++t) write(sum + t * P, first + t, p, P);
  }

  /// Columns k … of panel p, in tiles as even as possible: with twelve tokens in a tile, thirteen are six and seven,
  /// not twelve and one. U is what the columns are in: W, or wider.
  template <class U>
  void run_columns(std::size_t first, std::size_t count, std::size_t p, std::size_t k, U const* columns_at,
                   std::size_t columns, T* sum) const noexcept {
    std::size_t const tiles = (count + blocking::mr - 1) / blocking::mr;
    for (std::size_t i = 0; i < tiles; ++i) {
      std::size_t const t = count * i / tiles;
      std::size_t const rows = count * (i + 1) / tiles - t;
      if (k + columns == w.in()) prefetch_rows<P>(y, first + t, rows, p * P);
      run_tile(rows, x.data() + (first + t) * x.pitch() + k, columns_at, columns, sum + t * P,
               next_block(w.panel_data(p) + (k + columns) * P, columns, i, tiles));
    }
  }

  /// Software prefetch: tile i's share of the columns after these, which may be the next panel's. Loads then overlap
  /// with arithmetic. Not used where weights are converted, which it does not speed up.
  prefetch_stream next_block([[maybe_unused]] W const* at, [[maybe_unused]] std::size_t columns,
                             [[maybe_unused]] std::size_t i, [[maybe_unused]] std::size_t tiles) const noexcept {
    if constexpr (!narrow) {
      std::size_t const lines = (blocking::prefetch_step * P * sizeof(W) / 64 + tiles - 1) / tiles;
      std::size_t const part = lines * 64 * ((columns + blocking::prefetch_step - 1) / blocking::prefetch_step);
      auto const left = static_cast<std::size_t>(w.panel_data(w.panels()) - at) * sizeof(W);
      if (tiles >= blocking::prefetch_tiles && (i + 1) * part <= left) {
        return {reinterpret_cast<char const*>(at) + i * part, lines};
      }
    }
    return {};
  }

  /// A panel's columns in the arithmetic type.
  static T const* widened(W const* weights, std::size_t columns, T* wide) noexcept {
    for (std::size_t i = 0; i < columns * P; i += simd::lanes<T>) simd::store<V>(wide + i, simd::load<V>(weights + i));
    return wide;
  }

  /// R tokens, R at most a whole tile: found by unrolling over the possible counts.
  template <std::size_t R = blocking::mr, class U>
  void run_tile(std::size_t count, T const* from, U const* weights, std::size_t columns, T* sum,
                prefetch_stream next) const noexcept {
    if constexpr (R > 0) {
      if (count == R) {
        tile<R, 1, U>::add(from, x.pitch(), weights, 0, columns, sum, next);
      } else {
        run_tile<R - 1>(count, from, weights, columns, sum, next);
      }
    }
  }

  /// `outputs` sums of token t, of which the first is that of panel p.
  void write(T const* sum, std::size_t t, std::size_t p, std::size_t outputs) const noexcept {
    for (std::size_t v = 0; v < outputs && p * P + v < y.extent(1); v += simd::lanes<T>) {
      write_sums<Mode>(y, t, p * P + v, simd::load<V>(sum + v), bias);
    }
  }
};

}  // namespace detail

template <output Mode, scalar_format W, std::size_t Out, std::size_t In, class Memory>
void matmul(matrix_view<arithmetic<W> const> x, packed_matrix<W, Out, In, Memory> const& w,
            std::span<arithmetic<W> const> bias, matrix_view<arithmetic<W>> y,
            panel_range part) noexcept(!core::contracts_checked) {
  MAMBA_EXPECTS(x.extent(1) == w.in(), "matmul: x must have as many columns as W", x.extent(1), w.in());
  MAMBA_EXPECTS(x.extent(0) == y.extent(0), "matmul: x and y must have as many rows", y.extent(0), x.extent(0));
  MAMBA_EXPECTS(y.extent(1) <= w.out(), "matmul: y must not have more columns than W has rows", y.extent(1), w.out());
  MAMBA_EXPECTS(bias.empty() || bias.size() >= y.extent(1), "matmul: the bias must cover the outputs", bias.size(),
                y.extent(1));
  MAMBA_EXPECTS(part.last <= w.panels_of(y.extent(1)), "matmul: y has no such panel", part.last,
                w.panels_of(y.extent(1)));
  if (x.extent(0) > 0) detail::product_of<Mode, packed_matrix<W, Out, In, Memory>>{x, w, bias, y}.run(part);
}

template <output Mode, scalar_format W, std::size_t Out, std::size_t In, class Memory>
void matmul(matrix_view<arithmetic<W> const> x, packed_matrix<W, Out, In, Memory> const& w,
            std::span<arithmetic<W> const> bias, matrix_view<arithmetic<W>> y) noexcept(!core::contracts_checked) {
  matmul<Mode>(x, w, bias, y, panel_range{0, 0});  // checks the shapes
  parallel::parallel_for(
      w.panels_of(y.extent(1)), product_cost<W>(x.extent(0), x.extent(1) * y.extent(1)),
      [&](std::size_t first, std::size_t last) {
        if (x.extent(0) > 0)
          detail::product_of<Mode, packed_matrix<W, Out, In, Memory>>{x, w, bias, y}.run({first, last});
      });
}

}  // namespace mamba::inline MAMBA_ABI::kernels
