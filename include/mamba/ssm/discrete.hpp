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

#include <type_traits>

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
  static_assert(can_keep<Kept, T>, "modes::half needs complex modes: a real one has no conjugate to stand for");
  vector<T, N> a_bar;          ///< [N]
  matrix<T, N, M> b_bar;       ///< [N, M]
  matrix<T, P, N> c;           ///< [P, N]
  matrix<real_of<T>, P, M> d;  ///< [P, M]
};

/// Ā = Λ̄ − P̄ Q̄ᴴ, diagonal plus rank R, in discrete time.
template <scalar T, std::size_t N = dynamic, std::size_t R = 1, std::size_t M = 1, std::size_t P = 1,
          modes Kept = modes::all>
struct discrete_dplr {
  static_assert(can_keep<Kept, T>, "modes::half needs complex modes: a real one has no conjugate to stand for");
  vector<T, N> lambda_bar;     ///< [N]
  matrix<T, N, R> p_bar;       ///< [N, R]
  matrix<T, N, R> q_bar;       ///< [N, R]
  matrix<T, N, M> b_bar;       ///< [N, M]
  matrix<T, P, N> c;           ///< [P, N]
  matrix<real_of<T>, P, M> d;  ///< [P, M]
};

/// A system whose step sees two inputs: h_k = Ā h_{k−1} + B̄ x_k + B̄₋ x_{k−1}. Its memory is (h, the last x).
///
/// Why:     what it shares with System, Ā, C and D, is used as that of a System. Whatever uses B̄ has a form of its own
///          for two_point, or refuses it: as a System it would forget B̄₋.
template <class System>
struct two_point : System {
  decltype(System::b_bar) b_bar_before;  ///< B̄₋ [N, M]
};

/// The system that sees one input only, B̄₋ in place of B̄: what x_{k−1} does.
template <class System>
[[nodiscard]] System input_before(two_point<System> const& s) {
  System before = s;
  before.b_bar = s.b_bar_before;
  return before;
}

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
template <class System>
[[nodiscard]] auto all_modes(two_point<System> const& s) {
  auto const now = all_modes(static_cast<System const&>(s));
  return two_point<std::remove_cv_t<decltype(now)>>{now, all_modes(input_before(s)).b_bar};
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
template <class System>
[[nodiscard]] auto to_dense(two_point<System> const& s) {
  auto const now = to_dense(static_cast<System const&>(s));
  return two_point<std::remove_cv_t<decltype(now)>>{now, to_dense(input_before(s)).b_bar};
}

}  // namespace mamba::inline MAMBA_ABI::ssm
