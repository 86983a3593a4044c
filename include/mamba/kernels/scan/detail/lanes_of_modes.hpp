// SPDX-License-Identifier: MIT
// mamba/kernels/scan/detail/lanes_of_modes.hpp — the diagonal recurrence with a mode in each lane.  [floor 4]
#pragma once

#include <mamba/kernels/scan/detail/recurrence_call.hpp>
#include <mamba/simd/lane_sums.hpp>

#include <algorithm>

namespace mamba::inline MAMBA_ABI::kernels::detail {

/// One channel after the other through all of time, W modes to a batch. The lanes of W steps are summed at once,
/// overlapping the recurrence of the next W steps.
template <class Call>
class lanes_of_modes {
  using T = typename Call::T;
  using V = typename Call::V;
  static constexpr std::size_t W = Call::W, planes = Call::planes;

 public:
  explicit lanes_of_modes(Call const& call) noexcept : call_(call) {}

  /// One channel through all of time, W modes to a batch.
  void run_channel(std::size_t channel) const noexcept {
    constexpr std::size_t steps = 16;  // a multiple of W for lane_sums; summed while the next steps run
    static_assert(steps % W == 0);
    alignas(64) T inputs[steps * W];
    alignas(64) T sums[steps * W];
    T const* const from = call_.x.data() + channel;
    std::size_t const pitch = call_.x.pitch();
    modes_of_channel local;
    std::size_t const L = call_.x.extent(0), depth = call_.depth();
    bool const all_fit = depth <= local.most;
    if (all_fit) local.load(call_, channel, 0, depth);
    for (std::size_t t = 0; t < L; t += steps) {
      std::size_t const rows = std::min(steps, L - t);
      sums_before<T> before;
      for (std::size_t n = 0; n < depth; n += local.most) {
        std::size_t const count = std::min(local.most, depth - n);
        if (!all_fit) local.load(call_, channel, n, count);
        for (std::size_t r = 0; r < rows; ++r) simd::store<V>(inputs + r * W, V(from[(t + r) * pitch]));
        advance_all<Call::batches, Call::map>(local.batches(), count / W, inputs, before, sums, rows);
        if (count >= W) before = {sums, W};
        if (count % W != 0) {
          hide_padding(inputs, count % W, rows);
          advance_modes<1, Call::map>(local.batches().from(count / W), inputs, before, sums, rows);
        }
        if (!all_fit) local.store(call_, channel, n, count);
      }
      put(channel, t, inputs, sums, rows);
    }
    if (all_fit) local.store(call_, channel, 0, depth);
  }

 private:
  /// Modes first … first+count−1 of one channel side by side, zeros behind them.
  struct modes_of_channel {
    static constexpr std::size_t most = 8 * W;
    alignas(64) T a[planes][most], b[planes][most], c[planes][most], h[planes][most];

    void load(Call const& from, std::size_t channel, std::size_t first, std::size_t count) noexcept {
      std::size_t const padded = (count + W - 1) / W * W;
      for (std::size_t p = 0; p < planes; ++p) {
        for (std::size_t i = 0; i < padded; ++i) {
          bool const there = i < count;
          a[p][i] = there ? from.a[p](channel, first + i) : T{0};
          if constexpr (Call::map == input_map::scaled) b[p][i] = there ? from.b[p](channel, first + i) : T{0};
          c[p][i] = there ? from.c[p](channel, first + i) : T{0};
          h[p][i] = there ? (*from.h[p])(channel, first + i) : T{0};
        }
      }
    }
    void store(Call const& to, std::size_t channel, std::size_t first, std::size_t count) const noexcept {
      for (std::size_t p = 0; p < planes; ++p) {
        for (std::size_t i = 0; i < count; ++i) (*to.h[p])(channel, first + i) = h[p][i];
      }
    }
    [[nodiscard]] mode_batches<T, planes> batches() noexcept {
      mode_batches<T, planes> at;
      for (std::size_t p = 0; p < planes; ++p) at.a[p] = a[p], at.b[p] = b[p], at.c[p] = c[p], at.h[p] = h[p];
      return at;
    }
  };

  /// Lanes without a mode get x = 0: an infinite x times their zero b̄ would be a NaN in the sum.
  static void hide_padding(T* inputs, std::size_t modes, std::size_t rows) noexcept {
    alignas(64) T ones[W] = {};
    std::fill_n(ones, modes, T{1});
    auto const there = simd::load<V>(ones) > V(T{0});
    for (std::size_t r = 0; r < rows; ++r) {
      simd::store<V>(inputs + r * W, simd::select(there, simd::load<V>(inputs + r * W), V(T{0})));
    }
  }

  /// y of one channel at `rows` times from t: reduces the sums across lanes.
  void put(std::size_t channel, std::size_t t, T const* inputs, T const* sums, std::size_t rows) const noexcept {
    T const skip = call_.d.empty() ? T{0} : call_.d[channel];
    T* const to = call_.y.data() + t * call_.y.pitch() + channel;
    std::size_t const pitch = call_.y.pitch();
    for (std::size_t r = 0; r < rows; r += W) {
      V const sum = simd::lane_sums(sums + r * W);
      if (pitch == 1 && call_.x.pitch() == 1 && r + W <= rows) {
        simd::store<V>(to + r, call_.result(sum, V(skip), simd::load<V>(call_.x.data() + t + r)));
      } else {
        alignas(64) T one[W];
        simd::store<V>(one, sum);
        std::size_t const last = std::min(rows, r + W);
        for (std::size_t i = r; i < last; ++i) to[i * pitch] = call_.result(one[i - r], skip, inputs[i * W]);
      }
    }
  }

  Call const& call_;
};

}  // namespace mamba::inline MAMBA_ABI::kernels::detail
