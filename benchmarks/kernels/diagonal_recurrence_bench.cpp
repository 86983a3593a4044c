// SPDX-License-Identifier: MIT
// kernels/diagonal_recurrence_bench.cpp — the linear recurrence of many channels, and of one, against its floors.
//
// Roofline: per (t, d), eight bytes of x and y, and per mode two multiply-adds (real) or five and a product (complex).
// B̄ costs a product more per real mode, and a product and a multiply-add per complex one, which unit_b saves: they
// are not counted, so that both are measured by the same floor. The larger of read_% and FMA_% says how near it is.
//   N = 16, real: 64 FLOP for 8 bytes: bound by memory where x and y come from there; N = 64: by multiply-adds.
//   One channel: h_t depends on h_{t−1}: one multiply-add after the other, two of them per step where modes are
//   complex. chain_% compares with that latency; where N is large, FMA_% takes over.
#include <mamba/kernels/scan/diagonal_recurrence.hpp>
#include <support/random.hpp>
#include <support/recurrence_case.hpp>
#include <support/run.hpp>
#include <support/verify.hpp>

#include <algorithm>
#include <complex>
#include <memory>
#include <string>
#include <vector>

namespace {

using mamba::dynamic;
using mamba::kernels::channel_blocked;
using mamba::kernels::complex_blocked;
using complex = std::complex<float>;
using sequence = mamba::tensor<float, dynamic, dynamic>;

template <class C>
using blocked_of = std::conditional_t<mamba::ssm::is_complex<C>, complex_blocked<float>, channel_blocked<float>>;

/// Modes of type C, x and y of one size; the first steps are checked against long double before anything is timed.
template <class C>
struct recurrence {
  static constexpr bool half = mamba::ssm::is_complex<C>;
  test::recurrence_case<C, float> numbers;
  blocked_of<C> a, b, c, h;
  sequence x, y;
  bool unit;

  recurrence(std::string const& name, std::size_t L, std::size_t D, std::size_t N, bool unit_b)
      : numbers(drawn(std::min(L, (std::size_t{1} << 20U) / (D * N) + 2), D, N)),
        a(numbers.a.view()),
        b(numbers.b.view()),
        c(numbers.c.view()),
        h(numbers.h.view()),
        x(L, D),
        y(L, D),
        unit(unit_b) {
    std::size_t const checked = numbers.x.extent(0);
    for (std::size_t t = 0; t < L; ++t) {
      for (std::size_t d = 0; d < D; ++d) x(t, d) = numbers.x(t % checked, d);
    }
    check(name, checked);
  }

  void ours() { run(x.view(), y.view()); }

  void plain() {
    test::table<C> state = numbers.h;
    mamba::ssm::diagonal_recurrence<half ? mamba::ssm::modes::half : mamba::ssm::modes::all>(
        numbers.a, numbers.b, numbers.c, numbers.d, x, state, y);
  }

 private:
  static test::recurrence_case<C, float> drawn(std::size_t L, std::size_t D, std::size_t N) {
    test::random rng(L + D + N);
    return test::random_recurrence<C, float>(rng, L, D, N, true);
  }

  void run(mamba::matrix_view<float const> input, mamba::matrix_view<float> output) {
    using scaling = mamba::kernels::input_scaling<blocked_of<C>>;
    scaling const b_bar = unit ? scaling(mamba::kernels::unit_b{}) : scaling(b);
    mamba::kernels::diagonal_recurrence({.b_bar = b_bar, .c = c, .x = input, .d = numbers.d}, a, h, output);
  }

  void check(std::string const& name, std::size_t L) {
    run(x.view().rows(0, L), y.view().rows(0, L));
    test::exact_recurrence<C, float> const exact(numbers, unit);
    for (std::size_t t = 0; t < L; ++t) {
      for (std::size_t d = 0; d < x.extent(1); ++d) {
        bench::require_near(name, t * x.extent(1) + d, static_cast<double>(y(t, d)), static_cast<double>(exact.y(t, d)),
                            static_cast<double>(exact.y_bound(t, d)));
      }
    }
  }
};

template <class C>
void add_size(bench::machine const& m, std::size_t L, std::size_t D, std::size_t N) {
  constexpr bool half = mamba::ssm::is_complex<C>;
  std::string const size = std::string(half ? "/complex" : "/real") + "/L:" + std::to_string(L) +
                           "/D:" + std::to_string(D) + "/N:" + std::to_string(N);
  auto const samples = static_cast<double>(L * D);
  auto const modes = samples * static_cast<double>(N);
  bench::work const per_call{.tokens = static_cast<double>(L),
                             .bytes = 2 * sizeof(float) * samples,
                             .flops = (half ? 11 : 4) * modes,
                             .chain = D == 1 ? (half ? 2.0 : 1.0) * static_cast<double>(L) : 0};
  for (bool const unit : {false, true}) {
    std::string const name = "diagonal_recurrence/" + std::string(unit ? "unit_b" : "b_bar") + size;
    auto const slot = std::make_shared<std::unique_ptr<recurrence<C>>>();
    for (int const threads : D == 1 ? std::vector<int>{1} : m.thread_counts()) {
      bench::add(name + "/threads:" + std::to_string(threads), [=](benchmark::State& state) {
        if (*slot == nullptr) *slot = std::make_unique<recurrence<C>>(name, L, D, N, unit);
        bench::time(state, m, threads, per_call, [&] { (*slot)->ours(); });
      });
    }
  }
  if (samples * static_cast<double>(N) > 1 << 26) return;  // a plain loop would take seconds
  bench::add("diagonal_recurrence/plain" + size, [=](benchmark::State& state) {
    recurrence<C> loop("plain", L, D, N, false);
    bench::time(state, m, 1, per_call, [&] { loop.plain(); });
  });
}

template <class C>
void add_sizes(bench::machine const& m) {
  if (m.size == bench::scale::small) {
    add_size<C>(m, 40, 1, 19);
    add_size<C>(m, 37, 77, 3);
    return;
  }
  for (std::size_t const N : {16U, 64U}) {
    add_size<C>(m, 1U << 16U, 1, N);
    add_size<C>(m, 1U << 16U, 64, N);
    add_size<C>(m, 1U << 12U, 1024, N);
  }
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run(argc, argv, [](bench::machine const& m) {
    add_sizes<float>(m);
    add_sizes<complex>(m);
  });
}
