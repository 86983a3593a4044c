// SPDX-License-Identifier: MIT
// mamba/ssm/hippo/reconstruction.hpp — reconstruction of the input's history from the state.  [floor 3]
//
//     x(t − τ) ≈ Σ_n w_n(τ) h_n(t)          age τ: 0 is now
//
// The weights w(τ) are the measure's basis functions at age τ, and they are also a C:
// with_output(w.transpose(), transition) is the system whose output approximates its input,
// delayed by τ.
//
//     state of                                 weights
//     hippo_state at time t                    legs_history(t, τ)
//     rescale_time(hippo_legt, θ)              legt_history(θ, τ)            (hippo_legt_window_2: θ = 2)
//     rescale_time(hippo_lmu, θ)               lmu_history(θ, τ)
//     rescale_time(hippo_fourier2, θ)          fourier_history(θ, τ)         (hippo_fourier: θ = 2)
//     hippo_lagt, hippo_tlagt, hippo_glagt     lagt_history(τ, β), tlagt_history(τ, β), glagt_history(τ, α, β)
//     hippo_legs without the 1/t               warped_legs_history(τ)
#pragma once

#include <mamba/ssm/hippo/fourier.hpp>
#include <mamba/ssm/hippo/laguerre.hpp>
#include <mamba/ssm/hippo/legendre.hpp>
#include <mamba/ssm/hippo/orthogonal_polynomials.hpp>

#include <cmath>
#include <concepts>
#include <iterator>
#include <numbers>

namespace mamba::inline MAMBA_ABI::ssm {

/// For LegT: a window of length θ.
///
///     w_n = √(2n+1) P_n(1 − 2τ/θ)
///
/// Paper:   HiPPO, appendix D.1.
/// Shapes:  [N].
/// Domain:  0 ≤ τ ≤ θ. Beyond, polynomials grow as |1 − 2τ/θ|ⁿ.
/// Error:   (n + 2)² ε √(2n+1): the rounding of τ/θ, which P_n magnifies by up to n (n+1).
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] vector<T, N> legt_history(T theta, T tau, std::size_t n = N) {
  return legendre_norms<T, N>(n).cwiseProduct(legendre<T, N>(1 - 2 * tau / theta, n));
}

/// For LegS at time t, whose window is all of the past.
///
///     w_n = √(2n+1) P_n(1 − 2τ/t)
///
/// Paper:   HiPPO, appendix D.3; proposition 6: where x has k bounded derivatives the error is O(t^k N^{−k+½}).
/// Why:     the measured error is N^{−k−½} when the k-th derivative jumps, N^{−½} for a jump of x itself, and ρ^{−N}
///          for an analytic x with its nearest pole on the ellipse ρ: the rates of any best polynomial.
/// Shapes:  [N].
/// Domain:  0 ≤ τ ≤ t.
/// Error:   as legt_history.
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] vector<T, N> legs_history(T t, T tau, std::size_t n = N) {
  return legt_history<T, N>(t, tau, n);
}

/// For LegS's (A, B) driven without the 1/t, as S4 does.
///
///     w_n = √(2n+1) P_n(2 e^{−τ} − 1)
///
/// Paper:   How to Train Your HiPPO: S4's basis, exponentially warped Legendre polynomials.
/// Why:     h' = A h + B x is hippo_state's equation in the logarithm of time: the weight of age τ is e^{−τ} dτ.
/// Shapes:  [N].
/// Domain:  τ ≥ 0.
/// Error:   as legt_history, for the argument 1 − e^{−τ}.
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] vector<T, N> warped_legs_history(T tau, std::size_t n = N) {
  using std::exp;
  return legt_history<T, N>(T(1), 1 - exp(-tau), n);
}

/// For the Legendre memory unit, whose states are plain Legendre coefficients, oldest input first.
///
///     w_n = P_n(2τ/θ − 1)
///
/// Paper:   LMU, Eq. (3).
/// Shapes:  [N].
/// Domain:  0 ≤ τ ≤ θ.
/// Error:   (n + 2)² ε, as legt_history without its √(2n+1).
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] vector<T, N> lmu_history(T theta, T tau, std::size_t n = N) {
  return legendre<T, N>(2 * tau / theta - 1, n);
}

/// For the Fourier windows.
///
///     w_2k = √2 cos(2πk τ/θ) (k > 0),     w_0 = 1,     w_2k+1 = √2 sin(2πk τ/θ)
///
/// Paper:   How to Train Your HiPPO, S4-FouT.
/// Why:     a jump from x(t) to x(t − θ) makes the series ring at both ends (Gibbs), where its value is their mean.
/// Shapes:  [N].
/// Domain:  0 < τ < θ.
/// Error:   (2 + 18 k τ/θ) ε: the rounding of the angle.
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] vector<T, N> fourier_history(T theta, T tau, std::size_t n = N) {
  using std::cos, std::sin;
  T const turn = 2 * std::numbers::pi_v<T> * tau / theta;
  return detail::entries<T, N>(detail::states<N>(n), [=](Eigen::Index i) {
    if (i == 0) return T(1);
    return std::numbers::sqrt2_v<T> * (i % 2 == 0 ? cos(turn * T(i / 2)) : sin(turn * T(i / 2)));
  });
}

/// For gLagT.
///
///     w_n = τ^α e^{−(1−β)τ/2} L_n^α(τ)/(κ λ_n)          κ and λ as in laguerre.hpp
///
/// Paper:   HiPPO, appendix D.2.
/// Shapes:  [N].
/// Domain:  τ ≥ 0 (τ > 0 where α < 0); best below 4N. With β > 1 old errors are magnified by e^{(β−1)τ/2}.
/// Error:   that of laguerre() at this scale, and of laguerre_norms(), laguerre_mass(), exp and pow.
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] vector<T, N> glagt_history(T tau, T alpha, T beta, std::size_t n = N) {
  using std::exp, std::pow;
  T const scale = pow(tau, alpha) * exp(-(1 - beta) * tau / 2) / laguerre_mass(alpha, beta);
  return laguerre<T, N>(tau, alpha, scale, n).cwiseQuotient(laguerre_norms<T, N>(n, alpha));
}

/// For tLagT and LagT.
///
///     w_n = e^{−(1−β)τ/2} L_n(τ)/β          w_n = e^{−τ/2} L_n(τ)/β
///
/// Paper:   HiPPO, appendix D.2.
/// Shapes:  [N].
/// Domain:  τ ≥ 0; best below 4N.
/// Error:   that of laguerre() at this scale, and of exp.
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] vector<T, N> tlagt_history(T tau, T beta = T(1), std::size_t n = N) {
  using std::exp;
  return laguerre<T, N>(tau, T(0), exp(-(1 - beta) * tau / 2) / beta, n);
}
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] vector<T, N> lagt_history(T tau, T beta = T(1), std::size_t n = N) {
  using std::exp;
  return laguerre<T, N>(tau, T(0), exp(-tau / 2) / beta, n);
}

/// The input's history from a state: one value for each age.
///
///     x(t − τ_i) ≈ w(τ_i) · h
///
/// Shapes:  h [N], ages [I], history: τ → w(τ) [N] → [I].
/// Error:   (N + 1)/2 ε |w|·|h|, and the error of w, weighted by |h|.
/// See:     reconstruct(h, ages, [](double tau) { return legt_history<double>(1.0, tau, 32); }).
template <class State, class Ages, class History>
[[nodiscard]] auto reconstruct(State const& h, Ages const& ages, History&& history) {
  using T = typename State::Scalar;
  sequence<T> x(static_cast<Eigen::Index>(std::size(ages)));
  Eigen::Index i = 0;
  for (T const age : ages) x(i++) = history(age).dot(h);
  return x;
}

}  // namespace mamba::inline MAMBA_ABI::ssm
