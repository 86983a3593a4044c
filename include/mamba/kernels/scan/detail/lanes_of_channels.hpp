// SPDX-License-Identifier: MIT
// mamba/kernels/scan/detail/lanes_of_channels.hpp — the diagonal recurrence with a channel in each lane.  [floor 4]
#pragma once

#include <mamba/kernels/scan/detail/recurrence_call.hpp>

#include <algorithm>

namespace mamba::inline MAMBA_ABI::kernels::detail {

/// Blocks of channels over all time steps, a few of them at a time: their rows of x and y are contiguous, while
/// different rows may lie on different pages.
template <class Call>
class lanes_of_channels {
  using T = typename Call::T;
  using V = typename Call::V;
  static constexpr std::size_t W = Call::W, planes = Call::planes;
  static constexpr std::size_t tile = 8;                                             ///< rows
  static constexpr std::size_t together = stack_of_inputs / (tile * W * sizeof(T));  ///< blocks

 public:
  explicit lanes_of_channels(Call const& call) noexcept : call_(call) {}

  /// Blocks first … last−1 over all time steps, `together` of them at a time.
  void run_blocks(std::size_t first, std::size_t last) const noexcept {
    for (; first < last; first += together) run_group(first, std::min(last, first + together));
  }

 private:
  void run_group(std::size_t first, std::size_t last) const noexcept {
    alignas(64) T inputs[together * tile * W];
    alignas(64) T sums[together * tile * W];
    if (call_.depth() == 0) std::fill_n(sums, together * tile * W, T{0});
    std::size_t const count = std::min(last * W, call_.x.extent(1)) - first * W;
    for (std::size_t t = 0; t < call_.x.extent(0); t += tile) {
      std::size_t const rows = std::min(tile, call_.x.extent(0) - t);
      take(first * W, count, t, rows, inputs);
      for (std::size_t i = first; i < last; ++i) {
        prefetch(i * W, t + tile, std::min(tile, call_.x.extent(0) - t - rows));
        std::size_t const at = (i - first) * tile * W;
        advance_all<Call::batches, Call::map>(block(i), call_.depth(), inputs + at, {}, sums + at, rows);
      }
      give(first * W, count, t, rows, inputs, sums);
    }
  }

  [[nodiscard]] mode_batches<T, planes> block(std::size_t index) const noexcept {
    mode_batches<T, planes> at;
    for (std::size_t p = 0; p < planes; ++p) {
      at.a[p] = call_.a[p].block(index), at.c[p] = call_.c[p].block(index);
      at.b[p] = Call::map == input_map::scaled ? call_.b[p].block(index) : nullptr;
      at.h[p] = call_.h[p]->block(index);
    }
    return at;
  }

  /// Prefetches a block's part of the next tile: rows lie too far apart for the hardware prefetcher.
  void prefetch(std::size_t channel, std::size_t t, std::size_t rows) const noexcept {
    T const* const from = call_.x.data() + t * call_.x.pitch() + channel;
    T* const to = call_.y.data() + t * call_.y.pitch() + channel;
    for (std::size_t r = 0; r < rows; ++r) {
      __builtin_prefetch(from + r * call_.x.pitch());
      __builtin_prefetch(to + r * call_.y.pitch(), 1);
    }
  }

  /// The inputs of `count` channels, block after block.
  void take(std::size_t channel, std::size_t count, std::size_t t, std::size_t rows, T* inputs) const noexcept {
    std::size_t const whole = count / W;
    for (std::size_t r = 0; r < rows; ++r) {
      T const* const row = call_.x.data() + (t + r) * call_.x.pitch() + channel;
      T* const out = inputs + r * W;
      for (std::size_t i = 0; i < whole; ++i) simd::store<V>(out + i * tile * W, simd::load<V>(row + i * W));
      if (count % W != 0) simd::store<V>(out + whole * tile * W, V(T{0}));
      for (std::size_t j = whole * W; j < count; ++j) out[whole * tile * W + j - whole * W] = row[j];
    }
  }

  void give(std::size_t channel, std::size_t count, std::size_t t, std::size_t rows, T const* inputs,
            T const* sums) const noexcept {
    alignas(64) T skip[together * W] = {};
    if (!call_.d.empty()) std::copy_n(call_.d.data() + channel, count, skip);
    auto const out = [&](std::size_t r, std::size_t i) __attribute__((always_inline)) {
      std::size_t const at = (i * tile + r) * W;
      return call_.result(simd::load<V>(sums + at), simd::load<V>(skip + i * W), simd::load<V>(inputs + at));
    };
    for (std::size_t r = 0; r < rows; ++r) {
      T* const row = call_.y.data() + (t + r) * call_.y.pitch() + channel;
      for (std::size_t i = 0; i < count / W; ++i) simd::store<V>(row + i * W, out(r, i));
      if (std::size_t const rest = count % W; rest != 0) {
        alignas(64) T last[W];
        simd::store<V>(last, out(r, count / W));
        for (std::size_t j = 0; j < rest; ++j) row[count - rest + j] = last[j];
      }
    }
  }

  Call const& call_;
};

}  // namespace mamba::inline MAMBA_ABI::kernels::detail
