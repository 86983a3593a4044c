// SPDX-License-Identifier: MIT
// mamba/ssm/hippo/s4d_modes.hpp — S4D's initialisations, mode by mode, without matrices.  [floor 3]
//
// Scalar formulas for s4d.hpp's systems and for the parameters of layers: standard library only.
#pragma once

#include <mamba/core/abi.hpp>

#include <cmath>
#include <complex>
#include <concepts>
#include <numbers>

namespace mamba::inline MAMBA_ABI::ssm {

/// S4D-Lin's n-th mode: −½ + iπn.
///
/// Paper:   S4D, Eq. (6).
/// Error:   ε relative.
template <std::floating_point T>
[[nodiscard]] std::complex<T> s4d_lin_mode(T n) {
  return {T(-0.5), std::numbers::pi_v<T> * n};
}

/// S4D-Inv's n-th mode of N/2 stored ones: −½ + i N/π (N/(2n+1) − 1).
///
/// Paper:   S4D, Eq. (5).
/// Error:   3 ε N/π max(1, N/(2n+1)) absolute.
template <std::floating_point T>
[[nodiscard]] std::complex<T> s4d_inv_mode(T n, T N) {
  return {T(-0.5), N / std::numbers::pi_v<T> * (N / (2 * n + 1) - 1)};
}

/// S4D-Quad's n-th mode: −½ + i (1+2n)²/π.
///
/// Paper:   S4D, section 4.3.
/// Error:   1.5 ε relative.
template <std::floating_point T>
[[nodiscard]] std::complex<T> s4d_quad_mode(T n) {
  return {T(-0.5), (1 + 2 * n) * (1 + 2 * n) / std::numbers::pi_v<T>};
}

/// S4D-Real's n-th mode: −(n+1).
///
/// Paper:   S4D, section 4.3.
/// Error:   exact.
template <std::floating_point T>
[[nodiscard]] T s4d_real_mode(T n) {
  return -(n + 1);
}

/// An initial ln Δ from a number u in [0, 1]: uniform in the logarithm if u is, log-spaced if u is spaced evenly.
///
///     ln Δ = ln Δ_min + u (ln Δ_max − ln Δ_min)
///
/// Paper:   S4D, section 4 (0.001 to 0.1); Mamba, section 3.6.
/// Units:   Δ [s].
/// Error:   3 ε (|ln Δ_min| + |ln Δ_max|) absolute, with a std::log within 1 ulp.
template <std::floating_point T>
[[nodiscard]] T log_delta(T u, T delta_min, T delta_max) {
  return std::log(delta_min) + u * (std::log(delta_max) - std::log(delta_min));
}

}  // namespace mamba::inline MAMBA_ABI::ssm
