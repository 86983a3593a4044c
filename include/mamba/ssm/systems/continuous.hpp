// SPDX-License-Identifier: MIT
// mamba/ssm/systems/continuous.hpp — linear systems in continuous time, of any structure of A.  [floor 3]
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
//     Δ        step                          delta              Δ          Δ             Δ
//     Ā, B̄     discretised A and B           a_bar, b_bar       Ā, B̄       Ā, B̄          A, B
//     Λ, P, Q  A = Λ − P Qᴴ                  a.lambda, a.p, a.q Λ, P, Q
//     N        state size                    N, d_state         N          N             N
//     M, P     inputs, outputs               M, P               1, 1       1, 1          1, 1
//     L        sequence length               L                  L          L             T
#pragma once

#include <mamba/ssm/systems/structured_matrix.hpp>

namespace mamba::inline MAMBA_ABI::ssm {

/// A system with M inputs and P outputs over a state matrix of any structure. With half of the modes the system
/// is real: the stored rows of B and columns of C are one of each conjugate pair, and C h means 2 Re of the stored
/// part.
template <class A, std::size_t M = 1, std::size_t P = 1>
struct continuous_system {
  static constexpr modes kept = kept_of<A>;

  A a;                                                 ///< [N, N]
  matrix<number_of<A>, states_of<A>, M> b;             ///< [N, M]
  matrix<number_of<A>, P, states_of<A>> c;             ///< [P, N]
  matrix<typename detail::facts_of<A>::skip, P, M> d;  ///< [P, M]
};

/// A is any matrix.
template <scalar T, std::size_t N = dynamic, std::size_t M = 1, std::size_t P = 1>
using dense_system = continuous_system<matrix<T, N>, M, P>;

/// A = diag λ.
template <scalar T, std::size_t N = dynamic, std::size_t M = 1, std::size_t P = 1, modes Kept = modes::all>
using diagonal_system = continuous_system<diagonal_matrix<T, N, Kept>, M, P>;

/// A = Λ − P Qᴴ: diagonal plus rank R.
template <scalar T, std::size_t N = dynamic, std::size_t R = 1, std::size_t M = 1, std::size_t P = 1,
          modes Kept = modes::all>
using dplr_system = continuous_system<low_rank_matrix<T, N, R, Kept>, M, P>;

/// A system with C and D, in continuous or in discrete time.
template <class System>
concept linear_system = requires(System const& s) {
  s.c;
  s.d;
  System::kept;
};

/// h' = A h + B x, the first of the two equations.
///
/// Paper:   S4, Eq. (1).
/// Shapes:  h [N], x [M] → [N].
/// Error:   (N + M + 2) ε (|A||h| + |B||x|) entry by entry; diagonal plus low rank (N + R + M + 4) ε with
///          |Λ| + |P||Qᴴ| for |A|.
/// Cost:    O(N²) dense, O(N) diagonal, O(NR) diagonal plus low rank.
template <class A, std::size_t M, std::size_t P, class State, class Input>
[[nodiscard]] vector<number_of<A>, states_of<A>> derivative(continuous_system<A, M, P> const& s, State const& h,
                                                            Input const& x) {
  return s.a * h + s.b * x;
}

/// y = C h + D x, the second; of a half system, 2 Re(C h) + D x. The same in discrete time.
///
/// Paper:   S4, Eq. (1).
/// Shapes:  h [N], x [M] → [P].
/// Error:   (N + M + 2) ε (|C||h| + |D||x|) entry by entry.
template <linear_system System, class State, class Input>
[[nodiscard]] auto output(System const& s, State const& h, Input const& x) {
  return (whole<System::kept>(s.c * h) + s.d * x).eval();
}

/// The same system with every mode written out: the stored half, then its conjugates. [N] → [2N].
template <template <class, std::size_t, std::size_t> class system, state_matrix A, std::size_t M, std::size_t P>
[[nodiscard]] auto all_modes(system<A, M, P> const& s) {
  if constexpr (kept_of<A> == modes::all) {
    return s;
  } else {
    auto const& [a, b, c, d] = s;
    return system<decltype(all_modes(a)), M, P>{all_modes(a), detail::with_conjugate(b),
                                                detail::with_conjugate(c.transpose()).transpose(), d};
  }
}

/// The same system with A written out as a matrix.
///
/// Error:   that of to_dense(A); the other matrices are copied.
template <template <class, std::size_t, std::size_t> class system, state_matrix A, std::size_t M, std::size_t P>
[[nodiscard]] auto to_dense(system<A, M, P> const& s) {
  auto const all = all_modes(s);
  auto const& [a, b, c, d] = all;
  return system<decltype(to_dense(a)), M, P>{to_dense(a), b, c, d.template cast<number_of<A>>()};
}

/// The system in a form that is closed under products and functions of A: itself, or, if diagonal plus low rank, dense.
///
/// Why:     the exponential of Λ − P Qᴴ, and its powers, mix Λ and P Qᴴ to full rank. (The rank of exp(ΔA) − exp(ΔΛ) is
///          that of A − Λ only to first order in Δ.)
template <class System>
[[nodiscard]] auto closed_form(System const& s) {
  if constexpr (
      requires { requires low_rank<decltype(s.a)>; } || requires { requires low_rank<decltype(s.a_bar)>; }) {
    return to_dense(s);
  } else {
    return s;
  }
}

}  // namespace mamba::inline MAMBA_ABI::ssm
