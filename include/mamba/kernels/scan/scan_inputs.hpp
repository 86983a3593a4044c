// SPDX-License-Identifier: MIT
// mamba/kernels/scan/scan_inputs.hpp — the arguments of the selective scan, by name.  [floor 4]
#pragma once

#include <mamba/kernels/scan/channel_blocked_view.hpp>

#include <span>

namespace mamba::inline MAMBA_ABI::kernels {

/// Whether Δ = softplus(delta), as in mamba_ssm's argument of this name, or delta itself.
enum class delta_softplus { off, on };

/// What the scan reads, by name: a call needs no type, T is that of the state.
///
///     selective_scan<delta_softplus::on>({.delta = delta, .b = B, .c = C, .x = x, .z = z, .d = D}, a, h, y);
///
/// Shapes:  delta, x [L, D]; b, c [L, G·N], group g in columns g·N … (g+1)·N − 1, for channels g·D/G … (g+1)·D/G − 1;
///          z [L, D] or empty (no gate); d [D] or empty (no skip). G = D is a B and C per channel; constant in time
///          they are views with pitch 0.
/// Domain:  D a multiple of G.
template <class T>
struct scan_inputs {
  matrix_view<T const> delta;   ///< Δ, or softplus⁻¹(Δ)
  matrix_view<T const> b, c;    ///< B_t and C_t, for each group of channels
  matrix_view<T const> x;       ///< the input
  matrix_view<T const> z = {};  ///< gate: y is multiplied by silu(z)
  std::span<T const> d = {};    ///< skip: D x is added to y
  std::size_t groups = 1;       ///< G
};

namespace detail {

/// The contracts of a call.
template <class T, std::size_t D, std::size_t N>
void check([[maybe_unused]] scan_inputs<T> const& in, [[maybe_unused]] channel_blocked_view<T const> a,
           [[maybe_unused]] channel_blocked<T, D, N> const& h,
           [[maybe_unused]] matrix_view<T> y) noexcept(!core::contracts_checked) {
  MAMBA_EXPECTS(in.x.extent(1) == h.channels(), "selective_scan: x and h must have as many channels", in.x.extent(1),
                h.channels());
  MAMBA_EXPECTS(a.channels() == h.channels() && a.depth() == h.depth(), "selective_scan: A and h must have one shape");
  MAMBA_EXPECTS(in.groups > 0 && h.channels() % in.groups == 0,
                "selective_scan: the channels must be a multiple of the groups", h.channels(), in.groups);
  MAMBA_EXPECTS(in.b.extent(1) == in.groups * h.depth() && in.c.extent(1) == in.groups * h.depth(),
                "selective_scan: B and C must have the same state size N as h, for each group", in.b.extent(1),
                in.groups * h.depth());
  MAMBA_EXPECTS(in.delta.shape() == in.x.shape() && y.shape() == in.x.shape(),
                "selective_scan: delta, x and y must have one shape");
  MAMBA_EXPECTS(in.b.extent(0) == in.x.extent(0) && in.c.extent(0) == in.x.extent(0),
                "selective_scan: B and C must be as long as x", in.b.extent(0), in.x.extent(0));
  MAMBA_EXPECTS(in.d.empty() || in.d.size() == in.x.extent(1), "selective_scan: D must have one value per channel",
                in.d.size(), in.x.extent(1));
  MAMBA_EXPECTS(in.z.empty() || in.z.shape() == in.x.shape(), "selective_scan: z must have the shape of x");
}

}  // namespace detail

}  // namespace mamba::inline MAMBA_ABI::kernels
