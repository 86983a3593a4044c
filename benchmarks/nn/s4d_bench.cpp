// SPDX-License-Identifier: MIT
// nn/s4d_bench.cpp — the two forms of one S4D layer: its recurrence, and the convolution of a whole sequence by FFT.
//
// Roofline: the recurrence does five multiply-adds and a product a mode, N/2 modes for each number of x, whatever L is.
// The FFT form makes the kernel in the call, which is one complex product a mode and step and has no chain in time, and
// transforms [L, d_model] three times, log₂L levels each. FMA_% counts the recurrence's work in both: where it is
// larger for fft, fft is faster. Without the gate, so that what follows the system is a GELU in both.
#include <mamba/nn/forward.hpp>
#include <mamba/nn/s4d.hpp>
#include <mamba/nn/s4d_init.hpp>
#include <support/random.hpp>
#include <support/run.hpp>
#include <support/s4d_bounds.hpp>
#include <support/verify.hpp>

#include <algorithm>
#include <memory>
#include <numbers>
#include <string>
#include <vector>

namespace {

namespace nn = mamba::nn;
using mixer = nn::s4d<nn::any_s4d, float>;
using sequence = mamba::tensor<float, mamba::dynamic, mamba::dynamic>;

/// A layer as initialize() leaves it, x within ±1, and y.
struct layer_case {
  nn::s4d_config sizes;
  mixer layer;
  sequence x, y;
  nn::workspace memory;
  mixer::state state;

  layer_case(std::size_t L, std::size_t D, std::size_t N)
      : sizes{.d_model = D, .d_state = N, .output = nn::s4d_output::gelu},
        layer(sizes),
        x(L, D),
        y(L, D),
        memory(layer, L),
        state(sizes) {
    test::random rng(L + D + N);
    nn::initialize(layer, {}, [&] { return rng.uniform(0, 1); });
    rng.fill(x.span(), -1, 1);
  }

  void recurrence() { nn::forward(layer, x.view(), state, memory, y.view()); }
  void fft() { nn::s4d_convolve(layer, x.view(), memory, y.view()); }

  /// Both against the plain layer in extended precision, for the first steps of the sequence.
  void check(std::string const& name) {
    std::size_t const L = x.extent(0), D = x.extent(1), steps = std::min<std::size_t>(L, 300);
    nn::reference::s4d<long double> plain(layer);
    nn::reference::parameters<long double> const p(layer);
    double const z = 0.1 * (1 + std::numbers::pi * static_cast<double>(sizes.pairs()));
    test::s4d_bounds<float> bound(plain, z);
    auto const of_fft = fft_bounds(bound, steps);
    state.reset();
    recurrence();
    sequence const by_recurrence = y;
    fft();
    for (std::size_t t = 0; t < steps; ++t) {
      std::vector<long double> u(D);
      for (std::size_t d = 0; d < D; ++d) u[d] = x(t, d);
      std::vector<double> off;
      auto const s = bound.system(u, p["D"], off);
      for (std::size_t d = 0; d < D; ++d) {
        auto const exact = static_cast<double>(nn::reference::gelu(s[d]));
        double const skip = bound.eps * (bound.abs(p["D"][d] * u[d]) + bound.abs(s[d]) + of_fft[t][d]);
        bench::require_near(name + "/recurrence", t * D + d, static_cast<double>(by_recurrence(t, d)), exact,
                            bound.of_gelu(off[d], s[d]));
        bench::require_near(name + "/fft", t * D + d, static_cast<double>(y(t, d)), exact,
                            bound.of_gelu(of_fft[t][d] + skip, s[d]));
      }
    }
  }

 private:
  /// s4d_convolve's card for K∗u, with |u| ≤ 1 and |K_k| ≤ S_k = 2 Σ_n |(C·B̄)_n| |Ā_n|^k: ‖K‖₂ is at most that of S,
  /// ‖K∗u‖₂ at most ‖S‖₁ ‖u‖₂, and κ∗|u| the sum of κ.
  std::vector<std::vector<double>> fft_bounds(test::s4d_bounds<float> const& bound, std::size_t steps) const {
    std::size_t const L = x.extent(0), D = x.extent(1), P = sizes.pairs();
    auto const levels = std::log2(static_cast<double>(mamba::kernels::fft_convolution<float>(L).size()));
    std::vector<std::vector<double>> out(steps, std::vector<double>(D));
    for (std::size_t d = 0; d < D; ++d) {
      std::vector<double> decay(P), term(P);
      for (std::size_t n = 0; n < P; ++n) {
        decay[n] = static_cast<double>(std::abs(bound.plain.a_bar[d][n]));
        term[n] = 2 * static_cast<double>(std::abs(bound.plain.c_bar[d][n]));
      }
      double one = 0, two = 0, kappa = 0, norm_u = 0;
      for (std::size_t k = 0; k < L; ++k) {
        double S = 0;
        for (std::size_t n = 0; n < P; ++n) {
          S += term[n];
          term[n] *= decay[n];
        }
        auto const step = static_cast<double>(k);
        kappa += S * (bound.of_c_bar[d][0] + step * bound.of_a_bar[d][0] +
                      (static_cast<double>(P) + 50) / 2 * bound.eps + 2.2 * step * 0x1p-53);
        if (k < steps) out[k][d] = kappa;
        one += S;
        two += S * S;
        norm_u += static_cast<double>(x(k, d)) * static_cast<double>(x(k, d));
      }
      double const transforms = bound.eps * levels * (10 * std::sqrt(two) + 2.5 * one) * std::sqrt(norm_u);
      for (std::size_t t = 0; t < steps; ++t) out[t][d] = 1.01 * (out[t][d] + transforms);
    }
    return out;
  }
};

void add_size(bench::machine const& m, std::size_t L, std::size_t D, std::size_t N) {
  std::string const size = "/L:" + std::to_string(L) + "/D:" + std::to_string(D) + "/N:" + std::to_string(N);
  auto const slot = std::make_shared<std::unique_ptr<layer_case>>();
  auto const checked = [=]() -> layer_case& {
    if (*slot == nullptr) {
      *slot = std::make_unique<layer_case>(L, D, N);
      (*slot)->check("s4d" + size);
    }
    return **slot;
  };
  auto const numbers = static_cast<double>(L * D);
  bench::work const per_call{.tokens = static_cast<double>(L),
                             .bytes = 2 * sizeof(float) * numbers,
                             .flops = 11 * numbers * static_cast<double>(N) / 2};
  for (int const threads : m.thread_counts()) {
    auto const suffix = size + "/threads:" + std::to_string(threads);
    bench::add("s4d/recurrence" + suffix, [=](benchmark::State& state) {
      layer_case& c = checked();
      bench::time(state, m, threads, per_call, [&] { c.recurrence(); });
    });
    bench::add("s4d/fft" + suffix, [=](benchmark::State& state) {
      layer_case& c = checked();
      bench::time(state, m, threads, per_call, [&] { c.fft(); });
    });
  }
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run(argc, argv, [](bench::machine const& m) {
    if (m.size == bench::scale::small) return add_size(m, 139, 21, 6);
    for (std::size_t const L : {256U, 1024U, 4096U, 16384U}) add_size(m, L, 64, 64);
  });
}
