// SPDX-License-Identifier: MIT
// mamba/ssm/hippo/low_rank.hpp — the low-rank correction that makes each HiPPO matrix normal.  [floor 3]
//
//     A + P Pᵀ = a I + skew
//
//     measure                              a       rank   P
//     hippo_legs                          −½        1     √(n+½)
//     hippo_legt                           0        2     √(2n+1) on odd n,  √(2n+1) on even n
//     hippo_legt_window_2                  0        2     the same over √2
//     hippo_lagt                           0        1     √½
//     hippo_tlagt, hippo_glagt (α = 0)   −β/2       1     √½
//     hippo_fourier                        0        1     e
//     hippo_fourier_decay                  0        1     e/√2
//     hippo_fourier2                       0        1     √2 e
//     hippo_legs_normal                   −½        0     none
//     hippo_fourier_diagonal              −½        0     none
//
// The others are normal plus low rank only in other coordinates: hippo_legs_unnormalised, hippo_lmu and hippo_glagt (α
// ≠ 0) are LegS, LegT and tLagT (B apart) after a change of basis.
#pragma once

#include <mamba/ssm/hippo/fourier.hpp>
#include <mamba/ssm/hippo/legendre.hpp>

#include <cmath>
#include <concepts>

namespace mamba::inline MAMBA_ABI::ssm {

/// P of LegS.
///
///     P_n = √(n+½),        A + P Pᵀ = −½ I + skew
///
/// Paper:   S4, appendix C.1.
/// Shapes:  [N, 1]; N in the type or n at run time.
/// Error:   each entry within 1.5 ε, relative.
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] vector<T, N> low_rank_legs(std::size_t n = N) {
  return legendre_norms<T, N>(n) * std::sqrt(T(0.5));
}

/// P of LegT, rank 2: the odd polynomials and the even ones.
///
///     P_n0 = √(2n+1) (n odd),   P_n1 = √(2n+1) (n even),   0 otherwise,        A + P Pᵀ skew
///
/// Paper:   S4, appendix C.1, with a further factor, for another scaling of A.
/// Why:     the correction of A is √(2n+1) √(2k+1) where n + k is even.
/// Shapes:  [N, 2].
/// Error:   half an ulp.
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] matrix<T, N, 2> low_rank_legt(std::size_t n = N) {
  auto const norms = legendre_norms<T, N>(n);
  matrix<T, N, 2> p = matrix<T, N, 2>::Zero(norms.size(), 2);
  for (Eigen::Index i = 0; i < norms.size(); ++i) p(i, i % 2 == 1 ? 0 : 1) = norms(i);
  return p;
}

/// P of LegT on a window of length 2, whose A is half as large: P/√2.
///
/// Error:   each entry within 1.5 ε, relative.
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] matrix<T, N, 2> low_rank_legt_window_2(std::size_t n = N) {
  return low_rank_legt<T, N>(n) * std::sqrt(T(0.5));
}

/// P of every Laguerre measure with α = 0: lagt, tlagt and glagt, whose strict lower triangle is −1.
///
///     P_n = √½,        A + P Pᵀ = (A_00 + ½) I + skew
///
/// Paper:   S4, appendix C.1.
/// Shapes:  [N, 1].
/// Error:   half an ulp.
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] vector<T, N> low_rank_lagt(std::size_t n = N) {
  return vector<T, N>::Constant(detail::states<N>(n), 1, std::sqrt(T(0.5)));
}

/// P of the Fourier measures, whose part that is not skew is e eᵀ, ½ e eᵀ and 2 e eᵀ.
///
///     P = e,   e/√2,   √2 e,        A + P Pᵀ = M
///
/// Paper:   How to Train Your HiPPO.
/// Shapes:  [N, 1].
/// Error:   each entry within 1.5 ε, relative.
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] vector<T, N> low_rank_fourier(std::size_t n = N) {
  return fourier_ends<T, N>(n);
}
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] vector<T, N> low_rank_fourier_decay(std::size_t n = N) {
  return fourier_ends<T, N>(n) * std::sqrt(T(0.5));
}
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] vector<T, N> low_rank_fourier2(std::size_t n = N) {
  return fourier_ends<T, N>(n) * std::sqrt(T(2));
}

/// No correction, for normal matrices: one column of zeros.
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] vector<T, N> low_rank_none(std::size_t n = N) {
  return vector<T, N>::Zero(detail::states<N>(n), 1);
}

}  // namespace mamba::inline MAMBA_ABI::ssm
