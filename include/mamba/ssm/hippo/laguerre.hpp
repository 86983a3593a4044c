// SPDX-License-Identifier: MIT
// mamba/ssm/hippo/laguerre.hpp — states that are Laguerre coefficients: a past that decays with its age.  [floor 3]
//
// Each state is x weighted by a function of age τ:   h_n(t) = ∫₀^∞ x(t − τ) k_n(τ) dτ,   without approximation.
// L_n is the Laguerre polynomial, L_n^α the generalised one (orthogonal_polynomials.hpp).
//
//     measure   k_n(τ)                                       with
//     LagT      β · L_n(τ) e^{−τ/2}                          orthonormal on [0, ∞) when β = 1
//     tLagT     β · L_n(τ) e^{−(1+β)τ/2}                     orthonormal under e^{τ} when β = 1
//     gLagT     κ · L_n^α(τ)/λ_n · e^{−(1+β)τ/2}             λ_n² = Γ(n+α+1)/n!,   κ² = β^{1−α}/Γ(1−α)
#pragma once

#include <mamba/ssm/systems/transition.hpp>

#include <cmath>
#include <concepts>

namespace mamba::inline MAMBA_ABI::ssm {

/// HiPPO-LagT, Laguerre functions.
///
///     A_nk = −1 (n > k),   −½ (n = k),   0 (n < k)          B_n = β
///
/// Paper:   HiPPO, appendix D.2; 'lagt' of the S4 code.
/// Why:     the state represents ages from 0 to about 4N: beyond, the Laguerre functions decay.
/// Shapes:  a [N, N], b [N].
/// Units:   rescale_time(hippo_lagt(…), θ): age in units of θ.
/// Error:   exact.
/// See:     nplr: A + P Pᵀ is skew, P_n = √½.
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] transition<T, N> hippo_lagt(std::size_t n = N, T beta = T(1)) {
  auto const rows = detail::states<N>(n);
  auto const a_nk = [](Eigen::Index i, Eigen::Index k) { return i > k ? T(-1) : i == k ? T(-0.5) : T(0); };
  return {detail::square<T, N>(rows, a_nk), vector<T, N>::Constant(rows, 1, beta)};
}

/// HiPPO-LagT as first written, with a tilt.
///
///     A_nk = −1 (n > k),   −(1+β)/2 (n = k),   0 (n < k)          B_n = β
///
/// Paper:   HiPPO, Eq. (2), is β = 1, no tilt; 'tlagt' of the S4 code.
/// Shapes:  a [N, N], b [N].
/// Error:   exact up to the rounding of 1 + β.
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] transition<T, N> hippo_tlagt(std::size_t n = N, T beta = T(1)) {
  auto const rows = detail::states<N>(n);
  auto const a_nk = [=](Eigen::Index i, Eigen::Index k) { return i > k ? T(-1) : i == k ? -(1 + beta) / 2 : T(0); };
  return {detail::square<T, N>(rows, a_nk), vector<T, N>::Constant(rows, 1, beta)};
}

/// λ_n, the norms of the generalised Laguerre polynomials under τ^α e^{−τ}.
///
///     λ_n = √(Γ(n+α+1)/n!) = √(Γ(1+α) Π_{i ≤ n} (1 + α/i))
///
/// Shapes:  [N].
/// Domain:  α > −1.
/// Error:   (n + 4) ε relative for λ_n, with a Γ of the standard library within 6 ulp.
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] vector<T, N> laguerre_norms(std::size_t n, T alpha) {
  using std::sqrt, std::tgamma;
  T square = tgamma(1 + alpha);
  return detail::entries<T, N>(detail::states<N>(n), [&](Eigen::Index i) {
    if (i > 0) square *= 1 + alpha / T(i);
    return sqrt(square);
  });
}

/// κ, the normalisation of the tilted measure.
///
///     κ = √(β^{1−α}/Γ(1−α))
///
/// Domain:  α < 1, β > 0.
/// Error:   (6 + |ln β|) ε relative.
template <std::floating_point T>
[[nodiscard]] T laguerre_mass(T alpha, T beta) {
  using std::pow, std::sqrt, std::tgamma;
  return sqrt(pow(beta, 1 - alpha) / tgamma(1 - alpha));
}

/// HiPPO-gLagT, generalised Laguerre polynomials under the measure τ^α e^{−τ}, tilted by β.
///
///     A_nk = −λ_k/λ_n (n > k),   −(1+β)/2 (n = k),   0 (n < k)          B_n = κ λ_n/Γ(1+α)
///
/// Paper:   HiPPO, appendix D.2; 'glagt' of the S4 code, whose B_n = κ binom(n+α, n)/λ_n is the same.
/// Shapes:  a [N, N], b [N].
/// Domain:  −1 < α < 1, β > 0. α = 0 and β → 0 tends to lagt's A; α = 0 and β = 1 is tlagt.
/// Error:   (n + 8) ε relative in row n: n factors of λ_n and the Γ of the standard library.
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] transition<T, N> hippo_glagt(std::size_t n = N, T alpha = T(0), T beta = T(0.01)) {
  using std::tgamma;
  vector<T, N> const norms = laguerre_norms<T, N>(n, alpha);
  auto const a_nk = [&](Eigen::Index i, Eigen::Index k) {
    return i > k ? -norms(k) / norms(i) : i == k ? -(1 + beta) / 2 : T(0);
  };
  return {detail::square<T, N>(norms.size(), a_nk), norms * (laguerre_mass(alpha, beta) / tgamma(1 + alpha))};
}

}  // namespace mamba::inline MAMBA_ABI::ssm
