// SPDX-License-Identifier: MIT
// mamba/ssm/convolution/causal_convolution.hpp — the causal convolution of many channels, as defined.  [floor 3]
//
// The reference implementation of kernels::fft_convolution, in plain loops.
#pragma once

#include <mamba/core/contracts.hpp>

#include <algorithm>
#include <cstddef>
#include <type_traits>

namespace mamba::inline MAMBA_ABI::ssm {

/// The convolution of each channel d with its own kernel.
///
///     y_k = Σ_{j=0}^{min(k, L_K − 1)} K_j x_{k−j}
///
/// Paper:   S4, Eq. (5), for D systems with one input and one output each.
/// Shapes:  kernel [L_K, D]; x, y [L, D]; y is neither of the others. Anything with m(k, d) and extent(axis) is a
///          sequence; the sums have the scalar type of y.
/// Domain:  any scalar type with + and ·. NaN in, NaN out, from there on and L_K long, in its own channel.
/// Error:   (L_K + 1) u Σ_j |K_j| |x_{k−j}|, u = ε/2.
/// Cost:    L · L_K · D multiply-adds.
/// See:     kernels::fft_convolution, the optimised kernel; convolve() for systems with many inputs and outputs.
template <class Kernel, class X, class Y>
void causal_convolution(Kernel const& kernel, X const& x, Y&& y) {
  using T = std::remove_cvref_t<decltype(y(0, 0))>;
  MAMBA_EXPECTS(kernel.extent(1) == x.extent(1), "causal_convolution: a kernel for each channel", kernel.extent(1),
                x.extent(1));
  for (std::size_t d = 0; d < x.extent(1); ++d) {
    for (std::size_t k = 0; k < x.extent(0); ++k) {
      T sum(0);
      for (std::size_t j = 0; j < std::min(k + 1, kernel.extent(0)); ++j) {
        sum += static_cast<T>(kernel(j, d)) * static_cast<T>(x(k - j, d));
      }
      y(k, d) = sum;
    }
  }
}

}  // namespace mamba::inline MAMBA_ABI::ssm
