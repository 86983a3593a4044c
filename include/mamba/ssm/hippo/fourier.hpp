// SPDX-License-Identifier: MIT
// mamba/ssm/hippo/fourier.hpp — states that are Fourier coefficients of the input's past.  [floor 3]
//
// The states come in pairs, a cosine and a sine of k = 0, 1, 2, … turns per window. The sine of 0 turns is
// zero: state 1 stays 0 and has the eigenvalue 0. With an odd N the last pair is its cosine only.
//
//     measure         window   what enters at age 0             h' =
//     fourier2        1        x                                (M₂ − 2 e eᵀ) h + 2 e x
//     fourier         2        x                                (M₁ − e eᵀ) h + e x
//     fourier_decay   2        ⅔ x + ⅓ x(t − 2)                (M₁ − ½ e eᵀ) h + ½ e x
//     fourier_diag    none     x on top of earlier periods      (M₂ − ½ I) h + e x
//
// M_w rotates pair k by w π k per second; e is the value of each wave at both ends of the window: 1, 0, √2, 0, √2, 0, …
#pragma once

#include <mamba/ssm/systems/transition.hpp>

#include <concepts>
#include <numbers>

namespace mamba::inline MAMBA_ABI::ssm {

/// e, the values of the waves at the window's ends, where the sines vanish.
///
///     e_n = 1 (n = 0),   √2 (n = 2, 4, …),   0 (n odd)
///
/// Shapes:  [N].
/// Error:   half an ulp.
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] vector<T, N> fourier_ends(std::size_t n = N) {
  return detail::entries<T, N>(detail::states<N>(n), [](Eigen::Index i) {
    return i == 0 ? T(1) : i % 2 == 0 ? std::numbers::sqrt2_v<T> : T(0);
  });
}

/// M, the rotation of each pair as the window moves.
///
///     M = diag of the blocks  ω k · [0 −1; 1 0],   k = 0, 1, 2, …
///
/// Shapes:  [N, N].
/// Units:   omega [rad/s], one turn per window.
/// Error:   one rounding.
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] matrix<T, N> fourier_turns(T omega, std::size_t n = N) {
  return detail::square<T, N>(detail::states<N>(n), [=](Eigen::Index i, Eigen::Index k) {
    return i / 2 == k / 2 ? T(i - k) * omega * T(i / 2) : T(0);
  });
}

/// HiPPO-FouT on a window of length 2: 'fourier', 'fout' in the S4 code.
///
///     A = M − e eᵀ,     B = e,          M of ω = π
///
/// Paper:   How to Train Your HiPPO, S4-FouT.
/// Why:     at the ends of its window a Fourier series has the mean of both values, ½(x(t) + x(t − 2)) = eᵀh; solved
///          for x(t − 2) = 2 eᵀh − x(t), which leaves the window, this gives A and B.
/// Shapes:  a [N, N], b [N].
/// Units:   rescale_time(hippo_fourier(…), θ/2) for a window of θ seconds.
/// Error:   each entry within 2 ε, relative.
/// See:     nplr: A + P Pᵀ = M is skew, P = e.
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] transition<T, N> hippo_fourier(std::size_t n = N) {
  vector<T, N> const e = fourier_ends<T, N>(n);
  return {fourier_turns<T, N>(std::numbers::pi_v<T>, n) - e * e.transpose(), e};
}

/// HiPPO-FouT with a decaying past: 'fourier_decay' in the S4 code.
///
///     A = M − ½ e eᵀ,     B = ½ e,          M of ω = π
///
/// Why:     x(t − 2), which leaves the window, is approximated by eᵀh itself. Then ⅔ x(t) + ⅓ x(t − 2) enters at age 0:
///          each earlier window remains, with a third of the weight of the next.
/// Shapes:  a [N, N], b [N].
/// Error:   each entry within 2 ε, relative.
/// See:     nplr: A + P Pᵀ = M is skew, P = e/√2.
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] transition<T, N> hippo_fourier_decay(std::size_t n = N) {
  vector<T, N> const e = fourier_ends<T, N>(n);
  return {fourier_turns<T, N>(std::numbers::pi_v<T>, n) - T(0.5) * e * e.transpose(), T(0.5) * e};
}

/// HiPPO-FouT on a window of length 1: 'fourier2' in the S4 code, twice hippo_fourier.
///
///     A = M − 2 e eᵀ,     B = 2 e,          M of ω = 2π
///
/// Paper:   How to Train Your HiPPO, S4-FouT, θ = 1.
/// Why:     h approximates the means over 0 ≤ τ ≤ 1 of x(t − τ) times 1, √2 cos 2πkτ and √2 sin 2πkτ.
/// Shapes:  a [N, N], b [N].
/// Error:   each entry within 2 ε, relative.
/// See:     nplr: A + P Pᵀ = M is skew, P = √2 e.
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] transition<T, N> hippo_fourier2(std::size_t n = N) {
  vector<T, N> const e = fourier_ends<T, N>(n);
  return {fourier_turns<T, N>(2 * std::numbers::pi_v<T>, n) - T(2) * e * e.transpose(), T(2) * e};
}

/// Damped waves without a window: 'fourier_diag', 'foud' in the S4 code.
///
///     A = M − ½ I,     B = e,          M of ω = 2π
///
/// Paper:   How to Train Your HiPPO, S4-FouT, diagonal variant; S4D-Lin has its eigenvalues, −½ ± 2πik, at half the
///          spacing.
/// Why:     normal, so diagonal in a unitary basis. h_2k = ∫₀^∞ x(t − τ) e^{−τ/2} √2 cos 2πkτ dτ, the sine in h_2k+1:
///          all earlier periods of length 1 are superposed.
/// Shapes:  a [N, N], b [N].
/// Error:   each entry within ε, relative.
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] transition<T, N> hippo_fourier_diagonal(std::size_t n = N) {
  matrix<T, N> a = fourier_turns<T, N>(2 * std::numbers::pi_v<T>, n);
  a.diagonal().array() -= T(0.5);
  return {a, fourier_ends<T, N>(n)};
}

}  // namespace mamba::inline MAMBA_ABI::ssm
