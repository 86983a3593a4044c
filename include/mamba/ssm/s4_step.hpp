// SPDX-License-Identifier: MIT
// mamba/ssm/s4_step.hpp — the bilinear step of a diagonal-plus-low-rank system as S4 takes it, in two factors.  [floor 3]
//
//     (2/Δ − A) h_k  =  (2/Δ + A) h_{k−1} + 2 B x_k          A = Λ − P Qᴴ
//      implicit          explicit
//
// discretize_dplr.hpp multiplies the factors out; here they stay apart, as in the published code. Both are O(N).
#pragma once

#include <mamba/ssm/recurrence.hpp>

#include <Eigen/LU>

namespace mamba::inline MAMBA_ABI::ssm {

/// What a step needs of Δ and the system, computed once. It is stepped like the systems of discrete.hpp.
template <scalar T, std::size_t N = dynamic, std::size_t R = 1, std::size_t M = 1, std::size_t P = 1,
          modes Kept = modes::all>
struct s4_dplr {
  vector<T, N> D;              ///< [N]: 1/(2/Δ − Λ), the implicit factor's diagonal, inverted
  vector<T, N> E;              ///< [N]: 2/Δ + Λ, the explicit factor's diagonal
  matrix<T, N, R> p;           ///< [N, R]
  matrix<T, N, R> q;           ///< [N, R]
  matrix<T, R, N> r;           ///< [R, N]: (I + Qᴴ D P)⁻¹ Qᴴ D, what is left of Woodbury's formula
  matrix<T, N, M> b_bar;       ///< [N, M]: 2 B, which enters before the implicit factor
  matrix<T, P, N> c;           ///< [P, N]
  matrix<real_of<T>, P, M> d;  ///< [P, M]
};

/// The system made ready for steps of Δ.
///
///     D = 1/(2/Δ − Λ),   E = 2/Δ + Λ,   R = (I + Qᴴ D P)⁻¹ Qᴴ D
///
/// Paper:   S4, appendix C.2, and state-spaces/s4, whose Q is P and whose stored half makes the bracket I + 2 Re(Qᴴ D P).
/// Shapes:  lambda [N], p, q [N, R], b [N, M], c [P, N].
/// Units:   delta [s], lambda [1/s].
/// Domain:  delta > 0, no eigenvalue of Λ or A at 2/Δ (sure when none has a positive real part).
/// Cost:    O(N R²) once.
template <class T, std::size_t N, std::size_t R, std::size_t M, std::size_t P, modes K>
[[nodiscard]] s4_dplr<T, N, R, M, P, K> s4_form(real_of<T> delta, dplr_system<T, N, R, M, P, K> const& s) {
  vector<T, N> const rate = vector<T, N>::Constant(s.lambda.size(), T(2 / delta));
  vector<T, N> const D = (rate - s.lambda).cwiseInverse();
  matrix<T, R, N> const qd = s.q.adjoint() * D.asDiagonal();
  matrix<T, R> bracket = whole<K>(qd * s.p).template cast<T>();
  bracket.diagonal().array() += T(1);
  return {D, rate + s.lambda, s.p, s.q, bracket.partialPivLu().solve(qd), real_of<T>(2) * s.b, s.c, s.d};
}

/// One step: the explicit factor and the input, then the implicit factor by Woodbury's formula.
///
///     z = E h − P (Qᴴ h) + 2 B x,          h ← D (z − P (R z))
///
/// Paper:   S4, appendix C.2; in a half system Qᴴ h and R z are 2 Re of the stored part.
/// Shapes:  h [N], x [M].
/// Cost:    O(N (R + M)): no matrix of N × N is formed, neither here nor by s4_form.
template <class T, std::size_t N, std::size_t R, std::size_t M, std::size_t P, modes K, class State, class Input>
void take_in(s4_dplr<T, N, R, M, P, K> const& s, State& h, Input const& x) {
  MAMBA_EXPECTS(h.size() == s.b_bar.rows(), "take_in: the state must be as long as the system's", h.size(),
                s.b_bar.rows());
  vector<T, N> const z = s.E.cwiseProduct(h) - s.p * whole<K>(s.q.adjoint() * h) + s.b_bar * x;
  h = s.D.cwiseProduct(z - s.p * whole<K>(s.r * z));
}

/// y = C h + D x, as for every system; a half system answers 2 Re(C h) + D x.
template <class T, std::size_t N, std::size_t R, std::size_t M, std::size_t P, modes K, class State, class Input>
[[nodiscard]] auto output(s4_dplr<T, N, R, M, P, K> const& s, State const& h, Input const& x) {
  return (whole<K>(s.c * h) + s.d * x).eval();
}

}  // namespace mamba::inline MAMBA_ABI::ssm
