// SPDX-License-Identifier: MIT
// mamba/nn/reference/s4d.hpp — the diagonal S4 layer of the paper and of s4's code, in plain loops.  [floor 5]
#pragma once

#include <mamba/nn/reference/plain.hpp>
#include <mamba/nn/s4d_state.hpp>

#include <complex>

namespace mamba::inline MAMBA_ABI::nn::reference {

/// x·½ (1 + erf(x/√2)), on the left by erfc.
template <class T>
[[nodiscard]] T gelu(T x) {
  T const u = x / std::sqrt(T{2});
  return x < 0 ? x * std::erfc(-u) / 2 : x * (1 + std::erf(u)) / 2;
}

/// One sequence through one S4D layer, step by step: parameters and state in T.
///
///     nn::reference::s4d<double> plain(mixer);
///     std::vector<double> const out = plain.step(u);      // nn::s4d is the same, any number of steps at a time
///
/// Paper:   S4D, sections 3 and 4; names of s4's models/s4/s4d.py.
/// Shapes:  u, out [d_model]; a_bar, c_bar, h [d_model][d_state/2].
template <class T>
class s4d {
 public:
  using complex = std::complex<T>;
  std::vector<std::vector<complex>> a_bar, c_bar;  ///< Ā and C·B̄
  std::vector<std::vector<complex>> h;             ///< the state, in units of B̄

  template <class Mixer>
  explicit s4d(Mixer const& mixer) : s_(mixer.sizes()), p_(mixer) {
    discretize();
    reset();
  }

  void reset() { h.assign(s_.d_model, std::vector<complex>(s_.pairs())); }

  /// h ← Ā h + u, then 2 Re Σ C·B̄ h + D u, the input of gelu.
  [[nodiscard]] std::vector<T> system(std::span<T const> u) {
    std::vector<T> y(s_.d_model);
    for (std::size_t d = 0; d < y.size(); ++d) {
      y[d] = p_["D"][d] * u[d];
      for (std::size_t n = 0; n < s_.pairs(); ++n) {
        h[d][n] = a_bar[d][n] * h[d][n] + u[d];
        y[d] += 2 * (c_bar[d][n] * h[d][n]).real();
      }
    }
    return y;
  }

  /// What follows the system.
  [[nodiscard]] std::vector<T> output(std::vector<T> y) const {
    for (T& v : y) v = gelu(v);
    if (s_.output == s4d_output::gelu) return y;
    auto const a_g = product(p_["output_linear.0.weight"], p_["output_linear.0.bias"], std::span<T const>(y));
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = a_g[i] / (1 + std::exp(-a_g[y.size() + i]));
    return y;
  }

  [[nodiscard]] std::vector<T> step(std::span<T const> u) { return output(system(u)); }

 private:
  /// Zero-order hold of A = −exp(log_A_real) + i A_imag over Δ with B = 1.
  void discretize() {
    std::size_t const H = s_.d_model, P = s_.pairs();
    a_bar.assign(H, std::vector<complex>(P));
    c_bar = a_bar;
    for (std::size_t d = 0; d < H; ++d) {
      T const delta = std::exp(p_["kernel.log_dt"][d]);
      for (std::size_t n = 0; n < P; ++n) {
        std::size_t const i = d * P + n;
        complex const a(-std::exp(p_["kernel.log_A_real"][i]), p_["kernel.A_imag"][i]);
        complex const c(p_["kernel.C"][2 * i], p_["kernel.C"][2 * i + 1]);
        complex const z = delta * a;
        T const half = std::sin(z.imag() / 2);
        complex const below_one(std::expm1(z.real()) * std::cos(z.imag()) - 2 * half * half,  // e^z − 1
                                std::exp(z.real()) * std::sin(z.imag()));
        a_bar[d][n] = std::exp(z);
        c_bar[d][n] = c * below_one / a;
      }
    }
  }

  s4d_config s_;
  parameters<T> p_;
};

}  // namespace mamba::inline MAMBA_ABI::nn::reference
