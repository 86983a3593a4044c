// SPDX-License-Identifier: MIT
// mamba/nn/causal_conv1d.hpp — the short convolution of a Mamba block, with carried state.  [floor 5]
#pragma once

#include <mamba/kernels/convolution/causal_conv1d.hpp>
#include <mamba/nn/linear.hpp>

namespace mamba::inline MAMBA_ABI::nn {

/// Depthwise causal convolution and SiLU: (y, state') = f(x, state).
///
///     y_t = silu(b + Σ_k w_k · x_{t−K+1+k})
///
/// Shapes:  weight [D, 1, K] in the checkpoint, bias [D] or none; x, y [L, D]; state [K−1, D], oldest input first.
/// Error:   that of kernels::causal_conv1d.
/// Determinism: the same bits for every split of L into calls and of D into ranges.
template <class T, std::size_t D = dynamic, std::size_t K = dynamic, class Storage = packed, std::size_t Bias = dynamic>
class causal_conv1d {
 public:
  using filter = typename Storage::template filter<T, D, K>;
  using vector = typename Storage::template vector<T, Bias>;
  /// The last K−1 inputs.
  using state_type = tensor<T, K == dynamic ? dynamic : K - 1, D>;

  causal_conv1d()
    requires(D == dynamic || Bias != dynamic)
  = default;
  constexpr explicit causal_conv1d(unallocated) {}
  constexpr causal_conv1d(std::size_t channels, std::size_t taps, nn::bias has_bias)
      : weight_(channels, taps), bias_(has_bias == nn::bias::present ? channels : 0) {}

  [[nodiscard]] state_type initial_state() const { return state_type(weight_.row_size() - 1, weight_.rows()); }

  void operator()(matrix_view<T const> x, state_type& state, matrix_view<T> y) const noexcept(!core::contracts_checked)
    requires Storage::computes
  {
    kernels::causal_conv1d({.x = x, .weight = weight_.taps(), .bias = bias_.span()}, state, y);
  }

  /// Channels first … first + count − 1 alone: a convolution of their own. `state` and y have all channels, as x has.
  void operator()(matrix_view<T const> x, state_type& state, matrix_view<T> y, std::size_t first,
                  std::size_t count) const noexcept(!core::contracts_checked)
    requires Storage::computes
  {
    matrix_view<T const> const taps(weight_.taps());
    matrix_view<T> const kept(state.view());
    auto const bias = bias_.empty() ? bias_.span() : bias_.span().subspan(first, count);
    kernels::causal_conv1d<T>({.x = x.columns(first, count), .weight = taps.columns(first, count), .bias = bias},
                              kept.columns(first, count), y.columns(first, count));
  }

  [[nodiscard]] constexpr filter& weight() noexcept { return weight_; }
  [[nodiscard]] constexpr filter const& weight() const noexcept { return weight_; }
  [[nodiscard]] constexpr vector& bias() noexcept { return bias_; }
  [[nodiscard]] constexpr vector const& bias() const noexcept { return bias_; }

 private:
  filter weight_;
  vector bias_;
};

}  // namespace mamba::inline MAMBA_ABI::nn
