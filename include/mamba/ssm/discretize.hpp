// SPDX-License-Identifier: MIT
// mamba/ssm/discretize.hpp — from a differential equation to a recurrence.  [floor 3]
//
//     h'(t) = A h(t) + B x(t)        becomes        h_k = Ā h_{k-1} + B̄ x_k
//
// Each function below is one rule for (Δ, A, B) → (Ā, B̄). They act on one diagonal mode; a vector of modes is a loop
// (or a batch).
//
//     letter   meaning                      in code            S4 paper   Mamba paper
//     h        state                        h                  x          h
//     x        input                        x                  u          x
//     y        output                       y                  y          y
//     A        state matrix (one mode: a)   a, A_log           A          A
//     B, C     input and output vectors     b, c               B, C       B, C
//     D        skip                         d                  D          D
//     Δ        step                         delta, dt_proj     Δ          Δ
//     Ā, B̄     discretised A and B          a_bar, b_bar       Ā, B̄       Ā, B̄
//     N        state size                   N, d_state         N          N
//     L        sequence length              L                  L          L
#pragma once

#include <mamba/math/exp.hpp>
#include <mamba/math/phi.hpp>
#include <mamba/simd/real.hpp>

#include <cmath>

namespace mamba::inline MAMBA_ABI::ssm {

/// One discretised mode of a diagonal system: h ← a_bar·h + b_bar·x.
template <class V>
struct discrete_mode {
  V a_bar;  ///< how much of the old state survives one step; 0 ≤ a_bar ≤ 1 when A ≤ 0
  V b_bar;  ///< how much of the input enters in one step
};

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

/// Zero-order hold: exact when the input is constant during the step.
///
///     Ā = exp(Δ A)
///     B̄ = ∫₀^Δ exp(s A) ds · B  =  Δ φ₁(Δ A) B,        φ₁(z) = (eᶻ − 1)/z,   φ₁(0) = 1
///
/// Paper:   Mamba, Eq. (4), for one entry of a diagonal A.
/// Why φ₁:  the textbook (Ā − 1)/A·B subtracts two nearly equal numbers when |ΔA| is small (in float, 3 % wrong at
///          ΔA = −1e-6) and is 0/0 for A = 0, the pure integrator. φ₁ is smooth through 0.
/// Shapes:  each argument is one mode, or one batch of modes; lanes never mix.
/// Units:   delta [s], a [1/s]; the product is a pure number.
/// Domain:  delta ≥ 0, a finite (a ≤ 0 if the system is to be stable). NaN in, NaN out.
/// Error:   each within (4 + |ΔA|) ε relative: the rounding of ΔA, magnified |ΔA| times by exp, and the function's.
template <simd::real V>
[[nodiscard]] discrete_mode<V> zero_order_hold(V delta, V a, V b) noexcept {
  V const z = delta * a;
  return {math::exp(z), delta * math::phi1(z) * b};
}

/// The selective simplification: zero-order hold for A, forward Euler for B.
///
///     Ā = exp(Δ A),        B̄ = Δ B
///
/// Paper:   Mamba, section 3.6 and its code; the S6 layer of every Mamba-1 checkpoint is this rule.
/// Why:     φ₁(ΔA) = 1 + O(ΔA), and a learned, input-dependent B absorbs the rest.
/// Shapes:  one mode or one batch of modes, any scalar type.
/// Units:   delta [s], a [1/s].
/// Domain:  delta ≥ 0. NaN in, NaN out.
/// Error:   Ā as in zero_order_hold, B̄ one rounding; the B̄ of the two rules differs by Δ²AB/2 + O(Δ³).
template <class V>
[[nodiscard]] discrete_mode<V> zero_order_hold_a_euler_b(V delta, V a, V b) noexcept {
  return {exponential(delta * a), delta * b};
}

}  // namespace mamba::inline MAMBA_ABI::ssm
