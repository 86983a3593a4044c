// SPDX-License-Identifier: MIT
// mamba/kernels/convolution/right_angle_convolution.hpp — a long causal convolution modulo zⁿ + i.  [floor 4]
//
//     y_k = Σ_{j≤k} K_j x_{k−j}   is the coefficient of z^k in K(z)·x(z)
//
// Modulo zⁿ + i, with n at least the length, coefficients from zⁿ on wrap around, multiplied by −i. So for real K and x
// the real part of the product is y: nothing is padded to twice the length, and no spectrum is split into even and odd.
//
// W neighbouring coefficients lie in one vector, and the passes of math/fft.hpp run over the distance between vectors,
// without shuffles, down to nodes of one vector each. There a square of W nodes × W coefficients is transposed, so that
// lanes become nodes; two levels more, and polynomials modulo z⁴ − ρ are left, whose products are formed directly. Then
// the inverse passes.
#pragma once

#include <mamba/kernels/convolution/detail/leaf_product.hpp>
#include <mamba/math/fft.hpp>

#include <algorithm>
#include <span>

namespace mamba::inline MAMBA_ABI::kernels {

/// Causal convolutions of real sequences of at most `size()` numbers: a plan, made once and shared by threads.
///
/// Paper:   Crandall & Fagin 1994 for the right-angle convolution; Bernstein 2001, Multidigit multiplication for
///          mathematicians, for transforms as trees of moduli that end at any level.
/// Why:     a complex transform of half the length that the padded real one has; the products of residues are formed
///          block by block, while both lie in a cache.
/// Shapes:  residues and workspace [vectors()], of complex vectors. Sequences of any length up to size(), also
///          different ones for K and x; missing numbers are zeros.
/// Domain:  NaN or infinity anywhere in K or x: NaN in every y.
/// Error:   |δy_k| ≤ ε max(1, log₂n) (10 ‖K‖₂ ‖x‖₂ + 2.5 ‖K∗x‖₂), K∗x in full length (L_K + L − 1): small beside
///          the largest y, not beside each y. Derived and verified in
///          tests/kernels/convolution/right_angle_convolution_test.cpp.
/// Cost:    3 n log₂n multiply-adds for each of K and x, 4 n log₂n for y, 19 n for the product, W lanes at a time.
/// Throws:  std::bad_alloc, by the constructor.
template <class T>
class right_angle_convolution {
 public:
  using V = simd::batch<T>;
  using coefficient = math::complex<V>;

  /// For sequences of at most `longest` numbers.
  explicit right_angle_convolution(std::size_t longest)
      : twiddles_(std::max(W * W, std::bit_ceil(longest)), math::modulus::right_angle, W),
        square_twiddles_(squares() * parts) {
    for (std::size_t s = 0; s < squares(); ++s) make_twiddles(s, square_twiddles_.data() + s * parts);
  }

  /// n: a power of two, at least the square of the number of lanes.
  [[nodiscard]] std::size_t size() const noexcept { return twiddles_.size(); }
  [[nodiscard]] std::size_t vectors() const noexcept { return size() / W; }

  /// The residues of K, for repeated convolutions.
  void transform(std::span<T const> kernel, coefficient* residues) const noexcept {
    forward_from(kernel, residues);
    each_block([&](std::size_t h, std::size_t first, std::size_t count) {
      math::forward_passes(twiddles_, h, residues + first, count, log2(count));
    });
    for (std::size_t s = 0; s < squares(); ++s) forward_square(s, residues + s * W);
  }

  /// y = K∗x with the residues of K; y may be x.
  void convolve(coefficient const* kernel, std::span<T const> x, std::span<T> y,
                coefficient* workspace) const noexcept {
    forward_from(x, workspace);
    each_block([&](std::size_t h, std::size_t first, std::size_t count) {
      convolve_node(h, workspace + first, kernel + first, count);
    });
    inverse_into(workspace, y);
  }

  /// y = K∗x; y may be K or x.
  void convolve(std::span<T const> kernel, std::span<T const> x, std::span<T> y, coefficient* workspace,
                coefficient* kernel_workspace) const noexcept {
    forward_from(x, workspace);
    forward_from(kernel, kernel_workspace);
    each_block([&](std::size_t h, std::size_t first, std::size_t count) {
      convolve_node(h, workspace + first, kernel_workspace + first, count);
    });
    inverse_into(workspace, y);
  }

 private:
  static constexpr std::size_t W = simd::lanes<T>;
  static constexpr std::size_t leaf = std::min<std::size_t>(W, 4);
  static constexpr std::size_t parts = W / leaf;  ///< leaves of one node of W coefficients
  using lane_butterfly = math::radix_butterfly<parts, V>;

  [[nodiscard]] static constexpr std::size_t log2(std::size_t n) noexcept {
    return static_cast<std::size_t>(std::bit_width(n)) - 1;
  }
  [[nodiscard]] std::size_t squares() const noexcept { return vectors() / W; }

  /// Levels above the squares; the first pass reads the sequence, the last inverse pass writes it.
  [[nodiscard]] std::size_t upper_levels() const noexcept { return log2(squares()); }

  template <class F>
  void each_block(F&& f) const noexcept {
    std::size_t const R = std::size_t{1} << math::log2_radix(upper_levels());
    for (std::size_t r = 0; r < R; ++r) f(R + r, r * (vectors() / R), vectors() / R);
  }

  /// The twiddle factors below W nodes side by side, a node in each lane; in the place of node 0 their ρ, if they are
  /// leaves.
  void make_twiddles(std::size_t square, coefficient* out) const noexcept {
    auto const factor = [&](std::size_t h) { return math::twiddle_factor<T>(size(), math::modulus::right_angle, h); };
    for (std::size_t node = 0; node < parts; ++node) {
      T re[W];
      T im[W];
      for (std::size_t lane = 0; lane < W; ++lane) {
        std::size_t const h = vectors() + square * W + lane;
        std::size_t const row = node == 0 ? 0 : std::bit_floor(node);
        math::complex<T> const w = factor(node == 0 ? h / 2 : h * row + (node - row));
        bool const minus = node == 0 && h % 2 != 0;
        re[lane] = minus ? -w.re : w.re;
        im[lane] = minus ? -w.im : w.im;
      }
      out[node] = {simd::load<V>(re), simd::load<V>(im)};
    }
  }

  /// The first pass, from the sequence itself.
  void forward_from(std::span<T const> x, coefficient* out) const noexcept {
    math::with_log2_radix(upper_levels(), [&](auto levels) {
      constexpr std::size_t R = std::size_t{1} << decltype(levels)::value;
      std::size_t const stride = vectors() / R;
      math::radix_butterfly<R, V> const top(twiddles_, 1);
      for (std::size_t j = 0; j < stride; ++j) {
        auto const unroll_m = [&]<std::size_t... M>(std::index_sequence<M...>) __attribute__((always_inline)) {
          V const real[R] = {detail::load_vector<V>(x, j + M * stride)...};
          coefficient v[R];
          top.forward(real, v);
          ((out[j + M * stride] = v[M]), ...);
        };
        unroll_m(std::make_index_sequence<R>{});
      }
    });
  }

  /// The last inverse pass, into the sequence itself.
  void inverse_into(coefficient const* x, std::span<T> y) const noexcept {
    V const scale(T(1) / static_cast<T>(size() / leaf));  // a power of two: exact
    math::with_log2_radix(upper_levels(), [&](auto levels) {
      constexpr std::size_t R = std::size_t{1} << decltype(levels)::value;
      std::size_t const stride = vectors() / R;
      math::radix_butterfly<R, V> const top(twiddles_, 1);
      for (std::size_t j = 0; j < stride; ++j) {
        auto const unroll_m = [&]<std::size_t... M>(std::index_sequence<M...>) __attribute__((always_inline)) {
          coefficient v[R] = {x[j + M * stride]...};
          top.inverse(v);
          (detail::store_vector<V>(y, j + M * stride, v[M].re * scale), ...);
        };
        unroll_m(std::make_index_sequence<R>{});
      }
    });
  }

  /// Node h, of `count` vectors: x ← x k there. K is const where k is transformed already.
  template <class K>
  void convolve_node(std::size_t h, coefficient* x, K* k, std::size_t count) const noexcept {
    if (count == W) {
      math::forward_passes(twiddles_, h, x, W, log2(W));
      if constexpr (!std::is_const_v<K>) math::forward_passes(twiddles_, h, k, W, log2(W));
      convolve_square(h - squares(), x, k);
      math::inverse_passes(twiddles_, h, x, W, log2(W));
      return;
    }
    math::with_log2_radix(log2(count / W), [&](auto levels) {
      constexpr std::size_t R = std::size_t{1} << decltype(levels)::value;
      std::size_t const stride = count / R;
      math::radix_butterfly<R, V> const node(twiddles_, h);
      math::radix_pass(node, x, stride);
      if constexpr (!std::is_const_v<K>) math::radix_pass(node, k, stride);
      for (std::size_t r = 0; r < R; ++r) convolve_node(R * h + r, x + r * stride, k + r * stride, stride);
      math::inverse_radix_pass(node, x, stride);
    });
  }

  void forward_square(std::size_t square, coefficient* x) const noexcept {
    detail::transpose(x);
    math::radix_pass(lane_butterfly(square_twiddles_.data() + square * parts), x, leaf);
  }

  template <class K>
  void convolve_square(std::size_t square, coefficient* x, K* k) const noexcept {
    coefficient const* const twiddles = square_twiddles_.data() + square * parts;
    forward_square(square, x);
    if constexpr (!std::is_const_v<K>) forward_square(square, k);
    if constexpr (parts == 1) {
      detail::leaf_product<leaf>(x, k, twiddles[0]);
    } else {
      for (std::size_t p = 0; p < W; p += 2 * leaf) {
        coefficient const& rho = twiddles[parts / 2 + p / (2 * leaf)];
        detail::leaf_product<leaf>(x + p, k + p, rho);
        detail::leaf_product<leaf>(x + p + leaf, k + p + leaf, coefficient{-rho.re, -rho.im});
      }
    }
    math::inverse_radix_pass(lane_butterfly(twiddles), x, leaf);
    detail::transpose(x);
  }

  math::twiddle_table<T> twiddles_;
  heap_storage<coefficient> square_twiddles_;
};

}  // namespace mamba::inline MAMBA_ABI::kernels
