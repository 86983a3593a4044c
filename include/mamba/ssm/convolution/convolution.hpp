// SPDX-License-Identifier: MIT
// mamba/ssm/convolution/convolution.hpp — the output as a weighted sum of past inputs: no state.  [floor 3]
//
//     y_k = K_0 x_k + K_1 x_{k−1} + … + K_k x_0            K_j = C Āʲ B̄
//
// A kernel is a sequence: row j has the P·M numbers of K_j, row by row. With one input and one output it is a column.
// It has no D in it: where the system has one, y = K * x + D x.
#pragma once

#include <mamba/core/contracts.hpp>
#include <mamba/ssm/systems/matrix.hpp>

#include <algorithm>

namespace mamba::inline MAMBA_ABI::ssm {

/// The inputs as a Toeplitz matrix X with y = X K: row k holds x_k, x_{k−1}, …, x_0.
///
///     X = ( x₀             )
///         ( x₁  x₀         )
///         ( x₂  x₁  x₀     )
///         ( x₃  x₂  x₁  x₀ )
///
/// Why:     it shows the convolution as one product, linear in K, and causality as a triangle of zeros. (The same
///          function makes the matrix of a kernel: y = toeplitz(K) x.)
/// Shapes:  x [L] → [L, L].
/// Error:   exact.
/// Cost:    L² numbers.
template <class Input>
[[nodiscard]] auto toeplitz(Input const& x) {
  auto const L = x.size();
  matrix<typename Input::Scalar> X = matrix<typename Input::Scalar>::Zero(L, L);
  for (Eigen::Index j = 0; j < L; ++j) X.col(j).tail(L - j) = x.head(L - j);
  return X;
}

/// The output of a convolution: [L, P], one column where kernel and input have one.
template <class Kernel, class Input>
using convolution_output = sequence<decltype(typename Kernel::Scalar() * typename Input::Scalar()),
                                    Kernel::ColsAtCompileTime == 1 && Input::ColsAtCompileTime == 1 ? 1 : dynamic>;

/// The causal convolution, as it is defined.
///
///     y_k = Σ_{j=0}^{min(k, L_K − 1)} K_j x_{k−j}
///
/// Paper:   S4, Eq. (5).
/// Why:     every y_k is a sum of its own and depends on no step before, at L² operations where the recurrence has L.
/// Shapes:  kernel [L_K, P·M], x [L, M] → y [L, P]; a kernel shorter than x is taken as zero beyond its end.
/// Domain:  any numbers; y_k depends on no x after x_k. NaN in, NaN out, from there on and L_K long.
/// Error:   (L_K M + 1) u Σ_j |K_j| |x_{k−j}|, u = ε/2: one rounding for each of the sum's products and additions.
/// Cost:    L · L_K · P · M multiply-adds.
/// See:     fft_convolution.hpp for L log L; krylov_kernel.hpp and its neighbours for K.
template <class Kernel, class Input>
[[nodiscard]] auto convolve(Kernel const& kernel, Input const& x) {
  auto const M = x.cols();
  MAMBA_EXPECTS(M > 0 && kernel.cols() % M == 0, "convolve: a kernel row must hold P x M numbers", kernel.cols(), M);
  convolution_output<Kernel, Input> y = convolution_output<Kernel, Input>::Zero(x.rows(), kernel.cols() / M);
  for (Eigen::Index k = 0; k < x.rows(); ++k) {
    auto const n = std::min(k + 1, kernel.rows());  // as much of the kernel as lies over the input
    for (Eigen::Index i = 0; i < kernel.cols(); ++i) {
      y(k, i / M) += kernel.col(i).head(n).cwiseProduct(x.col(i % M).segment(k + 1 - n, n).reverse()).sum();
    }
  }
  return y;
}

}  // namespace mamba::inline MAMBA_ABI::ssm
