// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/kernels/scan/complex_blocked_view.hpp>
#include <mamba/kernels/scan/diagonal_recurrence.hpp>
#include <support/bits.hpp>
#include <support/guarded.hpp>
#include <support/random.hpp>
#include <support/recurrence_case.hpp>
#include <support/threads.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace {

using mamba::dynamic;
using mamba::matrix_view;
using mamba::kernels::channel_blocked;
using mamba::kernels::complex_blocked;
using mamba::kernels::diagonal_recurrence;
using mamba::kernels::unit_b;
using test::recurrence_case;
using test::table;

template <std::size_t D = dynamic, std::size_t N = dynamic, class T>
channel_blocked<T, D, N> blocked(table<T> const& t) {
  return channel_blocked<T, D, N>(t.view());
}
template <std::size_t D = dynamic, std::size_t N = dynamic, class T>
complex_blocked<T, D, N> blocked(table<std::complex<T>> const& t) {
  return complex_blocked<T, D, N>(t.view());
}

template <class T>
bool same_state(channel_blocked<T> const& a, channel_blocked<T> const& b) {
  return test::same_bits(a.span(), b.span());
}
template <class T>
bool same_state(complex_blocked<T> const& a, complex_blocked<T> const& b) {
  return same_state(a.re, b.re) && same_state(a.im, b.im);
}

/// Inputs first … first+count−1 of a case into y, from h on, which is left as after them.
template <class C, class T, class H>
void run_rows(recurrence_case<C, T> const& s, bool unit, std::size_t first, H& h, matrix_view<T const> x,
              matrix_view<T> y) {
  static_cast<void>(first);
  auto const a = blocked(s.a), b = blocked(s.b), c = blocked(s.c);
  std::span<T const> const d(s.d);
  if (unit) {
    diagonal_recurrence({.b_bar = unit_b{}, .c = c, .x = x, .d = d}, a, h, y);
  } else {
    diagonal_recurrence({.b_bar = b, .c = c, .x = x, .d = d}, a, h, y);
  }
}

template <class C, class T>
struct result {
  table<T> y;
  decltype(blocked(table<C>())) h;
};

template <class C, class T>
result<C, T> run(recurrence_case<C, T> const& s, bool unit) {
  result<C, T> out{table<T>(s.x.extent(0), s.x.extent(1)), blocked(s.h)};
  run_rows(s, unit, 0, out.h, s.x.view(), out.y.view());
  return out;
}

/// The largest |error| / bound of one case, run with guards, gaps and misalignment; NaN is worse than any number.
template <class C, class T>
double check_one(test::random& rng, std::size_t L, std::size_t D, std::size_t N) {
  auto const s = test::random_recurrence<C, T>(rng, L, D, N, rng.below(3) != 0);
  bool const unit = rng.below(3) == 0;
  test::guarded<T> x(L, D, rng.below(16), rng.below(9)), y(L, D, rng.below(16), rng.below(9));
  for (std::size_t t = 0; t < L; ++t) std::copy_n(s.x.view().row(t).begin(), D, x.view().row(t).begin());
  auto h = blocked(s.h);
  run_rows<C, T>(s, unit, 0, h, x.view(), y.view());
  REQUIRE(y.intact());
  test::exact_recurrence<C, T> const exact(s, unit);
  double worst = test::worst(y, exact.y, exact.y_bound);
  for (std::size_t i = 0; i < D; ++i) {
    for (std::size_t n = 0; n < N; ++n) {
      auto const off = std::abs(typename test::exact_recurrence<C, T>::E(h(i, n)) - exact.h(i, n));
      double const share = off == 0 ? 0 : static_cast<double>(off / exact.h_bound(i, n));
      worst = share <= worst ? worst : std::isnan(share) ? std::numeric_limits<double>::infinity() : share;
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
  constexpr std::size_t W = channel_blocked<T>::lanes;
  test::random rng(sizeof(C));
  double worst = 0;
  for (std::size_t D = 1; D <= 2 * W + 1; ++D) {
    for (std::size_t const N : {1U, 2U, 3U, 16U, 64U}) {
      worst = std::max(worst, check_one<C, T>(rng, rng.below(70), D, N));
    }
  }
  for (std::size_t N = 0; N <= 2 * W + 1; ++N) {
    worst = std::max(worst, check_one<C, T>(rng, 3 * W + rng.below(20), 1 + rng.below(3), N));
    worst = std::max(worst, check_one<C, T>(rng, rng.below(20), W, N));
  }
  for (std::size_t L = 0; L <= 67; ++L) {
    worst = std::max(worst, check_one<C, T>(rng, L, 1, 7));
    worst = std::max(worst, check_one<C, T>(rng, L, 9 * W + 3, 5));
  }
  for (std::size_t const N : {8 * W - 1, 8 * W, 8 * W + 1, 17 * W + 3}) {
    worst = std::max(worst, check_one<C, T>(rng, 50, 1, N));  // more modes than are kept side by side
  }
  worst = std::max(worst, check_one<C, T>(rng, 20000, 1, 5));
  MESSAGE(name, ": at most ", worst, " of the bound");
}

TEST_CASE("diagonal_recurrence kernel: the reference, real modes, all awkward sizes") {
  check_sizes<float, float>("float");
  check_sizes<double, double>("double");
}

TEST_CASE("diagonal_recurrence kernel: the reference, complex modes, all awkward sizes") {
  check_sizes<std::complex<float>, float>("float");
  check_sizes<std::complex<double>, double>("double");
}

TEST_CASE("diagonal_recurrence kernel: the reference with the same arguments") {
  test::random rng(1);
  auto const s = test::random_recurrence<double, double>(rng, 5, 9, 3, true);
  auto const a = blocked(s.a), b = blocked(s.b), c = blocked(s.c);
  auto h = blocked(s.h), h_reference = h;
  table<double> y(5, 9), y_reference(5, 9);
  diagonal_recurrence({.b_bar = b, .c = c, .x = s.x.view(), .d = s.d}, a, h, y.view());
  mamba::ssm::diagonal_recurrence(a, b, c, s.d, s.x.view(), h_reference, y_reference.view());
  for (std::size_t i = 0; i < y.cells().size(); ++i) {
    CHECK(y.cells()[i] == doctest::Approx(y_reference.cells()[i]).epsilon(1e-12));
  }
}

TEST_CASE("diagonal_recurrence kernel: one mode's impulse response is c b a^t, where all of that is exact") {
  for (std::size_t const D : {1U, 40U}) {
    channel_blocked<float> a(D, 1), b(D, 1), c(D, 1), h(D, 1);
    a.fill(-0.5F), b.fill(4), c.fill(3);
    table<float> x(30, D), y(30, D);
    for (std::size_t i = 0; i < D; ++i) x(0, i) = 1;
    diagonal_recurrence({.b_bar = b, .c = c, .x = x.view()}, a, h, y.view());
    for (std::size_t t = 0; t < 30; ++t) {
      for (std::size_t i = 0; i < D; ++i) CHECK(y(t, i) == 12 * std::pow(-0.5F, static_cast<float>(t)));
    }
  }
}

template <class C, class T>
void check_splits(std::uint64_t seed) {
  test::random rng(seed);
  constexpr std::size_t W = channel_blocked<T>::lanes;
  for (int round = 0; round < 60; ++round) {
    std::size_t const L = 1 + rng.below(90), D = 1 + rng.below(round % 2 == 0 ? 3 : 2 * W + 2);
    auto const s = test::random_recurrence<C, T>(rng, L, D, 1 + rng.below(3 * W), rng.below(2) == 0);
    bool const unit = rng.below(2) == 0;
    auto const whole = run(s, unit);
    auto h = blocked(s.h);
    std::size_t const longest = rng.below(2) == 0 ? 3 : 40;
    for (std::size_t first = 0; first < L;) {
      std::size_t const count = std::min(L - first, rng.below(longest + 1));  // none at all is a split too
      table<T> y(count, D);
      run_rows<C, T>(s, unit, first, h, s.x.view().rows(first, count), y.view());
      REQUIRE(test::same_rows(y.view(), whole.y.view().rows(first, count)));
      first += count;
    }
    REQUIRE(same_state(h, whole.h));
  }
}

TEST_CASE("diagonal_recurrence kernel: any split of the sequence gives the same bits in y and h") {
  check_splits<float, float>(2);
  check_splits<double, double>(3);
  check_splits<std::complex<float>, float>(4);
}

TEST_CASE("diagonal_recurrence kernel: the same bits with 1, 2 and 3 threads") {
  test::random rng(5);
  test::all_work_shared const shared;
  for (std::size_t const D : {2U, 5U, 77U, 300U}) {
    auto const s = test::random_recurrence<std::complex<float>, float>(rng, 50, D, 20, true);
    mamba::parallel::set_thread_count(1);
    auto const alone = run(s, false);
    for (int const count : {2, 3}) {
      mamba::parallel::set_thread_count(count);
      auto const together = run(s, false);
      CHECK(test::same_rows(together.y.view(), alone.y.view()));
      CHECK(same_state(together.h, alone.h));
    }
  }
}

template <class T, std::size_t D, std::size_t N>
void check_static(std::uint64_t seed) {
  test::random rng(seed);
  auto const s = test::random_recurrence<T, T>(rng, 40, D, N, true);
  auto const free = run(s, false);
  auto const a = blocked<D, N>(s.a), b = blocked<D, N>(s.b), c = blocked<D, N>(s.c);
  auto h = blocked<D, N>(s.h);
  table<T> y(40, D);
  diagonal_recurrence({.b_bar = b, .c = c, .x = s.x.view(), .d = s.d}, a, h, y.view());
  CHECK(test::same_rows(y.view(), free.y.view()));
  CHECK(test::same_bits(h.span(), free.h.span()));
}

TEST_CASE("diagonal_recurrence kernel: static and dynamic extents give the same bits") {
  check_static<float, 1, 16>(6);
  check_static<float, 33, 3>(7);
  check_static<double, 2, 9>(8);
}

/// Ā, B̄ and C as views of other memory, h as ever.
template <class View, class C>
void check_views(std::uint64_t seed, std::size_t D, std::size_t N) {
  test::random rng(seed);
  auto const s = test::random_recurrence<C, float>(rng, 40, D, N, true);
  for (bool const unit : {false, true}) {
    auto const owned = run(s, unit);
    auto const a = blocked(s.a), b = blocked(s.b), c = blocked(s.c);
    auto h = blocked(s.h);
    table<float> y(40, D);
    View const a_view(a), b_view(b), c_view(c);
    if (unit) {
      diagonal_recurrence({.b_bar = unit_b{}, .c = c_view, .x = s.x.view(), .d = s.d}, a_view, h, y.view());
    } else {
      diagonal_recurrence({.b_bar = b_view, .c = c_view, .x = s.x.view(), .d = s.d}, a_view, h, y.view());
    }
    CHECK(test::same_rows(y.view(), owned.y.view()));
    CHECK(same_state(h, owned.h));
  }
}

TEST_CASE("diagonal_recurrence kernel: views of the modes give the same bits, with lanes of channels and of modes") {
  for (std::size_t const D : {1U, 50U}) {
    check_views<mamba::kernels::channel_blocked_view<float const>, float>(12, D, 19);
    check_views<mamba::kernels::complex_blocked_view<float const>, std::complex<float>>(13, D, 9);
  }
}

TEST_CASE("diagonal_recurrence kernel: y may be x") {
  test::random rng(9);
  for (std::size_t const D : {1U, 3U, 50U}) {
    auto s = test::random_recurrence<float, float>(rng, 45, D, 19, true);
    auto const apart = run(s, false);
    auto h = blocked(s.h);
    auto inside = s.x;
    run_rows<float, float>(s, false, 0, h, inside.view(), inside.view());
    CHECK(test::same_rows(inside.view(), apart.y.view()));
  }
}

TEST_CASE("diagonal_recurrence kernel: NaN in, NaN out, in its own channel and from its own time on") {
  test::random rng(10);
  for (std::size_t const D : {3U, 21U}) {
    auto const s = test::random_recurrence<std::complex<float>, float>(rng, 40, D, 5, true);
    auto const clean = run(s, false);
    for (bool const state : {false, true}) {
      auto spoilt = s;
      std::size_t const t = state ? 0 : 18, channel = D - 1;
      if (state) {
        spoilt.h(channel, 2) = std::complex<float>(0, std::numeric_limits<float>::quiet_NaN());
      } else {
        spoilt.x(t, channel) = std::numeric_limits<float>::quiet_NaN();
      }
      auto const seen = run(spoilt, false);
      for (std::size_t i = 0; i < 40; ++i) {
        for (std::size_t j = 0; j < D; ++j) {
          if (j == channel && i >= t) {
            CHECK(std::isnan(seen.y(i, j)));
          } else {
            CHECK(test::same_bits(std::span(&seen.y(i, j), 1), std::span(&clean.y(i, j), 1)));
          }
        }
      }
    }
  }
}

TEST_CASE("diagonal_recurrence kernel: an infinite input makes positive modes infinite, and no NaN of padding") {
  for (std::size_t const D : {1U, 40U}) {
    for (std::size_t const N : {1U, 3U, 16U, 19U, 35U}) {
      channel_blocked<float> a(D, N), b(D, N), c(D, N), h(D, N);
      a.fill(0.5F), b.fill(2), c.fill(3);
      table<float> x(4, D), y(4, D);
      for (std::size_t i = 0; i < D; ++i) x(1, i) = std::numeric_limits<float>::infinity();
      diagonal_recurrence({.b_bar = b, .c = c, .x = x.view()}, a, h, y.view());
      for (std::size_t i = 0; i < D; ++i) {
        CHECK(y(0, i) == 0);
        CHECK(y(1, i) == std::numeric_limits<float>::infinity());
        CHECK(y(3, i) == std::numeric_limits<float>::infinity());
      }
    }
  }
}

TEST_CASE("diagonal_recurrence kernel: contracts") {
  test::random rng(13);
  auto const s = test::random_recurrence<float, float>(rng, 4, 5, 3, true);
  auto const a = blocked(s.a), b = blocked(s.b), c = blocked(s.c);
  auto h = blocked(s.h);
  channel_blocked<float> small(4, 3), deep(5, 4);
  table<float> y(4, 5), shorter(3, 5), narrow(4, 4);
  std::vector<float> const four(4);
  using violation = mamba::contract_violation;
  CHECK_NOTHROW(diagonal_recurrence({.b_bar = b, .c = c, .x = s.x.view(), .d = s.d}, a, h, y.view()));
  CHECK_THROWS_AS(diagonal_recurrence({.b_bar = b, .c = c, .x = s.x.view(), .d = s.d}, deep, h, y.view()), violation);
  CHECK_THROWS_AS(diagonal_recurrence({.b_bar = deep, .c = c, .x = s.x.view(), .d = s.d}, a, h, y.view()), violation);
  CHECK_THROWS_AS(diagonal_recurrence({.b_bar = b, .c = small, .x = s.x.view(), .d = s.d}, a, h, y.view()), violation);
  CHECK_THROWS_AS(diagonal_recurrence({.b_bar = b, .c = c, .x = s.x.view(), .d = four}, a, h, y.view()), violation);
  CHECK_THROWS_AS(diagonal_recurrence({.b_bar = b, .c = c, .x = narrow.view(), .d = s.d}, a, h, y.view()), violation);
  CHECK_THROWS_AS(diagonal_recurrence({.b_bar = b, .c = c, .x = s.x.view(), .d = s.d}, a, h, shorter.view()),
                  violation);
}

}  // namespace
