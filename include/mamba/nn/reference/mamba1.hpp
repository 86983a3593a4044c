// SPDX-License-Identifier: MIT
// mamba/nn/reference/mamba1.hpp — the Mamba-1 mixer of the paper and its code, in plain loops.  [floor 5]
#pragma once

#include <mamba/nn/format_policy.hpp>
#include <mamba/nn/mamba1_state.hpp>
#include <mamba/nn/reference/plain.hpp>

namespace mamba::inline MAMBA_ABI::nn::reference {

/// One sequence through one mixer, token by token: parameters and state in T.
///
///     nn::reference::mamba1<double> plain(mixer);
///     std::vector<double> const out = plain.step(u);      // nn::mamba1 is the same, any number of tokens at a time
///
/// Paper:   Mamba, section 3.4, Algorithm 2; softplus with torch's threshold of 20.
/// Shapes:  u, out [d_model]; conv [d_conv−1][d_inner], oldest first; h [d_inner][d_state].
template <class T>
class mamba1 {
 public:
  std::vector<std::vector<T>> conv, h;  ///< the state

  template <class Mixer>
  explicit mamba1(Mixer const& mixer) : s_(mixer.sizes()), p_(mixer) {
    reset();
  }

  void reset() {
    conv.assign(s_.d_conv - 1, std::vector<T>(s_.d_inner()));
    h.assign(s_.d_inner(), std::vector<T>(s_.d_state));
  }

  [[nodiscard]] std::vector<T> step(std::span<T const> u) {
    std::size_t const D = s_.d_inner();
    std::vector<T> const xz = product(p_.of(role::input), u);
    std::vector<T> const x = convolve(std::span(xz).first(D));
    std::vector<T> const dt_b_c = product(p_.of(role::selection, 0), std::span<T const>(x));
    auto const dt = std::span<T const>(dt_b_c).first(s_.rank());
    std::vector<T> const before_softplus = product(p_.of(role::selection, 1), dt);
    std::vector<T> y(D);
    for (std::size_t d = 0; d < D; ++d) {
      T const v = before_softplus[d];
      T const delta = v > 20 ? v : std::log1p(std::exp(v));
      y[d] = scan(d, delta, x[d], std::span<T const>(dt_b_c).subspan(s_.rank())) * silu(xz[D + d]);
    }
    return product(p_.of(role::output), std::span<T const>(y));
  }

 private:
  /// silu(b + Σ_k w_k x_{t−K+1+k}), and x_t becomes the newest input of the state.
  std::vector<T> convolve(std::span<T const> x) {
    std::size_t const K = s_.d_conv;
    auto const& w = p_["conv1d.weight"];
    auto const& b = p_["conv1d.bias"];
    conv.emplace_back(x.begin(), x.end());
    std::vector<T> y(x.size());
    for (std::size_t d = 0; d < y.size(); ++d) {
      T sum = b.empty() ? T{0} : b[d];
      for (std::size_t k = 0; k < K; ++k) sum += w[d * K + k] * conv[k][d];
      y[d] = silu(sum);
    }
    conv.erase(conv.begin());
    return y;
  }

  /// h ← exp(ΔA) h + ΔB x, then C·h + D x, for channel d; b_c holds B, then C.
  T scan(std::size_t d, T delta, T x, std::span<T const> b_c) {
    std::size_t const N = s_.d_state;
    auto const& a_log = p_["A_log"];
    T y = p_["D"][d] * x;
    for (std::size_t n = 0; n < N; ++n) {
      T const a = -std::exp(a_log[d * N + n]);
      h[d][n] = std::exp(delta * a) * h[d][n] + delta * b_c[n] * x;
      y += b_c[N + n] * h[d][n];
    }
    return y;
  }

  mamba1_config s_;
  parameters<T> p_;
};

}  // namespace mamba::inline MAMBA_ABI::nn::reference
