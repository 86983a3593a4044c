// SPDX-License-Identifier: MIT
// mamba/simd/transpose.hpp — the transpose of W × W numbers in W registers.  [floor 1]
//
//     row[i] lane j   ↔   row[j] lane i
#pragma once

#include <mamba/simd/load_store.hpp>

#include <utility>

namespace mamba::inline MAMBA_ABI::simd {

/// Transposes W registers of W lanes.
///
/// Why:     converts between storage by channel and lanes of channels without scalar loads.
/// Cost:    W log2 W shuffles of two registers, by Eklundh's swaps of ever larger squares.
template <real V, std::size_t W>
inline void transpose([[maybe_unused]] V (&row)[W]) noexcept;

namespace detail {

#if !MAMBA_SIMD_PORTABLE && defined(__has_builtin) && \
    (defined(__SSE2__) || (defined(__aarch64__) && !defined(__ARM_FEATURE_SVE)))
#if __has_builtin(__builtin_shufflevector)
#define MAMBA_SIMD_SHUFFLES 1
#endif
#endif

#if defined(MAMBA_SIMD_SHUFFLES)
/// Swaps the off-diagonal squares of Apart × Apart numbers between two rows that lie Apart apart:
/// lane i of a stays where bit Apart of i is clear and comes from lane i − Apart of b where it is set; b likewise.
template <std::size_t Apart, class V, std::size_t... I>
inline void swap_squares(V& a, V& b, std::index_sequence<I...>) noexcept {
  constexpr int W = sizeof...(I);
  constexpr int by = static_cast<int>(Apart);
  typename V::register_type const x = a;
  typename V::register_type const y = b;
  a = V(__builtin_shufflevector(x, y, (I & Apart) == 0 ? static_cast<int>(I) : static_cast<int>(I) - by + W...));
  b = V(__builtin_shufflevector(x, y, (I & Apart) == 0 ? static_cast<int>(I) + by : static_cast<int>(I) + W...));
}

template <std::size_t Apart, class V, std::size_t W>
inline void swap_all_squares(V (&row)[W]) noexcept {
  if constexpr (Apart < W) {
    for (std::size_t i = 0; i < W; ++i) {
      if ((i & Apart) == 0) swap_squares<Apart>(row[i], row[i + Apart], std::make_index_sequence<W>{});
    }
    swap_all_squares<2 * Apart>(row);
  }
}
#endif

}  // namespace detail

template <real V, std::size_t W>
inline void transpose([[maybe_unused]] V (&row)[W]) noexcept {
  static_assert(W == width<V>, "transpose: as many rows as lanes");
  if constexpr (is_batch<V>) {
#if defined(MAMBA_SIMD_SHUFFLES)
    detail::swap_all_squares<1>(row);
#else
    alignas(64) scalar_of<V> square[W][W];
    alignas(64) scalar_of<V> turned[W][W];
    for (std::size_t i = 0; i < W; ++i) store<V>(square[i], row[i]);
    for (std::size_t i = 0; i < W; ++i) {
      for (std::size_t j = 0; j < W; ++j) turned[i][j] = square[j][i];
    }
    for (std::size_t i = 0; i < W; ++i) row[i] = load<V>(turned[i]);
#endif
  }
}

}  // namespace mamba::inline MAMBA_ABI::simd

#undef MAMBA_SIMD_SHUFFLES
