// SPDX-License-Identifier: MIT
// kernels/causal_conv1d_bench.cpp — the short convolution with its SiLU against a plain loop.
//
// Roofline: per (t, d) 8 bytes, K = 4 multiply-adds and one SiLU, which is one exponential and one division. L 512,
// D 1536: 6.3 MB, a third of a millisecond from memory and less from a cache; 0.79 M exponentials, a quarter of a
// millisecond at 3.1 Gexp/s. In a model of 24 layers this is 1 % of the time of the products.
#include <mamba/kernels/convolution/causal_conv1d.hpp>
#include <mamba/tensor/tensor.hpp>
#include <support/random.hpp>
#include <support/run.hpp>
#include <support/verify.hpp>

#include <memory>

namespace {

using mamba::dynamic;
template <class T>
using matrix = mamba::tensor<T, dynamic, dynamic>;

/// y_t = silu(b + Σ_k w_k x_{t−K+1+k}), from a state of zeros; `size` gets |b| + Σ|w||x| if it is given.
template <class T>
void plain_convolution(matrix<float> const& x, matrix<float> const& weight, std::span<float const> bias, matrix<T>& y,
                       matrix<T>* size = nullptr) {
  std::size_t const K = weight.extent(0);
  for (std::size_t t = 0; t < x.extent(0); ++t) {
    for (std::size_t d = 0; d < x.extent(1); ++d) {
      T sum = static_cast<T>(bias[d]);
      T total = std::fabs(sum);
      for (std::size_t k = 0; k < K; ++k) {
        if (t + k + 1 < K) continue;
        T const term = static_cast<T>(weight(k, d)) * static_cast<T>(x(t + k + 1 - K, d));
        sum += term;
        total += std::fabs(term);
      }
      y(t, d) = sum / (T(1) + std::exp(-sum));
      if (size != nullptr) (*size)(t, d) = total;
    }
  }
}

struct convolution_case {
  matrix<float> x, weight, state, y;
  mamba::tensor<float, dynamic> bias;
  std::string name;

  convolution_case(std::string const& label, std::size_t L, std::size_t D, std::size_t K)
      : x(L, D), weight(K, D), state(K - 1, D), y(L, D), bias(D), name(label) {
    test::random rng(20231201);
    for (auto* m : {&x, &weight}) rng.fill(m->span(), -1, 1);
    rng.fill(bias.span(), -1, 1);
  }

  void ours() { mamba::kernels::causal_conv1d({.x = x, .weight = weight, .bias = bias}, state, y); }
  void plain() { plain_convolution(x, weight, bias.span(), y); }

  /// Both against double. With S = |b| + Σ|w||x| the sum of K products and a bias is off by (2K)u S at most (products
  /// and sums rounded apart), |silu'| ≤ 1.1 passes it on, and silu itself is off by 3.25 ulp of |y| ≤ S.
  void check() {
    matrix<double> exact(x.extent(0), x.extent(1));
    matrix<double> size(x.extent(0), x.extent(1));
    plain_convolution(x, weight, bias.span(), exact, &size);
    double const bound = bench::unit * (1.1 * 2 * static_cast<double>(weight.extent(0)) + 6.5);
    auto const hold = [&](std::string const& what) {
      for (std::size_t i = 0; i < y.size(); ++i) {
        bench::require_near(what, i, static_cast<double>(y.span()[i]), exact.span()[i], bound * size.span()[i]);
      }
    };
    state.fill(0);
    ours();
    hold("causal_conv1d/ours" + name);
    plain();
    hold("causal_conv1d/plain" + name);
  }
};

void add_size(bench::machine const& m, std::size_t L, std::size_t D, std::size_t K) {
  std::string const name = "/L:" + std::to_string(L) + "/D:" + std::to_string(D) + "/K:" + std::to_string(K);
  auto const slot = std::make_shared<std::unique_ptr<convolution_case>>();
  auto const checked = [=]() -> convolution_case& {
    if (*slot == nullptr) {
      *slot = std::make_unique<convolution_case>(name, L, D, K);
      (*slot)->check();
    }
    return **slot;
  };
  auto const numbers = static_cast<double>(L * D);
  bench::work const per_call{.tokens = static_cast<double>(L),
                             .bytes = 2 * sizeof(float) * numbers,
                             .flops = 2 * static_cast<double>(K) * numbers,
                             .exps = numbers};
  for (int const threads : m.thread_counts()) {
    bench::add("causal_conv1d/ours" + name + "/threads:" + std::to_string(threads), [=](benchmark::State& state) {
      convolution_case& c = checked();
      bench::time(state, m, threads, per_call, [&] { c.ours(); });
    });
  }
  bench::add("causal_conv1d/plain" + name, [=](benchmark::State& state) {
    convolution_case& c = checked();
    bench::time(state, m, 1, per_call, [&] { c.plain(); });
  });
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run(argc, argv, [](bench::machine const& m) {
    if (m.size == bench::scale::small) {
      add_size(m, 139, 77, 4);  // a partial block, and enough work for threads
      add_size(m, 2, 77, 4);    // shorter than the filter
      return;
    }
    add_size(m, 1, 1536, 4);
    add_size(m, 128, 1536, 4);
    add_size(m, 512, 1536, 4);
  });
}
