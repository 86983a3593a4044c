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
#pragma once

#include <mamba/kernels/selective_scan.hpp>
#include <mamba/nn/causal_conv1d.hpp>
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
  kernels::quantized_rows quantized;  ///< the input of a product with weights in a block format

  [[nodiscard]] std::size_t rows() const noexcept { return normed.extent(0); }
  void reserve(block_sizes const& s, std::size_t rows) {
    if (rows <= this->rows()) return;
    normed = tensor<T, dynamic, dynamic>(rows, s.d_model);
    xz = tensor<T, dynamic, dynamic>(rows, 2 * s.d_inner);
    x = tensor<T, dynamic, dynamic>(rows, s.d_inner);
    dt_b_c = tensor<T, dynamic, dynamic>(rows, s.dt_rank + 2 * s.d_state);
    delta = tensor<T, dynamic, dynamic>(rows, s.d_inner);
    quantized = kernels::quantized_rows(rows, std::max({s.d_model, s.d_inner, s.dt_rank}));
  }
};

/// A residual Mamba block in storage format W: (r', state') = f(r, state).
///
/// Paper:   Mamba, section 3.4 and figure 3; names as in its checkpoints.
/// Shapes:  see the head of this file; r is [L, d_model], any L, from any state.
/// Why:     softplus is torch's (x > 20 → x), because the weights were trained with it.
/// Error:   every split of L into calls, every thread count: the same bits in r and state.
template <block_sizes S, class W>
class mamba_block {
 public:
  using scalar = kernels::arithmetic<W>;
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
    std::size_t const L = r.extent(0);
    if (L == 0) return;
    std::size_t const d_inner = sizes_.d_inner;
    std::size_t const N = sizes_.d_state;
    auto const first_rows = [L](auto& t) { return matrix_view<scalar>(t.view().rows(0, L)); };
    matrix_view<scalar> const u = first_rows(room.normed);
    matrix_view<scalar> const xz = first_rows(room.xz);
    matrix_view<scalar> const x = first_rows(room.x);
    matrix_view<scalar> const dt_b_c = first_rows(room.dt_b_c);
    matrix_view<scalar> const delta = first_rows(room.delta);
    matrix_view<scalar> const y = xz.columns(0, d_inner);  // the convolution has read it by the time the scan writes

    norm(r, u);
    in_proj(u, xz, room.quantized);
    conv1d(xz.columns(0, d_inner), state.conv, x);
    x_proj(x, dt_b_c, room.quantized);
    dt_proj(dt_b_c.columns(0, sizes_.dt_rank), delta, room.quantized);
    kernels::selective_scan<kernels::steps::before_softplus>(delta, a_log.a(), dt_b_c.columns(sizes_.dt_rank, N),
                                                             dt_b_c.columns(sizes_.dt_rank + N, N), d.span(), x,
                                                             xz.columns(d_inner, d_inner), state.ssm, y);
    out_proj.template operator()<kernels::output::add>(y, r, room.quantized);
  }

 private:
  block_sizes sizes_{};

 public:
  rms_norm<scalar, S.d_model> norm;
  linear<W, static_product(2, S.d_inner), S.d_model> in_proj;
  causal_conv1d<scalar, S.d_inner, S.d_conv> conv1d;
  linear<W, projected, S.d_inner> x_proj;
  linear<W, S.d_inner, S.dt_rank> dt_proj;
  decay_parameter<scalar, S.d_inner, S.d_state> a_log;
  vector_parameter<scalar, S.d_inner> d;
  linear<W, S.d_model, S.d_inner> out_proj;
};

}  // namespace mamba::inline MAMBA_ABI::nn
