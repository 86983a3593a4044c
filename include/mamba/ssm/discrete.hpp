// SPDX-License-Identifier: MIT
// mamba/ssm/discrete.hpp — linear systems in discrete time, what a discretisation makes of them.  [floor 3]
//
//     h_k = Ā h_{k−1} + B̄ x_k          y_k = C h_k + D x_k
//
// The state before the first input is h_{−1}. (scipy and most control texts let x_k act on h_{k+1} instead: their
// output is ours one step later.) A discretised system is another type than a continuous one, so that none is
// discretised twice.
#pragma once

#include <mamba/ssm/continuous.hpp>

namespace mamba::inline MAMBA_ABI::ssm {

/// A dense system in discrete time.
template <scalar T, std::size_t N = dynamic, std::size_t M = 1, std::size_t P = 1>
struct discrete_dense {
  matrix<T, N> a_bar;     ///< [N, N]
  matrix<T, N, M> b_bar;  ///< [N, M]
  matrix<T, P, N> c;      ///< [P, N]
  matrix<T, P, M> d;      ///< [P, M]
};

/// A diagonal system in discrete time.
template <scalar T, std::size_t N = dynamic, std::size_t M = 1, std::size_t P = 1, modes Kept = modes::all>
struct discrete_diagonal {
  vector<T, N> a_bar;          ///< [N]
  matrix<T, N, M> b_bar;       ///< [N, M]
  matrix<T, P, N> c;           ///< [P, N]
  matrix<real_of<T>, P, M> d;  ///< [P, M]
};

/// Ā = Λ̄ − P̄ Q̄ᴴ, diagonal plus rank R, in discrete time.
template <scalar T, std::size_t N = dynamic, std::size_t R = 1, std::size_t M = 1, std::size_t P = 1,
          modes Kept = modes::all>
struct discrete_dplr {
  vector<T, N> lambda_bar;     ///< [N]
  matrix<T, N, R> p_bar;       ///< [N, R]
  matrix<T, N, R> q_bar;       ///< [N, R]
  matrix<T, N, M> b_bar;       ///< [N, M]
  matrix<T, P, N> c;           ///< [P, N]
  matrix<real_of<T>, P, M> d;  ///< [P, M]
};

/// A system whose step sees two inputs: h_k = Ā h_{k−1} + B̄ x_k + B̄₋ x_{k−1}. Its memory is (h, the last x).
template <class System>
struct two_point : System {
  decltype(System::b_bar) b_bar_before;  ///< B̄₋ [N, M]
};

/// One step from h_{k−1} to h_k without input: Ā h.
///
/// Cost:    O(N²) dense, O(N) diagonal, O(NR) diagonal plus low rank.
template <class T, std::size_t N, std::size_t M, std::size_t P, class State>
[[nodiscard]] vector<T, N> advance(discrete_dense<T, N, M, P> const& s, State const& h) {
  return s.a_bar * h;
}
template <class T, std::size_t N, std::size_t M, std::size_t P, modes K, class State>
[[nodiscard]] vector<T, N> advance(discrete_diagonal<T, N, M, P, K> const& s, State const& h) {
  return s.a_bar.cwiseProduct(h);
}
template <class T, std::size_t N, std::size_t R, std::size_t M, std::size_t P, modes K, class State>
[[nodiscard]] vector<T, N> advance(discrete_dplr<T, N, R, M, P, K> const& s, State const& h) {
  return s.lambda_bar.cwiseProduct(h) - s.p_bar * whole<K>(s.q_bar.adjoint() * h);
}

/// y_k = C h_k + D x_k; a half system answers 2 Re(C h) + D x.
template <class T, std::size_t N, std::size_t M, std::size_t P, class State, class Input>
[[nodiscard]] auto output(discrete_dense<T, N, M, P> const& s, State const& h, Input const& x) {
  return (s.c * h + s.d * x).eval();
}
template <class T, std::size_t N, std::size_t M, std::size_t P, modes K, class State, class Input>
[[nodiscard]] auto output(discrete_diagonal<T, N, M, P, K> const& s, State const& h, Input const& x) {
  return (whole<K>(s.c * h) + s.d * x).eval();
}
template <class T, std::size_t N, std::size_t R, std::size_t M, std::size_t P, modes K, class State, class Input>
[[nodiscard]] auto output(discrete_dplr<T, N, R, M, P, K> const& s, State const& h, Input const& x) {
  return (whole<K>(s.c * h) + s.d * x).eval();
}

/// The same system with every mode written out: the stored half, then its conjugates. [N] → [2N].
template <class T, std::size_t N, std::size_t M, std::size_t P>
[[nodiscard]] discrete_diagonal<T, dynamic, M, P> all_modes(discrete_diagonal<T, N, M, P, modes::half> const& s) {
  auto const all = all_modes(diagonal_system<T, N, M, P, modes::half>{s.a_bar, s.b_bar, s.c, s.d});
  return {all.a, all.b, all.c, all.d};
}
template <class T, std::size_t N, std::size_t R, std::size_t M, std::size_t P>
[[nodiscard]] discrete_dplr<T, dynamic, R, M, P> all_modes(discrete_dplr<T, N, R, M, P, modes::half> const& s) {
  auto const all =
      all_modes(dplr_system<T, N, R, M, P, modes::half>{s.lambda_bar, s.p_bar, s.q_bar, s.b_bar, s.c, s.d});
  return {all.lambda, all.p, all.q, all.b, all.c, all.d};
}

/// The same system with Ā written out as a matrix.
template <class T, std::size_t N, std::size_t M, std::size_t P>
[[nodiscard]] discrete_dense<T, N, M, P> to_dense(discrete_diagonal<T, N, M, P> const& s) {
  return {s.a_bar.asDiagonal(), s.b_bar, s.c, s.d.template cast<T>()};
}
template <class T, std::size_t N, std::size_t R, std::size_t M, std::size_t P>
[[nodiscard]] discrete_dense<T, N, M, P> to_dense(discrete_dplr<T, N, R, M, P> const& s) {
  matrix<T, N> a_bar = -s.p_bar * s.q_bar.adjoint();
  a_bar.diagonal() += s.lambda_bar;
  return {a_bar, s.b_bar, s.c, s.d.template cast<T>()};
}
template <class T, std::size_t N, std::size_t M, std::size_t P>
[[nodiscard]] discrete_dense<T, dynamic, M, P> to_dense(discrete_diagonal<T, N, M, P, modes::half> const& s) {
  return to_dense(all_modes(s));
}
template <class T, std::size_t N, std::size_t R, std::size_t M, std::size_t P>
[[nodiscard]] discrete_dense<T, dynamic, M, P> to_dense(discrete_dplr<T, N, R, M, P, modes::half> const& s) {
  return to_dense(all_modes(s));
}

}  // namespace mamba::inline MAMBA_ABI::ssm
