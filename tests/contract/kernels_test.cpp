// SPDX-License-Identifier: MIT
// The partition contract of the linear kernels: a recurrence has the same bits for every split, number of threads and
// extent; convolutions and their kernels have them for every place of a channel, layout and number of threads. Compared
// by memcmp. This file is compiled many times, under different flags.
#include <mamba/kernels/convolution/fft_convolution.hpp>
#include <mamba/kernels/convolution/vandermonde_kernel.hpp>
#include <mamba/kernels/scan/chunked_recurrence.hpp>
#include <mamba/kernels/scan/diagonal_recurrence.hpp>
#include <mamba/tensor/tensor.hpp>
#include <support/random.hpp>
#include <support/threads.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>

namespace {

using mamba::dynamic;
using mamba::matrix_view;
using mamba::kernels::complex_blocked;
using modes = complex_blocked<float>;
using sequence = mamba::tensor<float, dynamic, dynamic>;

constexpr std::size_t W = mamba::simd::lanes<float>;

bool same_bits(matrix_view<float const> a, matrix_view<float const> b) {
  for (std::size_t t = 0; t < a.extent(0); ++t) {
    if (std::memcmp(a.row(t).data(), b.row(t).data(), a.extent(1) * sizeof(float)) != 0) return false;
  }
  return a.shape() == b.shape();
}
template <class A, class B>
bool same_modes(A const& a, B const& b) {
  for (std::size_t d = 0; d < a.channels(); ++d) {
    for (std::size_t n = 0; n < a.depth(); ++n) {
      auto const p = a(d, n), q = b(d, n);
      if (std::memcmp(&p, &q, sizeof p) != 0) return false;
    }
  }
  return true;
}

/// Random numbers of modulus `low` to `high`.
template <class Modes = modes>
Modes drawn(test::random& rng, std::size_t D, std::size_t N, double low, double high) {
  Modes out(D, N);
  for (std::size_t d = 0; d < D; ++d) {
    for (std::size_t n = 0; n < N; ++n) {
      out.set(d, n, std::complex<float>(std::polar(rng.uniform(low, high), rng.uniform(-3, 3))));
    }
  }
  return out;
}

/// One system and its inputs.
struct system_of {
  modes a, b, c, h;
  std::vector<float> d;
  sequence x;

  system_of(test::random& rng, std::size_t L, std::size_t D, std::size_t N)
      : a(drawn(rng, D, N, 0.5, 1)),
        b(drawn(rng, D, N, 0, 2)),
        c(drawn(rng, D, N, 0, 2)),
        h(drawn(rng, D, N, 0, 2)),
        d(D),
        x(L, D) {
    rng.fill(std::span<float>(d), -1, 1);
    rng.fill(x.span(), -1, 1);
  }
  void run(modes& state, matrix_view<float const> in, matrix_view<float> out) const {
    mamba::kernels::diagonal_recurrence({.b_bar = b, .c = c, .x = in, .d = d}, a, state, out);
  }
};

}  // namespace

TEST_CASE("contract: the diagonal recurrence has the same bits for every split and number of threads") {
  test::random rng(1);
  test::all_work_shared const shared;
  for (int round = 0; round < 40; ++round) {
    std::size_t const L = 1 + rng.below(70), D = 1 + rng.below(round % 2 == 0 ? 3 : 2 * W + 2);
    system_of const s(rng, L, D, 1 + rng.below(2 * W));
    mamba::parallel::set_thread_count(1);
    modes whole_h = s.h, h = s.h;
    sequence whole(L, D), y(L, D);
    s.run(whole_h, s.x.view(), whole.view());
    for (std::size_t first = 0; first < L;) {
      mamba::parallel::set_thread_count(1 + static_cast<int>(rng.below(3)));
      std::size_t const count = std::min(L - first, rng.below(20));
      s.run(h, s.x.view().rows(first, count), y.view().rows(first, count));
      first += count;
    }
    REQUIRE(same_bits(y.view(), whole.view()));
    REQUIRE(same_modes(h, whole_h));
  }
}

TEST_CASE("contract: recurrence and Vandermonde kernel, static and dynamic extents") {
  test::random rng(2);
  constexpr std::size_t D = 2 * W + 1, N = 5;
  using fixed = complex_blocked<float, D, N>;
  auto const copy = [](modes const& from) {
    fixed out;
    for (std::size_t d = 0; d < D; ++d) {
      for (std::size_t n = 0; n < N; ++n) out.set(d, n, from(d, n));
    }
    return out;
  };
  system_of const s(rng, 40, D, N);
  fixed const a = copy(s.a), b = copy(s.b), c = copy(s.c);
  modes h = s.h;
  fixed fixed_h = copy(s.h);
  sequence y(40, D), fixed_y(40, D);
  s.run(h, s.x.view(), y.view());
  mamba::kernels::diagonal_recurrence({.b_bar = b, .c = c, .x = s.x, .d = s.d}, a, fixed_h, fixed_y);
  CHECK(same_bits(y.view(), fixed_y.view()));
  CHECK(same_modes(fixed_h, h));
  sequence K(600, D), fixed_K(600, D);
  mamba::kernels::vandermonde_kernel({.b_bar = s.b, .c = s.c}, s.a, K);
  mamba::kernels::vandermonde_kernel({.b_bar = b, .c = c}, a, fixed_K);
  CHECK(same_bits(K.view(), fixed_K.view()));
}

TEST_CASE("contract: kernels and convolutions, for every place of a channel, layout and number of threads") {
  test::random rng(3);
  test::all_work_shared const shared;
  for (std::size_t const L : {std::size_t{3}, W * W + 5, std::size_t{700}}) {
    constexpr std::size_t D = 2 * W + 3;
    system_of const s(rng, L, D, 3);
    mamba::parallel::set_thread_count(1);
    sequence K(L, D), y(L, D), turned_K(D, L), turned_x(D, L), turned_y(D, L);
    mamba::kernels::vandermonde_kernel({.b_bar = s.b, .c = s.c}, s.a, K);
    mamba::kernels::vandermonde_kernel({.b_bar = s.b, .c = s.c}, s.a, mamba::kernels::channel_major{turned_K});
    mamba::kernels::fft_convolution<float> convolve(L);
    convolve({.kernel = K, .x = s.x}, y);
    for (std::size_t d = 0; d < D; ++d) {
      for (std::size_t t = 0; t < L; ++t) turned_x(d, t) = s.x(t, d);
    }
    using channels = mamba::kernels::channel_major<float>;
    convolve({.kernel = channels{turned_K}, .x = channels{turned_x}}, channels{turned_y});
    for (std::size_t d = 0; d < D; ++d) {
      for (std::size_t t = 0; t < L; ++t) {
        REQUIRE(std::memcmp(&turned_K(d, t), &K(t, d), sizeof(float)) == 0);
        REQUIRE(std::memcmp(&turned_y(d, t), &y(t, d), sizeof(float)) == 0);
      }
    }
    for (int const threads : {1, 2, 3}) {
      mamba::parallel::set_thread_count(threads);
      sequence again(L, D), some(L, W - 1);
      auto const known = convolve.spectrum(K);
      convolve({.spectrum = known, .x = s.x}, again);
      CHECK(same_bits(again.view(), y.view()));
      std::size_t const first = rng.below(D - W);
      convolve({.kernel = K.view().columns(first, W - 1), .x = s.x.view().columns(first, W - 1)}, some);
      CHECK(same_bits(some.view(), y.view().columns(first, W - 1)));
      mamba::kernels::vandermonde_kernel({.b_bar = s.b, .c = s.c}, s.a, again);
      CHECK(same_bits(again.view(), K.view()));
    }
  }
}

TEST_CASE("contract: the chunked recurrence with any number of threads") {
  test::random rng(4);
  test::all_work_shared const shared;
  for (std::size_t const D : {1U, 3U}) {
    system_of const s(rng, 3000, D, 6);
    mamba::parallel::set_thread_count(1);
    mamba::kernels::chunked_recurrence const layer({.b_bar = s.b, .c = s.c, .d = s.d}, s.a);
    modes alone_h = s.h;
    sequence alone(3000, D), y(3000, D);
    layer(s.x.view(), alone_h, alone.view());
    for (int const threads : {2, 3}) {
      mamba::parallel::set_thread_count(threads);
      modes h = s.h;
      layer(s.x.view(), h, y.view());
      CHECK(same_bits(y.view(), alone.view()));
      CHECK(same_modes(h, alone_h));
    }
  }
}
