// SPDX-License-Identifier: MIT
// mamba/kernels/scan/diagonal_recurrence.hpp — one diagonal linear system per channel, for many or few.  [floor 4]
//
//     h_t[d, n] = ā[d, n] h_{t−1}[d, n] + b̄[d, n] x_t[d]
//     y_t[d]    = Σ_n c[d, n] h_t[d, n] + D[d] x_t[d]          (complex modes, one of each conjugate pair: 2 Re Σ_n)
//
// The state of M batches of modes stays in registers over a tile of time steps, whose x and sums Σ_n stay in the
// first-level cache; then the next M. What the lanes hold depends on the sizes D and N alone:
//
//     many channels   lane = channel. Nothing is summed across lanes.
//     few channels    lane = mode: with one channel all lanes work. The lanes of W time steps are summed at once,
//                     overlapping the recurrence of the next W steps, whose chain of multiply-adds sets the time.
#pragma once

#include <mamba/kernels/scan/detail/lanes_of_channels.hpp>
#include <mamba/kernels/scan/detail/lanes_of_modes.hpp>
#include <mamba/kernels/scan/input_scaling.hpp>
#include <mamba/parallel/parallel_for.hpp>

#include <type_traits>

namespace mamba::inline MAMBA_ABI::kernels {

/// What the recurrence reads, by name: a call needs no type, T and the layout are those of Ā.
///
///     diagonal_recurrence({.b_bar = b_bar, .c = c, .x = x, .d = d}, a_bar, h, y);
///
/// Shapes:  b_bar [D, N], or unit_b for 1; c [D, N]; x [L, D]; d [D] or empty (no skip).
template <blocked_modes Modes>
struct recurrence_inputs {
  input_scaling<Modes> b_bar;
  Modes const& c;
  matrix_view<typename Modes::value_type const> x;
  std::span<typename Modes::value_type const> d = {};
};

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

/// The contracts of a call.
template <class Modes, class State>
void check([[maybe_unused]] recurrence_inputs<Modes> const& in, [[maybe_unused]] Modes const& a_bar,
           [[maybe_unused]] State const& h,
           [[maybe_unused]] matrix_view<typename State::value_type> y) noexcept(!core::contracts_checked) {
  MAMBA_EXPECTS(a_bar.channels() == h.channels() && a_bar.depth() == h.depth() && in.c.channels() == h.channels() &&
                    in.c.depth() == h.depth(),
                "diagonal_recurrence: A, C and h must have one shape");
  MAMBA_EXPECTS(in.b_bar.fits(a_bar), "diagonal_recurrence: B and h must have one shape");
  MAMBA_EXPECTS(in.x.extent(1) == h.channels(), "diagonal_recurrence: x and h must have as many channels",
                in.x.extent(1), h.channels());
  MAMBA_EXPECTS(in.x.shape() == y.shape(), "diagonal_recurrence: x and y must have one shape");
  MAMBA_EXPECTS(in.d.empty() || in.d.size() == in.x.extent(1), "diagonal_recurrence: D must have one value per channel",
                in.d.size(), in.x.extent(1));
}

/// All channels, divided among the threads.
template <class Call>
void run_recurrence(Call const& call) noexcept(!core::contracts_checked) {
  using T = typename Call::T;
  constexpr std::size_t Planes = Call::planes;
  auto const& h = call.h;
  auto const& x = call.x;
  auto const cost = parallel::cost::multiply_adds<T>((Planes == 1 ? 2 : 5) * x.size() * h[0]->depth());
  if (few_channels<T>(h[0]->channels(), h[0]->depth())) {
    parallel::parallel_for(h[0]->channels(), cost, [&](std::size_t first, std::size_t last) {
      lanes_of_modes<Call> const lanes(call);
      for (std::size_t channel = first; channel < last; ++channel) lanes.run_channel(channel);
    });
  } else {
    parallel::parallel_for(h[0]->blocks(), cost, [&](std::size_t first, std::size_t last) {
      lanes_of_channels<Call>(call).run_blocks(first, last);
    });
  }
}

}  // namespace detail

/// D channels, each a diagonal system of its own with N modes, from any state h, left as after the last input.
///
///     h_t[d, n] = ā[d, n] h_{t−1}[d, n] + b̄[d, n] x_t[d]
///     y_t[d]    = Σ_n c[d, n] h_t[d, n] + D[d] x_t[d]          (complex modes, one of each conjugate pair: 2 Re Σ_n)
///
/// Paper:   S4D, section 3 (its recurrent view); ssm::diagonal_recurrence is the same in ten lines.
/// Shapes:  in: see recurrence_inputs; a_bar, h [D, N], channel_blocked (real modes) or complex_blocked, a_bar, b_bar
///          and c also as views of them; y [L, D], may be x.
/// Domain:  |ā| ≤ 1 where the state is to stay bounded. NaN in, NaN out, in its own channel only.
/// Error:   per step, h is off by (|b̄x| + |h'|)/2 ε at most, and y by (N + 5)/2 ε of Σ|c h| + |D x| more; with complex
///          modes by (|āh| + 2|b̄x| + |h'|)/√2 ε, and by (2N + 5)/2 ε of 2 Σ|c h| + |D x|. With |ā| < 1 old errors
///          decay. Twice that where the machine has no fused multiply-add.
/// Determinism: the same bits for every split of the sequence and every number of threads; another D may mean another
///          order of the sum over n.
/// Cost:    L·D·N times two multiply-adds and a product; with complex modes six and two. unit_b saves a product, or a
///          product and a multiply-add; at most 16 kB of stack.
template <blocked_modes Modes, blocked_modes State>
void diagonal_recurrence(recurrence_inputs<Modes> const& in, Modes const& a_bar, State& h,
                         matrix_view<typename State::value_type> y) noexcept(!core::contracts_checked) {
  static_assert(
      Modes::planes == State::planes && std::is_same_v<typename Modes::value_type, typename State::value_type>,
      "diagonal_recurrence: A and h are both real or both complex, of one type");
  detail::check(in, a_bar, h, y);
  auto const a = detail::views_of(a_bar), c = detail::views_of(in.c);
  auto const state = detail::planes_of(h);
  if (in.b_bar.is_unit()) {
    using call = detail::recurrence_call<State, detail::input_map::unit>;
    detail::run_recurrence(call{a, {}, c, in.d, in.x, state, y});
  } else {
    using call = detail::recurrence_call<State, detail::input_map::scaled>;
    detail::run_recurrence(call{a, detail::views_of(in.b_bar.value()), c, in.d, in.x, state, y});
  }
}

}  // namespace mamba::inline MAMBA_ABI::kernels
