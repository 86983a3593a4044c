// SPDX-License-Identifier: MIT
// mamba/ssm/discretize/plane.hpp — the map of eigenvalues by each rule: s → z, and back.  [floor 3]
//
//     h' = s h   decays where Re s < 0             h_k = z h_{k−1}   where |z| < 1
//
//     rule                    z(s)                        s(z)                         Re s < 0 goes
//     forward_euler           1 + sΔ                      (z − 1)/Δ                    onto Re z < 1, mostly unstable
//     backward_euler          1/(1 − sΔ)                  (z − 1)/(Δz)                 onto |z − ½| < ½
//     bilinear                (1 + ½sΔ)/(1 − ½sΔ)         (2/Δ) (z − 1)/(z + 1)        onto |z| < 1
//     generalized_bilinear    (1 + (1−α)sΔ)/(1 − αsΔ)     (z − 1)/(Δ (1 − α + αz))     onto |z − 1 + 1/2α| < 1/2α
//     zero_order_hold         e^(sΔ)                      log(z)/Δ                     onto 0 < |z| < 1
//
// So α ≥ ½ keeps every stable system stable, and α ≤ ½ every unstable one unstable. Each z(s) is the Ā of that rule for
// the mode A = s. first_order_hold and the rules after it in rules.hpp map A as zero_order_hold does. Many texts
// write T for Δ.
//
// What holds for all of them:
// Error:   s → z that of the rule's Ā (rules.hpp); z → s 8 ε relative, times (|1 − α| + α|z|)/|1 − α + αz|, which grows
//          near the pole of s(z); the logarithm 2 ε (|log z| + 1)/Δ.
#pragma once

#include <mamba/ssm/discretize/rules.hpp>

#include <complex>
#include <concepts>

namespace mamba::inline MAMBA_ABI::ssm {

/// z = (1 + (1 − α) s Δ)/(1 − α s Δ).
///
/// Units:   s [1/s], delta [s], z a pure number.
/// Domain:  α s Δ ≠ 1. NaN in, NaN out.
template <std::floating_point T>
[[nodiscard]] std::complex<T> s_to_z_generalized_bilinear(std::complex<T> s, T delta, T alpha) noexcept {
  return generalized_bilinear(delta, alpha, s, s).a_bar;
}

/// s = (z − 1)/(Δ (1 − α + α z)).
///
/// Domain:  1 − α + α z ≠ 0, delta ≠ 0. NaN in, NaN out.
template <std::floating_point T>
[[nodiscard]] std::complex<T> z_to_s_generalized_bilinear(std::complex<T> z, T delta, T alpha) noexcept {
  return (z - T(1)) / (delta * (T(1) - alpha + alpha * z));
}

/// z = 1 + s Δ: a shift and a scaling; the stable half-plane is not mapped into the unit disc.
template <std::floating_point T>
[[nodiscard]] std::complex<T> s_to_z_forward_euler(std::complex<T> s, T delta) noexcept {
  return forward_euler(delta, s, s).a_bar;
}

/// s = (z − 1)/Δ.
template <std::floating_point T>
[[nodiscard]] std::complex<T> z_to_s_forward_euler(std::complex<T> z, T delta) noexcept {
  return (z - T(1)) / delta;
}

/// z = 1/(1 − s Δ): an inversion; the stable half-plane becomes a disc of radius ½, and unstable s may become
/// stable.
///
/// Domain:  s Δ ≠ 1.
template <std::floating_point T>
[[nodiscard]] std::complex<T> s_to_z_backward_euler(std::complex<T> s, T delta) noexcept {
  return backward_euler(delta, s, s).a_bar;
}

/// s = (z − 1)/(Δ z).
///
/// Domain:  z ≠ 0.
template <std::floating_point T>
[[nodiscard]] std::complex<T> z_to_s_backward_euler(std::complex<T> z, T delta) noexcept {
  return (z - T(1)) / (delta * z);
}

/// z = (1 + ½ s Δ)/(1 − ½ s Δ): half-plane to disc, one to one. s = −1 + 2i goes to −1/13 + 8/13 i for Δ = 1.
///
/// Why:     a mode of frequency ω rotates by 2 atan(½ωΔ) per step instead of ωΔ (frequency warping): high frequencies
///          are compressed below half the sampling rate.
/// Domain:  s Δ ≠ 2.
template <std::floating_point T>
[[nodiscard]] std::complex<T> s_to_z_bilinear(std::complex<T> s, T delta) noexcept {
  return bilinear(delta, s, s).a_bar;
}

/// s = (2/Δ) (z − 1)/(z + 1).
///
/// Domain:  z ≠ −1.
template <std::floating_point T>
[[nodiscard]] std::complex<T> z_to_s_bilinear(std::complex<T> z, T delta) noexcept {
  return T(2) / delta * ((z - T(1)) / (z + T(1)));
}

/// z = e^(s Δ): one step of the continuous system.
///
/// Why:     frequencies that differ by 2π/Δ have the same z: they cannot be distinguished by samples (aliasing).
template <std::floating_point T>
[[nodiscard]] std::complex<T> s_to_z_zero_order_hold(std::complex<T> s, T delta) noexcept {
  return exponential(s * delta);
}

/// s = log(z)/Δ with |Im s| ≤ π/Δ: of all s with this z, the one of the lowest frequency.
///
/// Domain:  z ≠ 0.
template <std::floating_point T>
[[nodiscard]] std::complex<T> z_to_s_zero_order_hold(std::complex<T> z, T delta) noexcept {
  return std::log(z) / delta;
}

}  // namespace mamba::inline MAMBA_ABI::ssm
