// SPDX-License-Identifier: MIT
// mamba/ssm/discretize/discretize.hpp — every rule of rules.hpp for whole systems, of any structure.  [floor 3]
//
//     auto const stepped = bilinear(0.1, system);          // Δ first, the system second
//
//     structure              Ā, B̄
//     dense                  functions of the matrix A: dense_rules.hpp
//     diagonal               mode by mode: Ā = diag(ā₁ … ā_N), row n of B̄ = b̄(Δ, aₙ) · row n of B
//     diagonal + low rank    the bilinear family keeps the form (low_rank_rules.hpp); with exp(ΔA) the system is dense
//
// C, D and the kept modes do not change: the conjugate of a mode is discretised to the conjugate.
//
// What holds for all of them:
// Shapes:  delta a number, system a [N, N], b [N, M] → a_bar [N, N], b_bar (b_bar_before) [N, M].
// Units:   delta [s], a [1/s].
// Domain:  that of the rule, for each mode. NaN in, NaN out: in a diagonal system a NaN stays in its mode.
// Error:   that of the rule; diagonal: and one rounding for the product with B.
// Cost:    diagonal: N of the rule, N·M products; dense O(N²(N + M)); low rank O(NR(R + M)), with exp O(N³).
#pragma once

#include <mamba/ssm/discretize/dense_rules.hpp>
#include <mamba/ssm/discretize/low_rank_rules.hpp>
#include <mamba/ssm/systems/discrete.hpp>

#include <type_traits>
#include <utility>

namespace mamba::inline MAMBA_ABI::ssm {

namespace detail {

/// A rule for a state matrix and its B: as it is, or mode by mode.
template <class Rule, state_matrix A, class B>
[[nodiscard]] auto apply_rule(Rule const& rule, A const& a, B const& b) {
  return rule(a, b);
}
template <class Rule, class T, std::size_t N, modes K, class B>
[[nodiscard]] auto apply_rule(Rule const& rule, diagonal_matrix<T, N, K> a, B const& b) {
  constexpr bool sees_two = requires { rule(T(), T()).b_bar_before; };
  auto now = b, before = b;
  for (Eigen::Index n = 0; n < b.rows(); ++n) {
    auto const mode = rule(a[n], T(1));
    a[n] = mode.a_bar;
    now.row(n) *= mode.b_bar;
    if constexpr (sees_two) before.row(n) *= mode.b_bar_before;
  }
  if constexpr (sees_two) {
    return discretized_two_point<diagonal_matrix<T, N, K>, B>{a, now, before};
  } else {
    return discretized<diagonal_matrix<T, N, K>, B>{a, now};
  }
}

}  // namespace detail

/// A system by any rule (A, B) → (Ā, B̄), or (Ā, B̄, B̄₋) for rules with two inputs; the eight below call it.
///
///     discretize(s, [](auto const& a, auto const& b) { return zero_order_hold(0.1, a, b); })
template <class A, std::size_t M, std::size_t P, class Rule>
[[nodiscard]] auto discretize(continuous_system<A, M, P> const& s, Rule const& rule) {
  auto const r = detail::apply_rule(rule, s.a, s.b);
  discrete_system<std::remove_const_t<decltype(r.a_bar)>, M, P> out{r.a_bar, r.b_bar, s.c, s.d};
  if constexpr (requires { r.b_bar_before; }) {
    return two_point<decltype(out)>{std::move(out), r.b_bar_before};
  } else {
    return out;
  }
}

/// Ā = (I − αΔA)⁻¹ (I + (1 − α)ΔA),   B̄ = (I − αΔA)⁻¹ ΔB: α = 0, ½, 1 are the three below.
///
/// Paper:   GBT of the S4 code; Zhang, Chen and Huang 2007.
template <class A, std::size_t M, std::size_t P>
[[nodiscard]] auto generalized_bilinear(real_of<number_of<A>> delta, real_of<number_of<A>> alpha,
                                        continuous_system<A, M, P> const& s) {
  return discretize(s, [=](auto const& a, auto const& b) { return generalized_bilinear(delta, alpha, a, b); });
}

/// Ā = I + ΔA,   B̄ = ΔB.
template <class A, std::size_t M, std::size_t P>
[[nodiscard]] auto forward_euler(real_of<number_of<A>> delta, continuous_system<A, M, P> const& s) {
  return generalized_bilinear(delta, 0, s);
}

/// Ā = (I − ΔA)⁻¹,   B̄ = (I − ΔA)⁻¹ ΔB.
template <class A, std::size_t M, std::size_t P>
[[nodiscard]] auto backward_euler(real_of<number_of<A>> delta, continuous_system<A, M, P> const& s) {
  return generalized_bilinear(delta, 1, s);
}

/// Ā = (I − ½ΔA)⁻¹ (I + ½ΔA),   B̄ = (I − ½ΔA)⁻¹ ΔB.
///
/// Paper:   S4, Eq. (3) and appendix C.2, where the Ā of a low rank is kept as a product of two factors (s4_step.hpp);
///          this is their product. S4D, section 3.
template <class A, std::size_t M, std::size_t P>
[[nodiscard]] auto bilinear(real_of<number_of<A>> delta, continuous_system<A, M, P> const& s) {
  return generalized_bilinear(delta, real_of<number_of<A>>(0.5), s);
}

/// Ā = exp(ΔA),   B̄ = Δ φ₁(ΔA) B: exact when the input is constant during the step.
///
/// Paper:   S4D, section 3; Mamba, Eq. (4).
template <class A, std::size_t M, std::size_t P>
[[nodiscard]] auto zero_order_hold(real_of<number_of<A>> delta, continuous_system<A, M, P> const& s) {
  return discretize(closed_form(s), [=](auto const& a, auto const& b) { return zero_order_hold(delta, a, b); });
}

/// Ā = exp(ΔA),   B̄ = Δ φ₂(ΔA) B,   B̄₋ = Δ (φ₁(ΔA) − φ₂(ΔA)) B: exact when the input is linear from x_{k−1} to
/// x_k during the step.
template <class A, std::size_t M, std::size_t P>
[[nodiscard]] auto first_order_hold(real_of<number_of<A>> delta, continuous_system<A, M, P> const& s) {
  return discretize(closed_form(s), [=](auto const& a, auto const& b) { return first_order_hold(delta, a, b); });
}

/// Ā = exp(ΔA),   B̄ = ΔB.
///
/// Paper:   Mamba, section 3.6 and its code.
template <class A, std::size_t M, std::size_t P>
[[nodiscard]] auto zero_order_hold_a_euler_b(real_of<number_of<A>> delta, continuous_system<A, M, P> const& s) {
  return discretize(closed_form(s),
                    [=](auto const& a, auto const& b) { return zero_order_hold_a_euler_b(delta, a, b); });
}

/// Ā = exp(ΔA),   B̄ = λΔB,   B̄₋ = (1 − λ)Δ Ā B.
///
/// Paper:   Mamba-3.
template <class A, std::size_t M, std::size_t P>
[[nodiscard]] auto exponential_trapezoidal(real_of<number_of<A>> delta, real_of<number_of<A>> lambda,
                                           continuous_system<A, M, P> const& s) {
  return discretize(closed_form(s),
                    [=](auto const& a, auto const& b) { return exponential_trapezoidal(delta, lambda, a, b); });
}

}  // namespace mamba::inline MAMBA_ABI::ssm
