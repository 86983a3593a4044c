// SPDX-License-Identifier: MIT
// mamba/ssm/convolution/generating_function.hpp — a kernel as a polynomial, its closed form, and C̃.  [floor 3]
//
//     K̂(z) = Σ_{k<L} K_k z^k  =  Σ_{k<L} C Ā^k B̄ z^k  =  C (I − Ā^L z^L) (I − Ā z)⁻¹ B̄
//
// The sum of L powers is one inverse. At the L-th roots of unity z^L = 1, and there
//
//     K̂(z) = C̃ (I − Ā z)⁻¹ B̄,          C̃ = C (I − Ā^L)
//
// K̂ at all of these roots is the discrete Fourier transform of K. C̃ belongs to the kernel, C to the step: a
// recurrence with C̃ in place of C does not compute the convolution.
//
// A two_point system is not accepted: B̄₋ enters one power later, and its L-th power would, at roots of unity, wrap
// around into K_0. krylov_kernel() has its kernel.
#pragma once

#include <mamba/core/contracts.hpp>
#include <mamba/ssm/systems/discrete.hpp>

#include <Eigen/LU>

namespace mamba::inline MAMBA_ABI::ssm {

/// The kernel's polynomial at z, by Horner's rule.
///
///     K̂(z) = Σ_{k<L} K_k z^k
///
/// Paper:   S4, Definition 3 (the truncated generating function).
/// Shapes:  K [L, P·M], z a number → [P·M], complex.
/// Error:   2.3 L ε Σ_k |K_k| |z|^k.
/// Cost:    O(L P M).
template <class Kernel>
[[nodiscard]] auto truncated_generating_function(Kernel const& K, complex_of<typename Kernel::Scalar> z) {
  using complex = complex_of<typename Kernel::Scalar>;
  Eigen::Matrix<complex, 1, Eigen::Dynamic> sum = Eigen::Matrix<complex, 1, Eigen::Dynamic>::Zero(K.cols());
  for (Eigen::Index k = K.rows(); k-- > 0;) sum = (sum * z + K.row(k).template cast<complex>()).eval();
  return sum;
}

/// The closed form at z: of all of the kernel with C in s.c, of its first L terms at the L-th roots of unity with C̃.
///
///     C (I − Ā z)⁻¹ B̄
///
/// Paper:   S4, Lemma C.2.
/// Shapes:  z a number → [P, M], complex.
/// Domain:  1/z not an eigenvalue of Ā.
/// Error:   N² ε times the condition number of I − Ā z.
/// Cost:    O(N³).
template <class A, std::size_t M, std::size_t P>
[[nodiscard]] matrix<complex_of<number_of<A>>, P, M> generating_function(discrete_system<A, M, P> const& s,
                                                                         complex_of<number_of<A>> z) {
  using complex = complex_of<number_of<A>>;
  auto const dense = to_dense(s);
  auto resolvent = (-z * dense.a_bar.template cast<complex>()).eval();
  resolvent.diagonal().array() += complex(1);
  return dense.c.template cast<complex>() * resolvent.partialPivLu().solve(dense.b_bar.template cast<complex>()).eval();
}
template <class System, class Z>
void generating_function(two_point<System> const&, Z) = delete;

/// A^L by repeated squaring; A⁰ = I. Dense or diagonal.
///
/// Error:   L (N + 2) ε max ‖A^i‖ ‖A^j‖ over i + j ≤ L, whatever the order of the products.
/// Cost:    2 log₂ L products.
template <class A>
[[nodiscard]] A matrix_power(A a, std::size_t L) {
  A power = identity_like(a);
  for (; L > 0; L >>= 1U) {
    if (L % 2 == 1) power = A(power * a);
    if (L > 1) a = A(a * a);
  }
  return power;
}

/// From C to C̃, with which the closed form is that of the first L terms.
///
///     C̃ = C (I − Ā^L)
///
/// Paper:   S4, Lemma C.2 and Algorithm 1, line 1.
/// Shapes:  the system with C [P, N] → the same system with C̃ for C.
/// Error:   ‖C‖ times that of matrix_power(), and (N + 2) ε |C| (I + |Ā^L|).
/// Cost:    O(N³ log L) dense or diagonal plus low rank, O(N log L) diagonal.
/// See:     recover_c, the inverse.
template <class A, std::size_t M, std::size_t P>
[[nodiscard]] discrete_system<A, M, P> absorb_power(discrete_system<A, M, P> s, std::size_t L) {
  auto const closed = closed_form(s);  // of a half low rank all modes: Ā^L mixes them, C̃ is again one of each pair
  s.c = (closed.c - closed.c * matrix_power(closed.a_bar, L)).leftCols(s.c.cols());
  return s;
}
template <class System>
void absorb_power(two_point<System> const&, std::size_t) = delete;

namespace detail {

/// C (I − A)⁻¹.
template <class C, dense_matrix A>
[[nodiscard]] C times_inverse_of_rest(C const& c, A const& a) {
  A const left = (identity_like(a) - a).transpose();
  return left.partialPivLu().solve(c.transpose()).transpose();
}
template <class C, diagonal A>
[[nodiscard]] C times_inverse_of_rest(C const& c, A const& a) {
  return c * (identity_like(a).lambda - a.lambda).cwiseInverse().asDiagonal();
}

}  // namespace detail

/// From C̃ to C, with which the recurrence computes the convolution.
///
///     C = C̃ (I − Ā^L)⁻¹
///
/// Paper:   S4, appendix C.3, the step after training in convolution mode.
/// Why:     models trained in convolution mode learn C̃; using it as C is the usual cause of "step ≠ convolution".
/// Shapes:  the system with C̃ [P, N] for C → the same system with C.
/// Domain:  L > 0, no eigenvalue of Ā an L-th root of unity. Where Ā^L ≈ I, C̃ ≈ 0 has lost the digits of C.
/// Error:   of the order of N L ε times the condition number of I − Ā^L.
/// Cost:    as absorb_power.
template <class A, std::size_t M, std::size_t P>
[[nodiscard]] discrete_system<A, M, P> recover_c(discrete_system<A, M, P> s, std::size_t L) {
  auto const closed = closed_form(s);
  s.c = detail::times_inverse_of_rest(closed.c, matrix_power(closed.a_bar, L)).leftCols(s.c.cols());
  return s;
}
template <class System>
void recover_c(two_point<System> const&, std::size_t) = delete;

}  // namespace mamba::inline MAMBA_ABI::ssm
