// SPDX-License-Identifier: MIT
// mamba/kernels/causal_conv1d.hpp — the short depthwise convolution with its SiLU, from a carried state.  [floor 4]
//
//     y_t = silu(b + Σ_{k<K} w_k · x_{t−K+1+k}),      x_{−1}, …, x_{−K+1} from the state
//
// Tap K−1 multiplies the current token. The state keeps the last K−1 inputs, before convolution and SiLU, oldest first.
#pragma once

#include <mamba/core/threads.hpp>
#include <mamba/math/sigmoid.hpp>
#include <mamba/simd/load_store.hpp>
#include <mamba/tensor/view.hpp>

#include <algorithm>

namespace mamba::inline MAMBA_ABI::kernels {

namespace detail {

/// Channels first … first+W−1 (or fewer, at the end) through all of time.
template <class T>
void convolve_channels(matrix_view<T const> x, matrix_view<T const> weight, std::span<T const> bias,
                       matrix_view<T> state, matrix_view<T> y, std::size_t first) noexcept {
  using V = simd::batch<T>;
  std::size_t const K = weight.extent(0);
  std::size_t const L = x.extent(0);
  std::size_t const count = std::min(simd::lanes<T>, x.extent(1) - first);
  auto const load = [&](T const* p) {
    return count == simd::lanes<T> ? simd::load<V>(p + first) : simd::load_first<V>(p + first, count);
  };
  auto const put = [&](T* p, V v) {
    count == simd::lanes<T> ? simd::store<V>(p + first, v) : simd::store_first<V>(p + first, v, count);
  };
  // The input of time s − (K−1): from the state while s < K−1, from x afterwards.
  auto const input = [&](std::size_t s) {
    return load(s + 1 < K ? state.data() + s * state.pitch() : x.data() + (s + 1 - K) * x.pitch());
  };
  V const start = bias.empty() ? V(T{0}) : load(bias.data());
  for (std::size_t t = 0; t < L; ++t) {
    V sum = start;
    for (std::size_t k = 0; k < K; ++k) sum = simd::fma(load(weight.data() + k * weight.pitch()), input(t + k), sum);
    put(y.data() + t * y.pitch(), math::silu(sum));
  }
  for (std::size_t s = 0; s + 1 < K; ++s) put(state.data() + s * state.pitch(), input(L + s));
}

}  // namespace detail

/// Causal depthwise convolution and SiLU of L tokens, continuing from `state`, which then holds the last K−1 inputs.
///
/// Shapes:  x, y [L, D] (not overlapping); weight [K, D], tap-major; bias [D] or empty; state [K−1, D], oldest first.
/// Domain:  K ≥ 1, any L (L < K−1 shifts the state). NaN in, NaN out.
/// Error:   (K + 4) ε of |b| + Σ|w||x|; tests/kernels/causal_conv1d_test.cpp holds it.
/// Cost:    L·D·K multiply-adds and L·D sigmoids.
template <class T>
void causal_conv1d(matrix_view<T const> x, std::type_identity_t<matrix_view<T const>> weight,
                   std::type_identity_t<std::span<T const>> bias, std::type_identity_t<matrix_view<T>> state,
                   std::type_identity_t<matrix_view<T>> y) noexcept(!core::contracts_checked) {
  MAMBA_EXPECTS(weight.extent(1) == x.extent(1), "causal_conv1d: one filter per channel", weight.extent(1),
                x.extent(1));
  MAMBA_EXPECTS(state.extent(0) + 1 == weight.extent(0), "causal_conv1d: the state keeps K-1 inputs", state.extent(0),
                weight.extent(0) - 1);
  MAMBA_EXPECTS(state.extent(1) == x.extent(1), "causal_conv1d: the state has x's channels", state.extent(1),
                x.extent(1));
  MAMBA_EXPECTS(bias.empty() || bias.size() == x.extent(1), "causal_conv1d: one bias per channel", bias.size(),
                x.extent(1));
  MAMBA_EXPECTS(y.shape() == x.shape(), "causal_conv1d: y has x's shape");
  if (x.empty()) return;
  core::work const cost{0.3 * static_cast<double>(x.size() * weight.extent(0))};
  std::size_t const blocks = (x.extent(1) + simd::lanes<T> - 1) / simd::lanes<T>;
  core::for_each_range(blocks, cost, [&](std::size_t begin, std::size_t end) {
    for (std::size_t block = begin; block < end; ++block) {
      detail::convolve_channels<T>(x, weight, bias, state, y, block * simd::lanes<T>);
    }
  });
}

}  // namespace mamba::inline MAMBA_ABI::kernels
