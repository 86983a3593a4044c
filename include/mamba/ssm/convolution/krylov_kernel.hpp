// SPDX-License-Identifier: MIT
// mamba/ssm/convolution/krylov_kernel.hpp — the convolution kernel of a discrete system, step by step.  [floor 3]
//
//     h_k = Ā h_{k−1} + B̄ x_k,  y_k = C h_k      unrolls to      y_k = Σ_{j≤k} K_j x_{k−j},      K_k = C Ā^k B̄
//
// Written out it is (CB̄, CĀB̄, CĀ²B̄, …), the impulse response. D is not in
// K: the skip D x_k is added to y_k beside the convolution, as in the recurrence.
#pragma once

#include <mamba/core/contracts.hpp>
#include <mamba/ssm/systems/discrete.hpp>
#include <mamba/tensor/extents.hpp>

namespace mamba::inline MAMBA_ABI::ssm {

/// The kernel of a system with M inputs and P outputs: a sequence whose row k holds the P × M matrix K_k row by row, so
/// that one input and one output make a column of L numbers. Half the modes make a real kernel.
template <linear_system System>
using kernel_of = sequence<typename decltype(whole<System::kept>(System::c))::Scalar,
                           static_product(extent_of(decltype(System::d)::RowsAtCompileTime),
                                          extent_of(decltype(System::d)::ColsAtCompileTime))>;

/// A kernel of L zeros (matrices of zeros) of the shape of s.
template <linear_system System>
[[nodiscard]] kernel_of<System> zero_kernel(System const& s, std::size_t L) {
  return kernel_of<System>::Zero(index(L), s.d.size());
}

/// The entries of a P × M matrix, row by row, as one row of a kernel.
template <class Expression>
[[nodiscard]] auto kernel_row(Expression const& K_k) {
  using row = Eigen::Matrix<typename Expression::Scalar, 1, Eigen::Dynamic>;
  row out(K_k.size());
  for (Eigen::Index i = 0; i < K_k.size(); ++i) out(i) = K_k(i / K_k.cols(), i % K_k.cols());
  return out;
}

/// The kernel, one step of the system after the other.
///
///     K_k = C Ā^k B̄,        k = 0 … L−1
///
/// Paper:   S4, Eq. (4) and (5), where it is K̄.
/// Why:     column m of h is the state k steps after an impulse in input m; C times it is column m of K_k.
/// Shapes:  L → [L, P·M]: row k is K_k row by row. Works for dense, diagonal, diagonal plus low rank, all modes or
///          half. That of a two-point system is K_0 = C B̄, K_k = C Ā^{k−1} (Ā B̄ + B̄₋).
/// Error:   |K̂_k − K_k| ≤ (k + 2)(N + 3) ε |C| |Ā|^k |B̄| entry by entry, dense; where powers decay, so does the
///          error.
/// Cost:    L·M steps: O(L N²) dense, O(L N) diagonal, O(L N R) diagonal plus low rank.
/// See:     vandermonde_kernel() for diagonal Ā; cauchy_kernel() for diagonal plus low rank, without powers of Ā.
template <linear_system System>
[[nodiscard]] kernel_of<System> krylov_kernel(System const& s, std::size_t L) {
  MAMBA_EXPECTS(s.c.cols() == s.b_bar.rows(), "krylov_kernel: C must read the states that B writes", s.c.cols(),
                s.b_bar.rows());
  auto K = zero_kernel(s, L);
  auto h = s.b_bar;
  for (Eigen::Index k = 0; k < K.rows(); ++k) {
    K.row(k) = kernel_row(whole<System::kept>(s.c * h));
    for (Eigen::Index m = 0; m < h.cols(); ++m) h.col(m) = ssm::advance(s, h.col(m));  // not std's
    if constexpr (requires { s.b_bar_before; }) {
      if (k == 0) h += s.b_bar_before;
    }
  }
  return K;
}

}  // namespace mamba::inline MAMBA_ABI::ssm
