// SPDX-License-Identifier: MIT
// mamba/ssm/hippo/orthogonal_polynomials.hpp — the polynomials that HiPPO counts in, each by its recurrence.  [floor 3]
#pragma once

#include <mamba/ssm/systems/transition.hpp>

#include <cmath>
#include <concepts>
#include <numbers>
#include <utility>

namespace mamba::inline MAMBA_ABI::ssm {

/// P_0(x) … P_{N−1}(x), the Legendre polynomials.
///
///     (n+1) P_{n+1} = (2n+1) x P_n − n P_{n−1},     P_0 = 1,   P_1 = x,     computed for |x| as
///     P_{n+1} = P_n + d_{n+1},     (n+1) d_{n+1} = n d_n − (2n+1) (1 − |x|) P_n,     and P_n(−x) = (−1)^n P_n(x)
///
/// Why:     orthogonal on [−1, 1] with equal weight: ∫ P_n P_k = 2/(2n+1) for n = k, else 0; P_n(±1) = (±1)^n.
/// Why d:   at the ends, the newest and the oldest input, the roundings of the first form grow with n². d, the
///          difference of two neighbours, keeps them to n.
/// Shapes:  [N].
/// Domain:  |x| ≤ 1 for bounded values; any x.
/// Error:   (n + 1) ε absolute where |x| ≤ 1.
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] vector<T, N> legendre(T x, std::size_t n = N) {
  using std::abs;
  T p = 1, d = 0;
  return detail::entries<T, N>(detail::states<N>(n), [&](Eigen::Index k) {
    T const found = x < 0 && k % 2 != 0 ? -p : p;
    d = (T(k) * d - T(2 * k + 1) * (1 - abs(x)) * p) / T(k + 1);
    p += d;
    return found;
  });
}

/// P'_0(x) … P'_{N−1}(x), their derivatives.
///
///     P'_{n+1} = P'_{n−1} + (2n+1) P_n,     P'_0 = 0,   P'_1 = 1
///
/// Shapes:  [N].
/// Error:   n (n + 1)² ε absolute where |x| ≤ 1, where P'_n is at most n (n+1)/2.
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] vector<T, N> legendre_slopes(T x, std::size_t n = N) {
  vector<T, N> slopes = legendre<T, N>(x, n);
  T here = 0, before = 0;
  for (Eigen::Index k = 0; k < slopes.size(); ++k) {
    T const next = before + T(2 * k + 1) * slopes(k);
    slopes(k) = before = std::exchange(here, next);
  }
  return slopes;
}

/// s L_0^α(x) … s L_{N−1}^α(x), the generalised Laguerre polynomials times a scale.
///
///     (n+1) L_{n+1} = (2n+1+α − x) L_n − (n+α) L_{n−1},     L_0 = s,   L_1 = s (1 + α − x)
///
/// Why:     orthogonal on [0, ∞) under x^α e^{−x}. With s = e^{−x/2} from the start, the product can't overflow.
/// Shapes:  [N].
/// Domain:  x ≥ 0, α > −1.
/// Error:   16 (n + 1) ε absolute for α = 0, s = e^{−x/2} and x ≤ 200; every value is then within ±1.
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] vector<T, N> laguerre(T x, T alpha = T(0), T scale = T(1), std::size_t n = N) {
  T here = scale, before = 0;
  return detail::entries<T, N>(detail::states<N>(n), [&](Eigen::Index k) {
    T const l = here;
    here = ((T(2 * k + 1) + alpha - x) * l - (T(k) + alpha) * before) / T(k + 1);
    before = l;
    return l;
  });
}

/// N nodes and their weights: Σ w_q f(y_q) for ∫ f(y) dy over [−1, 1].
template <std::floating_point T, std::size_t N = dynamic>
struct quadrature {
  vector<T, N> nodes;    ///< [N]
  vector<T, N> weights;  ///< [N], sum 2
};

/// The q-th node of Gauss's rule from −1, and its weight.
///
///     y ← y − P_N(y)/P'_N(y)  to convergence,          w = 2/((1 − y²) P'_N(y)²)
///
/// Paper:   Newton's iteration from y = −cos(π (q + ¾)/(N + ½)), which is within O(N⁻³).
/// Error:   that of gauss_legendre().
template <std::floating_point T>
[[nodiscard]] std::pair<T, T> gauss_legendre_node(std::size_t q, std::size_t n) {
  using std::cos;
  T y = -cos(std::numbers::pi_v<T> * (T(q) + T(0.75)) / (T(n) + T(0.5))), slope = 1;
  for (int newton = 0; newton < 6; ++newton) {
    slope = legendre_slopes<T>(y, n + 1)(index(n));
    y -= legendre<T>(y, n + 1)(index(n)) / slope;
  }
  return {y, 2 / ((1 - y) * (1 + y) * slope * slope)};
}

/// Gauss's rule: N nodes that integrate every polynomial of degree 2N − 1 exactly.
///
///     ∫ f(y) dy = Σ_q w_q f(y_q),          P_N(y_q) = 0
///
/// Error:   nodes within ε; weights within (N² + 4) ε relative, the worst at the ends.
/// Cost:    O(N²).
template <std::floating_point T, std::size_t N = dynamic>
[[nodiscard]] quadrature<T, N> gauss_legendre(std::size_t n = N) {
  auto const rows = detail::states<N>(n);
  quadrature<T, N> out{vector<T, N>::Zero(rows, 1), vector<T, N>::Zero(rows, 1)};
  for (std::size_t q = 0; q < size(rows); ++q) {
    auto const [y, w] = gauss_legendre_node<T>(q, n);
    out.nodes(index(q)) = y;
    out.weights(index(q)) = w;
  }
  return out;
}

}  // namespace mamba::inline MAMBA_ABI::ssm
