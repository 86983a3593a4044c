// SPDX-License-Identifier: MIT
// mamba/kernels/selective_scan.hpp — the selective scan over many channels, with D-skip and gate fused.  [floor 4]
//
//     h_t = exp(Δ_t A) h_{t−1} + Δ_t B_t x_t
//     y_t = (C_t · h_t + D x_t) · silu(z_t)
//
// SIMD runs over channels: for one block of W channels, time runs from 0 to L−1 with the block's state in the
// first-level cache. Each (t, n) costs one product, one exp2 on z ≤ 0, two multiply-adds.
#pragma once

#include <mamba/core/threads.hpp>
#include <mamba/kernels/channel_blocked.hpp>
#include <mamba/math/exp.hpp>
#include <mamba/math/sigmoid.hpp>
#include <mamba/simd/load_store.hpp>

#include <numbers>

namespace mamba::inline MAMBA_ABI::kernels {

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
template <class T, std::size_t D, std::size_t N>
struct scan_of {
  using V = simd::batch<T>;
  matrix_view<T const> delta;
  channel_blocked<T, D, N> const& a;
  matrix_view<T const> b, c;
  std::span<T const> d;
  matrix_view<T const> x, z;
  channel_blocked<T, D, N>& h;
  matrix_view<T> y;

  /// Block `index` through all of time.
  template <block_kind Kind>
  void run_block(std::size_t index) const noexcept {
    constexpr std::size_t W = simd::lanes<T>;
    std::size_t const first = index * W;
    std::size_t const count = x.extent(1) - first;
    std::size_t const depth = h.depth();
    T const* const a_block = a.block(index);
    T* const h_block = h.block(index);
    V const log2e(std::numbers::log2e_v<T>);
    V const skip = d.empty() ? V(T{0}) : load_block<Kind, V>(d.data() + first, count);
    for (std::size_t t = 0; t < x.extent(0); ++t) {
      V const step = load_block<Kind, V>(delta.data() + t * delta.pitch() + first, count);
      V const input = load_block<Kind, V>(x.data() + t * x.pitch() + first, count);
      V const step_log2e = step * log2e;
      V const step_input = step * input;
      T const* const b_t = b.data() + t * b.pitch();
      T const* const c_t = c.data() + t * c.pitch();
      V sum(T{0});
      for (std::size_t n = 0; n < depth; ++n) {
        V const a_bar = math::exp2_nonpositive(step_log2e * simd::load<V>(a_block + n * W));
        V const state = simd::fma(a_bar, simd::load<V>(h_block + n * W), step_input * V(b_t[n]));
        simd::store<V>(h_block + n * W, state);
        sum = simd::fma(V(c_t[n]), state, sum);
      }
      if (!d.empty()) sum = simd::fma(skip, input, sum);
      if (!z.empty()) sum = sum * math::silu(load_block<Kind, V>(z.data() + t * z.pitch() + first, count));
      store_block<Kind, V>(y.data() + t * y.pitch() + first, sum, count);
    }
  }

  void run_blocks(std::size_t first, std::size_t last) const noexcept {
    for (std::size_t i = first; i < last; ++i) {
      if ((i + 1) * simd::lanes<T> <= x.extent(1)) {
        run_block<block_kind::whole>(i);
      } else {
        run_block<block_kind::partial>(i);
      }
    }
  }
};

}  // namespace detail

/// Algorithm 2 of Mamba with its D-skip and gate, from any state h, which it leaves as the state after the last token.
///
/// Paper:   Mamba, Algorithm 2 (zero-order hold for A, Euler for B); ssm::selective_scan is the same in ten lines.
/// Shapes:  delta, x, y [L, D]; a, h [D, N]; b, c [L, N]; d [D] or empty (no skip); z [L, D] or empty (no gate).
///          y may be x, delta or z.
/// Units:   delta [s], a [1/s], already discretised by nobody: Ā = exp(Δ A) is formed here.
/// Domain:  delta ≥ 0, a ≤ 0 (so |Ā| ≤ 1); NaN in, NaN out, in its own channel only.
/// Error:   per step, h is off by ((1.5|ΔA| + 1.25) |Āh| + |ΔBx| + |h'|/2) ε at most, and y by (N + 1)/2 ε of
///          Σ|C||h| + |Dx| more, gate 3.75 ε; |Ā| < 1 forgets old errors. tests/support/scan_case.hpp derives it, and
///          tests/kernels/selective_scan_test.cpp holds it.
/// Cost:    L·D·N times (one exp, three products or multiply-adds).
template <class T, std::size_t D, std::size_t N>
void selective_scan(std::type_identity_t<matrix_view<T const>> delta, channel_blocked<T, D, N> const& a,
                    std::type_identity_t<matrix_view<T const>> b, std::type_identity_t<matrix_view<T const>> c,
                    std::type_identity_t<std::span<T const>> d, std::type_identity_t<matrix_view<T const>> x,
                    std::type_identity_t<matrix_view<T const>> z, channel_blocked<T, D, N>& h,
                    std::type_identity_t<matrix_view<T>> y) noexcept(!core::contracts_checked) {
  MAMBA_EXPECTS(x.extent(1) == h.channels(), "selective_scan: x and h must have as many channels", x.extent(1),
                h.channels());
  MAMBA_EXPECTS(a.channels() == h.channels() && a.depth() == h.depth(), "selective_scan: A and h must have one shape");
  MAMBA_EXPECTS(b.extent(1) == h.depth() && c.extent(1) == h.depth(),
                "selective_scan: B and C must have the same state size N as h", b.extent(1), h.depth());
  MAMBA_EXPECTS(delta.shape() == x.shape() && y.shape() == x.shape(),
                "selective_scan: delta, x and y must have one shape");
  MAMBA_EXPECTS(b.extent(0) == x.extent(0) && c.extent(0) == x.extent(0),
                "selective_scan: B and C must be as long as x", b.extent(0), x.extent(0));
  MAMBA_EXPECTS(d.empty() || d.size() == x.extent(1), "selective_scan: D must have one value per channel", d.size(),
                x.extent(1));
  MAMBA_EXPECTS(z.empty() || z.shape() == x.shape(), "selective_scan: z must have the shape of x");
  core::work const cost{0.5 * static_cast<double>(x.size() * h.depth())};
  detail::scan_of<T, D, N> const call{delta, a, b, c, d, x, z, h, y};
  core::for_each_range(h.blocks(), cost, [&](std::size_t first, std::size_t last) { call.run_blocks(first, last); });
}

}  // namespace mamba::inline MAMBA_ABI::kernels
