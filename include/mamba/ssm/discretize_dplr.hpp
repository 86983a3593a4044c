// SPDX-License-Identifier: MIT
// mamba/ssm/discretize_dplr.hpp — the rules of discretize.hpp for a diagonal-plus-low-rank system.  [floor 3]
//
//     A = Λ − P Qᴴ        becomes        Ā = Λ̄ − P̄ Q̄ᴴ
//
// An inverse of diagonal plus rank R is diagonal plus rank R (Woodbury), so the whole bilinear family keeps the form,
// in O(N) memory and time. An exponential of it is a full matrix: the rules with exp(ΔA) give a dense system.
//
// What holds for all of them:
// Shapes:  delta a number, system lambda [N], p, q [N, R], b [N, M]; C and D stay.
// Units:   delta [s], lambda [1/s].
// Domain:  delta ≥ 0, I − αΔA and I − αΔΛ invertible (sure when no eigenvalue of either has a positive real part).
//          NaN in, NaN out.
#pragma once

#include <mamba/ssm/discretize_dense.hpp>

namespace mamba::inline MAMBA_ABI::ssm {

/// The bilinear family, by the formula of Woodbury for (I − αΔA)⁻¹ = (I − αΔΛ + αΔ P Qᴴ)⁻¹:
///
///     S  = (I − αΔΛ)⁻¹,         W = (I + αΔ Qᴴ S P)⁻¹  [R, R]
///     Λ̄  = S (I + (1 − α)ΔΛ),   P̄ = Δ S P W,   Q̄ = Sᴴ Q
///     B̄  = Δ (S B − α P̄ Qᴴ S B)
///
/// Paper:   S4, appendix C.2 and Theorem 2, for α = ½.
/// Why:     a step costs O(NR) instead of O(N²). In a half system Qᴴ S P and Qᴴ S B are sums over all modes, 2 Re of
///          those over the stored ones: hence `whole`.
/// Domain:  0 ≤ alpha ≤ 1.
/// Error:   a few (N + R) ε of the norms, times the condition number of W.
/// Cost:    O(NR(R + M) + R³).
template <class T, std::size_t N, std::size_t R, std::size_t M, std::size_t P, modes K>
[[nodiscard]] discrete_dplr<T, N, R, M, P, K> generalized_bilinear(real_of<T> delta, real_of<T> alpha,
                                                                   dplr_system<T, N, R, M, P, K> const& s) {
  vector<T, N> const one = vector<T, N>::Ones(s.lambda.size());
  vector<T, N> const inverse = (one - alpha * delta * s.lambda).cwiseInverse();
  matrix<T, N, R> const sp = inverse.asDiagonal() * s.p, sq = inverse.conjugate().asDiagonal() * s.q;
  matrix<T, N, M> const sb = inverse.asDiagonal() * s.b;
  matrix<T, R> w = (alpha * delta * whole<K>(s.q.adjoint() * sp)).template cast<T>();
  w.diagonal().array() += T(1);
  matrix<T, R, M> const qsb = whole<K>(s.q.adjoint() * sb).template cast<T>();
  matrix<T, N, R> const p_bar = delta * sp * w.partialPivLu().inverse();
  return {inverse.cwiseProduct(one + (1 - alpha) * delta * s.lambda),
          p_bar,
          sq,
          delta * (sb - alpha * p_bar * qsb),
          s.c,
          s.d};
}

/// Λ̄ = I + ΔΛ,   P̄ = ΔP,   Q̄ = Q,   B̄ = ΔB.
template <class T, std::size_t N, std::size_t R, std::size_t M, std::size_t P, modes K>
[[nodiscard]] discrete_dplr<T, N, R, M, P, K> forward_euler(real_of<T> delta, dplr_system<T, N, R, M, P, K> const& s) {
  return generalized_bilinear(delta, real_of<T>(0), s);
}

/// Ā = (I − ΔA)⁻¹,   B̄ = (I − ΔA)⁻¹ ΔB, with the Λ̄, P̄, Q̄ of generalized_bilinear for α = 1.
template <class T, std::size_t N, std::size_t R, std::size_t M, std::size_t P, modes K>
[[nodiscard]] discrete_dplr<T, N, R, M, P, K> backward_euler(real_of<T> delta, dplr_system<T, N, R, M, P, K> const& s) {
  return generalized_bilinear(delta, real_of<T>(1), s);
}

/// Ā = (I − ½ΔA)⁻¹ (I + ½ΔA),   B̄ = (I − ½ΔA)⁻¹ ΔB, with the Λ̄, P̄, Q̄ of generalized_bilinear for α = ½.
///
/// Paper:   S4, Eq. (3) and appendix C.2, where Ā is kept as a product of two factors; this is their product.
template <class T, std::size_t N, std::size_t R, std::size_t M, std::size_t P, modes K>
[[nodiscard]] discrete_dplr<T, N, R, M, P, K> bilinear(real_of<T> delta, dplr_system<T, N, R, M, P, K> const& s) {
  return generalized_bilinear(delta, real_of<T>(0.5), s);
}

/// Ā = exp(ΔA),   B̄ = Δ φ₁(ΔA) B as a dense system, of all modes.
///
/// Why:     S4 is bilinear for this reason: the exponential mixes Λ and P Qᴴ to full rank. (The rank of
///          exp(ΔA) − exp(ΔΛ) is that of A − Λ only to first order in Δ.)
/// Cost:    O(N³).
template <class T, std::size_t N, std::size_t R, std::size_t M, std::size_t P, modes K>
[[nodiscard]] auto zero_order_hold(real_of<T> delta, dplr_system<T, N, R, M, P, K> const& s) {
  return zero_order_hold(delta, to_dense(s));
}

/// Ā = exp(ΔA),   B̄ = Δ φ₂(ΔA) B,   B̄₋ = Δ (φ₁(ΔA) − φ₂(ΔA)) B as a dense system, of all modes.
template <class T, std::size_t N, std::size_t R, std::size_t M, std::size_t P, modes K>
[[nodiscard]] auto first_order_hold(real_of<T> delta, dplr_system<T, N, R, M, P, K> const& s) {
  return first_order_hold(delta, to_dense(s));
}

/// Ā = exp(ΔA),   B̄ = ΔB as a dense system, of all modes.
template <class T, std::size_t N, std::size_t R, std::size_t M, std::size_t P, modes K>
[[nodiscard]] auto zero_order_hold_a_euler_b(real_of<T> delta, dplr_system<T, N, R, M, P, K> const& s) {
  return zero_order_hold_a_euler_b(delta, to_dense(s));
}

/// Ā = exp(ΔA),   B̄ = λΔB,   B̄₋ = (1 − λ)Δ Ā B as a dense system, of all modes.
template <class T, std::size_t N, std::size_t R, std::size_t M, std::size_t P, modes K>
[[nodiscard]] auto exponential_trapezoidal(real_of<T> delta, real_of<T> lambda,
                                           dplr_system<T, N, R, M, P, K> const& s) {
  return exponential_trapezoidal(delta, lambda, to_dense(s));
}

}  // namespace mamba::inline MAMBA_ABI::ssm
