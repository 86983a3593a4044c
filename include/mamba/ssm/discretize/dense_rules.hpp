// SPDX-License-Identifier: MIT
// mamba/ssm/discretize/dense_rules.hpp — the rules of rules.hpp for matrices A and B, by functions of A.  [floor 3]
//
//     auto const [a_bar, b_bar] = zero_order_hold(0.1, A, B);          // Eigen's matrices
//
// What holds for all of them:
// Shapes:  delta a number, a [N, N], b [N, M] → a_bar [N, N], b_bar (b_bar_before) [N, M].
// Units:   delta [s], a [1/s].
// Domain:  delta ≥ 0; A may be singular. NaN in, NaN out.
// Error:   a few N ε of the norm of the result, times the condition number of I − αΔA for the bilinear family, times
//          (1 + ‖ΔA‖) for the exponentials, except where A is triangular in some order of its states: stiff systems
//          keep their slow modes there, and become NaN elsewhere before no digit is left (matrix_exponential.hpp).
// Cost:    O(N²(N + M)).
#pragma once

#include <mamba/core/contracts.hpp>
#include <mamba/ssm/discretize/matrix_exponential.hpp>
#include <mamba/ssm/discretize/rules.hpp>

#include <Eigen/LU>

#include <algorithm>

namespace mamba::inline MAMBA_ABI::ssm {

namespace detail {

/// The contract of a pair (A, B): A is square, and B has its rows.
template <class A, class B>
void expect_pair([[maybe_unused]] A const& a, [[maybe_unused]] B const& b) {
  static_assert(A::ColsAtCompileTime != 1 || A::RowsAtCompileTime == 1,
                "A must be a square matrix; a column of modes is diagonal_matrix{column}, the A of a diagonal_system");
  MAMBA_EXPECTS(a.rows() == a.cols(), "a rule of discretisation: A must be square", a.rows(), a.cols());
  MAMBA_EXPECTS(b.rows() == a.rows(), "a rule of discretisation: B must have a row per state", b.rows(), a.rows());
}

template <class A, class B>
using dense_pair = discretized<typename A::PlainObject, typename B::PlainObject>;
template <class A, class B>
using dense_two_point = discretized_two_point<typename A::PlainObject, typename B::PlainObject>;

}  // namespace detail

/// The new state feels the slope at both ends of the step, α of it at the new one.
///
///     Ā = (I − αΔA)⁻¹ (I + (1 − α)ΔA),        B̄ = (I − αΔA)⁻¹ ΔB
///
/// Paper:   GBT of the S4 code; Zhang, Chen and Huang 2007.
/// Domain:  0 ≤ alpha ≤ 1, I − αΔA invertible (sure when no eigenvalue of A has a positive real part).
/// Cost:    one LU, N + M solves; α = 0 needs neither.
template <class A, class B>
[[nodiscard]] detail::dense_pair<A, B> generalized_bilinear(typename A::RealScalar delta, typename A::RealScalar alpha,
                                                            Eigen::MatrixBase<A> const& a,
                                                            Eigen::MatrixBase<B> const& b) {
  using square = typename A::PlainObject;
  detail::expect_pair(a, b);
  square const one = square::Identity(a.rows(), a.cols());
  detail::dense_pair<A, B> out{one + (1 - alpha) * delta * a, delta * b};
  if (alpha == 0) return out;
  auto const implicit = square(one - alpha * delta * a).partialPivLu();
  out.a_bar = implicit.solve(out.a_bar).eval();
  if (b.size() != 0) out.b_bar = implicit.solve(out.b_bar).eval();  // Eigen 3.4 looks at the first entry
  return out;
}

/// Ā = I + ΔA,   B̄ = ΔB.
///
/// Cost:    O(N²).
template <class A, class B>
[[nodiscard]] auto forward_euler(typename A::RealScalar delta, Eigen::MatrixBase<A> const& a,
                                 Eigen::MatrixBase<B> const& b) {
  return generalized_bilinear(delta, 0, a, b);
}

/// Ā = (I − ΔA)⁻¹,   B̄ = (I − ΔA)⁻¹ ΔB.
template <class A, class B>
[[nodiscard]] auto backward_euler(typename A::RealScalar delta, Eigen::MatrixBase<A> const& a,
                                  Eigen::MatrixBase<B> const& b) {
  return generalized_bilinear(delta, 1, a, b);
}

/// Ā = (I − ½ΔA)⁻¹ (I + ½ΔA),   B̄ = (I − ½ΔA)⁻¹ ΔB.
///
/// Paper:   S4, Eq. (3). (Notes that print Ā without its second factor have backward Euler's for half of the step.)
template <class A, class B>
[[nodiscard]] auto bilinear(typename A::RealScalar delta, Eigen::MatrixBase<A> const& a,
                            Eigen::MatrixBase<B> const& b) {
  return generalized_bilinear(delta, typename A::RealScalar(0.5), a, b);
}

/// The exponential of A with its inputs as further states: one that holds a constant x, and for `rises` = 2 one that
/// raises it. Its blocks are the φ functions of ΔA, and no inverse of A is needed.
///
///         ⎛ ΔA  ΔB  0 ⎞     ⎛ exp(ΔA)  Δφ₁(ΔA)B  Δφ₂(ΔA)B ⎞
///     exp ⎜ 0   0   I ⎟  =  ⎜ 0        I         I        ⎟        (rises = 1: without the last row and column)
///         ⎝ 0   0   0 ⎠     ⎝ 0        0         I        ⎠
///
/// Paper:   Van Loan 1978, Computing integrals involving the matrix exponential.
/// Why:     A⁻¹(exp(ΔA) − I)B needs an inverse that an integrator does not have, and loses digits where ΔA is small.
///          B is first scaled to the size of I, by a power of two: with a large B, A would be squared more often than
///          its own norm requires.
/// Shapes:  [N, N], [N, M] → [N + rises·M, N + rises·M].
template <class A, class B>
[[nodiscard]] matrix<typename A::Scalar> exponential_with_input(Eigen::MatrixBase<A> const& za,
                                                                Eigen::MatrixBase<B> const& zb, Eigen::Index rises) {
  using real = typename A::RealScalar;
  auto const n = zb.rows(), m = zb.cols();
  auto const largest = zb.size() == 0 ? real(0) : zb.cwiseAbs().colwise().sum().maxCoeff();
  auto const scale = std::isfinite(largest) && largest > 0 ? std::ldexp(real(1), std::ilogb(largest)) : real(1);
  auto z = matrix<typename A::Scalar>::Zero(n + rises * m, n + rises * m).eval();
  z.topLeftCorner(n, n) = za;
  z.block(0, n, n, m) = zb / scale;
  z.block(n, n, rises * m, rises * m).diagonal(m).setOnes();
  auto out = matrix_exponential(z);
  out.topRightCorner(n, rises * m) *= scale;
  return out;
}

/// Ā = exp(ΔA),   B̄ = ∫₀^Δ exp(sA) ds B = Δ φ₁(ΔA) B: exact when the input is constant during the step.
///
/// Paper:   S4D, section 3; Mamba, Eq. (4), there with A⁻¹.
template <class A, class B>
[[nodiscard]] detail::dense_pair<A, B> zero_order_hold(typename A::RealScalar delta, Eigen::MatrixBase<A> const& a,
                                                       Eigen::MatrixBase<B> const& b) {
  detail::expect_pair(a, b);
  auto const n = b.rows(), m = b.cols();
  auto const e = exponential_with_input(delta * a, delta * b, 1);
  return {e.topLeftCorner(n, n), e.block(0, n, n, m)};
}

/// Ā = exp(ΔA),   B̄ = Δ φ₂(ΔA) B,   B̄₋ = Δ (φ₁(ΔA) − φ₂(ΔA)) B: exact when the input goes in a straight line from
/// x_{k−1} to x_k during the step.
template <class A, class B>
[[nodiscard]] detail::dense_two_point<A, B> first_order_hold(typename A::RealScalar delta,
                                                             Eigen::MatrixBase<A> const& a,
                                                             Eigen::MatrixBase<B> const& b) {
  detail::expect_pair(a, b);
  auto const n = b.rows(), m = b.cols();
  auto const e = exponential_with_input(delta * a, delta * b, 2);
  auto const held = e.block(0, n, n, m), rising = e.block(0, n + m, n, m);
  return {e.topLeftCorner(n, n), rising, held - rising};
}

/// Ā = exp(ΔA),   B̄ = ΔB.
///
/// Paper:   Mamba, section 3.6 and its code.
template <class A, class B>
[[nodiscard]] detail::dense_pair<A, B> zero_order_hold_a_euler_b(typename A::RealScalar delta,
                                                                 Eigen::MatrixBase<A> const& a,
                                                                 Eigen::MatrixBase<B> const& b) {
  detail::expect_pair(a, b);
  return {matrix_exponential(delta * a), delta * b};
}

/// Ā = exp(ΔA),   B̄ = λΔB,   B̄₋ = (1 − λ)Δ Ā B.
///
/// Paper:   Mamba-3.
template <class A, class B>
[[nodiscard]] detail::dense_two_point<A, B> exponential_trapezoidal(typename A::RealScalar delta,
                                                                    typename A::RealScalar lambda,
                                                                    Eigen::MatrixBase<A> const& a,
                                                                    Eigen::MatrixBase<B> const& b) {
  detail::expect_pair(a, b);
  typename A::PlainObject const a_bar = matrix_exponential(delta * a);
  return {a_bar, lambda * delta * b, (1 - lambda) * delta * (a_bar * b)};
}

}  // namespace mamba::inline MAMBA_ABI::ssm
