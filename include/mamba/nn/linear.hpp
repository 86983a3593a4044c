// SPDX-License-Identifier: MIT
// mamba/nn/linear.hpp — y = x Wᵀ + b.  [floor 5]
#pragma once

#include <mamba/kernels/quantization/quantized_matmul.hpp>
#include <mamba/nn/activations.hpp>
#include <mamba/nn/storage.hpp>

namespace mamba::inline MAMBA_ABI::nn {

/// A tag of constructors after which allocate() gives a layer its parameters.
struct unallocated {};

/// Whether a layer has a bias.
enum class bias { none, present };

/// A linear layer in storage format W, with or without bias.
///
///     y = x Wᵀ + b
///
/// Why:     block formats read x in 8 bits. The call is the same for every format: activations hold what the format
///          reads, in memory of a workspace.
/// Shapes:  weight [Out, In] as PyTorch has it, bias [Bias]: Out, 0, or dynamic; x [L, In], y [L, ≤ Out].
/// Error:   that of kernels::matmul: kernels/gemm/matmul.hpp, block formats kernels/quantization/quantized_matmul.hpp.
/// Determinism: the same bits for every split of L into calls, of Out into ranges and for every number of threads.
template <class W, std::size_t Out = dynamic, std::size_t In = dynamic, class Storage = packed,
          std::size_t Bias = dynamic>
class linear {
 public:
  using scalar = kernels::arithmetic<W>;
  using matrix = typename Storage::template matrix<W, Out, In>;
  using vector = typename Storage::template vector<scalar, Bias>;
  static constexpr activation_format input_format =
      block_format<W> ? activation_format::int8 : activation_format::plain;
  using input = activations<scalar, input_format>;
  static constexpr std::size_t panel = kernels::packed_matrix<W>::panel;  ///< outputs that one thread computes at least

  /// Without numbers, until allocate() or an assignment. (Static extents alone don't say whether there is a
  /// bias: Bias = Out or Bias = 0 does.)
  linear()
    requires(Out == dynamic || Bias != dynamic)
  = default;
  constexpr explicit linear(unallocated) {}
  constexpr linear(std::size_t out, std::size_t in, nn::bias has_bias)
      : weight_(out, in), bias_(has_bias == nn::bias::present ? out : 0) {}

  /// y = x Wᵀ + b, or y += x Wᵀ + b, on all threads, for x that has been quantised where the format reads blocks.
  template <kernels::output Mode = kernels::output::assign>
  void operator()(input const& x, matrix_view<scalar> y) const noexcept(!core::contracts_checked)
    requires Storage::computes
  {
    kernels::matmul<Mode>(operand(x), weight_, bias_.span(), y);
  }

  /// The same for plain numbers; where the format reads blocks they are quantised into `workspace` first.
  template <kernels::output Mode = kernels::output::assign>
  void operator()(matrix_view<scalar const> x, matrix_view<scalar> y, [[maybe_unused]] arena workspace) const
      noexcept(!core::contracts_checked)
    requires Storage::computes
  {
    if constexpr (input_format == activation_format::int8) {
      std::size_t const count = saturated_product(x.extent(0), kernels::quantized_activations::blocks_of(x.extent(1)));
      kernels::quantized_activations blocks(workspace.take<kernels::quantized_block>(count));
      blocks.assign(x);
      kernels::matmul<Mode>(blocks, weight_, bias_.span(), y);
    } else {
      kernels::matmul<Mode>(x, weight_, bias_.span(), y);
    }
  }

  /// The same where the format needs no workspace.
  template <kernels::output Mode = kernels::output::assign>
  void operator()(matrix_view<scalar const> x, matrix_view<scalar> y) const noexcept(!core::contracts_checked)
    requires(Storage::computes && !block_format<W>)
  {
    kernels::matmul<Mode>(x, weight_, bias_.span(), y);
  }

  /// Some panels of y, on the calling thread alone.
  template <kernels::output Mode = kernels::output::assign>
  void multiply(input const& x, matrix_view<scalar> y, kernels::panel_range part) const
      noexcept(!core::contracts_checked)
    requires Storage::computes
  {
    kernels::matmul<Mode>(operand(x), weight_, bias_.span(), y, part);
  }

  /// The cost of L tokens on one thread.
  [[nodiscard]] parallel::cost cost(std::size_t L) const noexcept {
    return kernels::product_cost<W>(L, weight_.rows() * weight_.row_size());
  }

  [[nodiscard]] constexpr matrix& weight() noexcept { return weight_; }
  [[nodiscard]] constexpr matrix const& weight() const noexcept { return weight_; }
  [[nodiscard]] constexpr vector& bias() noexcept { return bias_; }
  [[nodiscard]] constexpr vector const& bias() const noexcept { return bias_; }

 private:
  static decltype(auto) operand(input const& x) noexcept {
    if constexpr (input_format == activation_format::int8) {
      return (x.blocks);
    } else {
      return matrix_view<scalar const>(x.values);
    }
  }

  matrix weight_;
  vector bias_;
};

}  // namespace mamba::inline MAMBA_ABI::nn
