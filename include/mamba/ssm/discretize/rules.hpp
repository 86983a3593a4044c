// SPDX-License-Identifier: MIT
// mamba/ssm/discretize/rules.hpp — from a differential equation to a recurrence.  [floor 3]
//
//     h'(t) = A h(t) + B x(t)        becomes        h_k = Ā h_{k−1} + B̄ x_k     (or, with two inputs, + B̄₋ x_{k−1})
//
// Each function below is one rule for (Δ, A, B) → (Ā, B̄) and acts on one mode: a and b are a real number, a SIMD batch
// of them, or a complex number (delta may then be real); a delta of 1 means 1.0. dense_rules.hpp has the rules by the
// same names for matrices A and B, discretize.hpp for whole systems; continuous.hpp has the glossary.
//
//     rule                        Ā                          B̄                    B̄₋              order  keeps stable
//     forward_euler               1 + ΔA                     Δ B                                    1      for small Δ
//     backward_euler              1/(1 − ΔA)                 Δ B/(1 − ΔA)                           1      always
//     bilinear                    (1 + ½ΔA)/(1 − ½ΔA)        Δ B/(1 − ½ΔA)                          2      always
//     generalized_bilinear        (1 + (1−α)ΔA)/(1 − αΔA)    Δ B/(1 − αΔA)                          1      if α ≥ ½
//     zero_order_hold             exp(ΔA)                    Δ φ₁ B                                 1      always
//     first_order_hold            exp(ΔA)                    Δ φ₂ B               Δ (φ₁ − φ₂) B     2      always
//     zero_order_hold_a_euler_b   exp(ΔA)                    Δ B                                    1      always
//     exponential_trapezoidal     exp(ΔA)                    λ Δ B                (1 − λ) Δ Ā B     2      always
//
// The order is that of the error after a fixed time as Δ → 0, for exponential_trapezoidal with λ = ½ (else 1). A rule
// with one input evaluates it at one time within the step: forward Euler at its beginning, backward Euler at its
// end, bilinear in its middle. An x_k that is sampled elsewhere makes bilinear a rule of order 1; one from the middle
// makes zero-order hold a rule of order 2. Zero-order hold is exact for an input that is constant during each step,
// first-order hold for one that is linear.
#pragma once

#include <mamba/math/complex_phi.hpp>
#include <mamba/math/exp.hpp>
#include <mamba/math/phi.hpp>
#include <mamba/simd/real.hpp>
#include <mamba/ssm/systems/scalar.hpp>

#include <cmath>
#include <complex>
#include <concepts>
#include <type_traits>

namespace mamba::inline MAMBA_ABI::ssm {

/// Ā and B̄ of a mode, a batch of modes, or matrices: h ← a_bar·h + b_bar·x.
template <class A, class B = A>
struct discretized {
  A a_bar;  ///< the share of the old state after one step; by the rules with exp, 0 ≤ a_bar ≤ 1 when A ≤ 0
  B b_bar;  ///< the weight of the input
};

/// The same for rules with two inputs: h ← a_bar·h + b_bar·x + b_bar_before·(the x before).
template <class A, class B = A>
struct discretized_two_point {
  A a_bar;
  B b_bar;
  B b_bar_before;
};

namespace detail {

template <class V>
  requires simd::is_batch<V>
struct real_behind<V> {
  using type = simd::scalar_of<V>;
};

}  // namespace detail

/// The type of a mode: a real or complex number, or a batch of real ones. Integers are not accepted; matrices have
/// rules of their own, in dense_rules.hpp.
template <class V>
concept mode_value = scalar<V> || simd::real<V>;

/// The type that a step or a weight is computed in: its own, or, of an integer, the real type. (Half of the integer 1
/// would be 0, and bilinear(1, a, b) another rule.)
template <class Step, class V>
using step_of = std::conditional_t<std::integral<Step>, real_of<V>, Step>;

/// The exponential of any scalar: math::exp for the reals and their batches, the type's own otherwise.
template <class V>
[[nodiscard]] V exponential(V z) noexcept {
  if constexpr (simd::real<V>) {
    return math::exp(z);
  } else {
    using std::exp;
    return exp(z);
  }
}

/// a·b + c of any scalar, rounded once for the reals and their batches: a scalar has the bits of a lane.
template <class A, class V>
[[nodiscard]] V multiply_add(A a, V b, V c) noexcept {
  if constexpr (simd::real<V>) {
    return simd::fma(V(a), b, c);
  } else {
    return a * b + c;
  }
}

/// The family of rules that weigh the slope at both ends of the step, α at the new state and 1 − α at the old one:
///
///     (h_k − h_{k−1})/Δ = A ((1 − α) h_{k−1} + α h_k) + B x_k
///
///     Ā = (1 + (1 − α) Δ A)/(1 − α Δ A),        B̄ = Δ B/(1 − α Δ A)
///
/// Paper:   GBT of the S4 code; Zhang, Chen and Huang 2007.
/// Why:     α = 0, ½, 1 are forward Euler, bilinear and backward Euler; the three below are these.
/// Shapes:  one mode, or one batch of modes; lanes never mix. delta and alpha may be whole numbers (step_of).
/// Units:   delta [s], a [1/s], alpha a pure number.
/// Domain:  0 ≤ alpha ≤ 1, α Δ A ≠ 1 (sure when Re a ≤ 0). NaN in, NaN out.
/// Error:   for Re a ≤ 0, where |1 − αΔA| ≥ 1: 2 ε of 1 + |Ā| and of |B̄|; 4 ε for complex a.
/// Cost:    two divisions.
template <class Step, class Weight, mode_value V>
[[nodiscard]] discretized<V> generalized_bilinear(Step delta, Weight alpha, V a, V b) noexcept {
  using weight_type = step_of<Weight, V>;
  auto const step = step_of<Step, V>(delta);
  auto const weight = weight_type(alpha);
  V const z = step * a;
  V const implicit = multiply_add(-weight, z, V(1));
  return {multiply_add(weight_type(1) - weight, z, V(1)) / implicit, step * b / implicit};
}

/// Forward Euler: the slope at the old state.
///
///     Ā = 1 + Δ A,        B̄ = Δ B
///
/// Why:     the simplest rule; stable only where |1 + ΔA| < 1, which requires a very small Δ for stiff systems.
/// Units:   delta [s], a [1/s].
/// Error:   ε of 1 + |ΔA|; one rounding for B̄.
template <class Step, mode_value V>
[[nodiscard]] discretized<V> forward_euler(Step delta, V a, V b) noexcept {
  return generalized_bilinear(delta, step_of<Step, V>(0), a, b);
}

/// Backward Euler: the slope at the new state.
///
///     Ā = 1/(1 − Δ A),        B̄ = Δ B/(1 − Δ A)
///
/// Why:     stable for every stable A and every Δ, but it also damps pure oscillations (|Ā| < 1 for A = iω).
/// Units:   delta [s], a [1/s].
/// Domain:  Δ A ≠ 1. NaN in, NaN out.
/// Error:   as generalized_bilinear.
template <class Step, mode_value V>
[[nodiscard]] discretized<V> backward_euler(Step delta, V a, V b) noexcept {
  return generalized_bilinear(delta, step_of<Step, V>(1), a, b);
}

/// Bilinear, also called Tustin's rule or the trapezoidal rule: the mean of both slopes.
///
///     Ā = (1 + ½ Δ A)/(1 − ½ Δ A),        B̄ = Δ B/(1 − ½ Δ A)
///
/// Paper:   S4, Eq. (3).
/// Why:     of order 2, and it maps the stable half-plane onto the unit disc: stable stays stable, A = iω keeps |Ā| =
///          1. For very stiff modes Ā → −1: they ring where the exact ones have decayed.
/// Units:   delta [s], a [1/s].
/// Domain:  Δ A ≠ 2. NaN in, NaN out.
/// Error:   as generalized_bilinear.
template <class Step, mode_value V>
[[nodiscard]] discretized<V> bilinear(Step delta, V a, V b) noexcept {
  return generalized_bilinear(delta, step_of<Step, V>(0.5), a, b);
}

/// Zero-order hold: exact when the input is constant during the step.
///
///     Ā = exp(Δ A)
///     B̄ = ∫₀^Δ exp(s A) ds · B  =  Δ φ₁(Δ A) B,        φ₁(z) = (eᶻ − 1)/z,   φ₁(0) = 1
///
/// Paper:   Mamba, Eq. (4), for one entry of a diagonal A.
/// Why φ₁:  the textbook (Ā − 1)/A·B subtracts two nearly equal numbers when |ΔA| is small (in float, 3 % wrong at
///          ΔA = −1e-6) and is 0/0 for A = 0, the pure integrator. φ₁ is smooth at 0.
/// Shapes:  each argument is one mode, or one batch of modes; lanes never mix.
/// Units:   delta [s], a [1/s]; the product is a pure number.
/// Domain:  delta ≥ 0, a finite (a ≤ 0 if the system is to be stable). NaN in, NaN out.
/// Error:   each within (4 + |ΔA|) ε relative: the rounding of ΔA, magnified |ΔA| times by exp, and the function's.
///          Complex a: Ā within (8 + |ΔA|) ε relative, B̄ within 8 ε |B̄| + 2 ε |Ā ΔB|. This is an absolute bound near
///          ΔA = 2πik, k ≠ 0, where φ₁ has its zeros: there the rounding of ΔA may be larger than B̄.
template <class Step, mode_value V>
[[nodiscard]] discretized<V> zero_order_hold(Step delta, V a, V b) noexcept {
  auto const step = step_of<Step, V>(delta);
  V const z = step * a;
  return {exponential(z), step * math::phi1(z) * b};
}

/// First-order hold: exact when the input is linear from x_{k−1} to x_k during the step.
///
///     Ā  = exp(Δ A)
///     B̄  = ∫₀^Δ exp((Δ − s) A) s/Δ ds · B        =  Δ φ₂(Δ A) B,        φ₂(z) = (eᶻ − 1 − z)/z²,   φ₂(0) = ½
///     B̄₋ = ∫₀^Δ exp((Δ − s) A) (1 − s/Δ) ds · B  =  Δ (φ₁(Δ A) − φ₂(Δ A)) B
///
/// Why:     of order 2 for any smooth input, and stable whenever A is. With x_{k−1} = x_k it is zero-order hold.
/// Units:   delta [s], a [1/s].
/// Domain:  delta ≥ 0, a finite. NaN in, NaN out.
/// Error:   Ā as in zero_order_hold; B̄ and B̄₋ within (6 + |ΔA|) ε (complex a: (8 + |ΔA|) ε) of |Δ φ₁(Re ΔA) B|,
///          which is their sum for real a.
/// See:     scipy's "foh" has one input only: its state is h_k − B̄ x_k, whose B is B̄₋ + Ā B̄.
template <class Step, mode_value V>
[[nodiscard]] discretized_two_point<V> first_order_hold(Step delta, V a, V b) noexcept {
  auto const step = step_of<Step, V>(delta);
  V const z = step * a;
  V const phi1 = math::phi1(z), phi2 = math::phi2(z);
  return {exponential(z), step * phi2 * b, step * (phi1 - phi2) * b};
}

/// The selective simplification: zero-order hold for A, forward Euler for B.
///
///     Ā = exp(Δ A),        B̄ = Δ B
///
/// Paper:   Mamba, section 3.6 and its code; the S6 layer of every Mamba-1 checkpoint is this rule.
/// Why:     φ₁(ΔA) = 1 + O(ΔA), and a learned, input-dependent B absorbs the difference.
/// Shapes:  one mode or one batch of modes, any scalar type.
/// Units:   delta [s], a [1/s].
/// Domain:  delta ≥ 0. NaN in, NaN out.
/// Error:   Ā as in zero_order_hold, B̄ one rounding; the B̄ of the two rules differs by Δ²AB/2 + O(Δ³).
template <class Step, mode_value V>
[[nodiscard]] discretized<V> zero_order_hold_a_euler_b(Step delta, V a, V b) noexcept {
  auto const step = step_of<Step, V>(delta);
  return {exponential(step * a), step * b};
}

/// The exponential-trapezoidal rule: the state's decay is exact, the input's integral a weighted mean of both ends.
///
///     Ā = exp(Δ A),        B̄ = λ Δ B,        B̄₋ = (1 − λ) Δ Ā B
///
/// Paper:   Mamba-3, where they are α, γ and β. There A ≤ 0 and λ, a sigmoid, both depend on the input.
/// Why:     λ = ½ is the trapezoidal rule, of order 2 with one exponential and no φ; λ = 1 is the selective
///          simplification of Mamba-1 and 2.
/// Shapes:  one mode or one batch of modes, any scalar type.
/// Units:   delta [s], a [1/s], lambda a pure number.
/// Domain:  delta ≥ 0, 0 ≤ lambda ≤ 1. NaN in, NaN out.
/// Error:   Ā as in zero_order_hold; B̄ two roundings, B̄₋ those of Ā and four more.
template <class Step, class Weight, mode_value V>
[[nodiscard]] discretized_two_point<V> exponential_trapezoidal(Step delta, Weight lambda, V a, V b) noexcept {
  using weight_type = step_of<Weight, V>;
  auto const step = step_of<Step, V>(delta);
  auto const weight = weight_type(lambda);
  V const a_bar = exponential(step * a);
  return {a_bar, weight * step * b, (weight_type(1) - weight) * step * a_bar * b};
}

}  // namespace mamba::inline MAMBA_ABI::ssm
