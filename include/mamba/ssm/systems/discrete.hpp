// SPDX-License-Identifier: MIT
// mamba/ssm/systems/discrete.hpp — linear systems in discrete time.  [floor 3]
//
//     h_k = Ā h_{k−1} + B̄ x_k          y_k = C h_k + D x_k
//
// The state before the first input is h_{−1}. (scipy and most control texts let x_k act on h_{k+1} instead: their
// output is ours one step later.) A discretised system has another type than a continuous one, so that none can
// be discretised twice.
#pragma once

#include <mamba/ssm/systems/continuous.hpp>

namespace mamba::inline MAMBA_ABI::ssm {

/// A system in discrete time, over a state matrix of any structure.
template <class A, std::size_t M = 1, std::size_t P = 1>
struct discrete_system {
  static constexpr modes kept = kept_of<A>;

  A a_bar;                                             ///< [N, N]
  matrix<number_of<A>, states_of<A>, M> b_bar;         ///< [N, M]
  matrix<number_of<A>, P, states_of<A>> c;             ///< [P, N]
  matrix<typename detail::facts_of<A>::skip, P, M> d;  ///< [P, M]
};

/// Ā is any matrix.
template <scalar T, std::size_t N = dynamic, std::size_t M = 1, std::size_t P = 1>
using discrete_dense = discrete_system<matrix<T, N>, M, P>;

/// Ā = diag λ̄.
template <scalar T, std::size_t N = dynamic, std::size_t M = 1, std::size_t P = 1, modes Kept = modes::all>
using discrete_diagonal = discrete_system<diagonal_matrix<T, N, Kept>, M, P>;

/// Ā = Λ̄ − P̄ Q̄ᴴ: diagonal plus rank R.
template <scalar T, std::size_t N = dynamic, std::size_t R = 1, std::size_t M = 1, std::size_t P = 1,
          modes Kept = modes::all>
using discrete_dplr = discrete_system<low_rank_matrix<T, N, R, Kept>, M, P>;

/// A system whose step depends on two inputs: h_k = Ā h_{k−1} + B̄ x_k + B̄₋ x_{k−1}. Its state is (h, the last x).
///
/// Why:     Ā, C and D are used as those of a System. A function that uses B̄ has an overload for two_point, or does
///          not accept it: as a System it would lose B̄₋.
template <class System>
struct two_point : System {
  decltype(System::b_bar) b_bar_before;  ///< B̄₋ [N, M]
};

/// The system with B̄₋ in place of B̄: the effect of x_{k−1}.
template <class System>
[[nodiscard]] System input_before(two_point<System> const& s) {
  System before = s;
  before.b_bar = s.b_bar_before;
  return before;
}

/// One step from h_{k−1} to h_k without input: Ā h.
///
/// Error:   that of Ā * h: structured_matrix.hpp.
/// Cost:    O(N²) dense, O(N) diagonal, O(NR) diagonal plus low rank.
template <class A, std::size_t M, std::size_t P, class State>
[[nodiscard]] vector<number_of<A>, states_of<A>> advance(discrete_system<A, M, P> const& s, State const& h) {
  return s.a_bar * h;
}

/// all_modes() and to_dense() of continuous.hpp, where a step depends on two inputs.
template <class System>
[[nodiscard]] auto all_modes(two_point<System> const& s) {
  System const& now = s;
  return two_point<decltype(all_modes(now))>{all_modes(now), all_modes(input_before(s)).b_bar};
}
template <class System>
[[nodiscard]] auto to_dense(two_point<System> const& s) {
  System const& now = s;
  return two_point<decltype(to_dense(now))>{to_dense(now), to_dense(input_before(s)).b_bar};
}

}  // namespace mamba::inline MAMBA_ABI::ssm
