// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/scan/diagonal_recurrence.hpp>
#include <mamba/ssm/systems/discrete.hpp>
#include <support/random.hpp>
#include <support/scan_case.hpp>

#include <complex>
#include <cstddef>
#include <limits>
#include <vector>

namespace {

using mamba::ssm::modes;
using test::table;
using complex = std::complex<double>;

template <class T>
table<T> drawn(test::random& rng, std::size_t rows, std::size_t columns) {
  table<T> out(rows, columns);
  for (T& v : out.cells()) {
    v = T(rng.uniform(-1, 1));
    if constexpr (mamba::ssm::is_complex<T>) v += T(0, rng.uniform(-1, 1));
  }
  return out;
}

TEST_CASE("diagonal_recurrence: each channel is a diagonal system of the vocabulary") {
  test::random rng(1);
  std::size_t const L = 20, D = 3, N = 4;
  auto const a = drawn<complex>(rng, D, N), b = drawn<complex>(rng, D, N), c = drawn<complex>(rng, D, N);
  auto const x = drawn<double>(rng, L, D);
  std::vector<double> const d = {0.5, -1, 2};
  auto h = drawn<complex>(rng, D, N);
  auto const before = h;
  table<double> y(L, D);
  mamba::ssm::diagonal_recurrence<modes::half>(a, b, c, d, x, h, y);
  for (std::size_t i = 0; i < D; ++i) {
    mamba::ssm::discrete_diagonal<complex, N, 1, 1, modes::half> s;
    mamba::ssm::vector<complex, N> state;
    for (std::size_t n = 0; n < N; ++n) {
      auto const at = mamba::ssm::index(n);
      s.a_bar[at] = a(i, n), s.b_bar(at, 0) = b(i, n), s.c(0, at) = c(i, n), state[at] = before(i, n);
    }
    s.d(0, 0) = d[i];
    for (std::size_t t = 0; t < L; ++t) {
      mamba::ssm::vector<double, 1> const input(x(t, i));
      state = (mamba::ssm::advance(s, state) + s.b_bar * input[0]).eval();
      // the same operations in the same order, up to the compiler's contraction: |h| < 20, N = 4 terms twice
      CHECK(y(t, i) == doctest::Approx(mamba::ssm::output(s, state, input)[0]).epsilon(100 * 0x1p-52));
    }
    for (std::size_t n = 0; n < N; ++n) CHECK(std::abs(h(i, n) - state[mamba::ssm::index(n)]) < 100 * 0x1p-52);
  }
}

TEST_CASE("diagonal_recurrence: half of the modes is all of them with their conjugates") {
  test::random rng(2);
  std::size_t const L = 30, D = 2, N = 3;
  auto const a = drawn<complex>(rng, D, N), b = drawn<complex>(rng, D, N), c = drawn<complex>(rng, D, N);
  auto const x = drawn<double>(rng, L, D);
  auto const both = [&](table<complex> const& half) {
    table<complex> all(D, 2 * N);
    for (std::size_t i = 0; i < D; ++i) {
      for (std::size_t n = 0; n < N; ++n) all(i, n) = half(i, n), all(i, N + n) = std::conj(half(i, n));
    }
    return all;
  };
  table<complex> h(D, N), h_all(D, 2 * N), y_all(L, D);
  table<double> y(L, D);
  std::vector<double> const no_skip;
  mamba::ssm::diagonal_recurrence<modes::half>(a, b, c, no_skip, x, h, y);
  mamba::ssm::diagonal_recurrence(both(a), both(b), both(c), no_skip, x, h_all, y_all);
  for (std::size_t k = 0; k < L * D; ++k) {
    CHECK(std::abs(y_all.cells()[k] - y.cells()[k]) < 100 * 0x1p-52);
  }
}

TEST_CASE("diagonal_recurrence: no inputs, no modes, NaN") {
  table<double> a(2, 1), h(2, 1), none(0, 2), x(3, 2), y(3, 2), empty(2, 0), no_state(2, 0);
  std::vector<double> const skip = {2, 3};
  h(0, 0) = 7;
  mamba::ssm::diagonal_recurrence(a, a, a, skip, none, h, none);
  CHECK(h(0, 0) == 7);
  x(1, 0) = 4;
  mamba::ssm::diagonal_recurrence(empty, empty, empty, skip, x, no_state, y);
  CHECK(y(1, 0) == 8);
  CHECK(y(2, 1) == 0);
  x(1, 0) = std::numeric_limits<double>::quiet_NaN();
  mamba::ssm::diagonal_recurrence(a, a, a, skip, x, h, y);
  CHECK(y(0, 0) == 0);
  CHECK(std::isnan(y(1, 0)));
  CHECK(std::isnan(y(2, 0)));
  CHECK(y(2, 1) == 0);
}

TEST_CASE("diagonal_recurrence: the states in between, at some times and all of them") {
  test::random rng(3);
  auto const a = drawn<complex>(rng, 2, 3), b = drawn<complex>(rng, 2, 3), c = drawn<complex>(rng, 2, 3);
  auto const x = drawn<double>(rng, 9, 2);
  table<double> y(9, 2);
  std::vector<double> const no_skip;
  std::vector<mamba::ssm::matrix<complex>> all, some;
  table<complex> h(2, 3), again(2, 3);
  mamba::ssm::diagonal_recurrence<modes::half>(a, b, c, no_skip, x, h, y, mamba::ssm::all_states(all));
  mamba::ssm::diagonal_recurrence<modes::half>(a, b, c, no_skip, x, again, y, mamba::ssm::states_at({7, 2, 2}, some));
  REQUIRE(all.size() == 9);
  REQUIRE(some.size() == 2);
  CHECK(some[0] == all[2]);
  CHECK(some[1] == all[7]);
  CHECK(all[8](1, 2) == h(1, 2));
}

#if MAMBA_CONTRACTS
TEST_CASE("diagonal_recurrence: other shapes are refused") {
  table<double> const a(2, 3), other(2, 4), x(5, 2), wide(5, 3);
  table<double> h(2, 3), y(5, 2), short_y(4, 2);
  std::vector<double> const d{1, 2}, three{1, 2, 3};
  using violation = mamba::contract_violation;
  CHECK_NOTHROW(mamba::ssm::diagonal_recurrence(a, a, a, d, x, h, y));
  CHECK_THROWS_AS(mamba::ssm::diagonal_recurrence(other, a, a, d, x, h, y), violation);
  CHECK_THROWS_AS(mamba::ssm::diagonal_recurrence(a, other, a, d, x, h, y), violation);
  CHECK_THROWS_AS(mamba::ssm::diagonal_recurrence(a, a, other, d, x, h, y), violation);
  CHECK_THROWS_AS(mamba::ssm::diagonal_recurrence(a, a, a, three, x, h, y), violation);
  CHECK_THROWS_AS(mamba::ssm::diagonal_recurrence(a, a, a, d, wide, h, y), violation);
  CHECK_THROWS_AS(mamba::ssm::diagonal_recurrence(a, a, a, d, x, h, short_y), violation);
  CHECK_THROWS_WITH_AS(mamba::ssm::diagonal_recurrence(other, a, a, d, x, h, y),
                       doctest::Contains("got 2 x 4, expected 2 x 3"), violation);
}
#endif

}  // namespace
