// SPDX-License-Identifier: MIT
// scan_vs_convolution/direct_convolution.hpp — the causal convolution by its definition, L²/2 multiply-adds.
//
//     y[k, d] = Σ_{j≤k} K[j, d] x[k−j, d]
//
// Many channels: lanes are channels; few: lanes are W consecutive k. Either way a tile of eight batches of y stays in
// registers for a block of 256 taps; y then grows block by block, so that no sum is longer than 256 +
// L/256.
#pragma once

#include <mamba/kernels/convolution/vandermonde_kernel.hpp>
#include <mamba/parallel/parallel_for.hpp>
#include <mamba/simd/load_store.hpp>
#include <mamba/tensor/storage.hpp>
#include <mamba/tensor/view.hpp>

#include <algorithm>
#include <cstddef>
#include <utility>

namespace bench {

/// Taps added to a tile before it goes back to memory.
inline constexpr std::size_t taps_together = 256;

namespace detail {

/// Eight batches of y, `step` numbers apart, plus taps [first, last): in[i·step − j·back] is the input of tap j for
/// batch i.
template <class T, class Tap>
[[gnu::always_inline]] inline void add_taps(T* out, T const* in, std::size_t step, std::size_t back, std::size_t first,
                                            std::size_t last, Tap&& tap) noexcept {
  using V = mamba::simd::batch<T>;
  auto const unroll_i = [&]<std::size_t... I>(std::index_sequence<I...>) __attribute__((always_inline)) {
    V sum[] = {mamba::simd::load<V>(out + I * step)...};
    for (std::size_t j = first; j < last; ++j) {
      V const k = tap(j);
      T const* const at = in - j * back;
      ((sum[I] = mamba::simd::fma(k, mamba::simd::load<V>(at + I * step), sum[I])), ...);
    }
    (mamba::simd::store<V>(out + I * step, sum[I]), ...);
  };
  unroll_i(std::make_index_sequence<8>{});
}

/// One run of rows of W numbers (lane = channel, Lanes = W) or of single numbers (lane = time, Lanes = 1), zeros in
/// front of x. Piece `tile` is eight batches of y.
template <std::size_t Lanes, class T>
void convolve_tile(std::size_t tile, std::size_t L, T const* taps, T const* x, T* y) noexcept {
  using V = mamba::simd::batch<T>;
  constexpr std::size_t W = mamba::simd::lanes<T>, rows = 8 * W / Lanes;
  std::size_t const k = tile * rows, most = std::min(L, k + rows);
  std::fill_n(y + k * Lanes, rows * Lanes, T{0});
  for (std::size_t j = 0; j < most; j += taps_together) {
    add_taps(
        y + k * Lanes, x + k * Lanes, W, Lanes, j,
        std::min(most, j + taps_together), [&](std::size_t i) __attribute__((always_inline)) {
          if constexpr (Lanes == 1) return V(taps[i]);
          return mamba::simd::load<V>(taps + i * Lanes);
        });
  }
}

}  // namespace detail

/// y = K * x in every channel.
///
/// Shapes:  K, x, y [L, D].
/// Error:   (256 + L/256 + 1)/2 ε Σ_j |K_j x_{k−j}|.
/// Cost:    D L²/2 multiply-adds, and a copy of x, K and y in the layout that the loops read.
inline void direct_convolution(mamba::matrix_view<float const> kernel, mamba::matrix_view<float const> x,
                               mamba::matrix_view<float> y) {
  constexpr std::size_t W = mamba::simd::lanes<float>;
  std::size_t const L = x.extent(0), D = x.extent(1);
  bool const lanes_are_channels = D >= W;
  std::size_t const lanes = lanes_are_channels ? W : 1, tile_rows = 8 * W / lanes;
  std::size_t const tiles = (L + tile_rows - 1) / tile_rows, padded = tiles * tile_rows;
  auto const threads = static_cast<std::size_t>(mamba::parallel::thread_count());
  std::size_t const groups = (D + lanes - 1) / lanes, slots = lanes_are_channels ? std::min(groups, threads) : 1;
  std::size_t const each = (2 * padded + padded + 2 * padded) * lanes;
  mamba::heap_storage<float> memory(slots * each);
  auto const one_group = [&](std::size_t g, float* room) {
    float *const taps = room, *const before = taps + padded * lanes, *const in = before + padded * lanes;
    float* const out = in + padded * lanes;
    std::size_t const first = g * lanes, count = std::min(lanes, D - first);
    for (std::size_t k = 0; k < L; ++k) {
      std::copy_n(kernel.data() + k * kernel.pitch() + first, count, taps + k * lanes);
      std::copy_n(x.data() + k * x.pitch() + first, count, in + k * lanes);
    }
    auto const cost = mamba::parallel::cost::multiply_adds(L * L);
    mamba::parallel::parallel_for(tiles, cost, [&](std::size_t from, std::size_t to) {
      for (std::size_t i = from; i < to; ++i) {
        std::size_t const tile = i % 2 == 0 ? i / 2 : tiles - 1 - i / 2;  // short sums and long ones in turn
        if (lanes_are_channels) {
          detail::convolve_tile<W>(tile, L, taps, in, out);
        } else {
          detail::convolve_tile<1>(tile, L, taps, in, out);
        }
      }
    });
    for (std::size_t k = 0; k < L; ++k) std::copy_n(out + k * lanes, count, y.data() + k * y.pitch() + first);
  };
  mamba::parallel::parallel_for(slots, mamba::parallel::cost::multiply_adds(slots > 1 ? L * L * D / W : 0),
                                [&](std::size_t from, std::size_t to) {
                                  for (std::size_t s = from; s < to; ++s) {
                                    for (std::size_t g = groups * s / slots; g < groups * (s + 1) / slots; ++g)
                                      one_group(g, memory.data() + s * each);
                                  }
                                });
}

}  // namespace bench
