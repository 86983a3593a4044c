// SPDX-License-Identifier: MIT
// mamba/kernels/scan/selective_scan.hpp — the selective scan over many channels, with D-skip and gate fused.  [floor 4]
//
//     h_t = exp(Δ_t A) h_{t−1} + Δ_t B_t x_t
//     y_t = (C_t · h_t + D x_t) · silu(z_t)
//
// SIMD runs over channels: a block of W channels has its state in the first-level cache, and no sum crosses lanes. Each
// (t, n) costs one exp2 of a product, two multiply-adds and the product with B; exp2 is most of it.
#pragma once

#include <mamba/kernels/scan/detail/scan_of_blocks.hpp>
#include <mamba/parallel/parallel_for.hpp>

namespace mamba::inline MAMBA_ABI::kernels {

/// Blocks first … last − 1 of the channels: a part of a scan, computed by one thread.
struct block_range {
  std::size_t first, last;
};

/// The cost of a scan on one thread: `states` is tokens times channels times N.
[[nodiscard]] inline parallel::cost scan_cost(std::size_t states) noexcept {
  return parallel::cost::exponentials(states) + parallel::cost::multiply_adds(4 * states);
}

/// Algorithm 2 of Mamba with its D-skip and gate, from any state h, which becomes the state after the last token.
///
///     h_t = exp(Δ_t A) h_{t−1} + Δ_t B_t x_t
///     y_t = (C_t · h_t + D x_t) · silu(z_t)
///
/// Paper:   Mamba, Algorithm 2 (zero-order hold for A, Euler for B); ssm::selective_scan is the same in ten lines.
/// Shapes:  in: see scan_inputs; a, h [D, N]; y [L, D]. y may be x, delta or z. Of a range of blocks, only their
///          channels are read and written, by the calling thread alone.
/// Units:   delta [s], a [1/s]: Ā = exp(Δ A) is formed here.
/// Domain:  Δ ≥ 0, a ≤ 0 (so |Ā| ≤ 1); NaN in, NaN out, in its own channel only.
/// Error:   per step, h is off by ((1.5|ΔA| + 1.25) |Āh| + |ΔBx| + |h'|/2) ε at most, and y by (N + 1)/2 ε of
///          Σ|C||h| + |Dx| more, gate 3.75 ε; with |Ā| < 1 old errors decay. tests/support/scan_case.hpp derives it,
///          tests/kernels/scan/selective_scan_test.cpp verifies it.
/// Determinism: the same bits for every split of the tokens, every range of blocks and every number of threads.
/// Cost:    L·D·N times (one exp, three products or multiply-adds); at most 12 kB of stack.
template <delta_softplus Softplus = delta_softplus::off, class T, std::size_t D, std::size_t N>
void selective_scan(scan_inputs<T> const& in, std::type_identity_t<channel_blocked_view<T const>> a,
                    channel_blocked<T, D, N>& h, std::type_identity_t<matrix_view<T>> y,
                    block_range part) noexcept(!core::contracts_checked) {
  detail::check(in, a, h, y);
  MAMBA_EXPECTS(part.last <= h.blocks(), "selective_scan: h has no such block", part.last, h.blocks());
  detail::run_scan<Softplus, T>(in, a, h, y, part.first, part.last);
}

/// The same for all channels, divided among the threads.
template <delta_softplus Softplus = delta_softplus::off, class T, std::size_t D, std::size_t N>
void selective_scan(scan_inputs<T> const& in, std::type_identity_t<channel_blocked_view<T const>> a,
                    channel_blocked<T, D, N>& h,
                    std::type_identity_t<matrix_view<T>> y) noexcept(!core::contracts_checked) {
  detail::check(in, a, h, y);
  parallel::parallel_for(h.blocks(), scan_cost(in.x.size() * h.depth()), [&](std::size_t first, std::size_t last) {
    detail::run_scan<Softplus, T>(in, a, h, y, first, last);
  });
}

}  // namespace mamba::inline MAMBA_ABI::kernels
