// SPDX-License-Identifier: MIT
// mamba/nn/activations.hpp — the input of a linear layer: numbers, and for block formats their 8-bit blocks.  [floor 5]
#pragma once

#include <mamba/kernels/quantization/activations.hpp>
#include <mamba/tensor/arena.hpp>

namespace mamba::inline MAMBA_ABI::nn {

/// Whether a matrix product reads its input quantised to 8 bits, as block formats do.
enum class activation_format { plain, int8 };

/// Rows of activations that a layer writes and a linear layer reads.
///
///     matrix_view<float> const u = at.matrix<float>(rows, d_model);    // buffers from a workspace
///     activations<float, linear::input_format> const input(at, u);
///     …write rows of u, then input.quantize(first, count) for the written ones (no effect where plain)…
///     projection(input, y);
///
/// Why:     whether a format quantises its input is decided here, and not by every layer.
template <class T, activation_format Format = activation_format::plain>
struct activations {
  matrix_view<T const> values;

  constexpr activations() = default;
  constexpr activations(arena&, matrix_view<T const> of) noexcept : values(of) {}

  /// Rows first … first + count − 1 are written.
  void quantize(std::size_t, std::size_t) const noexcept {}
  /// Columns first … first + count − 1 of all rows are written; whole blocks.
  void quantize_columns(std::size_t, std::size_t) const noexcept {}
};

template <class T>
struct activations<T, activation_format::int8> {
  matrix_view<T const> values;
  kernels::quantized_activations blocks;

  constexpr activations() = default;
  constexpr activations(arena& at, matrix_view<T const> of) noexcept(!core::contracts_checked) : values(of) {
    std::size_t const per_row = kernels::quantized_activations::blocks_of(of.extent(1));
    blocks =
        kernels::quantized_activations(at.take<kernels::quantized_block>(saturated_product(of.extent(0), per_row)));
    if (!at.measures()) blocks.reshape(of.extent(0), of.extent(1));
  }

  void quantize(std::size_t first, std::size_t count) const noexcept(!core::contracts_checked) {
    blocks.round(first, 0, values.rows(first, count));
  }
  void quantize_columns(std::size_t first, std::size_t count) const noexcept(!core::contracts_checked) {
    blocks.round(0, first, values.columns(first, count));
  }
};

}  // namespace mamba::inline MAMBA_ABI::nn
