// SPDX-License-Identifier: MIT
// mamba/nn/linear.hpp — y = x Wᵀ + b.  [floor 5]
#pragma once

#include <mamba/kernels/quantization/quantized_matmul.hpp>
#include <mamba/nn/parameter.hpp>

namespace mamba::inline MAMBA_ABI::nn {

/// Whether a layer has a bias.
enum class bias { none, present };

/// A linear layer in storage format W, with or without bias.
///
///     y = x Wᵀ + b
///
/// Shapes:  weight [Out, In] as PyTorch has it, bias [Out]; x [L, In], y [L, ≤ Out].
/// Error:   In · ε · Σ|x||W| per output (recursive summation), the same bits for every split of L into calls.
template <class W, std::size_t Out = dynamic, std::size_t In = dynamic>
class linear {
 public:
  using scalar = kernels::arithmetic<W>;
  using matrix = kernels::packed_matrix<W, Out, In>;
  static constexpr bool takes_bytes = block_format<W>;  ///< whether x is rounded to 8 bits first
  static constexpr std::size_t panel = matrix::panel;   ///< outputs that one thread computes at least

  linear() = default;
  linear(std::size_t out, std::size_t in, nn::bias has_bias)
      : weight_(out, in), bias_(has_bias == nn::bias::present ? out : 0) {}

  /// y = x Wᵀ + b, or y += x Wᵀ + b. Block formats take x in 8 bits, for which `room` has room; others leave it alone.
  template <kernels::output Mode = kernels::output::assign>
  void operator()(matrix_view<scalar const> x, matrix_view<scalar> y, kernels::quantized_rows& room) const
      noexcept(!core::contracts_checked) {
    if constexpr (block_format<W>) {
      room.assign(x);
      kernels::matmul<Mode>(room, weight_, bias_.span(), y);
    } else {
      kernels::matmul<Mode>(x, weight_, bias_.span(), y);
    }
  }

  /// The same without room, where the format needs none.
  template <kernels::output Mode = kernels::output::assign>
  void operator()(matrix_view<scalar const> x, matrix_view<scalar> y) const
      noexcept(!core::contracts_checked) requires(!block_format<W>) {
    kernels::matmul<Mode>(x, weight_, bias_.span(), y);
  }

  /// Some panels of y, by the calling thread alone. Where the format takes bytes, x has been rounded to `bytes` before.
  template <kernels::output Mode = kernels::output::assign>
  void multiply(matrix_view<scalar const> x, kernels::quantized_rows const& bytes, matrix_view<scalar> y,
                kernels::panel_range part) const noexcept(!core::contracts_checked) {
    if constexpr (takes_bytes) {
      kernels::matmul<Mode>(bytes, weight_, bias_.span(), y, part);
    } else {
      kernels::matmul<Mode>(x, weight_, bias_.span(), y, part);
    }
  }

  /// What L tokens cost one thread.
  [[nodiscard]] parallel::cost cost(std::size_t L) const noexcept {
    return kernels::product_cost<W>(L, weight_.out() * weight_.in());
  }

  [[nodiscard]] matrix& weight() noexcept { return weight_; }
  [[nodiscard]] matrix const& weight() const noexcept { return weight_; }
  [[nodiscard]] vector_parameter<scalar>& bias() noexcept { return bias_; }
  [[nodiscard]] vector_parameter<scalar> const& bias() const noexcept { return bias_; }

 private:
  matrix weight_;
  vector_parameter<scalar> bias_;
};

}  // namespace mamba::inline MAMBA_ABI::nn
