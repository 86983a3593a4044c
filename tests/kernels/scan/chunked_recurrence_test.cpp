// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/kernels/scan/chunked_recurrence.hpp>
#include <support/bits.hpp>
#include <support/guarded.hpp>
#include <support/random.hpp>
#include <support/recurrence_case.hpp>
#include <support/threads.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace {

using mamba::kernels::channel_blocked;
using mamba::kernels::chunked_recurrence;
using mamba::kernels::complex_blocked;
using test::recurrence_case;
using test::table;

template <class T>
channel_blocked<T> blocked(table<T> const& t) {
  return channel_blocked<T>(t.view());
}
template <class T>
complex_blocked<T> blocked(table<std::complex<T>> const& t) {
  return complex_blocked<T>(t.view());
}

/// The largest |error| / bound of one case, where the card's magnitudes run along the exact recurrence.
///
/// m bounds |h|, and every sum's terms add up to at most m. An error of e u m before a chunk becomes at most
/// (e + 3) u m by the jump (its ā^Q is off by u, the multiply-adds by 2u at most), and the chunk's own sum of Q terms
/// with rounded coefficients adds (Q + 1) u of its part of m; so e = Q + 3 + 3k after k chunks, and after the steps of
/// the last chunk, each 3u, at most Q more, which the next chunk's Q would have been.
template <class C, class T>
double check_one(test::random& rng, std::size_t L, std::size_t D, std::size_t N) {
  constexpr bool half = mamba::ssm::is_complex<C>;
  constexpr std::size_t Q = mamba::kernels::packed_matrix<T>::panel;
  auto const s = test::random_recurrence<C, T>(rng, L, D, N, rng.below(3) != 0);
  test::guarded<T> x(L, D, rng.below(16), rng.below(9)), y(L, D, rng.below(16), rng.below(9));
  for (std::size_t t = 0; t < L; ++t) std::copy_n(s.x.view().row(t).begin(), D, x.view().row(t).begin());
  auto h = blocked(s.h);
  chunked_recurrence const layer({.b_bar = blocked(s.b), .c = blocked(s.c), .d = s.d}, blocked(s.a));
  CHECK(layer.chunk == Q);
  layer(x.view(), h, y.view());
  REQUIRE(y.intact());

  test::exact_recurrence<C, T> const exact(s, false);
  long double const u = std::numeric_limits<T>::epsilon() / 2.0L * 1.01L * (mamba::simd::fused ? 1 : 2);
  long double const twice = half ? 2 : 1, root = half ? std::sqrt(2.0L) : 1;
  table<long double> m(D, N);
  for (std::size_t i = 0; i < D * N; ++i) m.cells()[i] = std::abs(s.h.cells()[i]);
  double worst = 0;
  auto const within = [&](long double off, long double allowed) {
    double const share = off == 0 ? 0 : static_cast<double>(off / allowed);
    worst = share <= worst ? worst : std::isnan(share) ? std::numeric_limits<double>::infinity() : share;
  };
  auto const states = static_cast<double>((half ? 2 : 1) * N), width = static_cast<double>(Q);
  for (std::size_t t = 0; t < L; ++t) {
    auto const chunks = static_cast<double>(t / Q);
    for (std::size_t i = 0; i < D; ++i) {
      long double size = s.d.empty() ? 0 : std::fabs(static_cast<long double>(s.d[i] * s.x(t, i)));
      for (std::size_t n = 0; n < N; ++n) {
        long double& at = m(i, n);
        at = std::abs(s.a(i, n)) * at + std::abs(s.b(i, n)) * std::fabs(static_cast<long double>(s.x(t, i)));
        size += twice * std::abs(s.c(i, n)) * at;
      }
      within(std::fabs(y(t, i) - exact.y(t, i)), root * u * (states + 2 * width + 6 + 3 * chunks) * size);
    }
  }
  double const chunks = static_cast<double>(L / Q) + 1;
  for (std::size_t i = 0; i < D; ++i) {
    for (std::size_t n = 0; n < N; ++n) {
      auto const off = std::abs(typename test::exact_recurrence<C, T>::E(h(i, n)) - exact.h(i, n));
      within(off, root * u * (3 * width + 3 * chunks) * m(i, n));
    }
  }
  if (worst > 1) {
    CAPTURE(L);
    CAPTURE(D);
    CAPTURE(N);
    REQUIRE(worst <= 1);
  }
  return worst;
}

template <class C, class T>
void check_sizes(std::string const& name) {
  constexpr std::size_t W = channel_blocked<T>::lanes, Q = mamba::kernels::packed_matrix<T>::panel;
  test::random rng(sizeof(C) + 2);
  double worst = 0;
  for (std::size_t L = 0; L <= 2 * Q + 1; ++L) worst = std::max(worst, check_one<C, T>(rng, L, 1, 1 + rng.below(5)));
  for (std::size_t const N : {std::size_t{0}, std::size_t{1}, W - 1, W, W + 1, std::size_t{64}}) {
    for (std::size_t const D : {1U, 2U, 5U}) worst = std::max(worst, check_one<C, T>(rng, rng.below(300), D, N));
  }
  worst = std::max(worst, check_one<C, T>(rng, 64 * Q, 1, 3));  // as many chunks as one round has, and around it
  worst = std::max(worst, check_one<C, T>(rng, 64 * Q + 1, 1, 3));
  worst = std::max(worst, check_one<C, T>(rng, 130 * Q - 1, 2, 3));
  MESSAGE(name, ": at most ", worst, " of the bound");
}

TEST_CASE("chunked_recurrence kernel: the recurrence, all awkward sizes") {
  check_sizes<float, float>("float");
  check_sizes<double, double>("double");
  check_sizes<std::complex<float>, float>("complex float");
  check_sizes<std::complex<double>, double>("complex double");
}

TEST_CASE("chunked_recurrence kernel: the same bits with 1, 2 and 3 threads, over channels and over time; y may be x") {
  test::random rng(5);
  test::all_work_shared const shared;
  for (std::size_t const D : {1U, 2U, 7U}) {
    auto const s = test::random_recurrence<std::complex<float>, float>(rng, 5000, D, 9, true);
    auto const a = blocked(s.a), b = blocked(s.b), c = blocked(s.c), before = blocked(s.h);
    chunked_recurrence const layer({.b_bar = b, .c = c, .d = s.d}, a);
    mamba::parallel::set_thread_count(1);
    auto h = before;
    table<float> alone(5000, D);
    layer(s.x.view(), h, alone.view());
    for (int const count : {1, 2, 3}) {
      mamba::parallel::set_thread_count(count);
      auto state = before;
      auto inside = s.x;
      layer(inside.view(), state, inside.view());
      CHECK(test::same_rows(inside.view(), alone.view()));
      CHECK(test::same_bits(state.re.span(), h.re.span()));
      CHECK(test::same_bits(state.im.span(), h.im.span()));
    }
  }
}

TEST_CASE("chunked_recurrence kernel: NaN in its own channel, from its own chunk on") {
  test::random rng(6);
  auto s = test::random_recurrence<float, float>(rng, 200, 3, 4, false);
  std::size_t const Q = mamba::kernels::packed_matrix<float>::panel, t = 2 * Q + 5;
  s.x(t, 1) = std::numeric_limits<float>::quiet_NaN();
  auto h = blocked(s.h);
  table<float> y(200, 3);
  chunked_recurrence({.b_bar = blocked(s.b), .c = blocked(s.c)}, blocked(s.a))(s.x.view(), h, y.view());
  for (std::size_t k = 0; k < 200; ++k) {
    CHECK(!std::isnan(y(k, 0)));
    CHECK(!std::isnan(y(k, 2)));
    if (k < 2 * Q) CHECK(!std::isnan(y(k, 1)));
    if (k >= t) CHECK(std::isnan(y(k, 1)));
  }
}

TEST_CASE("chunked_recurrence kernel: unit_b is a B̄ of ones; tensors in place of views") {
  test::random rng(8);
  auto const s = test::random_recurrence<std::complex<float>, float>(rng, 0, 3, 5, false);
  auto const a = blocked(s.a), c = blocked(s.c);
  auto ones = a;
  ones.fill(1);
  mamba::tensor<float, mamba::dynamic, 3> x(150, 3), y(150, 3), y_unit(150, 3);
  rng.fill(x.span(), -1, 1);
  auto h = blocked(s.h), h_unit = h;
  chunked_recurrence({.b_bar = ones, .c = c}, a)(x, h, y);
  chunked_recurrence({.b_bar = mamba::kernels::unit_b{}, .c = c}, a)(x, h_unit, y_unit);
  CHECK(test::same_bits(y.span(), y_unit.span()));
  CHECK(h == h_unit);
}

TEST_CASE("chunked_recurrence kernel: ā^Q of complex modes is a product of rounded products, contracted nowhere") {
  test::random rng(9);
  constexpr std::size_t Q = mamba::kernels::packed_matrix<double>::panel, N = 11;
  auto const s = test::random_recurrence<std::complex<double>, double>(rng, Q, 1, N, false);
  table<double> x(Q, 1), y(Q, 1);  // zeros: one chunk multiplies the state by ā^Q
  auto h = blocked(s.h);
  chunked_recurrence({.b_bar = blocked(s.b), .c = blocked(s.c)}, blocked(s.a))(x.view(), h, y.view());
  for (std::size_t n = 0; n < N; ++n) {
    std::complex<double> const a = s.a(0, n), before = s.h(0, n);
    double re = 1, im = 0;
    for (std::size_t k = 0; k < Q; ++k) {
      double volatile const rr = re * a.real(), ii = im * a.imag(), ri = re * a.imag(), ir = im * a.real();
      re = rr - ii;
      im = ri + ir;
    }
    CHECK(h.re(0, n) == mamba::simd::fma(re, before.real(), mamba::simd::fnma(im, before.imag(), 0.0)));
    CHECK(h.im(0, n) == mamba::simd::fma(re, before.imag(), mamba::simd::fma(im, before.real(), 0.0)));
  }
}

TEST_CASE("chunked_recurrence kernel: contracts") {
  test::random rng(7);
  auto const s = test::random_recurrence<float, float>(rng, 4, 5, 3, true);
  auto const a = blocked(s.a), b = blocked(s.b), c = blocked(s.c);
  auto h = blocked(s.h);
  channel_blocked<float> small(4, 3);
  table<float> y(4, 5), shorter(3, 5);
  std::vector<float> const four(4);
  using violation = mamba::contract_violation;
  using layer_type = chunked_recurrence<channel_blocked<float>>;
  CHECK_THROWS_AS(layer_type({.b_bar = small, .c = c, .d = s.d}, a), violation);
  CHECK_THROWS_AS(layer_type({.b_bar = b, .c = c, .d = four}, a), violation);
  layer_type const layer({.b_bar = b, .c = c, .d = s.d}, a);
  CHECK_NOTHROW(layer(s.x.view(), h, y.view()));
  CHECK_THROWS_AS(layer(s.x.view(), h, shorter.view()), violation);
  CHECK_THROWS_AS(layer(s.x.view(), small, y.view()), violation);
}

}  // namespace
