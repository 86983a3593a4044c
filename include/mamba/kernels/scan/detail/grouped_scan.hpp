// SPDX-License-Identifier: MIT
// mamba/kernels/scan/detail/grouped_scan.hpp — the selective scan with a B and C for each group of channels.  [floor 4]
#pragma once

#include <mamba/kernels/scan/scan_inputs.hpp>
#include <mamba/math/exp.hpp>
#include <mamba/math/sigmoid.hpp>
#include <mamba/math/softplus.hpp>
#include <mamba/simd/load_store.hpp>

#include <algorithm>
#include <numbers>

namespace mamba::inline MAMBA_ABI::kernels::detail {

/// Calls run(group, from, to) for runs of blocks first … end−1 that lie in one group, mixed(block) for the others.
template <class T, class Run, class Mixed>
void for_each_group(std::size_t groups, std::size_t channels, std::size_t first, std::size_t end, Run const& run,
                    Mixed const& mixed) noexcept {
  constexpr std::size_t W = simd::lanes<T>;
  std::size_t const size = channels / groups;
  while (first < end) {
    std::size_t const group = first * W / size;
    std::size_t const border = (group + 1) * size;  // the last group's last block may be partial
    std::size_t const whole = group + 1 == groups ? end : std::min(end, border / W);
    if (whole > first) {
      run(group, first, whole);
      first = whole;
    } else {
      mixed(first++);
    }
  }
}

/// One block with channels of several groups, B and C differing between lanes. Every operation is that of
/// scan_of::run_tokens, so that a channel has the same bits in both.
template <delta_softplus Softplus, class T, std::size_t D, std::size_t N>
void run_mixed_block(scan_inputs<T> const& in, channel_blocked_view<T const> a, channel_blocked<T, D, N>& h,
                     matrix_view<T> y, std::size_t block) noexcept {
  using V = simd::batch<T>;
  constexpr std::size_t W = simd::lanes<T>;
  std::size_t const depth = h.depth(), size = h.channels() / in.groups, first = block * W;
  std::size_t const count = std::min(W, h.channels() - first);
  auto const load = [&](T const* p) {
    return count == W ? simd::load<V>(p + first) : simd::load_first<V>(p + first, count);
  };
  auto const at = [&](matrix_view<T const> const& m, std::size_t t) { return load(m.data() + t * m.pitch()); };
  auto const by_group = [&](matrix_view<T const> const& m, std::size_t t, std::size_t n) {
    alignas(64) T lane[W] = {};
    for (std::size_t i = 0; i < count; ++i) lane[i] = m(t, (first + i) / size * depth + n);
    return simd::load<V>(lane);
  };
  V const log2e(std::numbers::log2e_v<T>);
  V const skip = in.d.empty() ? V(T{0}) : load(in.d.data());
  for (std::size_t t = 0; t < in.x.extent(0); ++t) {
    V step = at(in.delta, t);
    if constexpr (Softplus == delta_softplus::on) step = math::softplus_thresholded(step);
    V const input = at(in.x, t);
    V const step_log2e = step * log2e, step_input = step * input;
    V sum(T{0});
    for (std::size_t n = 0; n < depth; ++n) {
      T* const h_n = h.block(block) + n * W;
      V const a_bar =
          math::exp2_of_product<math::exponents::nonpositive>(step_log2e, simd::load<V>(a.block(block) + n * W));
      V const state = simd::fma(a_bar, simd::load<V>(h_n), step_input * by_group(in.b, t, n));
      simd::store<V>(h_n, state);
      sum = simd::fma(by_group(in.c, t, n), state, sum);
    }
    if (!in.d.empty()) sum = simd::fma(skip, input, sum);
    if (!in.z.empty()) sum = sum * math::silu(at(in.z, t));
    T* const y_t = y.data() + t * y.pitch() + first;
    count == W ? simd::store<V>(y_t, sum) : simd::store_first<V>(y_t, sum, count);
  }
}

}  // namespace mamba::inline MAMBA_ABI::kernels::detail
