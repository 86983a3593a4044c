// SPDX-License-Identifier: MIT
// mamba/kernels/gemm/detail/micro_kernel.hpp — one tile of a product: R tokens × Q panels, in registers.  [floor 4]
#pragma once

#include <mamba/kernels/gemm/blocking.hpp>
#include <mamba/kernels/gemm/packed_matrix.hpp>
#include <mamba/simd/load_store.hpp>
#include <mamba/tensor/view.hpp>

#include <algorithm>
#include <span>
#include <utility>

namespace mamba::inline MAMBA_ABI::kernels {

/// Whether y is overwritten, or added to (y + x Wᵀ + b, the residual stream).
enum class output { assign, add };

namespace detail {

/// Software prefetch of the next k-block: `lines` cache lines before every prefetch_step columns.
struct prefetch_stream {
  char const* from = nullptr;
  std::size_t lines = 0;
};

/// Prefetches the outputs of R tokens before they are computed: the rows of y lie on different pages, too far apart for
/// the hardware prefetcher.
template <std::size_t Width, class T>
[[gnu::always_inline]] inline void prefetch_rows(matrix_view<T> y, std::size_t t, std::size_t count,
                                                 std::size_t o) noexcept {
  for (std::size_t r = t; r < t + count; ++r) {
    for (std::size_t i = 0; i < Width * sizeof(T); i += 64) simd::prefetch_to_write(y.data() + r * y.pitch() + o, i);
  }
}

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

/// Adds columns to the sums of R tokens × Q panels. Every index below is a constant of a fold, so that the accumulators
/// have no address and stay in registers: with loops, or lambdas that are not inlined, clang 14 kept them on the
/// stack.
template <std::size_t R, std::size_t Q, class W>
struct tile {
  using T = arithmetic<W>;
  using V = simd::batch<T>;
  static constexpr std::size_t vectors = blocking::nr_vectors;
  static constexpr std::size_t P = vectors * simd::lanes<T>;

  /// sum [R][Q·P]: sums are read, extended by `columns` columns in ascending order, and written.
  [[gnu::noinline]] static void add(T const* x, std::size_t x_pitch, W const* weights, std::size_t panel_stride,
                                    std::size_t columns, T* sum, [[maybe_unused]] prefetch_stream next = {}) noexcept {
    auto const unroll_a = [&]<std::size_t... A>(std::index_sequence<A...>) __attribute__((always_inline)) {
      V acc[R * Q * vectors];
      ((acc[A] = simd::load<V>(sum + A * simd::lanes<T>)), ...);
      T* volatile const kept = sum;  // in memory: the loop needs every register, and g++ 12 would spill another one
      if constexpr (R == 1) {
        for (std::size_t k = 0; k < columns; ++k) {
          V const broadcast(x[k]);
          if constexpr (sizeof(W) < sizeof(T))
            (simd::prefetch(address<A>(weights, panel_stride, k), blocking::prefetch_distance), ...);
          ((acc[A] = simd::fma(broadcast, load<A>(weights, panel_stride, k), acc[A])), ...);
        }
      } else {
        std::size_t const step = next.lines > 0 ? blocking::prefetch_step : columns;
        for (std::size_t k = 0; k < columns;) {
          std::size_t const stop = std::min(k + step, columns);
          for (std::size_t i = 0; i < next.lines; ++i, next.from += 64) simd::prefetch(next.from, 0);
          for (; k < stop; ++k) {
            V w[Q * vectors];
            auto const unroll_j = [&]<std::size_t... J>(std::index_sequence<J...>) __attribute__((always_inline)) {
              ((w[J] = load<J>(weights, panel_stride, k)), ...);
            };
            unroll_j(std::make_index_sequence<Q * vectors>{});
            if constexpr (sizeof(W) < sizeof(T))
              simd::prefetch(address<0>(weights, panel_stride, k), blocking::prefetch_distance);
            V broadcast;
            ((broadcast = A % (Q * vectors) == 0 ? V(x[A / (Q * vectors) * x_pitch + k]) : broadcast,
              acc[A] = simd::fma(broadcast, w[A % (Q * vectors)], acc[A])),
             ...);
          }
        }
      }
      T* const out = kept;
      (simd::store<V>(out + A * simd::lanes<T>, acc[A]), ...);
    };
    unroll_a(std::make_index_sequence<R * Q * vectors>{});
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

}  // namespace detail

}  // namespace mamba::inline MAMBA_ABI::kernels
