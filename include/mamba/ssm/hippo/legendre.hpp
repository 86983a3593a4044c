// SPDX-License-Identifier: MIT
// mamba/ssm/hippo/legendre.hpp — states that are Legendre coefficients of the input's past.  [floor 3]
//
//     measure   the part of the past it represents                    equation
//     LegS      all of [0, t], every moment with equal weight         h'(t) = (A h + B x)/t     (state.hpp)
//     LegT      the window [t − θ, t], with equal weight              h'(t) = (A h + B x)/θ     (rescale_time)
//     LMU       the same window in other coordinates                  h'(t) = (A h + B x)/θ
//
// S4 drops the 1/t of LegS and keeps (A, B): its measure is exponentially warped. The signs are those of h' = A h + B
// x; the HiPPO paper prints −A. reconstruction.hpp turns the states back into the past.
#pragma once

#include <mamba/ssm/systems/transition.hpp>

#include <cmath>
#include <concepts>

namespace mamba::inline MAMBA_ABI::ssm {

/// √(2n+1), which normalises the n-th Legendre polynomial to a mean square of 1 on its interval.
///
/// Shapes:  [N].
/// Error:   half an ulp.
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] vector<T, N> legendre_norms(std::size_t n = N) {
  using std::sqrt;
  return detail::entries<T, N>(detail::states<N>(n), [](Eigen::Index k) { return sqrt(T(2 * k + 1)); });
}

/// HiPPO-LegS, scaled Legendre, orthonormal.
///
///     A_nk = −√(2n+1) √(2k+1) (n > k),   −(n+1) (n = k),   0 (n < k)          B_n = √(2n+1)
///
/// Paper:   HiPPO, Theorem 2; S4, Eq. (2).
/// Why:     driven by h' = (A h + B x)/t, h_n(t) is the mean of x(s) √(2n+1) P_n(2s/t − 1) over [0, t].
/// Shapes:  a [N, N], b [N]; N in the type, or n at run time: hippo_legs<double, 8>(), hippo_legs<double>(8).
/// Error:   each entry within ε, relative.
/// See:     hippo_legs_unnormalised for plain Legendre coefficients; nplr: A + P Pᵀ = −½ I + skew, P_n = √(n+½).
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] transition<T, N> hippo_legs(std::size_t n = N) {
  using std::sqrt;
  auto const a_nk = [](Eigen::Index i, Eigen::Index k) {
    return i > k ? -sqrt(T((2 * i + 1) * (2 * k + 1))) : i == k ? -T(i + 1) : T(0);
  };
  return {detail::square<T, N>(detail::states<N>(n), a_nk), legendre_norms<T, N>(n)};
}

/// HiPPO-LegS in plain Legendre coefficients: g = L h, L = diag(√(2n+1)), with the h of hippo_legs.
///
///     A_nk = −(2n+1) (n > k),   −(n+1) (n = k),   0 (n < k)          B_n = 2n+1
///
/// Paper:   HiPPO, appendix D.3. Lecture notes often print A without its signs, +(n+1) on and +(2n+1) below the
///          diagonal: that is the matrix of h' = −A h + B x. In h' = A h + B x every mode would grow.
/// Why:     integers; x(s) is Σ_n g_n P_n(2s/t − 1). (L⁻¹ A L, another form in use, has −(2k+1) below the diagonal.)
/// Shapes:  a [N, N], b [N].
/// Error:   exact while 2N < 1/ε.
/// See:     legs_to_unnormalised, the change of basis.
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] transition<T, N> hippo_legs_unnormalised(std::size_t n = N) {
  auto const a_nk = [](Eigen::Index i, Eigen::Index k) { return i > k ? -T(2 * i + 1) : i == k ? -T(i + 1) : T(0); };
  auto const rows = detail::states<N>(n);
  return {detail::square<T, N>(rows, a_nk), detail::entries<T, N>(rows, [](Eigen::Index i) { return T(2 * i + 1); })};
}

/// From hippo_legs to hippo_legs_unnormalised and, with the inverse of the factors, back.
///
///     A → L A L⁻¹,     B → L B,     h → L h,          L = diag(√(2n+1))
///
/// Shapes:  a [N, N], b [N].
/// Error:   4 ε relative in each entry.
template <class T, std::size_t N>
[[nodiscard]] transition<T, N> legs_to_unnormalised(transition<T, N> const& s) {
  vector<T, N> const l = legendre_norms<T, N>(size(s.b.size()));
  return {l.asDiagonal() * s.a * l.cwiseInverse().asDiagonal(), l.cwiseProduct(s.b)};
}
template <class T, std::size_t N>
[[nodiscard]] transition<T, N> unnormalised_to_legs(transition<T, N> const& s) {
  vector<T, N> const l = legendre_norms<T, N>(size(s.b.size()));
  return {l.cwiseInverse().asDiagonal() * s.a * l.asDiagonal(), s.b.cwiseQuotient(l)};
}

/// The normal part of LegS, with half of its input: the matrix behind S4D-LegS.
///
///     A_nk = ∓½ √(2n+1) √(2k+1) (n ≷ k),   −½ (n = k)          B_n = ½ √(2n+1)
///
/// Paper:   S4D, section 4: as N grows, its kernels become those of LegS; 'legsd' in the S4 code.
/// Why:     A = A_legs + ½ B_legs B_legsᵀ = −½ I + skew, diagonal in a unitary basis.
/// Shapes:  a [N, N], b [N].
/// Error:   each entry within ε, relative.
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] transition<T, N> hippo_legs_normal(std::size_t n = N) {
  using std::sqrt;
  auto const a_nk = [](Eigen::Index i, Eigen::Index k) {
    T const half = sqrt(T((2 * i + 1) * (2 * k + 1))) / 2;
    return i > k ? -half : i == k ? T(-0.5) : half;
  };
  return {detail::square<T, N>(detail::states<N>(n), a_nk), legendre_norms<T, N>(n) / T(2)};
}

/// HiPPO-LegT, translated Legendre, on a window of length 1.
///
///     A_nk = −√(2n+1) √(2k+1) · { 1 (n ≥ k),   (−1)^{n−k} (n < k) }          B_n = √(2n+1)
///
/// Paper:   HiPPO, appendix D.1, orthonormal case (λ_n = 1), θ = 1.
/// Why:     h_n(t) approximates the mean of x(t − τ) √(2n+1) P_n(1 − 2τ) over 0 ≤ τ ≤ 1: x(t − 1), which leaves the
///          window, is itself reconstructed from the N coefficients.
/// Shapes:  a [N, N], b [N].
/// Units:   rescale_time(hippo_legt(…), θ) for a window of θ seconds.
/// Error:   each entry within ε, relative.
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] transition<T, N> hippo_legt(std::size_t n = N) {
  using std::sqrt;
  auto const a_nk = [](Eigen::Index i, Eigen::Index k) {
    T const size = sqrt(T((2 * i + 1) * (2 * k + 1)));
    return i < k && (k - i) % 2 != 0 ? size : -size;
  };
  return {detail::square<T, N>(detail::states<N>(n), a_nk), legendre_norms<T, N>(n)};
}

/// HiPPO-LegT on a window of length 2, as the S4 code has it: A and B are half of hippo_legt's.
///
/// Paper:   'legt' of the S4 code; halved so that all its measures have one time scale.
/// Shapes:  a [N, N], b [N].
/// Error:   as hippo_legt; halving is exact.
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] transition<T, N> hippo_legt_window_2(std::size_t n = N) {
  return rescale_time(hippo_legt<T, N>(n), T(2));
}

/// The Legendre memory unit: LegT in integers, θ = 1.
///
///     A_nk = (2n+1) · { −1 (n < k),   (−1)^{n−k+1} (n ≥ k) }          B_n = (−1)^n (2n+1)
///
/// Paper:   LMU, Eq. (2); HiPPO, Eq. (1), is its negative.
/// Why:     it is LegT in other coordinates: A = S A_legt S⁻¹, B = S B_legt, S = diag((−1)^n √(2n+1)); with its state
///          g, x(t − τ) ≈ Σ_n g_n P_n(2τ − 1).
/// Shapes:  a [N, N], b [N].
/// Error:   exact while 2N < 1/ε.
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] transition<T, N> hippo_lmu(std::size_t n = N) {
  auto const sign = [](Eigen::Index k) { return k % 2 == 0 ? T(1) : T(-1); };
  auto const a_nk = [=](Eigen::Index i, Eigen::Index k) { return T(2 * i + 1) * (i < k ? T(-1) : -sign(i - k)); };
  auto const rows = detail::states<N>(n);
  return {detail::square<T, N>(rows, a_nk),
          detail::entries<T, N>(rows, [=](Eigen::Index i) { return sign(i) * T(2 * i + 1); })};
}

}  // namespace mamba::inline MAMBA_ABI::ssm
