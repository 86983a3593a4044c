// SPDX-License-Identifier: MIT
// mamba/ssm/diagonal_recurrence.hpp — one diagonal system per channel, step by step.  [floor 3]
//
// The reference that kernels::diagonal_recurrence is held to. Nothing here is fast.
#pragma once

#include <mamba/ssm/discrete.hpp>

namespace mamba::inline MAMBA_ABI::ssm {

/// D channels, each a diagonal system of its own with N modes, from any state h, which is left as after the last input.
///
///     h_t[d, n] = ā[d, n] h_{t−1}[d, n] + b̄[d, n] x_t[d]
///     y_t[d]    = Σ_n c[d, n] h_t[d, n] + D[d] x_t[d]                      (half: 2 Re Σ_n)
///
/// Paper:   S4D, section 3 (its recurrent view); the layer that S4D, DSS and LRU have in common.
/// Shapes:  a_bar, b_bar, c, h [D, N]; d [D] or empty (no skip); x, y [L, D]. Anything that answers m(i, j) is a
///          matrix; the scalar type is that of h.
/// Domain:  any scalar, complex numbers included; half the modes need complex ones. NaN in, NaN out.
/// Cost:    O(L D N).
/// See:     kernels::diagonal_recurrence, the same signature at speed; recurrence(), one system of any structure.
template <modes Kept = modes::all, class A, class B, class C, class D, class X, class H, class Y>
void diagonal_recurrence(A const& a_bar, B const& b_bar, C const& c, D const& d, X const& x, H& h, Y&& y) {
  using T = std::remove_cvref_t<decltype(h(0, 0))>;
  for (std::size_t t = 0; t < x.extent(0); ++t) {
    for (std::size_t channel = 0; channel < x.extent(1); ++channel) {
      T sum(0);
      for (std::size_t n = 0; n < h.extent(1); ++n) {
        h(channel, n) = a_bar(channel, n) * h(channel, n) + b_bar(channel, n) * x(t, channel);
        sum += c(channel, n) * h(channel, n);
      }
      y(t, channel) = d.empty() ? whole<Kept>(sum) : whole<Kept>(sum) + d[channel] * x(t, channel);
    }
  }
}

}  // namespace mamba::inline MAMBA_ABI::ssm
