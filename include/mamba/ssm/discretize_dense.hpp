// SPDX-License-Identifier: MIT
// mamba/ssm/discretize_dense.hpp — every rule of discretize.hpp for a dense system, by functions of A.  [floor 3]
//
// What holds for all of them:
// Shapes:  delta a number, system a [N, N], b [N, M] → a_bar [N, N], b_bar (b_bar_before) [N, M]; C and D stay.
// Units:   delta [s], a [1/s].
// Domain:  delta ≥ 0; A may be singular. NaN in, NaN out.
// Error:   a few N ε of the norm of the result, times the condition number of I − αΔA for the bilinear family, times
//          (1 + ‖ΔA‖) for the exponentials; matrix_exponential.hpp says what else can happen to them.
// Cost:    O(N²(N + M)).
#pragma once

#include <mamba/ssm/discrete.hpp>
#include <mamba/ssm/matrix_exponential.hpp>

#include <Eigen/LU>
#include <algorithm>

namespace mamba::inline MAMBA_ABI::ssm {

/// The new state feels the slope at both ends of the step, α of it at the new one.
///
///     Ā = (I − αΔA)⁻¹ (I + (1 − α)ΔA),        B̄ = (I − αΔA)⁻¹ ΔB
///
/// Paper:   GBT of the S4 code; Zhang, Chen and Huang 2007.
/// Domain:  0 ≤ alpha ≤ 1, I − αΔA invertible (sure when no eigenvalue of A has a positive real part).
/// Cost:    one LU, N + M solves.
template <class T, std::size_t N, std::size_t M, std::size_t P>
[[nodiscard]] discrete_dense<T, N, M, P> generalized_bilinear(real_of<T> delta, real_of<T> alpha,
                                                              dense_system<T, N, M, P> const& s) {
  auto const one = matrix<T, N>::Identity(s.a.rows(), s.a.cols());
  auto const implicit = matrix<T, N>(one - alpha * delta * s.a).partialPivLu();
  matrix<T, N, M> b_bar = delta * s.b;
  if (b_bar.size() != 0) b_bar = implicit.solve(b_bar);  // Eigen 3.4 looks at the first entry
  return {implicit.solve(one + (1 - alpha) * delta * s.a), b_bar, s.c, s.d};
}

/// Ā = I + ΔA,   B̄ = ΔB.
///
/// Cost:    O(N²).
template <class T, std::size_t N, std::size_t M, std::size_t P>
[[nodiscard]] discrete_dense<T, N, M, P> forward_euler(real_of<T> delta, dense_system<T, N, M, P> const& s) {
  return {matrix<T, N>::Identity(s.a.rows(), s.a.cols()) + delta * s.a, delta * s.b, s.c, s.d};
}

/// Ā = (I − ΔA)⁻¹,   B̄ = (I − ΔA)⁻¹ ΔB.
template <class T, std::size_t N, std::size_t M, std::size_t P>
[[nodiscard]] discrete_dense<T, N, M, P> backward_euler(real_of<T> delta, dense_system<T, N, M, P> const& s) {
  return generalized_bilinear(delta, real_of<T>(1), s);
}

/// Ā = (I − ½ΔA)⁻¹ (I + ½ΔA),   B̄ = (I − ½ΔA)⁻¹ ΔB.
///
/// Paper:   S4, Eq. (3). (Notes that print Ā without its second factor have backward Euler's for half of the step.)
template <class T, std::size_t N, std::size_t M, std::size_t P>
[[nodiscard]] discrete_dense<T, N, M, P> bilinear(real_of<T> delta, dense_system<T, N, M, P> const& s) {
  return generalized_bilinear(delta, real_of<T>(0.5), s);
}

/// The exponential of A with its inputs as further states: one that holds a constant x, and for `rises` = 2 one that
/// raises it. Its blocks are the φ functions of ΔA, and no inverse of A is needed.
///
///         ⎛ ΔA  ΔB  0 ⎞     ⎛ exp(ΔA)  Δφ₁(ΔA)B  Δφ₂(ΔA)B ⎞
///     exp ⎜ 0   0   I ⎟  =  ⎜ 0        I         I        ⎟        (rises = 1: without the last row and column)
///         ⎝ 0   0   0 ⎠     ⎝ 0        0         I        ⎠
///
/// Paper:   Van Loan 1978, Computing integrals involving the matrix exponential.
/// Why:     A⁻¹(exp(ΔA) − I)B asks for an inverse that an integrator does not have, and loses digits where ΔA is small.
///          B is first scaled to the size of I, by a power of two: a large B would have A squared more often than A
///          asks.
/// Shapes:  [N, N], [N, M] → [N + rises·M, N + rises·M].
template <class T, std::size_t N, std::size_t M>
[[nodiscard]] matrix<T> exponential_with_input(matrix<T, N> const& za, matrix<T, N, M> const& zb, Eigen::Index rises) {
  auto const n = zb.rows(), m = zb.cols();
  auto const largest = zb.size() == 0 ? real_of<T>(0) : zb.cwiseAbs().colwise().sum().maxCoeff();
  auto const scale =
      std::isfinite(largest) && largest > 0 ? std::ldexp(real_of<T>(1), std::ilogb(largest)) : real_of<T>(1);
  matrix<T> z = matrix<T>::Zero(n + rises * m, n + rises * m);
  z.topLeftCorner(n, n) = za;
  z.block(0, n, n, m) = zb / scale;
  z.block(n, n, rises * m, rises * m).diagonal(m).setOnes();
  matrix<T> out = matrix_exponential(z);
  out.topRightCorner(n, rises * m) *= scale;
  return out;
}

/// Ā = exp(ΔA),   B̄ = ∫₀^Δ exp(sA) ds B = Δ φ₁(ΔA) B: exact when the input is constant during the step.
///
/// Paper:   S4D, section 3; Mamba, Eq. (4), there with A⁻¹.
template <class T, std::size_t N, std::size_t M, std::size_t P>
[[nodiscard]] discrete_dense<T, N, M, P> zero_order_hold(real_of<T> delta, dense_system<T, N, M, P> const& s) {
  auto const n = s.b.rows(), m = s.b.cols();
  auto const e = exponential_with_input<T, N, M>(delta * s.a, delta * s.b, 1);
  return {e.topLeftCorner(n, n), e.block(0, n, n, m), s.c, s.d};
}

/// Ā = exp(ΔA),   B̄ = Δ φ₂(ΔA) B,   B̄₋ = Δ (φ₁(ΔA) − φ₂(ΔA)) B: exact when the input goes in a straight line from
/// x_{k−1} to x_k during the step.
template <class T, std::size_t N, std::size_t M, std::size_t P>
[[nodiscard]] two_point<discrete_dense<T, N, M, P>> first_order_hold(real_of<T> delta,
                                                                     dense_system<T, N, M, P> const& s) {
  auto const n = s.b.rows(), m = s.b.cols();
  auto const e = exponential_with_input<T, N, M>(delta * s.a, delta * s.b, 2);
  auto const held = e.block(0, n, n, m), rising = e.block(0, n + m, n, m);
  return {{e.topLeftCorner(n, n), rising, s.c, s.d}, held - rising};
}

/// Ā = exp(ΔA),   B̄ = ΔB.
///
/// Paper:   Mamba, section 3.6 and its code.
template <class T, std::size_t N, std::size_t M, std::size_t P>
[[nodiscard]] discrete_dense<T, N, M, P> zero_order_hold_a_euler_b(real_of<T> delta,
                                                                   dense_system<T, N, M, P> const& s) {
  return {matrix_exponential(delta * s.a), delta * s.b, s.c, s.d};
}

/// Ā = exp(ΔA),   B̄ = λΔB,   B̄₋ = (1 − λ)Δ Ā B.
///
/// Paper:   Mamba-3.
template <class T, std::size_t N, std::size_t M, std::size_t P>
[[nodiscard]] two_point<discrete_dense<T, N, M, P>> exponential_trapezoidal(real_of<T> delta, real_of<T> lambda,
                                                                            dense_system<T, N, M, P> const& s) {
  matrix<T, N> const a_bar = matrix_exponential(delta * s.a);
  return {{a_bar, lambda * delta * s.b, s.c, s.d}, (1 - lambda) * delta * (a_bar * s.b)};
}

}  // namespace mamba::inline MAMBA_ABI::ssm
