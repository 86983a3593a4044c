// SPDX-License-Identifier: MIT
// mamba/kernels/convolution/causal_conv1d.hpp — the short depthwise convolution and its SiLU, with state.  [floor 4]
//
//     y_t = silu(b + Σ_{k<K} w_k · x_{t−K+1+k}),      x_{−1}, …, x_{−K+1} from the state
//
// Tap K−1 multiplies the current token. The state keeps the last K−1 inputs, before convolution and SiLU, oldest first.
#pragma once

#include <mamba/math/sigmoid.hpp>
#include <mamba/parallel/parallel_for.hpp>
#include <mamba/simd/load_store.hpp>
#include <mamba/tensor/tensor.hpp>

#include <algorithm>

namespace mamba::inline MAMBA_ABI::kernels {

/// The cost of a convolution on one thread: `products` is numbers times taps.
[[nodiscard]] inline parallel::cost convolution_cost(std::size_t products) noexcept {
  return parallel::cost::elementwise(products);  // each tap is a pass over the numbers
}

/// What the convolution reads, by name: a call needs no type, T is that of the state.
///
///     causal_conv1d({.x = x, .weight = w, .bias = b}, state, y);
///
/// Shapes:  x [L, D]; weight [K, D], tap-major; bias [D] or empty.
template <class T>
struct convolution_inputs {
  matrix_view<T const> x, weight;
  std::span<T const> bias = {};
};

/// Causal depthwise convolution and SiLU of L tokens, continuing from `state`, which then holds the last K−1 inputs.
///
/// Shapes:  in: see convolution_inputs; y [L, D], not overlapping x; state [K−1, D], oldest input first, a tensor or a
///          view.
/// Domain:  K ≥ 1, any L (L < K−1 shifts the state). NaN in, NaN out.
/// Error:   (K + 4) ε of |b| + Σ|w||x|; tests/kernels/convolution/causal_conv1d_test.cpp verifies it.
/// Determinism: the same bits for every split of the tokens, place of a channel and number of threads.
/// Cost:    L·D·K multiply-adds and L·D sigmoids; at most 8 kB of stack.
template <class T, std::size_t Kept, std::size_t D>
void causal_conv1d(convolution_inputs<T> const& in, view<T, Kept, D> state,
                   std::type_identity_t<matrix_view<T>> y) noexcept(!core::contracts_checked);

namespace detail {

/// The arguments of one convolution. K is the number of taps where that is a constant: then their loop unrolls.
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

  /// Channels first … last−1 over all tokens, channels in the inner loop: consecutive memory. (With time in the inner
  /// loop each token would be on another page.)
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

/// The contracts of a call.
template <class T>
void check([[maybe_unused]] convolution_inputs<T> const& in, [[maybe_unused]] matrix_view<T> state,
           [[maybe_unused]] matrix_view<T> y) noexcept(!core::contracts_checked) {
  MAMBA_EXPECTS(in.weight.extent(1) == in.x.extent(1), "causal_conv1d: one filter per channel", in.weight.extent(1),
                in.x.extent(1));
  MAMBA_EXPECTS(state.extent(0) + 1 == in.weight.extent(0), "causal_conv1d: the state keeps K-1 inputs",
                state.extent(0), in.weight.extent(0) - 1);
  MAMBA_EXPECTS(state.extent(1) == in.x.extent(1), "causal_conv1d: the state has x's channels", state.extent(1),
                in.x.extent(1));
  MAMBA_EXPECTS(in.bias.empty() || in.bias.size() == in.x.extent(1), "causal_conv1d: one bias per channel",
                in.bias.size(), in.x.extent(1));
  MAMBA_EXPECTS(y.shape() == in.x.shape(), "causal_conv1d: y has x's shape");
}

}  // namespace detail

template <class T, std::size_t Kept, std::size_t D>
void causal_conv1d(convolution_inputs<T> const& in, view<T, Kept, D> state,
                   std::type_identity_t<matrix_view<T>> y) noexcept(!core::contracts_checked) {
  detail::check<T>(in, state, y);
  if (in.x.empty()) return;
  parallel::cost const cost = convolution_cost(in.x.size() * in.weight.extent(0));
  constexpr std::size_t W = simd::lanes<T>;
  auto const run = [&](auto const& call) {
    parallel::parallel_for((in.x.extent(1) + W - 1) / W, cost, [&](std::size_t first, std::size_t last) {
      call.run(first * W, std::min(last * W, in.x.extent(1)));
    });
  };
  if (in.weight.extent(0) == 4) {
    run(detail::convolution_of<T, 4>{in.x, in.weight, in.bias, state, y});
  } else {
    run(detail::convolution_of<T, dynamic>{in.x, in.weight, in.bias, state, y});
  }
}
template <class T, std::size_t Kept, std::size_t D>
void causal_conv1d(convolution_inputs<T> const& in, tensor<T, Kept, D>& state,
                   std::type_identity_t<matrix_view<T>> y) noexcept(!core::contracts_checked) {
  causal_conv1d(in, state.view(), y);
}

}  // namespace mamba::inline MAMBA_ABI::kernels
