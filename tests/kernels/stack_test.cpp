// SPDX-License-Identifier: MIT
// The bounds of stack use in the cards of kernels/: each kernel runs on a painted stack.
#include <doctest/doctest.h>

#include <mamba/kernels/convolution/causal_conv1d.hpp>
#include <mamba/kernels/convolution/fft_convolution.hpp>
#include <mamba/kernels/convolution/vandermonde_kernel.hpp>
#include <mamba/kernels/gemm/matmul.hpp>
#include <mamba/kernels/scan/chunked_recurrence.hpp>
#include <mamba/kernels/scan/diagonal_recurrence.hpp>
#include <mamba/kernels/scan/selective_scan.hpp>
#include <support/stack_use.hpp>
#include <support/threads.hpp>

#include <cstddef>
#include <string>

namespace {

using mamba::dynamic;
using mamba::kernels::channel_blocked;
using mamba::kernels::channel_major;
using mamba::kernels::complex_blocked;
using mamba::kernels::unit_b;

template <class T>
using matrix = mamba::tensor<T, dynamic, dynamic>;

constexpr std::size_t kB = 1024;

/// The worst case in every dimension: many tokens, whole groups of blocks and partial ones.
constexpr std::size_t L = 150, D = 600, N = 40;

template <class F>
void check(char const* name, std::size_t bound, F&& f) {
  std::size_t const used = test::stack_use(f);
  MESSAGE(std::string(name), ": ", used, " bytes of stack");
  if (TEST_STACK_IS_MEASURABLE) CHECK(used <= bound);
}

template <class Blocked>
void check_recurrences(char const* name) {
  using T = typename Blocked::value_type;
  INFO(std::string(name));
  for (std::size_t const channels : {std::size_t{1}, D}) {
    matrix<T> x(L, channels), y(L, channels), turned(channels, L);
    Blocked const a(channels, N), b(channels, N);
    Blocked h(channels, N);
    check("diagonal_recurrence", 16 * kB, [&] {
      mamba::kernels::diagonal_recurrence({.b_bar = b, .c = b, .x = x}, a, h, y);
      mamba::kernels::diagonal_recurrence({.b_bar = unit_b{}, .c = b, .x = x}, a, h, y);
    });
    check("vandermonde_kernel", 4 * kB, [&] {
      mamba::kernels::vandermonde_kernel({.b_bar = b, .c = b}, a, y);
      mamba::kernels::vandermonde_kernel({.b_bar = unit_b{}, .c = b}, a, channel_major{turned});
    });
    std::size_t const of_matmul = test::stack_use([&] {
      mamba::kernels::packed_matrix<T> const w(64, 64);
      matrix<T> in(64, 64), out(64, 64);
      mamba::kernels::matmul(in.view(), w, {}, out.view());
    });
    check("chunked_recurrence", of_matmul + 8 * kB, [&] {
      mamba::kernels::chunked_recurrence const layer({.b_bar = b, .c = b}, a);
      layer(x, h, y);
    });
  }
}

template <class T>
void check_all() {
  matrix<T> const delta(L, D), z(L, D), b(L, N), c(L, N), weight(4, D), wide(7, D);
  matrix<T> x(L, D), y(L, D), turned(D, L), state(3, D), longer(6, D);
  channel_blocked<T> const a(D, N);
  channel_blocked<T> h(D, N);
  check("selective_scan", 12 * kB, [&] {
    using mamba::kernels::delta_softplus;
    mamba::kernels::selective_scan({.delta = delta, .b = b, .c = c, .x = x}, a, h, y);
    mamba::kernels::selective_scan<delta_softplus::on>({.delta = delta, .b = b, .c = c, .x = x, .z = z}, a, h, y);
  });
  check("causal_conv1d", 8 * kB, [&] {
    mamba::kernels::causal_conv1d({.x = x, .weight = weight}, state, y);
    mamba::kernels::causal_conv1d({.x = x, .weight = wide}, longer, y);
  });
  mamba::kernels::fft_convolution<T> convolve(L);
  check("fft_convolution", 8 * kB, [&] {
    auto const spectrum = convolve.spectrum(x);
    convolve({.kernel = x, .x = delta}, y);
    convolve({.spectrum = spectrum, .x = delta}, y);
    convolve({.kernel = channel_major{turned}, .x = delta}, y);
  });
  check_recurrences<channel_blocked<T>>("real modes");
  check_recurrences<complex_blocked<T>>("complex modes");
}

TEST_CASE("stack: every kernel within the bound of its card, in float and double") {
  mamba::parallel::set_thread_count(1);  // all work on the thread whose stack is looked at
  check_all<float>();
  check_all<double>();
}

TEST_CASE("stack: the measurement counts what a function touches") {
  std::size_t const used = test::stack_use([] {
    unsigned char volatile many[20 * kB];
    for (std::size_t i = 0; i < sizeof many; ++i) many[i] = 1;
  });
  if (TEST_STACK_IS_MEASURABLE) {
    CHECK(used >= 19 * kB);  // the frame of an empty thread is counted off
    CHECK(used <= 21 * kB);
  }
}

}  // namespace
