// SPDX-License-Identifier: MIT
// mamba/ssm/hippo/s4d.hpp — S4D's five initialisations of diagonal systems, and Mamba's.  [floor 3]
//
//     name    A_n                                        B_n            n-th mode
//     lin     −½ + iπn                                   1              n-th wave of a window of length 2
//     inv     −½ + i N/π (N/(2n+1) − 1)                  1              the n-th fastest of LegS, roughly
//     quad    −½ + i (1+2n)²/π                           1              spread wider than lin
//     legs    the modes of A_legs + P Pᵀ                 (Vᴴ B_legs)_n  S4 without its low rank
//     real    −(n+1)                                     1              the eigenvalues of A_legs
//
// N counts the states of the real system, of which N/2 modes are stored, those with Im A_n ≥ 0. C is learnt: it
// is an argument, and sets the size: s4d_lin(c) for c [P, N/2]. The S4 code stores the conjugates.
#pragma once

#include <mamba/ssm/hippo/low_rank.hpp>
#include <mamba/ssm/hippo/nplr.hpp>
#include <mamba/ssm/hippo/s4d_modes.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>

namespace mamba::inline MAMBA_ABI::ssm {

namespace detail {

template <class C, modes Kept>
using s4d_system =
    diagonal_system<typename C::Scalar, extent_of(C::ColsAtCompileTime), 1, extent_of(C::RowsAtCompileTime), Kept>;

/// The system with A_n = a(n), B_n = 1, no skip.
template <modes Kept, class C, class Mode>
[[nodiscard]] s4d_system<C, Kept> s4d_of(C const& c, Mode a) {
  using T = typename C::Scalar;
  s4d_system<C, Kept> s;
  s.a.lambda = vector<T>::NullaryExpr(c.cols(), [&](Eigen::Index n) { return T(a(static_cast<real_of<T>>(n))); });
  s.b = vector<T>::Ones(c.cols());
  s.c = c;
  s.d = matrix<real_of<T>>::Zero(c.rows(), 1);
  return s;
}

}  // namespace detail

/// S4D-Lin.
///
///     A_n = −½ + iπn,   B_n = 1        n = 0 … N/2 − 1
///
/// Paper:   S4D, Eq. (6); Fourier's frequencies, with LegS's decay.
/// Shapes:  c [P, N/2], complex.
/// Units:   a [1/s].
/// Error:   that of s4d_lin_mode().
template <class C>
[[nodiscard]] auto s4d_lin(C const& c) {
  using T = typename C::RealScalar;
  return detail::s4d_of<modes::half>(c, [](T n) { return s4d_lin_mode(n); });
}

/// S4D-Inv.
///
///     A_n = −½ + i N/π (N/(2n+1) − 1),   B_n = 1        n = 0 … N/2 − 1
///
/// Paper:   S4D, Eq. (5): how the frequencies of LegS fall, the fastest first.
/// Why:     N is all states, twice the stored modes: at N = 64, Im A = 1283.4, 414.2, … (With the stored N/2 in its
///          place all frequencies would be four times too low.)
/// Shapes:  c [P, N/2], complex.
/// Error:   that of s4d_inv_mode().
template <class C>
[[nodiscard]] auto s4d_inv(C const& c) {
  using T = typename C::RealScalar;
  auto const N = static_cast<T>(2 * c.cols());
  return detail::s4d_of<modes::half>(c, [N](T n) { return s4d_inv_mode(n, N); });
}

/// S4D-Quad.
///
///     A_n = −½ + i (1+2n)²/π,   B_n = 1        n = 0 … N/2 − 1
///
/// Paper:   S4D, section 4.3.
/// Shapes:  c [P, N/2], complex.
/// Error:   that of s4d_quad_mode().
template <class C>
[[nodiscard]] auto s4d_quad(C const& c) {
  using T = typename C::RealScalar;
  return detail::s4d_of<modes::half>(c, [](T n) { return s4d_quad_mode(n); });
}

/// S4D-Real, Mamba's initialisation.
///
///     A_n = −(n+1),   B_n = 1        n = 0 … N − 1
///
/// Paper:   S4D, section 4.3.
/// Shapes:  c [P, N], real: every mode is stored.
/// Error:   exact.
template <class C>
[[nodiscard]] auto s4d_real(C const& c) {
  using T = typename C::Scalar;
  static_assert(!is_complex<T>, "s4d_real: real modes need a real C");
  return detail::s4d_of<modes::all>(c, [](T n) { return s4d_real_mode(n); });
}

/// S4D-LegS: the diagonal part of S4-LegS, with its B.
///
///     A_n = λ_n,   B_n = (Vᴴ B_legs)_n        A_legs + P Pᵀ = V Λ Vᴴ
///
/// Paper:   S4D, Theorem 3.
/// Why:     with B halved its step response tends to that of S4-LegS: the error halves, or better, when N doubles.
///          (Its kernel oscillates around that of S4-LegS, by 0.65 of its norm for any N, at higher frequencies.)
///          Models keep the whole B, a factor of 2 that C absorbs. The S4 code also clips Im B to ±2, which this
///          does not: see clip_imaginary().
/// Shapes:  c [P, N/2], complex, in the coordinates of the modes.
/// Error:   that of nplr().
template <class C>
[[nodiscard]] auto s4d_legs(C const& c) {
  using T = typename C::RealScalar;
  auto const N = size(2 * c.cols());
  auto const legs = nplr<modes::half>(hippo_legs<T>(N), low_rank_legs<T>(N));
  auto s = detail::s4d_of<modes::half>(c, [](T) { return T(-0.5); });
  s.a.lambda = legs.lambda;
  s.b = legs.b;
  return s;
}

/// Mamba's A, S4D-Real, as checkpoints hold it.
///
///     A_log_n = ln(n+1),   A = −exp(A_log)        n = 0 … N − 1, the same for every channel
///
/// Paper:   Mamba, section 3.6.
/// Shapes:  [N].
/// Error:   that of std::log.
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] vector<T, N> mamba_a_log(std::size_t n = N) {
  return detail::entries<T, N>(detail::states<N>(n), [](Eigen::Index k) { return std::log(static_cast<T>(k + 1)); });
}

/// Mamba's first Δ of a channel from a number u, uniform in [0, 1): uniform in its logarithm, and not too small.
///
///     Δ = max(exp(ln Δ_min + u (ln Δ_max − ln Δ_min)), 1e-4)
///
/// Paper:   Mamba, section 3.6, with Δ_min = 0.001 and Δ_max = 0.1.
/// Units:   [s].
/// Error:   (3 |ln Δ_min| + 3 |ln Δ_max| + 2) ε relative: log_delta()'s, magnified by exp.
template <std::floating_point T>
[[nodiscard]] T mamba_delta(T u, T delta_min = T(1e-3), T delta_max = T(0.1)) {
  return std::max(std::exp(log_delta(u, delta_min, delta_max)), T(1e-4));
}

/// The bias whose softplus is Δ, as layers store it.
///
///     softplus⁻¹(Δ) = ln(e^Δ − 1) = Δ + ln(−expm1(−Δ))
///
/// Paper:   Mamba, section 3.6 (the bias of the projection to Δ).
/// Why:     the second form overflows nowhere and keeps its digits for small Δ.
/// Domain:  Δ > 0.
/// Error:   3 ε of max(1, |bias|).
template <std::floating_point T>
[[nodiscard]] T mamba_delta_bias(T delta) {
  return delta + std::log(-std::expm1(-delta));
}

}  // namespace mamba::inline MAMBA_ABI::ssm
