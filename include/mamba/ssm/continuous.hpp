// SPDX-License-Identifier: MIT
// mamba/ssm/continuous.hpp — linear systems in continuous time: dense, diagonal, diagonal plus low rank.  [floor 3]
//
//     h'(t) = A h(t) + B x(t)          y(t) = C h(t) + D x(t)
//
//     letter   meaning                       in code            S4 paper   Mamba paper   Mamba-2 paper
//     h        state                         h                  x          h             h
//     x        input                         x                  u          x             x
//     y        output                        y                  y          y             y
//     A        state matrix (a mode: a)      a, A_log           A          A             A
//     B, C     input and output matrices     b, c               B, C       B, C          B, C
//     D        skip                          d                  D          D             D
//     Δ        step                          delta, dt_proj     Δ          Δ             Δ
//     Ā, B̄     discretised A and B           a_bar, b_bar       Ā, B̄       Ā, B̄          A, B
//     Λ, P, Q  A = Λ − P Qᴴ                  lambda, p, q       Λ, P, Q
//     N        state size                    N, d_state         N          N             N
//     M, P     inputs, outputs               M, P               1, 1       1, 1          1, 1
//     L        sequence length               L                  L          L             T
#pragma once

#include <mamba/ssm/matrix.hpp>

#include <Eigen/LU>

namespace mamba::inline MAMBA_ABI::ssm {

/// Which modes of a real system a complex one keeps. The modes of a real A come in conjugate pairs, so that one of each
/// pair is enough: what the other would add is the conjugate, and the pair together is 2 Re. A real mode has no partner.
enum class modes { all, half };

/// Whether modes of a scalar type may stand for their conjugates as well.
template <modes Kept, class T>
inline constexpr bool can_keep = Kept == modes::all || is_complex<T>;

/// A dense system with N states, M inputs and P outputs.
template <scalar T, std::size_t N = dynamic, std::size_t M = 1, std::size_t P = 1>
struct dense_system {
  matrix<T, N> a;     ///< [N, N]
  matrix<T, N, M> b;  ///< [N, M]
  matrix<T, P, N> c;  ///< [P, N]
  matrix<T, P, M> d;  ///< [P, M]
};

/// A diagonal system: N modes that don't see each other. With modes::half, N counts the stored ones.
template <scalar T, std::size_t N = dynamic, std::size_t M = 1, std::size_t P = 1, modes Kept = modes::all>
struct diagonal_system {
  static_assert(can_keep<Kept, T>, "modes::half needs complex modes: a real one has no conjugate to stand for");
  vector<T, N> a;              ///< [N]: the diagonal of A
  matrix<T, N, M> b;           ///< [N, M]
  matrix<T, P, N> c;           ///< [P, N]
  matrix<real_of<T>, P, M> d;  ///< [P, M]
};

/// A = Λ − P Qᴴ: diagonal plus rank R. With modes::half, the stored rows of Λ, P, Q, B and columns of C are one of each
/// conjugate pair of rows and columns, and Qᴴh means 2 Re of the stored part.
template <scalar T, std::size_t N = dynamic, std::size_t R = 1, std::size_t M = 1, std::size_t P = 1,
          modes Kept = modes::all>
struct dplr_system {
  static_assert(can_keep<Kept, T>, "modes::half needs complex modes: a real one has no conjugate to stand for");
  vector<T, N> lambda;         ///< [N]
  matrix<T, N, R> p;           ///< [N, R]
  matrix<T, N, R> q;           ///< [N, R]
  matrix<T, N, M> b;           ///< [N, M]
  matrix<T, P, N> c;           ///< [P, N]
  matrix<real_of<T>, P, M> d;  ///< [P, M]
};

/// What the kept modes stand for: v itself, or 2 Re v where the conjugate half is implied. v is a matrix or a number.
template <modes Kept, class Expression>
requires(!scalar<Expression>) [[nodiscard]] auto whole(Expression const& v) {
  static_assert(can_keep<Kept, typename Expression::Scalar>, "modes::half needs complex modes");
  if constexpr (Kept == modes::half) {
    using real = typename Expression::RealScalar;
    return (real(2) * v.real()).eval();
  } else {
    return v.eval();
  }
}
template <modes Kept, scalar T>
[[nodiscard]] auto whole(T v) noexcept {
  static_assert(can_keep<Kept, T>, "modes::half needs complex modes");
  if constexpr (Kept == modes::half) {
    return real_of<T>(2) * std::real(v);
  } else {
    return v;
  }
}

/// h' = A h + B x, the first of the two equations.
///
/// Paper:   S4, Eq. (1).
/// Shapes:  h [N], x [M] → [N].
/// Cost:    O(N²) dense, O(N) diagonal, O(NR) diagonal plus low rank.
template <class T, std::size_t N, std::size_t M, std::size_t P, class State, class Input>
[[nodiscard]] vector<T, N> derivative(dense_system<T, N, M, P> const& s, State const& h, Input const& x) {
  return s.a * h + s.b * x;
}
template <class T, std::size_t N, std::size_t M, std::size_t P, modes K, class State, class Input>
[[nodiscard]] vector<T, N> derivative(diagonal_system<T, N, M, P, K> const& s, State const& h, Input const& x) {
  return s.a.cwiseProduct(h) + s.b * x;
}
template <class T, std::size_t N, std::size_t R, std::size_t M, std::size_t P, modes K, class State, class Input>
[[nodiscard]] vector<T, N> derivative(dplr_system<T, N, R, M, P, K> const& s, State const& h, Input const& x) {
  return s.lambda.cwiseProduct(h) - s.p * whole<K>(s.q.adjoint() * h) + s.b * x;
}

/// y = C h + D x, the second; a half system answers 2 Re(C h) + D x.
///
/// Paper:   S4, Eq. (1).
/// Shapes:  h [N], x [M] → [P].
template <class T, std::size_t N, std::size_t M, std::size_t P, class State, class Input>
[[nodiscard]] auto output(dense_system<T, N, M, P> const& s, State const& h, Input const& x) {
  return (s.c * h + s.d * x).eval();
}
template <class T, std::size_t N, std::size_t M, std::size_t P, modes K, class State, class Input>
[[nodiscard]] auto output(diagonal_system<T, N, M, P, K> const& s, State const& h, Input const& x) {
  return (whole<K>(s.c * h) + s.d * x).eval();
}
template <class T, std::size_t N, std::size_t R, std::size_t M, std::size_t P, modes K, class State, class Input>
[[nodiscard]] auto output(dplr_system<T, N, R, M, P, K> const& s, State const& h, Input const& x) {
  return (whole<K>(s.c * h) + s.d * x).eval();
}

/// The same system with every mode written out: the stored half, then its conjugates. [N] → [2N].
template <class T, std::size_t N, std::size_t M, std::size_t P>
[[nodiscard]] diagonal_system<T, dynamic, M, P> all_modes(diagonal_system<T, N, M, P, modes::half> const& s) {
  auto const n = s.a.size();
  diagonal_system<T, dynamic, M, P> all{vector<T>(2 * n), matrix<T, dynamic, M>(2 * n, s.b.cols()),
                                        matrix<T, P, dynamic>(s.c.rows(), 2 * n), s.d};
  all.a << s.a, s.a.conjugate();
  all.b << s.b, s.b.conjugate();
  all.c << s.c, s.c.conjugate();
  return all;
}
template <class T, std::size_t N, std::size_t R, std::size_t M, std::size_t P>
[[nodiscard]] dplr_system<T, dynamic, R, M, P> all_modes(dplr_system<T, N, R, M, P, modes::half> const& s) {
  auto const n = s.lambda.size();
  dplr_system<T, dynamic, R, M, P> all{vector<T>(2 * n),
                                       matrix<T, dynamic, R>(2 * n, s.p.cols()),
                                       matrix<T, dynamic, R>(2 * n, s.q.cols()),
                                       matrix<T, dynamic, M>(2 * n, s.b.cols()),
                                       matrix<T, P, dynamic>(s.c.rows(), 2 * n),
                                       s.d};
  all.lambda << s.lambda, s.lambda.conjugate();
  all.p << s.p, s.p.conjugate();
  all.q << s.q, s.q.conjugate();
  all.b << s.b, s.b.conjugate();
  all.c << s.c, s.c.conjugate();
  return all;
}

/// The same system with A written out as a matrix.
template <class T, std::size_t N, std::size_t M, std::size_t P>
[[nodiscard]] dense_system<T, N, M, P> to_dense(diagonal_system<T, N, M, P> const& s) {
  return {s.a.asDiagonal(), s.b, s.c, s.d.template cast<T>()};
}
template <class T, std::size_t N, std::size_t R, std::size_t M, std::size_t P>
[[nodiscard]] dense_system<T, N, M, P> to_dense(dplr_system<T, N, R, M, P> const& s) {
  matrix<T, N> a = -s.p * s.q.adjoint();
  a.diagonal() += s.lambda;
  return {a, s.b, s.c, s.d.template cast<T>()};
}
template <class T, std::size_t N, std::size_t M, std::size_t P>
[[nodiscard]] dense_system<T, dynamic, M, P> to_dense(diagonal_system<T, N, M, P, modes::half> const& s) {
  return to_dense(all_modes(s));
}
template <class T, std::size_t N, std::size_t R, std::size_t M, std::size_t P>
[[nodiscard]] dense_system<T, dynamic, M, P> to_dense(dplr_system<T, N, R, M, P, modes::half> const& s) {
  return to_dense(all_modes(s));
}

/// The same map from x to y in other coordinates: h = V g.
///
///     A → V⁻¹ A V,     B → V⁻¹ B,     C → C V,     D → D
///
/// Paper:   S4, Lemma 3.1 (conjugation).
/// Domain:  V invertible; system and V real or complex, both or either. Error grows with the condition number of V.
template <class T, std::size_t N, std::size_t M, std::size_t P, class V>
[[nodiscard]] auto change_basis(dense_system<T, N, M, P> const& s, V const& v) {
  using U = decltype(T() * typename V::Scalar());
  matrix<U, N> const basis = v.template cast<U>();
  auto const inverse = basis.partialPivLu();
  return dense_system<U, N, M, P>{inverse.solve(s.a.template cast<U>() * basis), inverse.solve(s.b.template cast<U>()),
                                  s.c.template cast<U>() * basis, s.d.template cast<U>()};
}

}  // namespace mamba::inline MAMBA_ABI::ssm
