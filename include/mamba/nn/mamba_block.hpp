// SPDX-License-Identifier: MIT
// mamba/nn/mamba_block.hpp — one Mamba-1 layer: norm, projection, convolution, scan, gate, residual.  [floor 5]
//
//     u              = rms_norm(r)                                       [L, d_model]
//     [x, z]         = in_proj u                                         [L, 2·d_inner]
//     x              = silu(causal_conv1d(x))                            [L, d_inner]
//     [dt, B, C]     = x_proj x                                          [L, dt_rank + 2·d_state]
//     Δ              = softplus(dt_proj dt + dt_proj.bias)               [L, d_inner]
//     y              = (selective_scan(Δ, A, B, C, x) + D x) · silu(z)   [L, d_inner]
//     r              ← r + out_proj y                                    [L, d_model]
//
// The threads meet five times: after the norm, the convolution, x_proj, the scan and out_proj. Between these a range of
// channels is one thread's: it computes x (and as large a share of z) and convolves it, and later computes Δ and scans.
#pragma once

#include <mamba/kernels/scan/selective_scan.hpp>
#include <mamba/nn/causal_conv1d.hpp>
#include <mamba/nn/format_policy.hpp>
#include <mamba/nn/linear.hpp>
#include <mamba/nn/rms_norm.hpp>

namespace mamba::inline MAMBA_ABI::nn {

/// The sizes of a block; any of them may be dynamic where they are a template argument.
struct block_sizes {
  std::size_t d_model, d_inner, d_state, d_conv, dt_rank;
  nn::bias proj_bias = nn::bias::none;     ///< of in_proj and out_proj (use_bias)
  nn::bias conv_bias = nn::bias::present;  ///< of conv1d (use_conv_bias)
  double norm_epsilon = 1e-5;

  friend constexpr bool operator==(block_sizes const&, block_sizes const&) noexcept = default;
};

/// What a block carries from token to token: a value.
template <block_sizes S, class T>
struct block_state {
  static constexpr std::size_t kept = S.d_conv == dynamic ? dynamic : S.d_conv - 1;
  tensor<T, kept, S.d_inner> conv;                        ///< [d_conv−1, d_inner], the last inputs, oldest first
  kernels::channel_blocked<T, S.d_inner, S.d_state> ssm;  ///< [d_inner, d_state], h

  block_state() = default;
  explicit block_state(block_sizes const& sizes)
      : conv(sizes.d_conv - 1, sizes.d_inner), ssm(sizes.d_inner, sizes.d_state) {}

  void reset() noexcept {
    conv.fill(T{0});
    ssm.fill(T{0});
  }
  friend bool operator==(block_state const&, block_state const&) noexcept = default;
};

/// Room for the intermediate values of up to `rows` tokens; grown before use, never during it.
template <class T>
struct block_workspace {
  tensor<T, dynamic, dynamic> normed, xz, x, dt_b_c, delta;
  kernels::quantized_rows narrow, wide;  ///< u and dt, x and y, as products with weights in block formats take them

  [[nodiscard]] std::size_t rows() const noexcept { return normed.extent(0); }
  void reserve(block_sizes const& s, std::size_t rows) {
    if (rows <= this->rows()) return;
    xz = tensor<T, dynamic, dynamic>(rows, 2 * s.d_inner);
    x = tensor<T, dynamic, dynamic>(rows, s.d_inner);
    dt_b_c = tensor<T, dynamic, dynamic>(rows, s.dt_rank + 2 * s.d_state);
    delta = tensor<T, dynamic, dynamic>(rows, s.d_inner);
    narrow = kernels::quantized_rows(rows, std::max(s.d_model, s.dt_rank));
    wide = kernels::quantized_rows(rows, s.d_inner);
    normed = tensor<T, dynamic, dynamic>(rows, s.d_model);  // last: rows() counts what there is room for in all of them
  }
};

/// A residual Mamba block in storage format, or by the recipe, W: (r', state') = f(r, state).
///
/// Paper:   Mamba, section 3.4 and figure 3; names as in its checkpoints.
/// Shapes:  see the head of this file; r is [L, d_model], any L, from any state.
/// Why:     softplus is torch's (x > 20 → x), because the weights were trained with it.
/// Error:   every split of L into calls, every thread count: the same bits in r and state.
template <block_sizes S, class W>
class mamba_block {
 public:
  using scalar = kernels::arithmetic<W>;
  using formats = recipe<W>;
  using state_type = block_state<S, scalar>;
  using workspace = block_workspace<scalar>;
  static constexpr std::size_t projected = static_sum(S.dt_rank, static_product(2, S.d_state));

  explicit mamba_block(block_sizes const& s)
      : sizes_(s),
        norm(s.d_model, s.norm_epsilon),
        in_proj(2 * s.d_inner, s.d_model, s.proj_bias),
        conv1d(s.d_inner, s.d_conv, s.conv_bias),
        x_proj(s.dt_rank + 2 * s.d_state, s.d_inner, nn::bias::none),
        dt_proj(s.d_inner, s.dt_rank, nn::bias::present),
        a_log(s.d_inner, s.d_state),
        d(s.d_inner),
        out_proj(s.d_model, s.d_inner, s.proj_bias) {}

  [[nodiscard]] block_sizes const& sizes() const noexcept { return sizes_; }

  /// r ← r + mixer(norm(r)) for L tokens; `room` must have been reserved for them.
  void operator()(matrix_view<scalar> r, state_type& state, workspace& room) const noexcept(!core::contracts_checked) {
    MAMBA_EXPECTS(r.extent(0) <= room.rows(), "mamba_block: the workspace is too small", r.extent(0), room.rows());
    if (r.extent(0) == 0) return;
    normalize(r, room);
    project_and_convolve(r.extent(0), state, room);
    select(r.extent(0), room);
    scan(r.extent(0), state, room);
    add_output(r, room);
  }

  /// What L tokens cost one thread.
  [[nodiscard]] parallel::cost cost(std::size_t L) const noexcept {
    std::size_t const channels = L * sizes_.d_inner;
    return {norm.cost(L).nanoseconds + in_proj.cost(L).nanoseconds +
            kernels::convolution_cost(channels * sizes_.d_conv).nanoseconds + x_proj.cost(L).nanoseconds +
            dt_proj.cost(L).nanoseconds + kernels::scan_cost(channels * sizes_.d_state).nanoseconds +
            out_proj.cost(L).nanoseconds};
  }

 private:
  block_sizes sizes_{};

 public:
  rms_norm<scalar, S.d_model> norm;
  linear<typename formats::in_proj, static_product(2, S.d_inner), S.d_model> in_proj;
  causal_conv1d<scalar, S.d_inner, S.d_conv> conv1d;
  linear<typename formats::x_proj, projected, S.d_inner> x_proj;
  linear<typename formats::dt_proj, S.d_inner, S.dt_rank> dt_proj;
  decay_parameter<scalar, S.d_inner, S.d_state> a_log;
  vector_parameter<scalar, S.d_inner> d;
  linear<typename formats::out_proj, S.d_model, S.d_inner> out_proj;

 private:
  using matrix = matrix_view<scalar>;

  /// Channels that stay together: whole panels of in_proj and dt_proj, whole blocks of the scan and of rounding.
  static constexpr std::size_t group =
      std::max({decltype(in_proj)::panel, decltype(dt_proj)::panel, kernels::blocks_together* simd::lanes<scalar>,
                decltype(x_proj)::takes_bytes || decltype(out_proj)::takes_bytes ? block_size : 1});

  [[nodiscard]] std::size_t groups() const noexcept { return (sizes_.d_inner + group - 1) / group; }

  /// The channels of some groups.
  struct channel_range {
    std::size_t first, count;
    template <class Piece>  ///< as pieces of `size` channels, the last of which may be shorter
    [[nodiscard]] Piece in(std::size_t size) const noexcept {
      return {first / size, (first + count + size - 1) / size};
    }
  };
  [[nodiscard]] channel_range channels_of(std::size_t first, std::size_t last) const noexcept {
    return {first * group, std::min(last * group, sizes_.d_inner) - first * group};
  }

  /// u = rms_norm(r)
  void normalize(matrix r, workspace& room) const noexcept(!core::contracts_checked) {
    if constexpr (decltype(in_proj)::takes_bytes) room.narrow.reshape(r.extent(0), sizes_.d_model);
    parallel::parallel_for(r.extent(0), norm.cost(r.extent(0)), [&](std::size_t first, std::size_t last) {
      matrix const u = room.normed.view().rows(first, last - first);
      norm(r.rows(first, last - first), u);
      if constexpr (decltype(in_proj)::takes_bytes) room.narrow.round(first, 0, u);
    });
  }

  /// [x, z] = in_proj u, x = silu(causal_conv1d(x))
  void project_and_convolve(std::size_t L, state_type& state, workspace& room) const
      noexcept(!core::contracts_checked) {
    matrix const u = room.normed.view().rows(0, L);
    matrix const xz = room.xz.view().rows(0, L);
    matrix const x = room.x.view().rows(0, L);
    if constexpr (decltype(x_proj)::takes_bytes) room.wide.reshape(L, sizes_.d_inner);
    // A panel that has both the last channels of x and the first of z belongs to x.
    std::size_t const x_panels = in_proj.weight().panels_of(sizes_.d_inner);
    std::size_t const z_panels = in_proj.weight().panels() - x_panels;
    parallel::cost const cost{in_proj.cost(L).nanoseconds +
                              kernels::convolution_cost(x.size() * sizes_.d_conv).nanoseconds};
    parallel::parallel_for(groups(), cost, [&](std::size_t first, std::size_t last) {
      auto const mine = channels_of(first, last);
      in_proj.multiply(u, room.narrow, xz, mine.template in<kernels::panel_range>(decltype(in_proj)::panel));
      in_proj.multiply(u, room.narrow, xz,
                       {x_panels + z_panels * first / groups(), x_panels + z_panels * last / groups()});
      conv1d(xz.columns(0, sizes_.d_inner), state.conv, x, mine.first, mine.count);
      if constexpr (decltype(x_proj)::takes_bytes) room.wide.round(0, mine.first, x.columns(mine.first, mine.count));
    });
  }

  /// [dt, B, C] = x_proj x
  void select(std::size_t L, workspace& room) const noexcept(!core::contracts_checked) {
    matrix const x = room.x.view().rows(0, L);
    matrix const dt_b_c = room.dt_b_c.view().rows(0, L);
    parallel::parallel_for(x_proj.weight().panels(), x_proj.cost(L), [&](std::size_t first, std::size_t last) {
      x_proj.multiply(x, room.wide, dt_b_c, {first, last});
    });
    if constexpr (decltype(dt_proj)::takes_bytes) {  // a few microseconds: not worth a meeting
      room.narrow.reshape(L, sizes_.dt_rank);
      room.narrow.round(0, 0, dt_b_c.columns(0, sizes_.dt_rank));
    }
  }

  /// delta = dt_proj dt + bias, y = (selective_scan(softplus(delta), A, B, C, x) + D x) · silu(z)
  void scan(std::size_t L, state_type& state, workspace& room) const noexcept(!core::contracts_checked) {
    std::size_t const N = sizes_.d_state;
    matrix const dt_b_c = room.dt_b_c.view().rows(0, L);
    matrix const delta = room.delta.view().rows(0, L);
    matrix const z = room.xz.view().rows(0, L).columns(sizes_.d_inner, sizes_.d_inner);
    matrix const y = room.xz.view().rows(0, L).columns(0, sizes_.d_inner);  // the convolution has read it
    if constexpr (decltype(out_proj)::takes_bytes) room.wide.reshape(L, sizes_.d_inner);
    parallel::cost const cost{dt_proj.cost(L).nanoseconds + kernels::scan_cost(y.size() * N).nanoseconds};
    parallel::parallel_for(groups(), cost, [&](std::size_t first, std::size_t last) {
      auto const mine = channels_of(first, last);
      dt_proj.multiply(dt_b_c.columns(0, sizes_.dt_rank), room.narrow, delta,
                       mine.template in<kernels::panel_range>(decltype(dt_proj)::panel));
      kernels::selective_scan<kernels::steps::before_softplus>(
          delta, a_log.a(), dt_b_c.columns(sizes_.dt_rank, N), dt_b_c.columns(sizes_.dt_rank + N, N), d.span(),
          matrix(room.x.view().rows(0, L)), z, state.ssm, y,
          mine.template in<kernels::block_range>(simd::lanes<scalar>));
      if constexpr (decltype(out_proj)::takes_bytes) room.wide.round(0, mine.first, y.columns(mine.first, mine.count));
    });
  }

  /// r ← r + out_proj y
  void add_output(matrix r, workspace& room) const noexcept(!core::contracts_checked) {
    matrix const y = room.xz.view().rows(0, r.extent(0)).columns(0, sizes_.d_inner);
    parallel::parallel_for(out_proj.weight().panels(), out_proj.cost(r.extent(0)),
                           [&](std::size_t first, std::size_t last) {
                             out_proj.template multiply<kernels::output::add>(y, room.wide, r, {first, last});
                           });
  }
};

}  // namespace mamba::inline MAMBA_ABI::nn
