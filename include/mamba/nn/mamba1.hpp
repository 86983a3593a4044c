// SPDX-License-Identifier: MIT
// mamba/nn/mamba1.hpp — the Mamba-1 mixer: projection, convolution, selective scan, gate, projection.  [floor 5]
//
//     [x, z]         = in_proj u                                         [L, 2·d_inner]
//     x              = silu(causal_conv1d(x))                            [L, d_inner]
//     [dt, B, C]     = x_proj x                                          [L, dt_rank + 2·d_state]
//     Δ              = softplus(dt_proj dt + dt_proj.bias)               [L, d_inner]
//     y              = (selective_scan(Δ, A, B, C, x) + D x) · silu(z)   [L, d_inner]
//     out            = out_proj y                                        [L, d_model]
//
// Four parallel loops, with a barrier after convolution, x_proj, scan and out_proj. In the first and the third a thread
// has a range of channels: it computes and convolves x (and as many channels of z), and later computes Δ and scans.
#pragma once

#include <mamba/kernels/scan/selective_scan.hpp>
#include <mamba/nn/causal_conv1d.hpp>
#include <mamba/nn/format_policy.hpp>
#include <mamba/nn/layer.hpp>
#include <mamba/nn/linear.hpp>
#include <mamba/nn/mamba1_state.hpp>

#include <algorithm>
#include <array>

namespace mamba::inline MAMBA_ABI::nn {

/// A Mamba-1 mixer (mamba_ssm.Mamba) in storage format, or by the policy, W: (out, state') = f(u, state).
///
/// Paper:   Mamba, section 3.4 and figure 3; names as in its checkpoints.
/// Why:     softplus is torch's (x > 20 → x), because the weights were trained with it.
/// Shapes:  see the head of this file; u, out [L, d_model], any L, from any state.
/// Error:   each operation's own, see its kernel; tests/nn/mamba1_test.cpp verifies the sum by nn::reference::mamba1.
/// Determinism: the partition contract.
/// See:     nn/layer.hpp: how a mixer is made and called.
template <mamba1_config S = any_mamba1, class W = float, class Storage = packed>
class mamba1 {
 public:
  using scalar = arithmetic<W>;
  using config = mamba1_config;
  using state = mamba1_state<S, scalar>;
  using storage = Storage;
  static constexpr std::size_t static_width = S.d_model;
  template <class Other>
  using with_storage = mamba1<S, W, Other>;

 private:
  static constexpr std::size_t projected = static_sum(S.rank(), static_product(2, S.d_state));
  static constexpr std::size_t proj_bias(std::size_t out) noexcept {
    return !all_static(S) ? dynamic : S.bias ? out : 0;
  }
  static constexpr std::size_t conv_bias = !all_static(S) ? dynamic : S.conv_bias ? S.d_inner() : 0;
  using in_projection = linear<format_for<W, role::input>, static_product(2, S.d_inner()), S.d_model, Storage,
                               proj_bias(static_product(2, S.d_inner()))>;
  using convolution = causal_conv1d<scalar, S.d_inner(), S.d_conv, Storage, conv_bias>;
  using x_projection = linear<format_for<W, role::selection>, projected, S.d_inner(), Storage, 0>;
  using dt_projection = linear<format_for<W, role::selection>, S.d_inner(), S.rank(), Storage, S.d_inner()>;
  using decay = typename Storage::template decay<scalar, S.d_inner(), S.d_state>;
  using vector = typename Storage::template vector<scalar, S.d_inner()>;
  using out_projection = linear<format_for<W, role::output>, S.d_model, S.d_inner(), Storage, proj_bias(S.d_model)>;

 public:
  using input = typename in_projection::input;

  constexpr explicit mamba1(config const& sizes) : sizes_(sizes) { allocate(*this); }
  constexpr mamba1()
    requires(all_static(S))
      : mamba1(S) {}

  [[nodiscard]] constexpr config const& sizes() const noexcept { return sizes_; }
  [[nodiscard]] static constexpr std::size_t width(config const& s) noexcept { return s.d_model; }

  /// The parameters: f(name, shape, storage, role), in a checkpoint's names and shapes.
  template <class Self, class F>
  static constexpr void for_each(Self& self, F&& f) {
    mamba1_config const& s = self.sizes_;
    std::size_t const D = s.d_inner();
    std::size_t const N = s.d_state;
    std::size_t const R = s.rank();
    f("A_log", std::array{D, N}, self.a_log, role::vector);
    f("D", std::array{D}, self.d, role::vector);
    f("in_proj.weight", std::array{2 * D, s.d_model}, self.in_proj.weight(), role::input);
    if (s.bias) f("in_proj.bias", std::array{2 * D}, self.in_proj.bias(), role::vector);
    f("conv1d.weight", std::array<std::size_t, 3>{D, 1, s.d_conv}, self.conv1d.weight(), role::vector);
    if (s.conv_bias) f("conv1d.bias", std::array{D}, self.conv1d.bias(), role::vector);
    f("x_proj.weight", std::array{R + 2 * N, D}, self.x_proj.weight(), role::selection);
    f("dt_proj.weight", std::array{D, R}, self.dt_proj.weight(), role::selection);
    f("dt_proj.bias", std::array{D}, self.dt_proj.bias(), role::vector);
    f("out_proj.weight", std::array{s.d_model, D}, self.out_proj.weight(), role::output);
    if (s.bias) f("out_proj.bias", std::array{s.d_model}, self.out_proj.bias(), role::vector);
  }

  /// Bytes of workspace for so many rows.
  [[nodiscard]] static constexpr std::size_t workspace(config const& s, std::size_t rows) noexcept {
    return workspace_of<buffers>(s, rows);
  }

  /// out ← f(u), or out ← out + f(u), for the rows of all segments; `at` has workspace(sizes(), rows) bytes left.
  template <kernels::output Mode>
  void apply(input const& u, std::span<segment<state> const> segments, arena at, matrix_view<scalar> out) const
      noexcept(!core::contracts_checked)
    requires Storage::computes
  {
    std::size_t const L = u.values.extent(0);
    if (L == 0) return;
    MAMBA_EXPECTS(std::all_of(segments.begin(), segments.end(),
                              [&](segment<state> const& s) { return s.state->made_for(sizes_); }),
                  "mamba1: the state was made for a mixer of other sizes");
    buffers const b(at, sizes_, L);
    project_and_convolve(u, segments, b);
    select(segments, b);
    scan(segments, b);
    parallel::parallel_for(out_proj.weight().panels(), out_proj.cost(L), [&](std::size_t first, std::size_t last) {
      out_proj.template multiply<Mode>(b.scanned, out, {first, last});
    });
  }

  /// Numbers that a token adds to the state: x before the convolution, Δ before softplus, B (nn/replay.hpp).
  [[nodiscard]] constexpr std::size_t replay_width() const noexcept { return 2 * sizes_.d_inner() + sizes_.d_state; }

  /// The state after such rows: the convolution and the scan anew, y unused.
  void replay(matrix_view<scalar const> rows, state& s, arena at) const noexcept(!core::contracts_checked)
    requires Storage::computes
  {
    std::size_t const L = rows.extent(0), D = sizes_.d_inner(), N = sizes_.d_state;
    MAMBA_EXPECTS(s.made_for(sizes_), "mamba1: the state was made for a mixer of other sizes");
    matrix const x = at.matrix<scalar>(std::min(L, replay_chunk), D);
    auto const cost = kernels::convolution_cost(L * D * sizes_.d_conv) + kernels::scan_cost(L * D * N);
    parallel::parallel_for(groups(), cost, [&](std::size_t first, std::size_t last) {
      auto const mine = channels_of(first, last);
      for (std::size_t t = 0; t < L; t += replay_chunk) {
        auto const part = rows.rows(t, std::min(replay_chunk, L - t));
        matrix const x_t = x.rows(0, part.extent(0));
        auto const b = part.columns(2 * D, N);
        conv1d(part.columns(0, D), s.conv, x_t, mine.first, mine.count);
        kernels::selective_scan<kernels::delta_softplus::on>(
            {.delta = part.columns(D, D), .b = b, .c = b, .x = x_t}, a_log.a(), s.ssm, x_t,
            mine.template in<kernels::block_range>(simd::lanes<scalar>));
      }
    });
  }

  /// The cost of L tokens on one thread.
  [[nodiscard]] parallel::cost cost(std::size_t L) const noexcept {
    std::size_t const channels = L * sizes_.d_inner();
    return in_proj.cost(L) + kernels::convolution_cost(channels * sizes_.d_conv) + x_proj.cost(L) + dt_proj.cost(L) +
           kernels::scan_cost(channels * sizes_.d_state) + out_proj.cost(L);
  }

 private:
  config sizes_{};

 public:
  in_projection in_proj{unallocated{}};
  convolution conv1d{unallocated{}};
  x_projection x_proj{unallocated{}};
  dt_projection dt_proj{unallocated{}};
  decay a_log;
  vector d;
  out_projection out_proj{unallocated{}};

 private:
  using matrix = matrix_view<scalar>;

  /// The intermediate values of some rows.
  struct buffers {
    matrix xz, x, dt_b_c, delta, y;
    typename x_projection::input convolved;  ///< x
    typename dt_projection::input dt;
    typename out_projection::input scanned;  ///< y, in the place of x before the convolution

    constexpr buffers(arena& at, config const& s, std::size_t rows) noexcept(!core::contracts_checked)
        : xz(at.matrix<scalar>(rows, 2 * s.d_inner())),
          x(at.matrix<scalar>(rows, s.d_inner())),
          dt_b_c(at.matrix<scalar>(rows, s.rank() + 2 * s.d_state)),
          delta(at.matrix<scalar>(rows, s.d_inner())),
          y(xz.columns(0, s.d_inner())),
          convolved(at, x),
          dt(at, dt_b_c.columns(0, s.rank())),
          scanned(at, y) {}
  };

  /// Channels that are not divided: whole panels of in_proj and dt_proj, whole blocks of the scan and of quantisation.
  static constexpr std::size_t group = std::max(
      {in_projection::panel, dt_projection::panel, std::size_t{kernels::channel_unroll * simd::lanes<scalar>},
       x_projection::input_format == activation_format::int8 || out_projection::input_format == activation_format::int8
           ? activation_block_size
           : 1});

  [[nodiscard]] std::size_t groups() const noexcept { return (sizes_.d_inner() + group - 1) / group; }

  /// The channels of some groups.
  struct channel_range {
    std::size_t first, count;
    template <class Piece>  ///< as pieces of `size` channels, the last of which may be shorter
    [[nodiscard]] Piece in(std::size_t size) const noexcept {
      return {first / size, (first + count + size - 1) / size};
    }
  };
  [[nodiscard]] channel_range channels_of(std::size_t first, std::size_t last) const noexcept {
    return {first * group, std::min(last * group, sizes_.d_inner()) - first * group};
  }

  /// [x, z] = in_proj u, x = silu(causal_conv1d(x))
  void project_and_convolve(input const& u, std::span<segment<state> const> segments, buffers const& b) const
      noexcept(!core::contracts_checked) {
    std::size_t const L = u.values.extent(0);
    // A panel that has both the last channels of x and the first of z belongs to x.
    std::size_t const x_panels = in_proj.weight().panels_of(sizes_.d_inner());
    std::size_t const z_panels = in_proj.weight().panels() - x_panels;
    auto const cost = in_proj.cost(L) + kernels::convolution_cost(b.x.size() * sizes_.d_conv);
    parallel::parallel_for(groups(), cost, [&](std::size_t first, std::size_t last) {
      auto const mine = channels_of(first, last);
      in_proj.multiply(u, b.xz, mine.template in<kernels::panel_range>(in_projection::panel));
      in_proj.multiply(u, b.xz, {x_panels + z_panels * first / groups(), x_panels + z_panels * last / groups()});
      for (segment<state> const& s : segments) {
        s.log.write(mine.first, b.y.rows(s.first, s.count).columns(mine.first, mine.count));
        conv1d(b.y.rows(s.first, s.count), s.state->conv, b.x.rows(s.first, s.count), mine.first, mine.count);
      }
      b.convolved.quantize_columns(mine.first, mine.count);
    });
  }

  /// [dt, B, C] = x_proj x
  void select(std::span<segment<state> const> segments, buffers const& b) const noexcept(!core::contracts_checked) {
    std::size_t const L = b.x.extent(0);
    parallel::parallel_for(x_proj.weight().panels(), x_proj.cost(L), [&](std::size_t first, std::size_t last) {
      x_proj.multiply(b.convolved, b.dt_b_c, {first, last});
    });
    b.dt.quantize(0, L);  // serial: cheaper than a barrier
    for (segment<state> const& s : segments) {
      s.log.write(2 * sizes_.d_inner(), b.dt_b_c.rows(s.first, s.count).columns(sizes_.rank(), sizes_.d_state));
    }
  }

  /// delta = dt_proj dt + bias, y = (selective_scan(softplus(delta), A, B, C, x) + D x) · silu(z)
  void scan(std::span<segment<state> const> segments, buffers const& b) const noexcept(!core::contracts_checked) {
    std::size_t const N = sizes_.d_state;
    std::size_t const R = sizes_.rank();
    std::size_t const D = sizes_.d_inner();
    auto const cost = dt_proj.cost(b.x.extent(0)) + kernels::scan_cost(b.x.size() * N);
    parallel::parallel_for(groups(), cost, [&](std::size_t first, std::size_t last) {
      auto const mine = channels_of(first, last);
      dt_proj.multiply(b.dt, b.delta, mine.template in<kernels::panel_range>(dt_projection::panel));
      for (segment<state> const& s : segments) {
        s.log.write(D + mine.first, b.delta.rows(s.first, s.count).columns(mine.first, mine.count));
        matrix const xz = b.xz.rows(s.first, s.count);
        matrix const dt_b_c = b.dt_b_c.rows(s.first, s.count);
        kernels::selective_scan<kernels::delta_softplus::on>(
            {.delta = b.delta.rows(s.first, s.count),
             .b = dt_b_c.columns(R, N),
             .c = dt_b_c.columns(R + N, N),
             .x = b.x.rows(s.first, s.count),
             .z = xz.columns(D, D),
             .d = d.span()},
            a_log.a(), s.state->ssm, xz.columns(0, D), mine.template in<kernels::block_range>(simd::lanes<scalar>));
      }
      b.scanned.quantize_columns(mine.first, mine.count);
    });
  }
};

}  // namespace mamba::inline MAMBA_ABI::nn
