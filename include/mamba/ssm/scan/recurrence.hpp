// SPDX-License-Identifier: MIT
// mamba/ssm/scan/recurrence.hpp — a discrete system step by step, from any state.  [floor 3]
//
//     auto h = zero_state(system);
//     auto const y = recurrence(system, h, x);             // h is now the state after the last input
//     auto const more = recurrence(system, h, x_later);    // as if both had been one sequence, bit for bit
#pragma once

#include <mamba/core/contracts.hpp>
#include <mamba/ssm/scan/intermediate_states.hpp>
#include <mamba/ssm/systems/discrete.hpp>

namespace mamba::inline MAMBA_ABI::ssm {

/// Any of the systems of discrete.hpp, two_point included.
template <class System>
concept recurrent = linear_system<System> && requires(System const& s) { s.b_bar; };

/// The state of a two-point system: h, and the input of the step before.
template <scalar T, std::size_t N = dynamic, std::size_t M = 1, scalar U = real_of<T>>
struct two_point_state {
  vector<T, N> h;         ///< [N]
  vector<U, M> x_before;  ///< [M]: x_{k−1}
};

/// The initial state: zero, of the system's size.
template <recurrent System>
[[nodiscard]] auto zero_state(System const& s) {
  using B = decltype(System::b_bar);
  return Eigen::Matrix<typename B::Scalar, B::RowsAtCompileTime, 1>::Zero(s.b_bar.rows()).eval();
}
template <class System>
[[nodiscard]] auto zero_state(two_point<System> const& s) {
  using B = decltype(System::b_bar);
  using state = two_point_state<typename B::Scalar, extent_of(B::RowsAtCompileTime), extent_of(B::ColsAtCompileTime)>;
  return state{decltype(state::h)::Zero(s.b_bar.rows()), decltype(state::x_before)::Zero(s.b_bar.cols())};
}

/// The state update, the first half of a step.
///
///     h ← Ā h + B̄ x          of two inputs:  h ← Ā h + B̄ x + B̄₋ x₋,  x₋ ← x
///
/// Paper:   S4, Eq. (3); Mamba-3, Proposition 1 (the trapezoidal recurrence) for two inputs, as the first-order hold.
/// Shapes:  h [N], x [M] (or a number where M = 1).
/// Error:   that of Ā h, and (M + 2) ε (|Ā||h| + |B̄||x|) entry by entry, twice that with two inputs.
/// Cost:    advance() and a product with B̄.
template <recurrent System, class State, class Input>
void update_state(System const& s, State& h, Input const& x) {
  constexpr bool takes_two = requires { s.b_bar_before; };
  static_assert(!takes_two, "update_state: a step of two inputs needs a two_point_state");
  MAMBA_EXPECTS(h.size() == s.b_bar.rows(), "update_state: the state must be as long as the system's", h.size(),
                s.b_bar.rows());
  h = (ssm::advance(s, h) + s.b_bar * x).eval();  // ssm's, because std has an advance, too
}
template <class System, scalar T, std::size_t N, std::size_t M, scalar U, class Input>
void update_state(two_point<System> const& s, two_point_state<T, N, M, U>& state, Input const& x) {
  auto& [h, x_before] = state;
  MAMBA_EXPECTS(h.size() == s.b_bar.rows(), "update_state: the state must be as long as the system's", h.size(),
                s.b_bar.rows());
  h = (ssm::advance(s, h) + s.b_bar * x + s.b_bar_before * x_before).eval();
  x_before = vector<U, M>(x);
}

/// One step: the state update, then the output from the new state.
///
///     h ← Ā h + B̄ x          y = C h + D x
///
/// Paper:   S4, Eq. (3).
/// Why:     the future depends on the past by h alone, and a step costs the same after any number of inputs.
/// Shapes:  h [N], x [M] (or a number where M = 1) → y [P].
/// Domain:  any state. NaN in, NaN out.
/// Error:   that of update_state(), then that of output().
/// Cost:    advance() and one product each with B̄, C and D.
template <recurrent System, class State, class Input>
[[nodiscard]] auto step(System const& s, State& h, Input const& x) {
  update_state(s, h, x);
  return output(s, h, x);
}
template <class System, scalar T, std::size_t N, std::size_t M, scalar U, class Input>
[[nodiscard]] auto step(two_point<System> const& s, two_point_state<T, N, M, U>& state, Input const& x) {
  update_state(s, state, x);
  return output(s, state.h, x);
}

/// The whole sequence, step by step: y_k for each x_k; h becomes the state after the last input.
///
///     h_k = Ā h_{k−1} + B̄ x_k          y_k = C h_k + D x_k
///
/// Paper:   S4, Eq. (3).
/// Why:     the reference for the convolution and the scans.
/// Shapes:  h [N], x [L, M] → y [L, P]; L = 0 leaves h unchanged. observe(k, h) is called after each step.
/// Domain:  any state. NaN in, NaN out, in what comes after it.
/// Error:   that of output(), and that of update_state() in each step k, carried on by Ā^{L−k}.
/// Determinism: a sequence in parts, with h carried over, gives the bits of the whole.
/// Cost:    O(L N²) dense, O(L N) diagonal, O(L N R) diagonal plus low rank; no memory beside y and h.
/// See:     convolution.hpp and scan.hpp, two ways to the same y; intermediate_states.hpp for observe.
template <recurrent System, class State, class Input, class Observe = see_no_state>
[[nodiscard]] auto recurrence(System const& s, State& h, Input const& x, Observe&& observe = {}) {
  MAMBA_EXPECTS(x.cols() == s.b_bar.cols(), "recurrence: x must have the system's inputs", x.cols(), s.b_bar.cols());
  using y_vector = decltype(step(s, h, x.row(0).transpose().eval()));
  Eigen::Matrix<typename y_vector::Scalar, Eigen::Dynamic, y_vector::RowsAtCompileTime> y(x.rows(), s.c.rows());
  for (Eigen::Index k = 0; k < x.rows(); ++k) {
    y.row(k) = step(s, h, x.row(k).transpose().eval()).transpose();
    observe(size(k), h);
  }
  return y;
}

}  // namespace mamba::inline MAMBA_ABI::ssm
