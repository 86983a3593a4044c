// SPDX-License-Identifier: MIT
// mamba/ssm/discretize/s4_step.hpp — the bilinear step of S4, in its two factors.  [floor 3]
//
//     (2/Δ − A) h_k  =  (2/Δ + A) h_{k−1} + 2 B x_k          A = Λ − P Qᴴ
//      implicit          explicit
//
// low_rank_rules.hpp multiplies the factors; here they are kept, as in the published code. Both are O(N).
#pragma once

#include <mamba/ssm/systems/discrete.hpp>

#include <Eigen/LU>

namespace mamba::inline MAMBA_ABI::ssm {

/// The Ā of S4's step in its two factors, (2/Δ − A)⁻¹ (2/Δ + A), computed once from Δ and A: a state matrix.
template <scalar T, std::size_t N = dynamic, std::size_t R = 1, modes Kept = modes::all>
struct s4_matrix {
  using Scalar = T;
  static constexpr std::size_t states = N;
  static constexpr modes kept = Kept;

  vector<T, N> D;     ///< [N]: 1/(2/Δ − Λ), the implicit factor's diagonal, inverted
  vector<T, N> E;     ///< [N]: 2/Δ + Λ, the explicit factor's diagonal
  matrix<T, N, R> p;  ///< [N, R]
  matrix<T, N, R> q;  ///< [N, R]
  matrix<T, R, N> r;  ///< [R, N]: (I + Qᴴ D P)⁻¹ Qᴴ D, of Woodbury's formula
};

/// The implicit factor, (2/Δ − A)⁻¹ z, by Woodbury's formula.
///
///     D (z − P (R z))
///
/// Shapes:  z [N, any]. In a half system R z is 2 Re of the stored part.
/// Error:   (N + R + 5) ε |D| (|z| + |P||R||z|) entry by entry.
/// Cost:    O(NR) for each column.
template <class T, std::size_t N, std::size_t R, modes K, class Z>
[[nodiscard]] auto implicit_factor(s4_matrix<T, N, R, K> const& a, Eigen::MatrixBase<Z> const& z) {
  return (a.D.asDiagonal() * (z - a.p * whole<K>(a.r * z)).eval()).eval();
}

/// Ā h: the explicit factor, then the implicit one.
///
///     z = E h − P (Qᴴ h),          Ā h = D (z − P (R z))
///
/// Paper:   S4, appendix C.2; in a half system Qᴴ h and R z are 2 Re of the stored part.
/// Error:   (2N + 2R + 10) ε |D| (I + |P||R|) (|E| + |P||Qᴴ|) |h| entry by entry.
/// Cost:    O(NR) for each column: no matrix of N × N is formed, neither here nor by s4_form.
template <class T, std::size_t N, std::size_t R, modes K, class H>
[[nodiscard]] auto operator*(s4_matrix<T, N, R, K> const& a, Eigen::MatrixBase<H> const& h) {
  return implicit_factor(a, (a.E.asDiagonal() * h.derived() - a.p * whole<K>(a.q.adjoint() * h.derived())).eval());
}

/// The discrete system of a step Δ; its functions are those of discrete.hpp.
///
///     D = 1/(2/Δ − Λ),   E = 2/Δ + Λ,   R = (I + Qᴴ D P)⁻¹ Qᴴ D,   B̄ = (2/Δ − A)⁻¹ 2 B
///
/// Paper:   S4, appendix C.2, and state-spaces/s4, whose Q is P and whose stored half makes the bracket I + 2 Re(Qᴴ D
///          P).
/// Shapes:  lambda [N], p, q [N, R], b [N, M], c [P, N].
/// Units:   delta [s], lambda [1/s].
/// Domain:  delta > 0, no eigenvalue of Λ or A at 2/Δ (sure when none has a positive real part).
/// Error:   a few (N + R) ε of the norms, times the condition number of I + Qᴴ D P.
/// Cost:    O(N R (R + M)) once.
template <class T, std::size_t N, std::size_t R, modes K, std::size_t M, std::size_t P>
[[nodiscard]] auto s4_form(real_of<T> delta, continuous_system<low_rank_matrix<T, N, R, K>, M, P> const& s) {
  vector<T, N> const rate = vector<T, N>::Constant(s.a.lambda.size(), T(2 / delta));
  vector<T, N> const D = (rate - s.a.lambda).cwiseInverse();
  matrix<T, R, N> const qd = s.a.q.adjoint() * D.asDiagonal();
  matrix<T, R> bracket = whole<K>(qd * s.a.p).template cast<T>();
  bracket.diagonal().array() += T(1);
  s4_matrix<T, N, R, K> const a{D, rate + s.a.lambda, s.a.p, s.a.q, bracket.partialPivLu().solve(qd)};
  return discrete_system<s4_matrix<T, N, R, K>, M, P>{a, implicit_factor(a, real_of<T>(2) * s.b), s.c, s.d};
}

}  // namespace mamba::inline MAMBA_ABI::ssm
