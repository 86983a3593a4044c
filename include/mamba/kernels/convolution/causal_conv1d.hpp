// SPDX-License-Identifier: MIT
// mamba/kernels/convolution/causal_conv1d.hpp — the short depthwise convolution with its SiLU, from a carried state.  [floor 4]
//
//     y_t = silu(b + Σ_{k<K} w_k · x_{t−K+1+k}),      x_{−1}, …, x_{−K+1} from the state
//
// Tap K−1 multiplies the current token. The state keeps the last K−1 inputs, before convolution and SiLU, oldest first.
#pragma once

#include <mamba/math/sigmoid.hpp>
#include <mamba/parallel/parallel_for.hpp>
#include <mamba/simd/load_store.hpp>
#include <mamba/tensor/view.hpp>

#include <algorithm>

namespace mamba::inline MAMBA_ABI::kernels {

/// What a convolution of so many numbers times taps costs one thread.
[[nodiscard]] inline parallel::cost convolution_cost(std::size_t products) noexcept {
  return {0.3 * static_cast<double>(products)};
}

namespace detail {

/// One call of the convolution. K is the number of taps where that is a constant: then their loop unrolls.
template <class T, std::size_t K>
struct convolution_of {
  using V = simd::batch<T>;
  static constexpr std::size_t W = simd::lanes<T>;
  matrix_view<T const> x, weight;
  std::span<T const> bias;
  matrix_view<T> state, y;

  [[nodiscard]] std::size_t taps() const noexcept { return K == dynamic ? weight.extent(0) : K; }

  /// The input of time s − (K−1): from the state while s < K−1, from x afterwards.
  [[nodiscard]] T const* input(std::size_t s) const noexcept {
    return s + 1 < taps() ? state.data() + s * state.pitch() : x.data() + (s + 1 - taps()) * x.pitch();
  }

  /// Channels first … last−1 through all of time: along the channels at each time, in the order that memory likes. (Along
  /// time for one block of channels, each token is on another page: up to three times slower.)
  void run(std::size_t first, std::size_t last) const noexcept {
    std::size_t const L = x.extent(0);
    for (std::size_t t = 0; t < L; ++t) run_token(t, first, last);
    for (std::size_t s = 0; s + 1 < taps(); ++s) {
      std::copy(input(L + s) + first, input(L + s) + last, state.data() + s * state.pitch() + first);
    }
  }

 private:
  void run_token(std::size_t t, std::size_t i, std::size_t end) const noexcept {
    T* const out = y.data() + t * y.pitch();
    for (; i + W <= end; i += W) {
      simd::store<V>(out + i, value(t, [i](T const* p) { return simd::load<V>(p + i); }));
    }
    if (std::size_t const rest = end - i; rest > 0) {
      simd::store_first<V>(out + i, value(t, [=](T const* p) { return simd::load_first<V>(p + i, rest); }), rest);
    }
  }

  template <class Load>
  [[nodiscard]] [[gnu::always_inline]] V value(std::size_t t, Load const& load) const noexcept {
    V sum = bias.empty() ? V(T{0}) : load(bias.data());
    for (std::size_t k = 0; k < taps(); ++k) {
      sum = simd::fma(load(weight.data() + k * weight.pitch()), load(input(t + k)), sum);
    }
    return math::silu(sum);
  }
};

}  // namespace detail

/// Causal depthwise convolution and SiLU of L tokens, continuing from `state`, which then holds the last K−1 inputs.
///
/// Shapes:  x, y [L, D] (not overlapping); weight [K, D], tap-major; bias [D] or empty; state [K−1, D], oldest first.
/// Domain:  K ≥ 1, any L (L < K−1 shifts the state). NaN in, NaN out.
/// Error:   (K + 4) ε of |b| + Σ|w||x|; tests/kernels/convolution/causal_conv1d_test.cpp holds it.
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
  parallel::cost const cost = convolution_cost(x.size() * weight.extent(0));
  constexpr std::size_t W = simd::lanes<T>;
  auto const run = [&](auto const& call) {
    parallel::parallel_for((x.extent(1) + W - 1) / W, cost, [&](std::size_t first, std::size_t last) {
      call.run(first * W, std::min(last * W, x.extent(1)));
    });
  };
  if (weight.extent(0) == 4) {
    run(detail::convolution_of<T, 4>{x, weight, bias, state, y});
  } else {
    run(detail::convolution_of<T, dynamic>{x, weight, bias, state, y});
  }
}

}  // namespace mamba::inline MAMBA_ABI::kernels
