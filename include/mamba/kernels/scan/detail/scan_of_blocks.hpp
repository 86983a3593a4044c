// SPDX-License-Identifier: MIT
// mamba/kernels/scan/detail/scan_of_blocks.hpp — the selective scan of a range of blocks, in tiles.  [floor 4]
//
// A tile is a few tokens of a few blocks: each token's row lies on another page, so that a block by itself would read
// one cache line of every page. The blocks of a tile are interleaved, as independent chains of multiply-adds; softplus
// and gate are computed for the whole tile first; the next tile is prefetched meanwhile; and one comparison per tile
// shows whether any power can be subnormal, so that the exponentials need no bound.
#pragma once

#include <mamba/kernels/scan/detail/grouped_scan.hpp>

#include <limits>
#include <utility>

namespace mamba::inline MAMBA_ABI::kernels {

/// Blocks of channels that are interleaved in the inner loop: ranges are best a multiple of it.
inline constexpr std::size_t channel_unroll = 4;

namespace detail {

/// How many lanes of a block are channels: all of them, or the first few of the last block.
enum class block_kind { whole, partial };

template <block_kind Kind, class V, class T>
[[nodiscard]] inline V load_block(T const* p, std::size_t count) noexcept {
  if constexpr (Kind == block_kind::whole) {
    return simd::load<V>(p);
  } else {
    return simd::load_first<V>(p, count);
  }
}

template <block_kind Kind, class V, class T>
inline void store_block(T* p, V v, std::size_t count) noexcept {
  if constexpr (Kind == block_kind::whole) {
    simd::store<V>(p, v);
  } else {
    simd::store_first<V>(p, v, count);
  }
}

/// One call of the scan: what all blocks share.
template <delta_softplus Softplus, class T, std::size_t D, std::size_t N>
struct scan_of {
  using V = simd::batch<T>;
  static constexpr std::size_t W = simd::lanes<T>;
  static constexpr std::size_t tile = 8;  ///< tokens; two tiles and the state fit in 32 KiB
  matrix_view<T const> delta;
  channel_blocked_view<T const> a;
  matrix_view<T const> b, c;
  std::span<T const> d;
  matrix_view<T const> x, z;
  channel_blocked<T, D, N>& h;
  matrix_view<T> y;

  /// Where a tile begins.
  struct corner {
    std::size_t token, channel;
  };

  /// A tile: tokens from.token … last−1 of the blocks from from.channel on, as many as G has members. Whether the
  /// exponents are bounded from below changes no bit.
  template <block_kind Kind, std::size_t... G>
  [[gnu::noinline]] void run_tile(corner from, std::size_t last, corner next,
                                  std::index_sequence<G...> blocks) const noexcept {
    ready_tile<sizeof...(G)> ready;
    prepare<Kind>(from, last, ready, blocks);
    if (last - from.token > 1 && decays_are_normal<Kind>(from, last, ready, blocks)) {  // one token gains nothing
      run_tokens<Kind, math::exponents::normal>(from, last, next, ready, blocks);
    } else {
      run_tokens<Kind, math::exponents::nonpositive>(from, last, next, ready, blocks);
    }
  }

  /// Blocks first … end−1 through all of time. What a tile reads lies on as many pages as it has tokens, too far apart
  /// for the hardware prefetcher: it is prefetched during the tile before.
  void run_blocks(std::size_t first, std::size_t end) const noexcept {
    std::size_t const length = x.extent(0);
    std::size_t const whole = std::min(end, x.extent(1) / W);
    for (std::size_t t = 0; t < length; t += tile) {
      std::size_t const last = std::min(t + tile, length);
      corner const none{length, 0};
      std::size_t i = first;
      for (; i + channel_unroll <= whole; i += channel_unroll) {
        corner const next =
            i + 2 * channel_unroll <= whole ? corner{t, (i + channel_unroll) * W} : corner{last, first * W};
        run_tile<block_kind::whole>({t, i * W}, last, next, std::make_index_sequence<channel_unroll>{});
      }
      for (; i < whole; ++i) run_tile<block_kind::whole>({t, i * W}, last, none, std::index_sequence<0>{});
      if (i < end) run_tile<block_kind::partial>({t, i * W}, last, none, std::index_sequence<0>{});
    }
  }

 private:
  static constexpr bool has_softplus = Softplus == delta_softplus::on;

  /// What a tile needs that does not depend on the state, [token][block][lane]: Δ where it is not ready, and silu(z).
  template <std::size_t Blocks>
  struct ready_tile {
    alignas(64) T step[has_softplus ? tile * Blocks * W : 1];
    alignas(64) T gate[tile * Blocks * W];
  };

  /// Softplus and gate of a tile, in a loop of their own: after a token's recurrence their latencies would add up.
  template <block_kind Kind, std::size_t... G>
  void prepare(corner from, std::size_t last, ready_tile<sizeof...(G)>& ready,
               std::index_sequence<G...>) const noexcept {
    std::size_t const first = from.channel;
    std::size_t const count = x.extent(1) - first;
    if (!has_softplus && z.empty()) return;
    for (std::size_t t = from.token; t < last; ++t) {
      [[maybe_unused]] std::size_t const at = (t - from.token) * sizeof...(G) * W;
      if constexpr (has_softplus) {
        T const* const delta_t = delta.data() + t * delta.pitch() + first;
        store_of([]<math::exponents Known>(V v) { return math::softplus_thresholded<Known>(v); }, ready.step + at,
                 load_block<Kind, V>(delta_t + G * W, count)...);
      }
      if (!z.empty()) {
        T const* const z_t = z.data() + t * z.pitch() + first;
        store_of([]<math::exponents Known>(V v) { return math::silu<Known>(v); }, ready.gate + at,
                 load_block<Kind, V>(z_t + G * W, count)...);
      }
    }
  }

  /// Stores f(v) of every v, in order, by the shorter way where all e⁻|ᵛ| are normal numbers: the same bits.
  template <class F, class... Vs>
  [[gnu::always_inline]] static void store_of(F f, T* to, Vs... v) noexcept {
    if constexpr (!simd::scales<V>) {
      if (math::exp_is_normal(v...)) {
        ((simd::store<V>(to, f.template operator()<math::exponents::normal>(v)), to += W), ...);
        return;
      }
    }
    ((simd::store<V>(to, f.template operator()<math::exponents::nonpositive>(v)), to += W), ...);
  }

  /// Δ of one token of block g of a tile.
  template <block_kind Kind, std::size_t Blocks>
  [[nodiscard]] V step_of(corner from, std::size_t t, std::size_t g, ready_tile<Blocks> const& ready) const noexcept {
    if constexpr (has_softplus) {
      return simd::load<V>(ready.step + ((t - from.token) * Blocks + g) * W);
    } else {
      return load_block<Kind, V>(delta.data() + t * delta.pitch() + from.channel + g * W, x.extent(1) - from.channel);
    }
  }

  /// True if every Ā of a tile is a normal number, as max Δ · min A shows channel by channel. A NaN is not looked for:
  /// it stays one in either way.
  template <block_kind Kind, std::size_t... G>
  [[nodiscard]] bool decays_are_normal(corner from, std::size_t last, ready_tile<sizeof...(G)> const& ready,
                                       std::index_sequence<G...>) const noexcept {
    std::size_t const depth = h.depth();
    T const* const decay = a.block(from.channel / W);
    V largest_step[] = {(static_cast<void>(G), V(T{0}))...};
    V lowest_a[] = {(static_cast<void>(G), V(T{0}))...};
    for (std::size_t t = from.token; t < last; ++t) {
      ((largest_step[G] = simd::maximum(largest_step[G], step_of<Kind>(from, t, G, ready))), ...);
    }
    for (std::size_t n = 0; n < depth; ++n) {
      ((lowest_a[G] = simd::minimum(lowest_a[G], simd::load<V>(decay + (G * depth + n) * W))), ...);
    }
    V const log2e(std::numbers::log2e_v<T>);
    V const limit(T(std::numeric_limits<T>::min_exponent - 1));
    return !(simd::any(!(largest_step[G] * log2e * lowest_a[G] >= limit)) || ...);
  }

  /// The recurrence through a tile.
  template <block_kind Kind, math::exponents Known, std::size_t... G>
  void run_tokens(corner from, std::size_t last, corner next, ready_tile<sizeof...(G)> const& ready,
                  std::index_sequence<G...>) const noexcept {
    std::size_t const first = from.channel;
    std::size_t const count = x.extent(1) - first;
    std::size_t const depth = h.depth();
    std::size_t const block = depth * W;
    T const* const decay = a.block(first / W);
    T* const state = h.block(first / W);
    bool const skips = !d.empty();
    bool const gated = !z.empty();
    V const log2e(std::numbers::log2e_v<T>);
    V const skip[] = {skips ? load_block<Kind, V>(d.data() + first + G * W, count) : V(T{0})...};
    for (std::size_t t = from.token; t < last; ++t) {
      if (next.token < x.extent(0)) {
        (prefetch(next, G), ...);
        ++next.token;
      }
      T const* const x_t = x.data() + t * x.pitch() + first;
      T const* const b_t = b.data() + t * b.pitch();
      T const* const c_t = c.data() + t * c.pitch();
      V const step[] = {step_of<Kind>(from, t, G, ready)...};
      V const input[] = {load_block<Kind, V>(x_t + G * W, count)...};
      V const step_log2e[] = {step[G] * log2e...};
      V const step_input[] = {step[G] * input[G]...};
      V sum[] = {(static_cast<void>(G), V(T{0}))...};
      for (std::size_t n = 0; n < depth; ++n) {
        V const b_n(b_t[n]);
        V const c_n(c_t[n]);
        T const* const a_n = decay + n * W;
        T* const h_n = state + n * W;
        V const a_bar[] = {math::exp2_of_product<Known>(step_log2e[G], simd::load<V>(a_n + G * block))...};
        V const h_t[] = {simd::fma(a_bar[G], simd::load<V>(h_n + G * block), step_input[G] * b_n)...};
        (simd::store<V>(h_n + G * block, h_t[G]), ...);
        ((sum[G] = simd::fma(c_n, h_t[G], sum[G])), ...);
      }
      if (skips) ((sum[G] = simd::fma(skip[G], input[G], sum[G])), ...);
      if (gated) {
        T const* const gate_t = ready.gate + (t - from.token) * sizeof...(G) * W;
        ((sum[G] = sum[G] * simd::load<V>(gate_t + G * W)), ...);
      }
      T* const y_t = y.data() + t * y.pitch() + first;
      (store_block<Kind, V>(y_t + G * W, sum[G], count), ...);
    }
  }

  /// Prefetches one token of one block, `block` blocks after a corner.
  [[gnu::always_inline]] void prefetch(corner at, std::size_t block) const noexcept {
    std::size_t const channel = at.channel + block * W;
    simd::prefetch(delta.data() + at.token * delta.pitch() + channel, 0);
    simd::prefetch(x.data() + at.token * x.pitch() + channel, 0);
    if (!z.empty()) simd::prefetch(z.data() + at.token * z.pitch() + channel, 0);
    simd::prefetch_to_write(y.data() + at.token * y.pitch() + channel, 0);
  }
};

/// Blocks first … end−1: group by group where B and C differ between groups.
template <delta_softplus Softplus, class T, std::size_t D, std::size_t N>
void run_scan(scan_inputs<T> const& in, channel_blocked_view<T const> a, channel_blocked<T, D, N>& h, matrix_view<T> y,
              std::size_t first, std::size_t end) noexcept {
  auto const run = [&](std::size_t group, std::size_t from, std::size_t to) {
    scan_of<Softplus, T, D, N>{in.delta,
                               a,
                               in.b.columns(group * h.depth(), h.depth()),
                               in.c.columns(group * h.depth(), h.depth()),
                               in.d,
                               in.x,
                               in.z,
                               h,
                               y}
        .run_blocks(from, to);
  };
  if (in.groups == 1) {
    run(0, first, end);
  } else {
    for_each_group<T>(in.groups, h.channels(), first, end, run,
                      [&](std::size_t block) { run_mixed_block<Softplus>(in, a, h, y, block); });
  }
}

}  // namespace detail

}  // namespace mamba::inline MAMBA_ABI::kernels
