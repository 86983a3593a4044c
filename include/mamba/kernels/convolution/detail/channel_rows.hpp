// SPDX-License-Identifier: MIT
// mamba/kernels/convolution/detail/channel_rows.hpp — channels as rows, in either layout.  [floor 4]
#pragma once

#include <mamba/kernels/convolution/sequences.hpp>
#include <mamba/simd/transpose.hpp>

#include <algorithm>
#include <cstddef>
#include <span>

namespace mamba::inline MAMBA_ABI::kernels::detail {

/// Channels as rows of consecutive times.
template <class T>
struct channel_rows {
  T* data;
  std::size_t pitch, length;
  [[nodiscard]] std::span<T> operator[](std::size_t i) const noexcept { return {data + i * pitch, length}; }
};

/// Channels first … first+count−1 as rows: where they are, or transposed into `buffer`, W rows `pitch` apart.
template <class T>
[[nodiscard]] channel_rows<T const> rows_of(sequences<T const> const& s, std::size_t first, std::size_t count,
                                            T* buffer, std::size_t pitch) noexcept {
  matrix_view<T const> const x = s.numbers();
  if (s.channel_first()) return {x.data() + first * x.pitch(), x.pitch(), s.length()};
  using V = simd::batch<T>;
  constexpr std::size_t W = simd::lanes<T>;
  for (std::size_t t = 0; t < x.extent(0); t += W) {
    V square[W];
    for (std::size_t i = 0; i < W; ++i) {
      T const* const at = x.data() + (t + i) * x.pitch() + first;
      square[i] = t + i >= x.extent(0) ? V(T{0}) : count == W ? simd::load<V>(at) : simd::load_first<V>(at, count);
    }
    simd::transpose(square);
    for (std::size_t i = 0; i < W; ++i) simd::store<V>(buffer + i * pitch + t, square[i]);
  }
  return {buffer, pitch, s.length()};
}

/// Where the rows of y are to be written: in place, or into `buffer`, from where put_rows() transposes them into y.
template <class T>
[[nodiscard]] channel_rows<T> rows_for(sequences<T> const& y, std::size_t first, T* buffer,
                                       std::size_t pitch) noexcept {
  if (!y.channel_first()) return {buffer, pitch, y.length()};
  return {y.numbers().data() + first * y.numbers().pitch(), y.numbers().pitch(), y.length()};
}

/// Transposes rows in a buffer into y; nothing where rows_for() gave rows of y itself.
template <class T>
void put_rows(sequences<T> const& s, std::size_t first, std::size_t count, channel_rows<T> rows) noexcept {
  if (s.channel_first()) return;
  matrix_view<T> const y = s.numbers();
  using V = simd::batch<T>;
  constexpr std::size_t W = simd::lanes<T>;
  for (std::size_t t = 0; t < y.extent(0); t += W) {
    V square[W];
    for (std::size_t i = 0; i < W; ++i) square[i] = simd::load<V>(rows.data + i * rows.pitch + t);
    simd::transpose(square);
    for (std::size_t i = 0; i < std::min(W, y.extent(0) - t); ++i) {
      T* const at = y.data() + (t + i) * y.pitch() + first;
      count == W ? simd::store<V>(at, square[i]) : simd::store_first<V>(at, square[i], count);
    }
  }
}

}  // namespace mamba::inline MAMBA_ABI::kernels::detail
