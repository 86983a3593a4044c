// SPDX-License-Identifier: MIT
// mamba/ssm/scan/irregular.hpp — samples at any times: a step size for every step.  [floor 3]
//
//     h_k = Ā(Δ_k) h_{k−1} + B̄(Δ_k) x_k          y_k = C h_k + D x_k
//
//     auto const y = irregular_recurrence(system, delta, h, x,
//                                         [](double step, auto const& s) { return zero_order_hold(step, s); });
#pragma once

#include <mamba/ssm/scan/recurrence.hpp>

namespace mamba::inline MAMBA_ABI::ssm {

/// The recurrence of a continuous system with a step size per step, discretised step by step.
///
///     Ā_k, B̄_k = rule(Δ_k, system)
///     h_k = Ā_k h_{k−1} + B̄_k x_k          y_k = C h_k + D x_k
///
/// Paper:   S5, section 5 and its pendulum experiment: observations at irregular times.
/// Why:     time enters a continuous system by Δ alone, so that gaps of any length need no interpolated samples. With
///          Δ_k, B and C from the input this becomes the selective scan.
/// Shapes:  delta [L], h [N], x [L, M] → y [L, P]; h becomes the state after the last input. observe(k, h) is called
///          after each step.
/// Units:   delta [s]: from the sample before to this one.
/// Domain:  that of the rule, for every Δ_k; Δ_k = 0 keeps the state under a hold. NaN in, NaN out, from there on.
/// Error:   the rule's, and the recurrence's.
/// Determinism: a sequence in parts, with h carried over, gives the bits of the whole.
/// Cost:    the rule and a step, L times; one discretised system at a time, so that memory is O(L) for the outputs and
///          O(N) (dense: O(N²)) for the rest, never L × N.
/// See:     discretize.hpp for rules; those with two inputs need a two_point_state.
template <class System, class Steps, class State, class Input, class Rule, class Observe = see_no_state>
[[nodiscard]] auto irregular_recurrence(System const& s, Steps const& delta, State& h, Input const& x, Rule const& rule,
                                        Observe&& observe = {}) {
  MAMBA_EXPECTS(delta.size() == x.rows(), "irregular_recurrence: every input needs its step", delta.size(), x.rows());
  using y_vector = decltype(step(rule(delta(0), s), h, x.row(0).transpose().eval()));
  Eigen::Matrix<typename y_vector::Scalar, Eigen::Dynamic, y_vector::RowsAtCompileTime> y(x.rows(), s.c.rows());
  for (Eigen::Index k = 0; k < x.rows(); ++k) {
    y.row(k) = step(rule(delta(k), s), h, x.row(k).transpose().eval()).transpose();
    observe(size(k), h);
  }
  return y;
}

}  // namespace mamba::inline MAMBA_ABI::ssm
