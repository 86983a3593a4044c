// SPDX-License-Identifier: MIT
// mamba/kernels/scan/diagonal_recurrence.hpp — one diagonal linear system per channel, for many channels or few.  [floor 4]
//
//     h_t[d, n] = ā[d, n] h_{t−1}[d, n] + b̄[d, n] x_t[d]
//     y_t[d]    = Σ_n c[d, n] h_t[d, n] + D[d] x_t[d]          (complex modes, one of each conjugate pair: 2 Re Σ_n)
//
// The state of M batches of modes stays in registers while time runs through a tile of x and of the sums Σ_n, which
// stay in the first-level cache; then the next M. What the lanes hold depends on the sizes D and N alone:
//
//     many channels   lane = channel. Nothing is summed across lanes.
//     few channels    lane = mode: with one channel all lanes work. The lanes of W time steps are summed at once, beside
//                     the recurrence of the next W steps, whose chain of multiply-adds is what the time goes to.
#pragma once

#include <mamba/kernels/scan/complex_blocked.hpp>
#include <mamba/kernels/scan/detail/advance_modes.hpp>
#include <mamba/parallel/parallel_for.hpp>
#include <mamba/simd/lane_sums.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace mamba::inline MAMBA_ABI::kernels {

/// In place of B̄: x enters every mode as it is, b̄ = 1.
struct unit_input {};

namespace detail {

/// Whether lanes hold modes: what a step costs this way, with the sum across lanes, against the other, where channels
/// that don't fill a batch are copied one by one. In units of half a nanosecond, measured at W = 16.
template <class T>
[[nodiscard]] constexpr bool few_channels(std::size_t channels, std::size_t depth) noexcept {
  constexpr std::size_t W = simd::lanes<T>;
  constexpr std::size_t sum_across = 4, copy = 12;
  std::size_t const modes = channels * ((depth + W - 1) / W + sum_across);
  return depth > 0 && modes < (channels + W - 1) / W * depth + (channels % W != 0 ? copy : 0);
}

/// One call: what all channels share.
template <class T, std::size_t D, std::size_t N, std::size_t Planes, entrance Entrance>
struct recurrence_of {
  using V = simd::batch<T>;
  using plane = channel_blocked<T, D, N>;
  static constexpr std::size_t W = simd::lanes<T>;
  static constexpr std::size_t batches = register_budget / Planes;  // that are advanced at a time
  static constexpr std::size_t together = 16, tile = 16;  // blocks and rows: wide, as each row may be a page of its own
  std::array<plane const*, Planes> a, b, c;
  std::span<T const> d;
  matrix_view<T const> x;
  std::array<plane*, Planes> h;
  matrix_view<T> y;

  /// Σ_n, or 2 Re of it, plus D x.
  template <class U>
  [[nodiscard]] [[gnu::always_inline]] U result(U sum, U skip, U input) const noexcept {
    if constexpr (Planes == 2) sum = sum + sum;
    return d.empty() ? sum : simd::fma(skip, input, sum);
  }

  /// Blocks first … last−1 through all of time, `together` of them at a time: their rows of x and y lie side by side.
  void run_blocks(std::size_t first, std::size_t last) const noexcept {
    for (; first < last; first += together) run_group(first, std::min(last, first + together));
  }

  void run_group(std::size_t first, std::size_t last) const noexcept {
    alignas(64) T inputs[together * tile * W];
    alignas(64) T sums[together * tile * W];
    if (h[0]->depth() == 0) std::fill_n(sums, together * tile * W, T{0});
    std::size_t const count = std::min(last * W, x.extent(1)) - first * W;
    for (std::size_t t = 0; t < x.extent(0); t += tile) {
      std::size_t const rows = std::min(tile, x.extent(0) - t);
      take(first * W, count, t, rows, inputs);
      for (std::size_t i = first; i < last; ++i) {
        prefetch(i * W, t + tile, std::min(tile, x.extent(0) - t - rows));
        std::size_t const at = (i - first) * tile * W;
        advance_all<batches, Entrance>(block(i), h[0]->depth(), inputs + at, {}, sums + at, rows);
      }
      give(first * W, count, t, rows, inputs, sums);
    }
  }

  [[nodiscard]] mode_batches<T, Planes> block(std::size_t index) const noexcept {
    mode_batches<T, Planes> at;
    for (std::size_t p = 0; p < Planes; ++p) {
      at.a[p] = a[p]->block(index), at.c[p] = c[p]->block(index);
      at.b[p] = Entrance == entrance::scaled ? b[p]->block(index) : nullptr;
      at.h[p] = h[p]->block(index);
    }
    return at;
  }

  /// Asks for a block's part of the next tile while this one is calculated: rows lie too far apart for the machine to
  /// guess.
  void prefetch(std::size_t channel, std::size_t t, std::size_t rows) const noexcept {
    T const* const from = x.data() + t * x.pitch() + channel;
    T* const to = y.data() + t * y.pitch() + channel;
    for (std::size_t r = 0; r < rows; ++r) {
      __builtin_prefetch(from + r * x.pitch());
      __builtin_prefetch(to + r * y.pitch(), 1);
    }
  }

  /// The inputs of `count` channels, block after block.
  void take(std::size_t channel, std::size_t count, std::size_t t, std::size_t rows, T* inputs) const noexcept {
    std::size_t const whole = count / W;
    for (std::size_t r = 0; r < rows; ++r) {
      T const* const row = x.data() + (t + r) * x.pitch() + channel;
      T* const out = inputs + r * W;
      for (std::size_t i = 0; i < whole; ++i) simd::store<V>(out + i * tile * W, simd::load<V>(row + i * W));
      if (count % W != 0) simd::store<V>(out + whole * tile * W, V(T{0}));
      for (std::size_t j = whole * W; j < count; ++j) out[whole * tile * W + j - whole * W] = row[j];
    }
  }

  void give(std::size_t channel, std::size_t count, std::size_t t, std::size_t rows, T const* inputs,
            T const* sums) const noexcept {
    alignas(64) T skip[together * W] = {};
    if (!d.empty()) std::copy_n(d.data() + channel, count, skip);
    auto const out = [&](std::size_t r, std::size_t i) __attribute__((always_inline)) {
      std::size_t const at = (i * tile + r) * W;
      return result(simd::load<V>(sums + at), simd::load<V>(skip + i * W), simd::load<V>(inputs + at));
    };
    for (std::size_t r = 0; r < rows; ++r) {
      T* const row = y.data() + (t + r) * y.pitch() + channel;
      for (std::size_t i = 0; i < count / W; ++i) simd::store<V>(row + i * W, out(r, i));
      if (std::size_t const rest = count % W; rest != 0) {
        alignas(64) T last[W];
        simd::store<V>(last, out(r, count / W));
        for (std::size_t j = 0; j < rest; ++j) row[count - rest + j] = last[j];
      }
    }
  }

  /// Modes first … first+count−1 of one channel side by side, zeros behind them.
  struct modes_of_channel {
    static constexpr std::size_t most = 8 * W;
    alignas(64) T a[Planes][most], b[Planes][most], c[Planes][most], h[Planes][most];

    void load(recurrence_of const& from, std::size_t channel, std::size_t first, std::size_t count) noexcept {
      std::size_t const padded = (count + W - 1) / W * W;
      for (std::size_t p = 0; p < Planes; ++p) {
        for (std::size_t i = 0; i < padded; ++i) {
          bool const there = i < count;
          a[p][i] = there ? (*from.a[p])(channel, first + i) : T{0};
          if constexpr (Entrance == entrance::scaled) b[p][i] = there ? (*from.b[p])(channel, first + i) : T{0};
          c[p][i] = there ? (*from.c[p])(channel, first + i) : T{0};
          h[p][i] = there ? (*from.h[p])(channel, first + i) : T{0};
        }
      }
    }
    void store(recurrence_of const& to, std::size_t channel, std::size_t first, std::size_t count) const noexcept {
      for (std::size_t p = 0; p < Planes; ++p) {
        for (std::size_t i = 0; i < count; ++i) (*to.h[p])(channel, first + i) = h[p][i];
      }
    }
    [[nodiscard]] mode_batches<T, Planes> batches() noexcept {
      mode_batches<T, Planes> at;
      for (std::size_t p = 0; p < Planes; ++p) at.a[p] = a[p], at.b[p] = b[p], at.c[p] = c[p], at.h[p] = h[p];
      return at;
    }
  };

  /// One channel through all of time, W modes to a batch.
  void run_channel(std::size_t channel) const noexcept {
    constexpr std::size_t steps = 16;  // whole squares for lane_sums, few: they are summed while the next run
    static_assert(steps % W == 0);
    alignas(64) T inputs[steps * W];
    alignas(64) T sums[steps * W];
    T const* const from = x.data() + channel;
    std::size_t const pitch = x.pitch();
    modes_of_channel local;
    std::size_t const L = x.extent(0), depth = h[0]->depth();
    bool const all_fit = depth <= local.most;
    if (all_fit) local.load(*this, channel, 0, depth);
    for (std::size_t t = 0; t < L; t += steps) {
      std::size_t const rows = std::min(steps, L - t);
      sums_before<T> before;
      for (std::size_t n = 0; n < depth; n += local.most) {
        std::size_t const count = std::min(local.most, depth - n);
        if (!all_fit) local.load(*this, channel, n, count);
        for (std::size_t r = 0; r < rows; ++r) simd::store<V>(inputs + r * W, V(from[(t + r) * pitch]));
        advance_all<batches, Entrance>(local.batches(), count / W, inputs, before, sums, rows);
        if (count >= W) before = {sums, W};
        if (count % W != 0) {
          hide_padding(inputs, count % W, rows);
          advance_modes<1, Entrance>(local.batches().from(count / W), inputs, before, sums, rows);
        }
        if (!all_fit) local.store(*this, channel, n, count);
      }
      put(channel, t, inputs, sums, rows);
    }
    if (all_fit) local.store(*this, channel, 0, depth);
  }

  /// Lanes without a mode see x = 0: an infinite x times their zero b̄ would be a NaN in the sum.
  static void hide_padding(T* inputs, std::size_t modes, std::size_t rows) noexcept {
    alignas(64) T ones[W] = {};
    std::fill_n(ones, modes, T{1});
    auto const there = simd::load<V>(ones) > V(T{0});
    for (std::size_t r = 0; r < rows; ++r) {
      simd::store<V>(inputs + r * W, simd::select(there, simd::load<V>(inputs + r * W), V(T{0})));
    }
  }

  /// y of one channel at `rows` times from t, out of sums that are still spread over lanes.
  void put(std::size_t channel, std::size_t t, T const* inputs, T const* sums, std::size_t rows) const noexcept {
    T const skip = d.empty() ? T{0} : d[channel];
    T* const to = y.data() + t * y.pitch() + channel;
    std::size_t const pitch = y.pitch();
    for (std::size_t r = 0; r < rows; r += W) {
      V const sum = simd::lane_sums(sums + r * W);
      if (pitch == 1 && x.pitch() == 1 && r + W <= rows) {
        simd::store<V>(to + r, result(sum, V(skip), simd::load<V>(x.data() + t + r)));
      } else {
        alignas(64) T one[W];
        simd::store<V>(one, sum);
        std::size_t const last = std::min(rows, r + W);
        for (std::size_t i = r; i < last; ++i) to[i * pitch] = result(one[i - r], skip, inputs[i * W]);
      }
    }
  }

  void check() const noexcept(!core::contracts_checked) {
    for (std::size_t p = 0; p < Planes; ++p) {
      MAMBA_EXPECTS(same_shape(*a[p], *h[p]) && same_shape(*c[p], *h[p]),
                    "diagonal_recurrence: A, C and h must have one shape");
      MAMBA_EXPECTS(b[p] == nullptr || same_shape(*b[p], *h[p]), "diagonal_recurrence: B and h must have one shape");
    }
    MAMBA_EXPECTS(x.extent(1) == h[0]->channels(), "diagonal_recurrence: x and h must have as many channels",
                  x.extent(1), h[0]->channels());
    MAMBA_EXPECTS(x.shape() == y.shape(), "diagonal_recurrence: x and y must have one shape");
    MAMBA_EXPECTS(d.empty() || d.size() == x.extent(1), "diagonal_recurrence: D must have one value per channel",
                  d.size(), x.extent(1));
  }
  [[nodiscard]] static bool same_shape(plane const& p, plane const& q) noexcept {
    return p.channels() == q.channels() && p.depth() == q.depth();
  }

  void run() const noexcept(!core::contracts_checked) {
    check();
    double const each = Planes == 1 ? 2.0 : 5.0;  // operations of W lanes
    parallel::cost const cost{each * 0.4 / static_cast<double>(W) * static_cast<double>(x.size() * h[0]->depth())};
    if (few_channels<T>(h[0]->channels(), h[0]->depth())) {
      parallel::parallel_for(h[0]->channels(), cost, [&](std::size_t first, std::size_t last) {
        for (std::size_t channel = first; channel < last; ++channel) run_channel(channel);
      });
    } else {
      parallel::parallel_for(h[0]->blocks(), cost,
                             [&](std::size_t first, std::size_t last) { run_blocks(first, last); });
    }
  }
};

}  // namespace detail

/// D channels, each a diagonal system of its own with N real modes, from any state h, left as after the last input.
///
///     h_t[d, n] = ā[d, n] h_{t−1}[d, n] + b̄[d, n] x_t[d]
///     y_t[d]    = Σ_n c[d, n] h_t[d, n] + D[d] x_t[d]
///
/// Paper:   S4D, section 3 (its recurrent view); ssm::diagonal_recurrence is the same in ten lines.
/// Why:     only c·b̄ matters for y. With unit_input in place of b̄, and c b̄ as c, a mode costs two multiply-adds and no
///          product; the state is then in units of b̄: h = b̄ · (what is kept).
/// Shapes:  a_bar, b_bar, c, h [D, N]; d [D] or empty (no skip); x, y [L, D]. y may be x.
/// Domain:  |ā| ≤ 1 where the state is to stay bounded. NaN in, NaN out, in its own channel only.
/// Error:   per step, h is off by (|b̄x| + |h'|)/2 ε at most, and y by (N + 5)/2 ε of Σ|c h| + |D x| more; |ā| < 1
///          forgets old errors. Twice that where the machine has no fused multiply-add. The same bits for every split
///          of the sequence and every number of threads; another D may mean another order of the sum over n.
/// Cost:    L·D·N times two multiply-adds and a product.
template <class T, std::size_t D, std::size_t N>
void diagonal_recurrence(channel_blocked<T, D, N> const& a_bar, channel_blocked<T, D, N> const& b_bar,
                         channel_blocked<T, D, N> const& c, std::type_identity_t<std::span<T const>> d,
                         std::type_identity_t<matrix_view<T const>> x, channel_blocked<T, D, N>& h,
                         std::type_identity_t<matrix_view<T>> y) noexcept(!core::contracts_checked) {
  detail::recurrence_of<T, D, N, 1, detail::entrance::scaled>{{&a_bar}, {&b_bar}, {&c}, d, x, {&h}, y}.run();
}
template <class T, std::size_t D, std::size_t N>
void diagonal_recurrence(channel_blocked<T, D, N> const& a_bar, unit_input, channel_blocked<T, D, N> const& c,
                         std::type_identity_t<std::span<T const>> d, std::type_identity_t<matrix_view<T const>> x,
                         channel_blocked<T, D, N>& h,
                         std::type_identity_t<matrix_view<T>> y) noexcept(!core::contracts_checked) {
  detail::recurrence_of<T, D, N, 1, detail::entrance::plain>{{&a_bar}, {}, {&c}, d, x, {&h}, y}.run();
}

/// The same with complex modes, one of each conjugate pair: x and y are real.
///
///     y_t[d] = 2 Re Σ_n c[d, n] h_t[d, n] + D[d] x_t[d]
///
/// See:     ssm::diagonal_recurrence<modes::half>.
/// Error:   per step, h is off by (|āh| + 2|b̄x| + |h'|)/√2 ε at most, and y by (2N + 5)/2 ε of 2 Σ|c h| + |D x| more.
/// Cost:    L·D·N times six multiply-adds and two products; with unit_input, five and one.
template <class T, std::size_t D, std::size_t N>
void diagonal_recurrence(complex_blocked<T, D, N> const& a_bar, complex_blocked<T, D, N> const& b_bar,
                         complex_blocked<T, D, N> const& c, std::type_identity_t<std::span<T const>> d,
                         std::type_identity_t<matrix_view<T const>> x, complex_blocked<T, D, N>& h,
                         std::type_identity_t<matrix_view<T>> y) noexcept(!core::contracts_checked) {
  detail::recurrence_of<T, D, N, 2, detail::entrance::scaled>{
      {&a_bar.re, &a_bar.im}, {&b_bar.re, &b_bar.im}, {&c.re, &c.im}, d, x, {&h.re, &h.im}, y}
      .run();
}
template <class T, std::size_t D, std::size_t N>
void diagonal_recurrence(complex_blocked<T, D, N> const& a_bar, unit_input, complex_blocked<T, D, N> const& c,
                         std::type_identity_t<std::span<T const>> d, std::type_identity_t<matrix_view<T const>> x,
                         complex_blocked<T, D, N>& h,
                         std::type_identity_t<matrix_view<T>> y) noexcept(!core::contracts_checked) {
  detail::recurrence_of<T, D, N, 2, detail::entrance::plain>{{&a_bar.re, &a_bar.im}, {}, {&c.re, &c.im}, d, x,
                                                             {&h.re, &h.im},         y}
      .run();
}

}  // namespace mamba::inline MAMBA_ABI::kernels
