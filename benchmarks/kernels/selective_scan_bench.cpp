// SPDX-License-Identifier: MIT
// kernels/selective_scan_bench.cpp — the fused scan against the paper's loop.
//
// Roofline: L·D·N exponentials, and 16 bytes per (t, d): at N = 16, one byte and one multiply-add or two per
// exponential, so the exponentials are the floor. L 2048, D 1536, N 16: 50.3 M of them, 16 ms at 3.1 Gexp/s. What the
// recurrence itself costs (load, store, four products) comes on top where it does not overlap. exp_% is the share of
// the floor: 71 is 1.4 times its time, 59 is 1.7.
//
//     core    Δ, B and C ready, no skip, no gate        ours    with D-skip and gate        fused    with softplus, too
//
// What each step of the kernel gained, in times of the exponentials alone (L 2048, D 1536, N 16, AVX-512, g++ 12, 0.3):
//
//     one block over all tokens              4.3: each token is on another page
//     + four blocks interleaved, in tiles    1.9: 256 adjacent bytes a token, four independent chains of multiply-adds
//     + the next tile prefetched             1.35, 1.6 with D-skip and gate, 2.15 with softplus
//     + softplus by one polynomial           1.77 with all three
//     + exponents checked tile by tile       1.27, 1.5 with skip and gate, 1.63 with softplus (clang 1.24, 1.40, 1.57)
#include <mamba/kernels/scan/selective_scan.hpp>
#include <mamba/ssm/selective/selective_scan.hpp>
#include <support/random.hpp>
#include <support/run.hpp>
#include <support/verify.hpp>

#include <memory>
#include <vector>

namespace {

using mamba::dynamic;
template <class T>
using matrix = mamba::tensor<T, dynamic, dynamic>;

/// Inputs of one size; the same numbers in every type.
template <class T>
struct inputs {
  matrix<T> delta, a, b, c, x, z;
  mamba::tensor<T, dynamic> d;

  inputs(std::size_t L, std::size_t D, std::size_t N) : delta(L, D), a(D, N), b(L, N), c(L, N), x(L, D), z(L, D), d(D) {
    test::random rng(20240521);
    auto const draw = [&](std::span<T> out, double low, double high) {
      for (T& v : out) v = static_cast<T>(static_cast<float>(rng.uniform(low, high)));
    };
    draw(delta.span(), 1e-3, 0.2);
    for (std::size_t i = 0; i < D; ++i) {
      for (std::size_t n = 0; n < N; ++n) a(i, n) = -static_cast<T>(n + 1);  // S4D-Real, the model's initial A
    }
    for (auto* m : {&b, &c, &x, &z}) draw(m->span(), -1, 1);
    draw(d.span(), -1, 1);
  }
};

struct scan_case {
  inputs<float> in;
  mamba::kernels::channel_blocked<float> a, h;
  matrix<float> plain_h, y;
  std::string name;

  scan_case(std::string const& label, std::size_t L, std::size_t D, std::size_t N)
      : in(L, D, N), a(D, N), h(D, N), plain_h(D, N), y(L, D), name(label) {
    for (std::size_t i = 0; i < D; ++i) {
      for (std::size_t n = 0; n < N; ++n) a(i, n) = in.a(i, n);
    }
  }

  [[nodiscard]] mamba::kernels::scan_inputs<float> with_skip_and_gate() const {
    return {.delta = in.delta, .b = in.b, .c = in.c, .x = in.x, .z = in.z, .d = in.d};
  }

  void core() { mamba::kernels::selective_scan({.delta = in.delta, .b = in.b, .c = in.c, .x = in.x}, a, h, y); }
  void ours() { mamba::kernels::selective_scan(with_skip_and_gate(), a, h, y); }
  void fused() { mamba::kernels::selective_scan<mamba::kernels::delta_softplus::on>(with_skip_and_gate(), a, h, y); }

  void plain() { mamba::ssm::selective_scan(in.delta, in.a, in.b, in.c, in.d.span(), in.x, in.z, plain_h, y); }

  /// Both against the reference in double, from h = 0.
  ///
  /// The bound runs along, u = 2⁻²⁴. Ā = 2^(Δ·log₂e·A) has three roundings in its argument and 1.25 ulp (our
  /// polynomial; libm is better): (2.5 + 3|ΔA|)u. Δ·x·B is off by 2u, the fused sum by u. So, with magnitudes M and
  /// errors E of h,
  ///
  ///     M ← Ā M + |Δ x B|        E ← Ā E + (2.5 + 3|ΔA|)u Ā M + 2u|Δ x B| + u M
  ///
  /// (one u more for the plain loop, which may round product and sum apart). y adds N + 1 terms in turn, and SiLU is
  /// off by 3.25 ulp and its product by u: Σ|C|E + (N + 9)u(Σ|C|M + |D x|), times |silu(z)|. A tenth more covers u².
  void check() {
    std::size_t const L = in.x.extent(0);
    std::size_t const D = in.x.extent(1);
    std::size_t const N = in.a.extent(1);
    inputs<double> const exact(L, D, N);
    matrix<double> exact_h(D, N);
    matrix<double> exact_y(L, D);
    mamba::ssm::selective_scan(exact.delta, exact.a, exact.b, exact.c, exact.d.span(), exact.x, exact.z, exact_h,
                               exact_y);
    matrix<double> bound_h(D, N);
    matrix<double> bound_y(L, D);
    for (std::size_t i = 0; i < D; ++i) {
      std::vector<double> size(N);
      for (std::size_t t = 0; t < L; ++t) {
        double sum = std::fabs(exact.d(i) * exact.x(t, i));
        double error = 0;
        for (std::size_t n = 0; n < N; ++n) {
          double const z = exact.delta(t, i) * exact.a(i, n);
          double const kept = std::exp(z) * size[n];
          double const entering = std::fabs(exact.delta(t, i) * exact.x(t, i) * exact.b(t, n));
          size[n] = kept + entering;
          bound_h(i, n) =
              std::exp(z) * bound_h(i, n) + bench::unit * ((3.5 + 3 * std::fabs(z)) * kept + 2 * entering + size[n]);
          sum += std::fabs(exact.c(t, n)) * size[n];
          error += std::fabs(exact.c(t, n)) * bound_h(i, n);
        }
        bound_y(t, i) =
            1.1 * std::fabs(mamba::ssm::silu(exact.z(t, i))) * (error + bench::unit * static_cast<double>(N + 9) * sum);
      }
    }
    auto const hold = [&](std::string const& what, auto const& found_h) {
      for (std::size_t i = 0; i < y.size(); ++i) {
        bench::require_near(what + ", y", i, static_cast<double>(y.span()[i]), exact_y.span()[i], bound_y.span()[i]);
      }
      for (std::size_t i = 0; i < D * N; ++i) {
        bench::require_near(what + ", h", i, static_cast<double>(found_h(i / N, i % N)), exact_h.span()[i],
                            1.1 * bound_h.span()[i]);
      }
    };
    ours();
    hold("selective_scan/ours" + name, h);
    plain();
    hold("selective_scan/plain" + name, plain_h);
  }
};

void add_size(bench::machine const& m, std::size_t L, std::size_t D, std::size_t N) {
  std::string const name = "/L:" + std::to_string(L) + "/D:" + std::to_string(D) + "/N:" + std::to_string(N);
  auto const slot = std::make_shared<std::unique_ptr<scan_case>>();
  auto const checked = [=]() -> scan_case& {
    if (*slot == nullptr) {
      *slot = std::make_unique<scan_case>(name, L, D, N);
      (*slot)->check();
    }
    return **slot;
  };
  auto const steps = static_cast<double>(L * D);
  bench::work const per_call{.tokens = static_cast<double>(L),
                             .bytes = 4 * sizeof(float) * steps,  // Δ, x, z in, y out; B, C, A and h stay in the cache
                             .flops = 0,
                             .exps = steps * static_cast<double>(N)};
  for (int const threads : m.thread_counts()) {
    auto const add = [&](std::string const& what, void (scan_case::*run)()) {
      bench::add("selective_scan/" + what + name + "/threads:" + std::to_string(threads), [=](benchmark::State& state) {
        scan_case& c = checked();
        bench::time(state, m, threads, per_call, [&] { (c.*run)(); });
      });
    };
    add("core", &scan_case::core);
    add("ours", &scan_case::ours);
    add("fused", &scan_case::fused);
  }
  bench::add("selective_scan/plain" + name, [=](benchmark::State& state) {
    scan_case& c = checked();
    bench::time(state, m, 1, per_call, [&] { c.plain(); });
  });
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run(argc, argv, [](bench::machine const& m) {
    if (m.size == bench::scale::small) {
      add_size(m, 37, 77, 16);  // a partial block, and enough work for threads
      return;
    }
    add_size(m, 512, 1536, 16);
    add_size(m, 2048, 1536, 16);
    add_size(m, 8192, 1536, 16);
  });
}
