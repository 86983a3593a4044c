// SPDX-License-Identifier: MIT
// mamba/ssm/discretize_diagonal.hpp — every rule of discretize.hpp for a diagonal system: mode by mode.  [floor 3]
//
//     Ā = diag(ā₁ … ā_N),        row n of B̄ = b̄(Δ, aₙ) · row n of B
//
// C, D and the kept modes stay as they are: the conjugate of a mode is discretised to the conjugate.
//
// What holds for all of them:
// Shapes:  delta a number, system a [N], b [N, M] → a_bar [N], b_bar (b_bar_before) [N, M].
// Units:   delta [s], a [1/s].
// Domain:  that of the rule for each mode. NaN in, NaN out: a NaN stays in its mode.
// Error:   that of the rule, and one rounding for the product with B.
// Cost:    N of the rule, N·M products.
#pragma once

#include <mamba/ssm/discrete.hpp>
#include <mamba/ssm/discretize.hpp>

namespace mamba::inline MAMBA_ABI::ssm {

namespace detail {

/// Applies a rule with one input to each mode.
template <class T, std::size_t N, std::size_t M, std::size_t P, modes K, class Rule>
[[nodiscard]] discrete_diagonal<T, N, M, P, K> each_mode(diagonal_system<T, N, M, P, K> const& s, Rule const& rule) {
  discrete_diagonal<T, N, M, P, K> out{s.a, s.b, s.c, s.d};
  for (Eigen::Index n = 0; n < s.a.size(); ++n) {
    discrete_mode<T> const mode = rule(s.a(n), T(1));
    out.a_bar(n) = mode.a_bar;
    out.b_bar.row(n) *= mode.b_bar;
  }
  return out;
}

/// Applies a rule with two inputs to each mode.
template <class T, std::size_t N, std::size_t M, std::size_t P, modes K, class Rule>
[[nodiscard]] two_point<discrete_diagonal<T, N, M, P, K>> each_two_point_mode(diagonal_system<T, N, M, P, K> const& s,
                                                                              Rule const& rule) {
  two_point<discrete_diagonal<T, N, M, P, K>> out{{s.a, s.b, s.c, s.d}, s.b};
  for (Eigen::Index n = 0; n < s.a.size(); ++n) {
    two_point_mode<T> const mode = rule(s.a(n), T(1));
    out.a_bar(n) = mode.a_bar;
    out.b_bar.row(n) *= mode.b_bar;
    out.b_bar_before.row(n) *= mode.b_bar_before;
  }
  return out;
}

}  // namespace detail

/// āₙ = (1 + (1 − α) Δ aₙ)/(1 − α Δ aₙ),   b̄ₙ = Δ bₙ/(1 − α Δ aₙ): α = 0, ½, 1 are the three below.
template <class T, std::size_t N, std::size_t M, std::size_t P, modes K>
[[nodiscard]] auto generalized_bilinear(real_of<T> delta, real_of<T> alpha, diagonal_system<T, N, M, P, K> const& s) {
  return detail::each_mode(s, [=](T a, T b) { return generalized_bilinear(delta, alpha, a, b); });
}

/// āₙ = 1 + Δ aₙ,   b̄ₙ = Δ bₙ.
template <class T, std::size_t N, std::size_t M, std::size_t P, modes K>
[[nodiscard]] auto forward_euler(real_of<T> delta, diagonal_system<T, N, M, P, K> const& s) {
  return detail::each_mode(s, [=](T a, T b) { return forward_euler(delta, a, b); });
}

/// āₙ = 1/(1 − Δ aₙ),   b̄ₙ = Δ bₙ/(1 − Δ aₙ).
template <class T, std::size_t N, std::size_t M, std::size_t P, modes K>
[[nodiscard]] auto backward_euler(real_of<T> delta, diagonal_system<T, N, M, P, K> const& s) {
  return detail::each_mode(s, [=](T a, T b) { return backward_euler(delta, a, b); });
}

/// āₙ = (1 + ½ Δ aₙ)/(1 − ½ Δ aₙ),   b̄ₙ = Δ bₙ/(1 − ½ Δ aₙ).
///
/// Paper:   S4, Eq. (3); S4D, section 3.
template <class T, std::size_t N, std::size_t M, std::size_t P, modes K>
[[nodiscard]] auto bilinear(real_of<T> delta, diagonal_system<T, N, M, P, K> const& s) {
  return detail::each_mode(s, [=](T a, T b) { return bilinear(delta, a, b); });
}

/// āₙ = exp(Δ aₙ),   b̄ₙ = Δ φ₁(Δ aₙ) bₙ.
///
/// Paper:   S4D, section 3; Mamba, Eq. (4).
template <class T, std::size_t N, std::size_t M, std::size_t P, modes K>
[[nodiscard]] auto zero_order_hold(real_of<T> delta, diagonal_system<T, N, M, P, K> const& s) {
  return detail::each_mode(s, [=](T a, T b) { return zero_order_hold(delta, a, b); });
}

/// āₙ = exp(Δ aₙ),   b̄ₙ = Δ φ₂(Δ aₙ) bₙ,   b̄₋ₙ = Δ (φ₁(Δ aₙ) − φ₂(Δ aₙ)) bₙ.
template <class T, std::size_t N, std::size_t M, std::size_t P, modes K>
[[nodiscard]] auto first_order_hold(real_of<T> delta, diagonal_system<T, N, M, P, K> const& s) {
  return detail::each_two_point_mode(s, [=](T a, T b) { return first_order_hold(delta, a, b); });
}

/// āₙ = exp(Δ aₙ),   b̄ₙ = Δ bₙ.
///
/// Paper:   Mamba, section 3.6 and its code.
template <class T, std::size_t N, std::size_t M, std::size_t P, modes K>
[[nodiscard]] auto zero_order_hold_a_euler_b(real_of<T> delta, diagonal_system<T, N, M, P, K> const& s) {
  return detail::each_mode(s, [=](T a, T b) { return zero_order_hold_a_euler_b(delta, a, b); });
}

/// āₙ = exp(Δ aₙ),   b̄ₙ = λ Δ bₙ,   b̄₋ₙ = (1 − λ) Δ āₙ bₙ.
///
/// Paper:   Mamba-3.
template <class T, std::size_t N, std::size_t M, std::size_t P, modes K>
[[nodiscard]] auto exponential_trapezoidal(real_of<T> delta, real_of<T> lambda,
                                           diagonal_system<T, N, M, P, K> const& s) {
  return detail::each_two_point_mode(s, [=](T a, T b) { return exponential_trapezoidal(delta, lambda, a, b); });
}

}  // namespace mamba::inline MAMBA_ABI::ssm
