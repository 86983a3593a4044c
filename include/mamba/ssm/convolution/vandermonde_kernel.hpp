// SPDX-License-Identifier: MIT
// mamba/ssm/convolution/vandermonde_kernel.hpp — the kernel of a diagonal system, a Vandermonde product.  [floor 3]
//
//                                              ⎡ 1  ā_0      ā_0²      … ā_0^{L−1}     ⎤
//     K = (C_0 B̄_0, …, C_{N−1} B̄_{N−1}) ·      ⎢ ⋮                                     ⎥
//                                              ⎣ 1  ā_{N−1}  ā_{N−1}²  … ā_{N−1}^{L−1} ⎦
#pragma once

#include <mamba/ssm/convolution/krylov_kernel.hpp>

namespace mamba::inline MAMBA_ABI::ssm {

/// Every mode is a geometric series; the kernel is their sum. For half of the modes, 2 Re of it.
///
///     K_k = Σ_n C_n ā_n^k B̄_n,        k = 0 … L−1
///
/// Paper:   S4D, section 3.3.
/// Why:     powers by repeated multiplication rather than as exp(k log ā): k roundings of relative size √5 ε/2 at most,
///          mostly of random sign, where the logarithm's one rounding is magnified k |log ā| times. At N = 64, L = 4096
///          the sum was off by 1.6e-15 of Σ|C_n ā_n^k B̄_n| this way, by 1.6e-13 the other.
/// Shapes:  L → [L, P·M]: row k is K_k row by row.
/// Error:   |K̂_k − K_k| ≤ (1.2 k + N + 3) ε Σ_n |C_n ā_n^k B̄_n|, twice that for half the modes.
/// Cost:    O(L N P M).
/// See:     krylov_kernel() for any Ā; kernels::vandermonde_kernel, the optimised kernel for many channels.
template <diagonal A, std::size_t M, std::size_t P>
[[nodiscard]] auto vandermonde_kernel(discrete_system<A, M, P> const& s, std::size_t L) {
  MAMBA_EXPECTS(s.c.cols() == s.b_bar.rows(), "vandermonde_kernel: C must have a column for every mode", s.c.cols(),
                s.b_bar.rows());
  auto K = zero_kernel(s, L);
  A power = identity_like(s.a_bar);
  for (Eigen::Index k = 0; k < K.rows(); ++k) {
    K.row(k) = kernel_row(whole<A::kept>(s.c * power * s.b_bar));
    power = power * s.a_bar;
  }
  return K;
}

/// The same for a step with two inputs: K_k = Σ_n C_n (ā_n^k B̄_n + ā_n^{k−1} B̄₋_n), without the second term at k =
/// 0.
template <diagonal A, std::size_t M, std::size_t P>
[[nodiscard]] auto vandermonde_kernel(two_point<discrete_system<A, M, P>> const& s, std::size_t L) {
  discrete_system<A, M, P> const& now = s;
  auto K = vandermonde_kernel(now, L);
  if (L > 1) K.bottomRows(index(L - 1)) += vandermonde_kernel(input_before(s), L - 1);
  return K;
}

}  // namespace mamba::inline MAMBA_ABI::ssm
