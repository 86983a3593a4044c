// SPDX-License-Identifier: MIT
// mamba/ssm/selective/selective_maps.hpp — the selective scan as an associative scan of maps.  [floor 3]
//
//     token t, one channel:    h ↦ exp(Δ_t a) h + Δ_t B_t x_t          a column of N modes
#pragma once

#include <mamba/ssm/scan/affine.hpp>
#include <mamba/ssm/scan/scan.hpp>
#include <mamba/ssm/selective/selective_scan.hpp>

#include <vector>

namespace mamba::inline MAMBA_ABI::ssm {

/// The map of each token on the state of one channel.
///
/// Paper:   Mamba, section 3.3.2.
/// Shapes:  as selective_recurrence() → L maps of N modes.
/// Error:   that of zero_order_hold_a_euler_b(), and one rounding for the product with x.
template <class T, class Step, class A, class B, class X>
[[nodiscard]] std::vector<affine<diagonal_matrix<T>, vector<T>>> selective_maps(Step const& delta, A const& a,
                                                                                B const& b, X const& x,
                                                                                std::size_t channel) {
  auto const N = a.extent(1);
  std::vector<affine<diagonal_matrix<T>, vector<T>>> out(x.extent(0), {{vector<T>(index(N))}, vector<T>(index(N))});
  for (std::size_t t = 0; t < x.extent(0); ++t) {
    for (std::size_t n = 0; n < N; ++n) {
      auto const [a_bar, b_bar] =
          zero_order_hold_a_euler_b(T(delta(t, channel)), T(a(channel, n)), T(b(t, channel, n)));
      out[t].a(index(n)) = a_bar;
      out[t].b(index(n)) = b_bar * x(t, channel);
    }
  }
  return out;
}

/// selective_recurrence() by any scan of scan.hpp: the same outputs and the same last state, channel after channel.
///
///     scan(maps, op, initial)      such as   blelloch_scan, or chunked_scan with its Q bound
///
/// Paper:   Mamba, section 3.3.2; S5, section 3.3.
/// Why:     Δ, B and C that change from token to token rule out the convolution, but the maps of tokens compose, so
///          that a selective model can be trained in parallel over time.
/// Shapes:  as selective_recurrence().
/// Error:   that of selective_maps() and of the scan: for a tree 2 ⌈log₂ L⌉ + 2 roundings, each relative to its terms.
/// Cost:    L·D·N exponentials, and the scan's operations of 2N products each; O(L N) memory.
/// See:     selective_recurrence() for intermediate states: here each channel is computed for all tokens before the
///          next, so that the state of all channels never exists at one token.
template <modes Kept = modes::all>
void selective_recurrence_by(auto const& scan, auto const& delta, auto const& a, auto const& b, auto const& c,
                             auto const& x, auto& h, auto const& write) {
  using T = std::remove_cvref_t<decltype(h(0, 0))>;
  detail::expect_shape(a, x.extent(1), h.extent(1), "selective_recurrence_by: A must be [D, N], as wide as h");
  detail::expect_shape(h, x.extent(1), a.extent(1),
                       "selective_recurrence_by: h must be [D, N], a row for each channel");
  for (std::size_t channel = 0; channel < x.extent(1); ++channel) {
    affine<diagonal_matrix<T>, vector<T>> before{{vector<T>::Ones(index(h.extent(1)))}, vector<T>(index(h.extent(1)))};
    for (std::size_t n = 0; n < h.extent(1); ++n) before.b(index(n)) = h(channel, n);
    auto const states = scan(selective_maps<T>(delta, a, b, x, channel), compose_in_time_order{}, before);
    for (std::size_t t = 0; t < states.size(); ++t) {
      T sum(0);
      for (std::size_t n = 0; n < h.extent(1); ++n)
        sum += T(c(t, channel, n)) * (h(channel, n) = states[t].b(index(n)));
      write(t, channel, whole<Kept>(sum));
    }
  }
}

}  // namespace mamba::inline MAMBA_ABI::ssm
