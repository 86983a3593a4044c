// SPDX-License-Identifier: MIT
// mamba/ssm/generating_function.hpp — a kernel as a polynomial, its closed form, and the C̃ that it reads.  [floor 3]
//
//     K̂(z) = Σ_{k<L} K_k z^k  =  Σ_{k<L} C Ā^k B̄ z^k  =  C (I − Ā^L z^L) (I − Ā z)⁻¹ B̄
//
// The sum of L powers became one inverse. At the L-th roots of unity z^L = 1, and there
//
//     K̂(z) = C̃ (I − Ā z)⁻¹ B̄,          C̃ = C (I − Ā^L)
//
// K̂ at all of these roots is the discrete Fourier transform of K. C̃ belongs to the kernel, C to the step: who runs the
// recurrence with C̃, or trains C̃ and forgets to go back, finds that the step is not the convolution.
//
// A two_point system is refused: B̄₋ enters one power later, and the L-th of its powers, at roots of unity, would come
// round into K_0. krylov_kernel() has its kernel.
#pragma once

#include <mamba/core/contracts.hpp>
#include <mamba/ssm/discrete.hpp>

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
template <class T, std::size_t N, std::size_t M, std::size_t P>
[[nodiscard]] matrix<complex_of<T>, P, M> generating_function(discrete_dense<T, N, M, P> const& s, complex_of<T> z) {
  using complex = complex_of<T>;
  matrix<complex, N> resolvent = -z * s.a_bar.template cast<complex>();
  resolvent.diagonal().array() += complex(1);
  return s.c.template cast<complex>() * resolvent.partialPivLu().solve(s.b_bar.template cast<complex>()).eval();
}
template <class System, class Z>
void generating_function(two_point<System> const&, Z) = delete;

/// A^L by repeated squaring; A⁰ = I. A column vector stands for a diagonal matrix.
///
/// Error:   L (N + 2) ε max ‖A^i‖ ‖A^j‖ over i + j ≤ L, whatever the order of the products.
/// Cost:    2 log₂ L products.
template <class A>
[[nodiscard]] A matrix_power(A a, std::size_t L) {
  if constexpr (A::ColsAtCompileTime == 1) {
    A out = A::Ones(a.size(), 1);
    for (; L > 0; L >>= 1U, a = a.cwiseProduct(a).eval()) {
      if (L % 2 == 1) out = out.cwiseProduct(a).eval();
    }
    return out;
  } else {
    A out = A::Identity(a.rows(), a.cols());
    for (; L > 0; L >>= 1U) {
      if (L % 2 == 1) out = (out * a).eval();
      if (L > 1) a = (a * a).eval();
    }
    return out;
  }
}

/// From C to C̃, which reads the closed form so that the kernel ends after L steps.
///
///     C̃ = C (I − Ā^L)
///
/// Paper:   S4, Lemma C.2 and Algorithm 1, line 1.
/// Shapes:  c [P, N], a_bar [N, N] or, diagonal, [N] → [P, N]; of a system: the same system with C̃ for C.
/// Cost:    O(N³ log L) dense, O(N log L) diagonal.
/// See:     recover_c, the way back.
template <class C, class ABar>
[[nodiscard]] C absorb_power(C const& c, ABar const& a_bar, std::size_t L) {
  ABar const a_L = matrix_power(a_bar, L);
  if constexpr (ABar::ColsAtCompileTime == 1) {
    return c - c * a_L.asDiagonal();
  } else {
    return c - c * a_L;
  }
}
template <class T, std::size_t N, std::size_t M, std::size_t P>
[[nodiscard]] auto absorb_power(discrete_dense<T, N, M, P> s, std::size_t L) {
  s.c = absorb_power(s.c, s.a_bar, L);
  return s;
}
template <class T, std::size_t N, std::size_t M, std::size_t P, modes K>
[[nodiscard]] auto absorb_power(discrete_diagonal<T, N, M, P, K> s, std::size_t L) {
  s.c = absorb_power(s.c, s.a_bar, L);
  return s;
}
template <class T, std::size_t N, std::size_t R, std::size_t M, std::size_t P, modes K>
[[nodiscard]] auto absorb_power(discrete_dplr<T, N, R, M, P, K> s, std::size_t L) {
  auto const whole_s = to_dense(s);  // the halves mix: Ā^L is a matrix of all modes, C̃ again one of each pair
  s.c = absorb_power(whole_s.c, whole_s.a_bar, L).leftCols(s.c.cols());
  return s;
}
template <class System>
void absorb_power(two_point<System> const&, std::size_t) = delete;

/// From C̃ back to C, with which a step of the recurrence gives what the convolution gave.
///
///     C = C̃ (I − Ā^L)⁻¹
///
/// Paper:   S4, appendix C.3, the step after training in convolution mode.
/// Why:     what was learnt is C̃. Reading the state with C̃ is the usual reason why "step ≠ convolution".
/// Shapes:  c_tilde [P, N], a_bar [N, N] or, diagonal, [N] → [P, N]; of a system: the same system with C for C̃.
/// Domain:  L > 0, no eigenvalue of Ā an L-th root of unity. A memory much longer than L, Ā^L ≈ I, is lost in C̃.
/// Error:   of the order of N L ε times the condition number of I − Ā^L.
/// Cost:    O(N³ log L) dense, O(N log L) diagonal.
template <class C, class ABar>
[[nodiscard]] C recover_c(C const& c_tilde, ABar const& a_bar, std::size_t L) {
  ABar const a_L = matrix_power(a_bar, L);
  if constexpr (ABar::ColsAtCompileTime == 1) {
    return c_tilde * (ABar::Ones(a_L.size(), 1) - a_L).cwiseInverse().asDiagonal();
  } else {
    ABar const left = (ABar::Identity(a_L.rows(), a_L.cols()) - a_L).transpose();
    return left.partialPivLu().solve(c_tilde.transpose()).transpose();
  }
}
template <class T, std::size_t N, std::size_t M, std::size_t P>
[[nodiscard]] auto recover_c(discrete_dense<T, N, M, P> s, std::size_t L) {
  s.c = recover_c(s.c, s.a_bar, L);
  return s;
}
template <class T, std::size_t N, std::size_t M, std::size_t P, modes K>
[[nodiscard]] auto recover_c(discrete_diagonal<T, N, M, P, K> s, std::size_t L) {
  s.c = recover_c(s.c, s.a_bar, L);
  return s;
}
template <class T, std::size_t N, std::size_t R, std::size_t M, std::size_t P, modes K>
[[nodiscard]] auto recover_c(discrete_dplr<T, N, R, M, P, K> s, std::size_t L) {
  auto const whole_s = to_dense(s);
  s.c = recover_c(whole_s.c, whole_s.a_bar, L).leftCols(s.c.cols());
  return s;
}
template <class System>
void recover_c(two_point<System> const&, std::size_t) = delete;

}  // namespace mamba::inline MAMBA_ABI::ssm
