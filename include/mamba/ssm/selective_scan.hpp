// SPDX-License-Identifier: MIT
// mamba/ssm/selective_scan.hpp — the selective state space model, token by token, as the paper writes it.  [floor 3]
//
// The reference that kernels::selective_scan is held to. Nothing here is fast.
#pragma once

#include <mamba/ssm/discretize.hpp>

#include <type_traits>

namespace mamba::inline MAMBA_ABI::ssm {

/// x·σ(x), the gate, for any scalar.
template <class T>
[[nodiscard]] T silu(T x) noexcept {
  return x / (T(1) + exponential(-x));
}

/// Algorithm 2 of Mamba with its D-skip and gate, from any state h, which it leaves as the state after the last token.
///
///     h_t = Ā_t h_{t−1} + B̄_t x_t
///     y_t = (C_t · h_t + D x_t) · silu(z_t)
///
/// Paper:   Mamba, Algorithm 2.
/// Shapes:  delta, x, y [L, D]; a, h [D, N]; b, c [L, N]; d [D] or empty (no skip); z [L, D] or empty (no gate).
///          Anything that answers m(i, j) is a matrix; the scalar type is that of h.
/// Units:   delta [s], a [1/s].
/// Domain:  any scalar type with + · and exp, complex numbers included. NaN in, NaN out.
/// Cost:    L·D·N exponentials.
/// See:     kernels::selective_scan, the same signature at speed.
template <class Step, class A, class B, class C, class D, class X, class Z, class H, class Y>
void selective_scan(Step const& delta, A const& a, B const& b, C const& c, D const& d, X const& x, Z const& z, H& h,
                    Y&& y) {
  using T = std::remove_cvref_t<decltype(h(0, 0))>;
  for (std::size_t t = 0; t < x.extent(0); ++t) {
    for (std::size_t channel = 0; channel < x.extent(1); ++channel) {
      T sum = d.empty() ? T(0) : d[channel] * x(t, channel);
      for (std::size_t n = 0; n < h.extent(1); ++n) {
        auto const [a_bar, b_bar] = zero_order_hold_a_euler_b(delta(t, channel), a(channel, n), b(t, n));
        h(channel, n) = a_bar * h(channel, n) + b_bar * x(t, channel);
        sum += c(t, n) * h(channel, n);
      }
      y(t, channel) = z.empty() ? sum : sum * silu(z(t, channel));
    }
  }
}

}  // namespace mamba::inline MAMBA_ABI::ssm
