// SPDX-License-Identifier: MIT
// mamba/ssm/selective/selective_scan.hpp — the selective state space model, token by token.  [floor 3]
//
// The reference implementation of kernels::selective_scan, in plain loops. selective_scan() is that of Mamba's layer;
// selective_recurrence() is the general form, with selective_inputs.hpp for groups, constants, biases, softplus, skips
// and gates.
#pragma once

#include <mamba/core/contracts.hpp>
#include <mamba/ssm/detail/shape.hpp>
#include <mamba/ssm/discretize/rules.hpp>
#include <mamba/ssm/scan/intermediate_states.hpp>
#include <mamba/ssm/selective/selective_inputs.hpp>
#include <mamba/ssm/systems/modes.hpp>

#include <type_traits>

namespace mamba::inline MAMBA_ABI::ssm {

/// One token of one channel: the state update with x_t, then C_t h.
///
///     h_n ← exp(Δ a_n) h_n + Δ B_n x,   → Σ_n C_n h_n
///
/// Paper:   Mamba, Algorithm 2.
/// Shapes:  as selective_recurrence() → a number, the sum over the stored modes.
/// Error:   h is off by ((4.5 + |ΔA|) |Āh| + |B̄x| + ½|h'|) ε at most, and the sum by (N + 1)/2 ε Σ|C h| more; for real
///          numbers, by rules.hpp.
[[nodiscard]] auto selective_step(auto const& delta, auto const& a, auto const& b, auto const& c, auto const& x,
                                  auto& h, std::size_t t, std::size_t channel) {
  using T = std::remove_cvref_t<decltype(h(0, 0))>;
  T sum(0);
  for (std::size_t n = 0; n < h.extent(1); ++n) {
    auto const [a_bar, b_bar] = zero_order_hold_a_euler_b(T(delta(t, channel)), T(a(channel, n)), T(b(t, channel, n)));
    h(channel, n) = a_bar * h(channel, n) + b_bar * x(t, channel);
    sum += T(c(t, channel, n)) * h(channel, n);
  }
  return sum;
}

/// The recurrence of Algorithm 2, from any state h, which becomes the state after the last token.
///
///     h_t = Ā_t h_{t−1} + B̄_t x_t,     Ā_t = exp(Δ_t A),  B̄_t = Δ_t B_t
///     y_t = C_t · h_t                  (2 Re where h holds half of the modes)
///
/// Paper:   Mamba, Algorithm 2.
/// Why:     Δ, B and C depend on the input, so that what a token erases, writes and reads does, too, unlike in a
///          time-invariant system; with a Δ that changes there is no convolution kernel.
/// Shapes:  delta(t, channel), b(t, channel, n), c(t, channel, n) are functions, a [D, N], x [L, D], h [D, N].
///          write(t, channel, value) is called with each y, observe(t, h) with each state. Anything with m(i, j) and
///          extent(i) is a matrix; the scalar type is that of h.
/// Units:   delta [s], a [1/s].
/// Domain:  real or complex a and h, any b, c, x and delta that convert to them. NaN in, NaN out, in its own channel.
/// Error:   that of selective_step() for each token; with |Ā| < 1 old errors decay.
/// Determinism: any split of the tokens, with h carried over, gives the same numbers.
/// Cost:    L·D·N exponentials; no memory.
/// See:     selective_inputs.hpp for the functions; selective_maps.hpp for the same as an associative scan.
template <modes Kept = modes::all, class Observe = see_no_state>
void selective_recurrence(auto const& delta, auto const& a, auto const& b, auto const& c, auto const& x, auto& h,
                          auto const& write, Observe&& observe = {}) {
  detail::expect_shape(a, x.extent(1), h.extent(1), "selective_recurrence: A must be [D, N], as wide as h");
  detail::expect_shape(h, x.extent(1), a.extent(1), "selective_recurrence: h must be [D, N], a row for each channel");
  for (std::size_t t = 0; t < x.extent(0); ++t) {
    for (std::size_t channel = 0; channel < x.extent(1); ++channel) {
      write(t, channel, whole<Kept>(selective_step(delta, a, b, c, x, h, t, channel)));
    }
    observe(t, h);
  }
}

/// Algorithm 2 of Mamba with its D-skip and gate, from any state h, which becomes the state after the last token.
///
///     h_t = Ā_t h_{t−1} + B̄_t x_t
///     y_t = (C_t · h_t + D x_t) · silu(z_t)
///
/// Paper:   Mamba, Algorithm 2.
/// Shapes:  delta, x, y [L, D]; a, h [D, N]; b, c [L, N]; d [D] or empty (no skip); z [L, D] or empty (no gate).
///          Anything with m(i, j) and extent(i) is a matrix; the scalar type is that of h. observe(t, h) is
///          called after each token, as intermediate_states.hpp has it.
/// Units:   delta [s], a [1/s].
/// Domain:  any scalar type with + · and exp, complex numbers included. NaN in, NaN out.
/// Error:   that of selective_recurrence(), two roundings for the skip, and silu()'s and one for the gate.
/// Cost:    L·D·N exponentials.
/// See:     kernels::selective_scan, the optimised kernel, without observe.
template <class Observe = see_no_state>
void selective_scan(auto const& delta, auto const& a, auto const& b, auto const& c, auto const& d, auto const& x,
                    auto const& z, auto& h, auto&& y, Observe&& observe = {}) {
  std::size_t const L = x.extent(0), channels = x.extent(1), N = a.extent(1);
  detail::expect_shape(delta, L, channels, "selective_scan: delta must have the shape of x, [L, D]");
  detail::expect_shape(b, L, N, "selective_scan: B must be [L, N], a row for each token, as wide as A");
  detail::expect_shape(c, L, N, "selective_scan: C must be [L, N], a row for each token, as wide as A");
  detail::expect_shape(y, L, channels, "selective_scan: y must have the shape of x, [L, D]");
  if (!z.empty()) detail::expect_shape(z, L, channels, "selective_scan: z must have the shape of x, [L, D]");
  MAMBA_EXPECTS(d.empty() || d.size() == channels, "selective_scan: D must have one value per channel", d.size(),
                channels);
  auto const write = [&](std::size_t t, std::size_t channel, auto value) {
    if (!d.empty()) value += d[channel] * x(t, channel);
    y(t, channel) = z.empty() ? value : value * silu(z(t, channel));
  };
  selective_recurrence(delta, a, per_token(b), per_token(c), x, h, write, observe);
}

}  // namespace mamba::inline MAMBA_ABI::ssm
