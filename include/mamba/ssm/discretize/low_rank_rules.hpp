// SPDX-License-Identifier: MIT
// mamba/ssm/discretize/low_rank_rules.hpp — the bilinear family for diagonal plus low rank, by Woodbury.  [floor 3]
//
//     A = Λ − P Qᴴ        becomes        Ā = Λ̄ − P̄ Q̄ᴴ
//
// An inverse of diagonal plus rank R is diagonal plus rank R, so the whole bilinear family keeps the form, in O(N)
// memory and time. Its exponential is a dense matrix: discretize.hpp has those rules.
#pragma once

#include <mamba/ssm/discretize/rules.hpp>
#include <mamba/ssm/systems/structured_matrix.hpp>

#include <Eigen/LU>

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
/// Shapes:  a.lambda [N], a.p, a.q [N, R], b [N, M] → a_bar of the same, b_bar [N, M].
/// Units:   delta [s], lambda [1/s].
/// Domain:  delta ≥ 0, 0 ≤ alpha ≤ 1, I − αΔA and I − αΔΛ invertible (sure when no eigenvalue of either has a positive
///          real part). NaN in, NaN out.
/// Error:   a few (N + R) ε of the norms, times the condition number of W.
/// Cost:    O(NR(R + M) + R³).
template <class T, std::size_t N, std::size_t R, modes K, class B>
[[nodiscard]] discretized<low_rank_matrix<T, N, R, K>, B> generalized_bilinear(real_of<T> delta, real_of<T> alpha,
                                                                               low_rank_matrix<T, N, R, K> const& a,
                                                                               B const& b) {
  vector<T, N> const one = vector<T, N>::Ones(a.lambda.size());
  vector<T, N> const inverse = (one - alpha * delta * a.lambda).cwiseInverse();
  matrix<T, N, R> const sp = inverse.asDiagonal() * a.p, sq = inverse.conjugate().asDiagonal() * a.q;
  B const sb = inverse.asDiagonal() * b;
  matrix<T, R> w = (alpha * delta * whole<K>(a.q.adjoint() * sp)).template cast<T>();
  w.diagonal().array() += T(1);
  matrix<T, N, R> const p_bar = delta * sp * w.partialPivLu().inverse();
  auto const qsb = whole<K>(a.q.adjoint() * sb).template cast<T>().eval();
  return {{inverse.cwiseProduct(one + (1 - alpha) * delta * a.lambda), p_bar, sq}, delta * (sb - alpha * p_bar * qsb)};
}

}  // namespace mamba::inline MAMBA_ABI::ssm
