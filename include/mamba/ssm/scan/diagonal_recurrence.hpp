// SPDX-License-Identifier: MIT
// mamba/ssm/scan/diagonal_recurrence.hpp — one diagonal system per channel, step by step.  [floor 3]
//
// The reference implementation of kernels::diagonal_recurrence, in plain loops.
#pragma once

#include <mamba/core/contracts.hpp>
#include <mamba/ssm/detail/shape.hpp>
#include <mamba/ssm/scan/intermediate_states.hpp>
#include <mamba/ssm/systems/modes.hpp>

namespace mamba::inline MAMBA_ABI::ssm {

/// D channels, each a diagonal system of its own with N modes, from any state h, which becomes the state after the last
/// input.
///
///     h_t[d, n] = ā[d, n] h_{t−1}[d, n] + b̄[d, n] x_t[d]
///     y_t[d]    = Σ_n c[d, n] h_t[d, n] + D[d] x_t[d]                      (half: 2 Re Σ_n)
///
/// Paper:   S4D, section 3 (its recurrent view); the layer that S4D, DSS and LRU have in common.
/// Shapes:  a_bar, b_bar, c, h [D, N]; d [D] or empty (no skip); x, y [L, D]. Anything with m(i, j) and extent(i)
///          is a matrix; the scalar type is that of h. observe(t, h) is called after each input, as
///          intermediate_states.hpp has it.
/// Domain:  any scalar, complex numbers included; modes::half needs complex ones. NaN in, NaN out.
/// Error:   per step, h is off by ε/2 (|ā h| + |b̄ x| + |h'|) at most, and y by (N + 2)/2 ε of Σ|c h| + |D x| more;
///          three times that for complex numbers. With |ā| < 1 old errors decay.
/// Cost:    O(L D N).
/// See:     kernels::diagonal_recurrence, the optimised kernel, without observe; recurrence(), one system of any
///          structure.
template <modes Kept = modes::all, class Observe = see_no_state>
void diagonal_recurrence(auto const& a_bar, auto const& b_bar, auto const& c, auto const& d, auto const& x, auto& h,
                         auto&& y, Observe&& observe = {}) {
  using T = std::remove_cvref_t<decltype(h(0, 0))>;
  std::size_t const channels = x.extent(1), N = h.extent(1);
  detail::expect_shape(h, channels, N, "diagonal_recurrence: h must be [D, N], a row for each channel of x");
  detail::expect_shape(a_bar, channels, N, "diagonal_recurrence: A must be [D, N], the shape of h");
  detail::expect_shape(b_bar, channels, N, "diagonal_recurrence: B must be [D, N], the shape of h");
  detail::expect_shape(c, channels, N, "diagonal_recurrence: C must be [D, N], the shape of h");
  detail::expect_shape(y, x.extent(0), channels, "diagonal_recurrence: y must have the shape of x, [L, D]");
  MAMBA_EXPECTS(d.empty() || d.size() == channels, "diagonal_recurrence: D must have one value per channel", d.size(),
                channels);
  for (std::size_t t = 0; t < x.extent(0); ++t) {
    for (std::size_t channel = 0; channel < channels; ++channel) {
      T sum(0);
      for (std::size_t n = 0; n < N; ++n) {
        h(channel, n) = a_bar(channel, n) * h(channel, n) + b_bar(channel, n) * x(t, channel);
        sum += c(channel, n) * h(channel, n);
      }
      y(t, channel) = d.empty() ? whole<Kept>(sum) : whole<Kept>(sum) + d[channel] * x(t, channel);
    }
    observe(t, h);
  }
}

}  // namespace mamba::inline MAMBA_ABI::ssm
