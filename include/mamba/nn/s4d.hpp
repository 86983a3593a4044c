// SPDX-License-Identifier: MIT
// mamba/nn/s4d.hpp — the diagonal S4 layer: a complex diagonal system per channel, GELU, a gated output.  [floor 5]
//
//     h_t[d, n] = Ā[d, n] h_{t−1}[d, n] + u_t[d]                                    A = −exp(log_A_real) + i A_imag
//     s_t[d]    = 2 Re Σ_n (C·B̄)[d, n] h_t[d, n] + D[d] u_t[d]                      Ā, B̄: zero-order hold of A over Δ
//     y         = gelu(s)                                                            [L, d_model]
//     [a, g]    = output_linear y                                                    [L, 2·d_model]
//     out       = a · σ(g)                                                           [L, d_model]; without the gate: y
#pragma once

#include <mamba/kernels/convolution/fft_convolution.hpp>
#include <mamba/kernels/convolution/vandermonde_kernel.hpp>
#include <mamba/kernels/scan/diagonal_recurrence.hpp>
#include <mamba/math/gelu.hpp>
#include <mamba/nn/format_policy.hpp>
#include <mamba/nn/layer.hpp>
#include <mamba/nn/linear.hpp>
#include <mamba/nn/s4d_modes.hpp>
#include <mamba/nn/s4d_state.hpp>
#include <mamba/simd/transform.hpp>

#include <algorithm>
#include <array>

namespace mamba::inline MAMBA_ABI::nn {

/// A diagonal S4 layer in storage format, or by the policy, W: (out, state') = f(u, state).
///
/// Paper:   S4D, sections 3 and 4; names and shapes of s4's models/s4/s4d.py (S4D, with S4DKernel), without dropout.
/// Why:     the systems don't change in time, so that one layer has two forms: a recurrence for any split, and a
///          convolution of whole sequences, s4d_convolve(). Δ is stored as its logarithm (log-spaced initial steps).
/// Shapes:  u, out [L, d_model], any L, from any state.
/// Domain:  d_state even. NaN in, NaN out: in its own channel up to the gate, in all channels behind output_linear.
/// Error:   kernels::diagonal_recurrence's for s, with Ā and C·B̄ rounded to the arithmetic type; 8 ulp for gelu;
///          linear's; 3 ulp for the gate. tests/nn/s4d_test.cpp verifies the sum against nn::reference::s4d.
/// Determinism: the partition contract.
/// See:     nn/layer.hpp: how a mixer is made and called.
template <s4d_config S = any_s4d, class W = float, class Storage = packed>
class s4d {
 public:
  using scalar = arithmetic<W>;
  using config = s4d_config;
  using state = s4d_state<S, scalar>;
  using storage = Storage;
  static constexpr std::size_t static_width = S.d_model;
  template <class Other>
  using with_storage = s4d<S, W, Other>;
  using input = activations<scalar>;

 private:
  static constexpr bool static_gate = all_static(S) && S.output == s4d_output::glu;
  static constexpr std::size_t gate_in = static_gate ? S.d_model : dynamic;
  static constexpr std::size_t gate_out = static_gate ? 2 * S.d_model : dynamic;
  using out_projection = linear<format_for<W, role::output>, gate_out, gate_in, Storage, gate_out>;
  using modes = s4d_modes<scalar, S.d_model, S.pairs(), Storage>;
  using vector = typename Storage::template vector<scalar, S.d_model>;

 public:
  constexpr explicit s4d(config const& sizes)
      : sizes_(checked(sizes)), kernel(sizes.d_model, sizes.pairs()), d(sizes.d_model) {
    if (gated(sizes)) output_linear = out_projection(2 * sizes.d_model, sizes.d_model, bias::present);
  }
  constexpr s4d()
    requires(all_static(S))
      : s4d(S) {}

  [[nodiscard]] constexpr config const& sizes() const noexcept { return sizes_; }
  [[nodiscard]] static constexpr std::size_t width(config const& s) noexcept { return s.d_model; }

  /// The parameters: f(name, shape, storage, role), in a checkpoint's names and shapes.
  template <class Self, class F>
  static constexpr void for_each(Self& self, F&& f) {
    std::size_t const H = self.sizes_.d_model;
    std::size_t const P = self.sizes_.pairs();
    auto& k = self.kernel;
    f("D", std::array{H}, self.d, role::vector);
    f("kernel.C", std::array<std::size_t, 3>{H, P, 2}, k.template tensor<s4d_tensor::c>(), role::vector);
    f("kernel.log_dt", std::array{H}, k.template tensor<s4d_tensor::log_dt>(), role::vector);
    f("kernel.log_A_real", std::array{H, P}, k.template tensor<s4d_tensor::log_a_real>(), role::vector);
    f("kernel.A_imag", std::array{H, P}, k.template tensor<s4d_tensor::a_imag>(), role::vector);
    if (!gated(self.sizes_)) return;
    f("output_linear.0.weight", std::array<std::size_t, 3>{2 * H, H, 1}, self.output_linear.weight(), role::output);
    f("output_linear.0.bias", std::array{2 * H}, self.output_linear.bias(), role::vector);
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
                  "s4d: the state was made for a mixer of other sizes");
    buffers const b(at, sizes_, L);
    for (segment<state> const& s : segments) s.log.write(0, u.values.rows(s.first, s.count));
    auto const run = [&](std::size_t first, std::size_t last) {
      for (segment<state> const& s : segments.subspan(first, last - first)) {
        advance(u.values.rows(s.first, s.count), *s.state, b.y.rows(s.first, s.count));
      }
    };
    // Threads divide the sequences where they are short, and each one's channels where they are long.
    constexpr std::size_t short_rows = 16;
    if (segments.size() > 1 && L < short_rows * segments.size()) {
      parallel::parallel_for(segments.size(), recurrence_cost(L), run);
    } else {
      run(0, segments.size());
    }
    finish<Mode>(b, out);
  }

  /// Numbers that a row adds to the state: u (nn/replay.hpp).
  [[nodiscard]] constexpr std::size_t replay_width() const noexcept { return sizes_.d_model; }

  /// The state after such rows: the recurrence anew, its outputs unused.
  void replay(matrix_view<scalar const> rows, state& s, arena at) const noexcept(!core::contracts_checked)
    requires Storage::computes
  {
    MAMBA_EXPECTS(s.made_for(sizes_), "s4d: the state was made for a mixer of other sizes");
    std::size_t const L = rows.extent(0);
    matrix_view<scalar> const y = at.matrix<scalar>(std::min(L, replay_chunk), sizes_.d_model);
    for (std::size_t t = 0; t < L; t += replay_chunk) {
      std::size_t const count = std::min(replay_chunk, L - t);
      advance(rows.rows(t, count), s, y.rows(0, count));
    }
  }

  /// out ← f(u) from the zero state by FFT: see s4d_convolve().
  void convolve(matrix_view<scalar const> u, arena at, matrix_view<scalar> out) const
    requires Storage::computes
  {
    std::size_t const L = u.extent(0);
    if (L == 0) return;
    buffers const b(at, sizes_, L);
    tensor<scalar, dynamic, dynamic> K(L, sizes_.d_model);
    kernels::vandermonde_kernel({.b_bar = kernels::unit_b{}, .c = kernel.c_bar()}, kernel.a_bar(), K.view());
    kernels::fft_convolution<scalar> convolution(L);
    convolution({.kernel = matrix_view<scalar const>(K.view()), .x = u}, b.y);
    for_each_row(b.y, [&](std::size_t t) {
      auto const skip = [](auto y, auto D, auto x) { return simd::fma(D, x, y); };
      simd::transform(b.y.row(t), skip, b.y.row(t), d.span(), u.row(t));
    });
    finish<kernels::output::assign>(b, out);
  }

  /// The cost of L rows on one thread.
  [[nodiscard]] parallel::cost cost(std::size_t L) const noexcept {
    auto const sum = recurrence_cost(L) + gelu_cost(L * sizes_.d_model);
    return gated(sizes_) ? sum + output_linear.cost(L) + gelu_cost(L * sizes_.d_model) : sum;
  }

 private:
  config sizes_{};

 public:
  modes kernel;
  vector d;
  out_projection output_linear{unallocated{}};  ///< empty without the gate

 private:
  /// The intermediate values of some rows.
  struct buffers {
    matrix_view<scalar> y;                     ///< s, then gelu(s)
    typename out_projection::input activated;  ///< y
    matrix_view<scalar> a_g;                   ///< [a, g]

    constexpr buffers(arena& at, config const& s, std::size_t rows) noexcept(!core::contracts_checked)
        : y(at.matrix<scalar>(rows, s.d_model)),
          activated(at, y),
          a_g(at.matrix<scalar>(gated(s) ? rows : 0, 2 * s.d_model)) {}
  };

  /// y ← what the diagonal systems give for u, continuing from the state.
  void advance(matrix_view<scalar const> u, state& s, matrix_view<scalar> y) const noexcept(!core::contracts_checked) {
    kernels::diagonal_recurrence({.b_bar = kernels::unit_b{}, .c = kernel.c_bar(), .x = u, .d = d.span()},
                                 kernel.a_bar(), s.ssm, y);
  }

  [[nodiscard]] static constexpr bool gated(config const& s) noexcept { return s.output == s4d_output::glu; }

  static constexpr config const& checked(config const& s) noexcept(!core::contracts_checked) {
    MAMBA_EXPECTS(s.d_state % 2 == 0, "s4d: d_state must be even, for modes come in pairs", s.d_state, s.d_state + 1);
    MAMBA_EXPECTS(!all_static(S) || s == S, "s4d: the sizes are those of the template argument");
    return s;
  }

  /// A complex mode costs six multiply-adds and two additions.
  [[nodiscard]] parallel::cost recurrence_cost(std::size_t L) const noexcept {
    return parallel::cost::multiply_adds<scalar>(4 * L * sizes_.d_model * sizes_.d_state);
  }
  /// Of gelu or of the gate: an exponential, a division, a polynomial.
  [[nodiscard]] static parallel::cost gelu_cost(std::size_t numbers) noexcept {
    return parallel::cost::multiply_adds<scalar>(32 * numbers);
  }

  template <class F>
  static void for_each_row(matrix_view<scalar> of, F const& f) {
    parallel::parallel_for(of.extent(0), gelu_cost(of.size()), [&](std::size_t first, std::size_t last) {
      for (std::size_t t = first; t < last; ++t) f(t);
    });
  }

  /// out ← v(in…), or out ← out + v(in…), number by number.
  template <kernels::output Mode, class F, class... In>
  static void put(std::span<scalar> out, F const& v, In const&... in) noexcept(!core::contracts_checked) {
    if constexpr (Mode == kernels::output::add) {
      simd::transform(
          out, [&](auto sum, auto... x) { return sum + v(x...); }, out, in...);
    } else {
      simd::transform(out, v, in...);
    }
  }

  /// out ← what follows s = b.y: gelu, and the gate.
  template <kernels::output Mode>
  void finish(buffers const& b, matrix_view<scalar> out) const noexcept(!core::contracts_checked) {
    auto const gelu = [](auto v) { return math::gelu(v); };
    if (!gated(sizes_)) {
      for_each_row(b.y, [&](std::size_t t) { put<Mode>(out.row(t), gelu, b.y.row(t)); });
      return;
    }
    for_each_row(b.y, [&](std::size_t t) {
      simd::transform(b.y.row(t), gelu, b.y.row(t));
      b.activated.quantize(t, 1);
    });
    std::size_t const L = b.y.extent(0);
    parallel::parallel_for(output_linear.weight().panels(), output_linear.cost(L),
                           [&](std::size_t first, std::size_t last) {
                             output_linear.multiply(b.activated, b.a_g, {first, last});
                           });
    std::size_t const H = sizes_.d_model;
    for_each_row(b.y, [&](std::size_t t) {
      auto const gate = [](auto a, auto g) { return math::glu(a, g); };
      put<Mode>(out.row(t), gate, b.a_g.row(t).first(H), b.a_g.row(t).last(H));
    });
  }
};

/// A whole sequence from the zero state as a convolution: y = f(x, 0), and no state is left behind.
///
///     nn::s4d_convolve(mixer, x, workspace, y);
///
/// Paper:   S4D, section 3.3: K_k = 2 Re Σ_n (C·B̄)_n Ā_n^k, s = K ∗ u + D u.
/// Why:     no step waits for the step before it.
/// Shapes:  x, y [L, d_model], L ≤ the rows of the workspace.
/// Domain:  NaN in a channel of x makes all of that channel NaN: rounding isn't causal.
/// Error:   of s in one channel, beside what Ā and C·B̄ were rounded: ε log₂n (10 ‖K‖₂‖u‖₂ + 2.5 ‖K∗u‖₂), n the power
///          of two from L up (kernels/convolution/fft_convolution.hpp), and (κ ∗ |u|)_t with
///          κ_k = ((N/2 + 50)/2 ε + 2.2 k 2⁻⁵³) 2 Σ|(C·B̄)_n Ā_n^k| (kernels/convolution/vandermonde_kernel.hpp).
/// Determinism: the same bits for every number of threads; others than the recurrence's, and others for another L.
/// Cost:    L·d_model·N/2 complex products for K, then 5 n log₂n multiply-adds a channel.
/// Throws:  std::bad_alloc: [L, d_model] numbers for K, and the convolution's buffers.
template <s4d_config S, class W, class Storage, class Workspace>
void s4d_convolve(s4d<S, W, Storage> const& m, std::type_identity_t<matrix_view<arithmetic<W> const>> x,
                  Workspace& workspace, std::type_identity_t<matrix_view<arithmetic<W>>> y) {
  MAMBA_EXPECTS(x.extent(1) == m.sizes().d_model, "s4d_convolve: x has the mixer's width", x.extent(1),
                m.sizes().d_model);
  MAMBA_EXPECTS(y.shape() == x.shape(), "s4d_convolve: y has the shape of x");
  m.convolve(x, workspace.memory(), y);
}

}  // namespace mamba::inline MAMBA_ABI::nn
