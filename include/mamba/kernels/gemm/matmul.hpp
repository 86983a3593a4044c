// SPDX-License-Identifier: MIT
// mamba/kernels/gemm/matmul.hpp — y = x Wᵀ + b for any number of tokens, in one order of summation.  [floor 4]
//
// A tile computes R tokens × Q panels: for k = 0, 1, 2, … broadcast x[t, k] and multiply-add it onto the accumulators
// of all its outputs. Each output therefore is
//
//     y[t, o] = fma(x[t, in−1], W[o, in−1], … fma(x[t, 1], W[o, 1], fma(x[t, 0], W[o, 0], 0)) …) + b[o]
//
// whatever the number of tokens, the tile and the thread it falls to: the partition contract costs nothing.
#pragma once

#include <mamba/kernels/gemm/packed_matrix.hpp>
#include <mamba/parallel/parallel_for.hpp>

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace mamba::inline MAMBA_ABI::kernels {

/// What happens to what was in y: overwritten, or added to (y + x Wᵀ + b, the residual stream).
enum class output { assign, add };

/// Panels first … last − 1 of a packed matrix: a part of a product that one thread does by itself.
struct panel_range {
  std::size_t first, last;
};

/// What x Wᵀ costs one thread: the multiply-adds, or reading the weights.
template <class W>
[[nodiscard]] parallel::cost product_cost(std::size_t tokens, std::size_t weights) noexcept {
  using parallel::cost;
  if constexpr (block_format<W>) {
    return max(cost::multiply_adds<std::int8_t>(tokens * weights), cost::bytes(weights * W::bits / 8));
  } else {
    return max(cost::multiply_adds<W>(tokens * weights), cost::bytes(weights * sizeof(W)));
  }
}

namespace detail {

/// Tokens per tile: R · panel_vectors accumulators, the panel's vectors and one broadcast fill the register file.
#if defined(__AVX512F__) || defined(__aarch64__)
inline constexpr std::size_t tile_tokens = 12;
#else
inline constexpr std::size_t tile_tokens = 6;
#endif

/// Panels that one token is multiplied with at a time: enough independent sums to hide the latency of multiply-add.
inline constexpr std::size_t tile_panels = 4;

/// Bytes of a panel that a tile asks for before it needs them, where weights are narrower than their arithmetic: the
/// machine reads ahead by itself, but not as far as such a loop would go (78 % of the read bandwidth without, 93 with).
inline constexpr std::size_t read_ahead = 1024;

/// Sums of token t that are outputs o, o + 1, …: with bias and, for output::add, what was there before.
template <output Mode, class T>
inline void write_sums(matrix_view<T> y, std::size_t t, std::size_t o, simd::batch<T> value,
                       std::span<T const> bias) noexcept {
  using V = simd::batch<T>;
  T* const at = &y(t, o);
  std::size_t const rest = y.extent(1) - o;
  if (rest >= simd::lanes<T>) {
    if (!bias.empty()) value = value + simd::load<V>(bias.data() + o);
    if constexpr (Mode == output::add) value = simd::load<V>(at) + value;
    simd::store<V>(at, value);
  } else {
    if (!bias.empty()) value = value + simd::load_first<V>(bias.data() + o, rest);
    if constexpr (Mode == output::add) value = simd::load_first<V>(at, rest) + value;
    simd::store_first<V>(at, value, rest);
  }
}

/// Columns that many tokens are multiplied with before the next ones, so that a part of a panel stays in the second-level
/// cache while all tiles pass. Narrower weights are widened to the arithmetic type once for all of them, on the stack, unless few_tokens come.
/// (Blocks for the first-level cache, 128 columns, were a tenth slower: x is then read in runs too short to be fetched
/// ahead.)
template <class W>
inline constexpr std::size_t column_block = std::is_same_v<W, arithmetic<W>> ? 2048 : 768;

/// Tokens whose sums wait meanwhile: a dozen tiles, or two dozen where widening is to be paid for. Together with the
/// widened columns they take up to 130 KiB of the stack.
template <class W>
inline constexpr std::size_t token_block = std::is_same_v<W, arithmetic<W>> ? 144 : 264;

/// Up to so many tokens, every tile widens narrower weights for itself, where that is an instruction: nothing is written,
/// and the next weights arrive meanwhile. (With AVX-512 7 tokens take 0.55 of the time then, 24 take 0.87, 36 take 0.95.)
#if defined(__AVX512F__)
inline constexpr std::size_t few_tokens = 3 * tile_tokens;
#else
inline constexpr std::size_t few_tokens = 0;
#endif

/// What a tile does beside multiplying: it asks for so many cache lines before every stretch of columns.
struct errand {
  char const* from = nullptr;
  std::size_t lines = 0;

  static constexpr std::size_t stretch = 64;     // 16 columns: 7 % slower
  static constexpr std::size_t least_tiles = 8;  // fewer haven't the time for it
};

/// Asks for the places of a panel's sums of R tokens before they are computed: the rows of y lie far apart, on a page
/// each, and the machine can't guess them (83 % of the multiply-add peak without, 87 with).
template <std::size_t Width, class T>
[[gnu::always_inline]] inline void ask_for_rows(matrix_view<T> y, std::size_t t, std::size_t count,
                                                std::size_t o) noexcept {
  for (std::size_t r = t; r < t + count; ++r) {
    for (std::size_t i = 0; i < Width * sizeof(T); i += 64) simd::prefetch_to_write(y.data() + r * y.pitch() + o, i);
  }
}

/// Adds columns to the sums of R tokens × Q panels. Every index below is a constant of a fold, so that the accumulators
/// have no address and stay in registers: with loops, or lambdas that are not inlined, clang 14 kept them on the stack,
/// three times slower.
template <std::size_t R, std::size_t Q, class W>
struct tile {
  using T = arithmetic<W>;
  using V = simd::batch<T>;
  static constexpr std::size_t vectors = 2;
  static constexpr std::size_t P = vectors * simd::lanes<T>;

  /// sum [R][Q·P]: sums are read, extended by `columns` columns in ascending order, and written.
  [[gnu::noinline]] static void add(T const* x, std::size_t x_pitch, W const* weights, std::size_t panel_stride,
                                    std::size_t columns, T* sum, [[maybe_unused]] errand next = {}) noexcept {
    [&]<std::size_t... A>(std::index_sequence<A...>) __attribute__((always_inline)) {
      V acc[R * Q * vectors];
      ((acc[A] = simd::load<V>(sum + A * simd::lanes<T>)), ...);
      T* volatile const kept = sum;  // in memory: the loop needs every register, and g++ 12 would spill another one
      if constexpr (R == 1) {
        for (std::size_t k = 0; k < columns; ++k) {
          V const broadcast(x[k]);
          if constexpr (sizeof(W) < sizeof(T)) (simd::prefetch(address<A>(weights, panel_stride, k), read_ahead), ...);
          ((acc[A] = simd::fma(broadcast, load<A>(weights, panel_stride, k), acc[A])), ...);
        }
      } else {
        std::size_t const step = next.lines > 0 ? errand::stretch : columns;
        for (std::size_t k = 0; k < columns;) {
          std::size_t const stop = std::min(k + step, columns);
          for (std::size_t i = 0; i < next.lines; ++i, next.from += 64) simd::prefetch(next.from, 0);
          for (; k < stop; ++k) {
            V w[Q * vectors];
            [&]<std::size_t... J>(std::index_sequence<J...>) __attribute__((always_inline)) {
              ((w[J] = load<J>(weights, panel_stride, k)), ...);
            }
            (std::make_index_sequence<Q * vectors>{});
            if constexpr (sizeof(W) < sizeof(T)) simd::prefetch(address<0>(weights, panel_stride, k), read_ahead);
            V broadcast;
            ((broadcast = A % (Q * vectors) == 0 ? V(x[A / (Q * vectors) * x_pitch + k]) : broadcast,
              acc[A] = simd::fma(broadcast, w[A % (Q * vectors)], acc[A])),
             ...);
          }
        }
      }
      T* const out = kept;
      (simd::store<V>(out + A * simd::lanes<T>, acc[A]), ...);
    }
    (std::make_index_sequence<R * Q * vectors>{});
  }

 private:
  template <std::size_t J>
  [[gnu::always_inline]] static V load(W const* weights, std::size_t panel_stride, std::size_t k) noexcept {
    return simd::load<V>(address<J>(weights, panel_stride, k));
  }
  template <std::size_t J>
  [[gnu::always_inline]] static W const* address(W const* weights, std::size_t panel_stride, std::size_t k) noexcept {
    return weights + J / vectors * panel_stride + k * P + J % vectors * simd::lanes<T>;
  }
};

/// One call of the product: what every tile of it shares.
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
      for (; p < last && last - p >= tile_panels; p += tile_panels) run_one<tile_panels>(p);
      for (; p < last; ++p) run_one<1>(p);
      return;
    }
    // Tokens outside: a block of x stays in the second-level cache while the weights stream by.
    std::size_t const blocks = (tokens + token_block<W> - 1) / token_block<W>;
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
  void run_many(std::size_t first, std::size_t count, std::size_t p) const noexcept {
    alignas(64) T sum[token_block<W> * P];
    std::fill_n(sum, count * P, T{0});
    bool const few = narrow && count <= few_tokens;
    std::size_t const block = few ? w.in() : column_block<W>;
    for (std::size_t k = 0; k < w.in(); k += block) {
      std::size_t const columns = std::min(block, w.in() - k);
      W const* const from = w.panel_data(p) + k * P;
      if (!narrow || few) {
        run_columns(first, count, p, k, from, columns, sum);
      } else {
        alignas(64) T room[narrow ? column_block<W> * P : 1];
        run_columns(first, count, p, k, widened(from, columns, room), columns, sum);
      }
    }
    for (std::size_t t = 0; t < count; ++t) write(sum + t * P, first + t, p, P);
  }

  /// Columns k … of panel p, in tiles as even as possible: with twelve tokens in a tile, thirteen are six and seven, not
  /// twelve and one. U is what the columns are in: W, or wider.
  template <class U>
  void run_columns(std::size_t first, std::size_t count, std::size_t p, std::size_t k, U const* columns_at,
                   std::size_t columns, T* sum) const noexcept {
    std::size_t const tiles = (count + tile_tokens - 1) / tile_tokens;
    for (std::size_t i = 0; i < tiles; ++i) {
      std::size_t const t = count * i / tiles;
      std::size_t const rows = count * (i + 1) / tiles - t;
      if (k + columns == w.in()) ask_for_rows<P>(y, first + t, rows, p * P);
      run_tile(rows, x.data() + (first + t) * x.pitch() + k, columns_at, columns, sum + t * P,
               next_columns(w.panel_data(p) + (k + columns) * P, columns, i, tiles));
    }
  }

  /// Tile i's part of the columns after these, be they the next panel's: memory is read while the arithmetic goes on,
  /// not in between (a seventh faster). Widening isn't helped by it.
  errand next_columns([[maybe_unused]] W const* at, [[maybe_unused]] std::size_t columns,
                      [[maybe_unused]] std::size_t i, [[maybe_unused]] std::size_t tiles) const noexcept {
    if constexpr (!narrow) {
      std::size_t const lines = (errand::stretch * P * sizeof(W) / 64 + tiles - 1) / tiles;
      std::size_t const part = lines * 64 * ((columns + errand::stretch - 1) / errand::stretch);
      auto const left = static_cast<std::size_t>(w.panel_data(w.panels()) - at) * sizeof(W);
      if (tiles >= errand::least_tiles && (i + 1) * part <= left) {
        return {reinterpret_cast<char const*>(at) + i * part, lines};
      }
    }
    return {};
  }

  /// A panel's columns in the arithmetic type.
  static T const* widened(W const* weights, std::size_t columns, T* room) noexcept {
    for (std::size_t i = 0; i < columns * P; i += simd::lanes<T>) simd::store<V>(room + i, simd::load<V>(weights + i));
    return room;
  }

  /// R tokens, R at most a whole tile: found by unrolling over the possible counts.
  template <std::size_t R = detail::tile_tokens, class U>
  void run_tile(std::size_t count, T const* from, U const* weights, std::size_t columns, T* sum,
                errand next) const noexcept {
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

/// y = x Wᵀ + b, or y + x Wᵀ + b: the outputs of some panels, by the calling thread alone.
///
/// Shapes:  x [tokens, in], w [out, in] packed, b [out] or empty, y [tokens, columns]; columns may be fewer than out:
///          then the first `columns` outputs are computed (a padded vocabulary is never looked at). Panel p has the
///          outputs from p·panel on; y's other columns stay as they are.
/// See:     the same without a range.
template <output Mode = output::assign, class W, std::size_t Out, std::size_t In, class Memory>
requires(!block_format<W>) void matmul(matrix_view<arithmetic<W> const> x, packed_matrix<W, Out, In, Memory> const& w,
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

/// y = x Wᵀ + b, or y + x Wᵀ + b.
///
/// Shapes:  as above.
/// Domain:  any numbers; NaN in, NaN out (in its own row and column only). x and y must not overlap.
/// Error:   |Δy| ≤ in · ε · Σ|x||W|, the bound of recursive summation.
/// Cost:    tokens · in · out multiply-adds; the weights are read from memory once for every 144 tokens (264 where they
///          are narrower than their arithmetic).
template <output Mode = output::assign, class W, std::size_t Out, std::size_t In, class Memory>
requires(!block_format<W>) void matmul(matrix_view<arithmetic<W> const> x, packed_matrix<W, Out, In, Memory> const& w,
                                       std::span<arithmetic<W> const> bias,
                                       matrix_view<arithmetic<W>> y) noexcept(!core::contracts_checked) {
  matmul<Mode>(x, w, bias, y, panel_range{0, 0});  // looks at the shapes
  parallel::parallel_for(
      w.panels_of(y.extent(1)), product_cost<W>(x.extent(0), x.extent(1) * y.extent(1)),
      [&](std::size_t first, std::size_t last) {
        if (x.extent(0) > 0)
          detail::product_of<Mode, packed_matrix<W, Out, In, Memory>>{x, w, bias, y}.run({first, last});
      });
}

}  // namespace mamba::inline MAMBA_ABI::kernels
