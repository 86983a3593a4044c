// SPDX-License-Identifier: MIT
// mamba/ssm/hippo/state.hpp — LegS of the HiPPO paper, step by step: its window is all of the past.  [floor 3]
//
//     h'(t) = (A/t) h(t) + (B/t) x(t)          h_n(t) = mean over 0 ≤ s ≤ t of x(s) √(2n+1) P_n(2s/t − 1)
//
// In the logarithm of time it is time-invariant: dh/d ln t = A h + B x. A step from t to t + Δt therefore depends on
// Δt/t alone, and a signal that is slower by any factor gives the same state. (A, B) is hippo_legs; A is triangular
// with a lower part of rank one, so that a product with it and a solve cost O(N).
#pragma once

#include <mamba/ssm/hippo/legendre.hpp>
#include <mamba/ssm/hippo/orthogonal_polynomials.hpp>

#include <cmath>
#include <concepts>

namespace mamba::inline MAMBA_ABI::ssm {

/// A h in O(N).
///
///     (A h)_n = −(n+1) h_n − r_n Σ_{k<n} r_k h_k,          r_n = √(2n+1)
///
/// Paper:   HiPPO, proposition 4 (fast updates).
/// Shapes:  r, h [N] → [N].
/// Error:   (N + 4) ε of Σ |A_nk h_k| in row n.
template <class Norms, class State>
[[nodiscard]] auto legs_product(Norms const& r, State const& h) {
  typename State::PlainObject product = h;
  typename State::Scalar sum = 0;
  for (Eigen::Index n = 0; n < h.size(); ++n) {
    product(n) = -typename State::Scalar(n + 1) * h(n) - r(n) * sum;
    sum += r(n) * h(n);
  }
  return product;
}

/// The g with (I − z A) g = f, in O(N): row after row, as A is lower triangular.
///
///     g_n = (f_n − z r_n Σ_{k<n} r_k g_k)/(1 + z (n+1)),          r_n = √(2n+1)
///
/// Paper:   HiPPO, proposition 4 (fast updates).
/// Shapes:  r, f [N] → [N].
/// Domain:  z ≥ 0.
/// Error:   a residual of (N + 6) ε (|g| + z |A||g| + |f|) row by row; tests/ssm/hippo/state_test.cpp verifies it.
template <class T, class Norms, class State>
[[nodiscard]] auto legs_solve(T z, Norms const& r, State const& f) {
  typename State::PlainObject g = f;
  T sum = 0;
  for (Eigen::Index n = 0; n < f.size(); ++n) {
    g(n) = (f(n) - z * r(n) * sum) / (1 + z * T(n + 1));
    sum += r(n) * g(n);
  }
  return g;
}

/// The state of the same past at a time λ = (t + Δt)/t times later, without input in between: exp(A ln λ) h.
///
///     p(y) = Σ_k r_k h_k P_k(y)          result_n = (r_n/λ) ∫ ½ p(y) P_n((1 + y)/λ − 1) dy  over [−1, 1]
///
/// Why:     the exponential of this A is a change of scale, and Gauss's rule with N nodes integrates polynomials of
///          degree 2N − 2 exactly: stable at any N and λ ≥ 1, where Taylor's series and A's eigenvectors are not.
/// Shapes:  gauss, r, h [N] → [N].
/// Error:   N² √(2N) (2N + 6) ε ‖h‖; tests/ssm/hippo/state_test.cpp derives and verifies it.
/// Cost:    O(N²); the exponential of the matrix would be O(N³).
template <class T, std::size_t N, class Norms, class State>
[[nodiscard]] vector<T, N> legs_stretch(T lambda, quadrature<T, N> const& gauss, Norms const& r, State const& h) {
  auto const n = size(h.size());
  vector<T, N> const weights = r.cwiseProduct(h);
  vector<T, N> sum = vector<T, N>::Zero(h.size(), 1);
  for (Eigen::Index q = 0; q < h.size(); ++q) {
    T const y = gauss.nodes(q), p = weights.dot(legendre<T, N>(y, n));
    sum += gauss.weights(q) / 2 * p * legendre<T, N>((1 + y) / lambda - 1, n);
  }
  return r.cwiseProduct(sum) / lambda;
}

/// The response of the state to an input of 1, held from t to t + Δt: A⁻¹ (exp(A ln λ) − I) B, λ = (t + Δt)/t.
///
///     b_n = r_n ½ ∫ P_n(y) dy over [y₀, 1] = r_n ½ (1 − y₀²) P'_n(y₀)/(n (n+1)),     y₀ = 2/λ − 1;     b_0 = 1 − 1/λ
///
/// Why:     no difference of nearly equal numbers, however small Δt/t is: given Δt/t, 1 − y₀ is 2 (Δt/t)/λ.
/// Shapes:  r [N] → [N].
/// Error:   of b_n, (1 − y₀²) r_n/(2n (n + 1)) times that of legendre_slopes() and of the rounding of y₀, and 8 ε of
///          itself.
template <std::size_t N, class T, class Norms>
[[nodiscard]] vector<T, N> legs_hold(T delta_over_t, Norms const& r) {
  T const share = delta_over_t / (1 + delta_over_t);  // of the new span, how much is new: (1 − y₀)/2
  vector<T, N> b = legendre_slopes<T, N>(1 - 2 * share, size(r.size()));
  for (Eigen::Index n = 1; n < b.size(); ++n) b(n) *= 2 * share * (1 - share) * r(n) / (T(n) * T(n + 1));
  if (b.size() > 0) b(0) = share;
  return b;
}

/// The time within a step from t to t + Δt at which the rules of hippo_state evaluate 1/t; it sets their order.
enum class legs_clock {
  start,      ///< Δt/t, as HiPPO and the S4 code do: order 1 for every α
  middle,     ///< Δt/(t + Δt/2): order 2 for α = ½
  logarithm,  ///< ln(1 + Δt/t), the time in which the equation is time-invariant: order 2 for α = ½
};

/// The LegS coefficients of everything since the first input, in N numbers; inputs are added by any of the rules.
///
///     hippo_state<double> state(32);
///     for (double x : signal) state.bilinear(1.0, x);
///
/// Paper:   HiPPO, Theorem 2 and Eq. (4); the S4 code's LSICell.
/// Units:   dt [s], the duration of x; it may differ from step to step.
/// Domain:  dt > 0. The first input fills the whole past: h = (x, 0, 0, …). NaN in, NaN out.
/// Error:   that of the rule (its order in Δt/t; zero_order_hold is exact for a held input) and the roundings of
///          legs_product() and legs_solve(), or of legs_stretch(), in each step.
template <std::floating_point T, std::size_t N = dynamic>
class hippo_state {
 public:
  explicit hippo_state(std::size_t n = N, legs_clock clock = legs_clock::start)
      : norms_(legendre_norms<T, N>(n)),
        h_(vector<T, N>::Zero(norms_.size(), 1)),
        gauss_(gauss_legendre<T, N>(n)),
        clock_(clock) {}

  /// The coefficients of the past: [N]. See reconstruction.hpp.
  [[nodiscard]] vector<T, N> const& coefficients() const noexcept { return h_; }
  /// The length of the past.
  [[nodiscard]] T span() const noexcept { return t_; }

  /// Continues from a state and its span, as another hippo_state returns them.
  ///
  /// Shapes:  h [N].
  template <class State>
  void resume(State const& h, T span) {
    MAMBA_EXPECTS(h.size() == h_.size(), "hippo_state: a state of another size", h.size(), h_.size());
    h_ = h;
    t_ = span;
  }

  /// The family of one-step rules, with z the step by legs_clock.
  ///
  ///     h ← (I − α z A)⁻¹ ((I + (1 − α) z A) h + z B x)
  ///
  /// Cost:    O(N).
  void generalized_bilinear(T dt, T alpha, T x) {
    if (first(dt, x)) return;
    T const z = step(dt);
    h_ = legs_solve(alpha * z, norms_, vector<T, N>(h_ + (1 - alpha) * z * legs_product(norms_, h_) + z * x * norms_));
    t_ += dt;
  }
  /// α = 0. Explicit, and unstable at first: with N = 64 the state grows to 1e45 and has decayed after 700 steps.
  void forward_euler(T dt, T x) { generalized_bilinear(dt, T(0), x); }
  /// α = 1.
  void backward_euler(T dt, T x) { generalized_bilinear(dt, T(1), x); }
  /// α = ½.
  void bilinear(T dt, T x) { generalized_bilinear(dt, T(0.5), x); }

  /// x held for dt: exact. The state of a piecewise constant input is, up to rounding, its Legendre coefficients.
  ///
  ///     h ← exp(A ln λ) h + A⁻¹ (exp(A ln λ) − I) B x,          λ = (t + Δt)/t
  ///
  /// Cost:    O(N²).
  void zero_order_hold(T dt, T x) {
    if (first(dt, x)) return;
    h_ = legs_stretch((t_ + dt) / t_, gauss_, norms_, h_) + x * legs_hold<N>(dt / t_, norms_);
    t_ += dt;
  }

 private:
  bool first(T dt, T x) {
    MAMBA_EXPECTS(dt > 0, "hippo_state: a step must take time", dt, T(0));
    if (t_ != T(0)) return false;
    if (h_.size() > 0) h_(0) = x;
    t_ = dt;
    return true;
  }
  [[nodiscard]] T step(T dt) const {
    using std::log1p;
    T const z = dt / t_;
    return clock_ == legs_clock::start ? z : clock_ == legs_clock::middle ? z / (1 + z / 2) : log1p(z);
  }

  vector<T, N> norms_, h_;
  quadrature<T, N> gauss_;
  legs_clock clock_;
  T t_ = 0;
};

}  // namespace mamba::inline MAMBA_ABI::ssm
