// SPDX-License-Identifier: MIT
// mamba/nn/silu_gate.hpp — y ← y · silu(z), the gate of a Mamba block on its own.  [floor 5]
#pragma once

#include <mamba/math/sigmoid.hpp>
#include <mamba/simd/transform.hpp>
#include <mamba/tensor/view.hpp>

namespace mamba::inline MAMBA_ABI::nn {

/// Multiplies y by silu(z), element by element: the same bits as the gate that kernels::selective_scan has fused in.
///
/// Shapes:  y, z [L, D].
/// Error:   that of math::silu and one rounding.
template <class T>
void silu_gate(matrix_view<T> y, std::type_identity_t<matrix_view<T const>> z) noexcept(!core::contracts_checked) {
  MAMBA_EXPECTS(y.shape() == z.shape(), "silu_gate: y and z must have one shape");
  for (std::size_t t = 0; t < y.extent(0); ++t) {
    simd::transform(
        y.row(t), [](auto value, auto gate) { return value * math::silu(gate); }, y.row(t), z.row(t));
  }
}

}  // namespace mamba::inline MAMBA_ABI::nn
