// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/scan/recurrence.hpp>
#include <support/largest.hpp>
#include <support/random_discrete.hpp>

#include <cmath>
#include <complex>
#include <limits>
#include <vector>

namespace {

using mamba::dynamic;
using mamba::ssm::matrix;
using mamba::ssm::modes;
using mamba::ssm::sequence;
using mamba::ssm::vector;
using test::random_matrix;
using test::random_sequence;
using test::relative_distance;
using test::same_matrix;
using complex = std::complex<double>;

constexpr double u = std::numeric_limits<double>::epsilon() / 2;

// Every structure, with one input or more, all modes or half of them, and N = 1: a theorem is checked on each.
template <class Check>
void for_each_system(Check const& check) {
  test::random rng(1);
  for (std::size_t const n : {1U, 9U}) {
    check(test::random_dense<double, dynamic, dynamic, dynamic>(rng, 0.9, n, 3, 2));
    check(test::random_diagonal<complex, dynamic, 1, 1, modes::half>(rng, 0.95, n));
    check(test::random_dplr<complex, dynamic, 2, 2, 1>(rng, 0.95, n));
  }
}

template <class System>
auto random_state(test::random& rng, System const& s) {
  return random_matrix<decltype(mamba::ssm::zero_state(s))>(rng, static_cast<std::size_t>(s.b_bar.rows()));
}
template <class System>
auto random_input(test::random& rng, System const& s, std::size_t L) {
  constexpr int m = decltype(System::b_bar)::ColsAtCompileTime;
  return random_sequence < double,
         m == Eigen::Dynamic ? dynamic
                             : static_cast<std::size_t>(m) > (rng, L, static_cast<std::size_t>(s.b_bar.cols()));
}

// h' = A h + B x with the numbers of a spring of the notes, two steps by hand:
//
//     Ā = (1 1/2; −1/2 1/2), B̄ = (0, 1), C = (2 1), D = 3:
//     h = (4, 2) → (5, −1 + 1) = (5, 0) → (5, −5/2 + 2) = (5, −1/2);    y = 10 + 0 + 3 = 13,  10 − 1/2 + 6 = 31/2
TEST_CASE("recurrence: two steps by hand") {
  mamba::ssm::discrete_dense<double, 2> const s{matrix<double, 2>{{1, 0.5}, {-0.5, 0.5}}, vector<double, 2>{0, 1},
                                                matrix<double, 1, 2>{{2, 1}}, matrix<double, 1>{{3}}};
  vector<double, 2> h{4, 2};
  auto const y = recurrence(s, h, sequence<double>{{1.0}, {2.0}});
  CHECK(y == sequence<double>{{13.0}, {15.5}});
  CHECK(h == vector<double, 2>{5, -0.5});

  vector<double, 2> again{4, 2};
  CHECK(step(s, again, 1.0)(0) == 13);  // a plain number is an input, too
  CHECK(again == vector<double, 2>{5, 0});
}

TEST_CASE("recurrence: half of the modes have the outputs of all of them") {
  test::random rng(2);
  auto const half = test::random_diagonal<complex, dynamic, 2, 2, modes::half>(rng, 0.95, 4);
  mamba::ssm::discrete_diagonal<complex, dynamic, 2, 2> all{vector<complex>(8), matrix<complex, dynamic, 2>(8, 2),
                                                            matrix<complex, 2, dynamic>(2, 8), half.d};
  all.a_bar.lambda << half.a_bar.lambda, half.a_bar.lambda.conjugate();
  all.b_bar << half.b_bar, half.b_bar.conjugate();
  all.c << half.c, half.c.conjugate();
  auto const x = random_sequence<double, 2>(rng, 50);
  auto h = zero_state(half), h_all = zero_state(all);
  auto const y = recurrence(half, h, x);
  auto const y_all = recurrence(all, h_all, x);
  // The same products; only the sum over 8 modes has another order: 8 u of a sum that is a few times its result.
  CHECK(relative_distance(y_all.real(), y) < 100 * u);
  CHECK(y_all.imag().norm() < 100 * u * y.norm());
  CHECK(relative_distance(h_all.head(4), h) < 100 * u);
}

// The structured steps are the dense step: each step differs by (N + R + 3) u of what is added, in both forms, with the
// modulus of complex products counted 4-fold; what is carried on fades by 0.95, so that 20 steps' worth remain.
TEST_CASE("recurrence: diagonal and diagonal plus low rank are their dense selves") {
  test::random rng(3);
  auto const check = [&](auto const& s) {
    auto const dense = to_dense(s);
    auto const x = random_input(rng, s, 200);
    auto h = random_state(rng, s);
    auto h_dense = h;
    auto const y = recurrence(s, h, x);
    auto const y_dense = recurrence(dense, h_dense, x);
    double const bound = 20 * 4 * 2 * static_cast<double>(s.b_bar.rows() + 6) * u * 10;
    CHECK(relative_distance(y, y_dense) < bound);
    CHECK(relative_distance(h, h_dense) < bound);
  };
  check(test::random_diagonal<complex, dynamic, 2, 2>(rng, 0.95, 5));
  check(test::random_dplr<complex, dynamic, 2, 2, 1>(rng, 0.95, 6));
}

TEST_CASE("recurrence: a sequence in two parts with the state carried over is the whole, bit for bit") {
  test::random rng(4);
  constexpr std::size_t L = 23;
  for_each_system([&](auto const& s) {
    auto const x = random_input(rng, s, L);
    auto const before = random_state(rng, s);
    auto h_whole = before;
    auto const whole = recurrence(s, h_whole, x);
    for (Eigen::Index split = 0; split <= 23; ++split) {
      auto h = before;
      auto const first = recurrence(s, h, x.topRows(split).eval());
      auto const second = recurrence(s, h, x.bottomRows(23 - split).eval());
      REQUIRE(same_matrix(first, whole.topRows(split)));
      REQUIRE(same_matrix(second, whole.bottomRows(23 - split)));
      REQUIRE(same_matrix(h, h_whole));
    }
  });
}

TEST_CASE("recurrence: causal, an input changes nothing before it, bit for bit") {
  test::random rng(5);
  for_each_system([&](auto const& s) {
    auto const x = random_input(rng, s, 12);
    auto h = zero_state(s);
    auto const y = recurrence(s, h, x);
    for (Eigen::Index t = 0; t < 12; ++t) {
      auto changed = x;
      changed(t, 0) += 1;
      auto other = zero_state(s);
      auto const seen = recurrence(s, other, changed);
      REQUIRE(same_matrix(seen.topRows(t), y.topRows(t)));
      REQUIRE_FALSE(same_matrix(seen.row(t), y.row(t)));
    }
  });
}

// p·y₁ + q·y₂ and the run of p·x₁ + q·x₂ round apart by some N + M + 2 units per step, of sums that are at most some
// ten times their result, over the 20 steps of decay by 0.95: 2000 u is above that.
TEST_CASE("recurrence: linear in state and input together") {
  test::random rng(6);
  for_each_system([&](auto const& s) {
    auto const x1 = random_input(rng, s, 40), x2 = random_input(rng, s, 40);
    auto const h1 = random_state(rng, s), h2 = random_state(rng, s);
    double const p = rng.uniform(-2, 2), q = rng.uniform(-2, 2);
    auto one = h1, two = h2;
    decltype(one) both = p * h1 + q * h2;
    auto const y1 = recurrence(s, one, x1), y2 = recurrence(s, two, x2);
    auto const y = recurrence(s, both, (p * x1 + q * x2).eval());
    CHECK((y - p * y1 - q * y2).norm() < 2000 * u * (p * y1).norm() + 2000 * u * (q * y2).norm());
    CHECK((both - p * one - q * two).norm() < 2000 * u * ((p * one).norm() + (q * two).norm()));
  });
}

// ‖Ā‖ ≤ ρ by construction (tests/support/random_discrete.hpp), rounding adds (N + 3)·√N·u to the factor at most.
TEST_CASE("recurrence: without input the state decays at the system's rate") {
  test::random rng(7);
  auto const check = [&](auto const& s, double rho) {
    auto const x = (0 * random_input(rng, s, 30)).eval();
    auto h = random_state(rng, s);
    std::vector<decltype(h)> seen{h};
    static_cast<void>(recurrence(s, h, x, mamba::ssm::all_states(seen)));
    for (std::size_t k = 1; k < seen.size(); ++k) CHECK(seen[k].norm() <= rho * seen[k - 1].norm() * (1 + 200 * u));
  };
  check(test::random_dense<double, dynamic, dynamic, dynamic>(rng, 0.8, 8, 3, 2), 0.8);
  check(test::random_diagonal<complex, dynamic, 2, 2>(rng, 0.9, 8), 0.9);
  check(test::random_dplr<complex, dynamic, 2, 2, 1>(rng, 0.9, 8), 0.9);
}

// A two-point system is a one-point system whose state has the last input in it:
//
//     (h_k, x_k) = (Ā B̄₋; 0 0) (h_{k−1}, x_{k−1}) + (B̄; 1) x_k
TEST_CASE("recurrence: a two-point system is a larger one with one input") {
  test::random rng(8);
  auto const check = [&](auto const& base, auto const& dense) {
    constexpr std::size_t M = std::decay_t<decltype(base.b_bar)>::ColsAtCompileTime;
    constexpr auto m = static_cast<Eigen::Index>(M);
    auto const n = base.b_bar.rows();
    mamba::ssm::two_point<std::decay_t<decltype(base)>> s{base, base.b_bar};
    s.b_bar_before = random_matrix<std::decay_t<decltype(base.b_bar)>>(rng, static_cast<std::size_t>(n), M);
    using T = typename std::decay_t<decltype(base.b_bar)>::Scalar;
    mamba::ssm::discrete_dense<T, dynamic, M, 2> large{matrix<T>::Zero(n + m, n + m), matrix<T, dynamic, M>(n + m, M),
                                                       matrix<T, 2, dynamic>::Zero(2, n + m), dense.d};
    large.a_bar.topLeftCorner(n, n) = dense.a_bar;
    large.a_bar.topRightCorner(n, m) = s.b_bar_before;
    large.b_bar << dense.b_bar, matrix<T, M>::Identity();
    large.c.leftCols(n) = dense.c;

    auto state = zero_state(s);
    state.h = random_matrix<std::decay_t<decltype(state.h)>>(rng, static_cast<std::size_t>(n));
    state.x_before = random_matrix<vector<double, M>>(rng, M);
    auto const before = state;
    vector<T> h(n + m);
    h << state.h, state.x_before.template cast<T>();
    auto const x = random_sequence<double, M>(rng, 30);
    auto const y = recurrence(s, state, x);
    auto const expected = recurrence(large, h, x);
    CHECK(relative_distance(y, expected) < 2000 * u);  // as for the linear combination above
    CHECK(relative_distance(state.h, h.head(n)) < 2000 * u);
    CHECK(state.x_before == x.row(29).transpose());

    for (Eigen::Index split = 0; split <= 30; ++split) {
      auto parts = before;
      auto const first = recurrence(s, parts, x.topRows(split).eval());
      auto const second = recurrence(s, parts, x.bottomRows(30 - split).eval());
      REQUIRE(same_matrix(first, y.topRows(split)));
      REQUIRE(same_matrix(second, y.bottomRows(30 - split)));
      REQUIRE(same_matrix(parts.h, state.h));
      REQUIRE(same_matrix(parts.x_before, state.x_before));
    }
  };
  auto const diagonal = test::random_diagonal<complex, dynamic, 2, 2>(rng, 0.9, 3);
  check(diagonal, to_dense(diagonal));
}

TEST_CASE("recurrence: static sizes give the numbers of dynamic ones") {
  test::random rng(9);
  auto const s = test::random_dense<double, 4, 2, 3>(rng, 0.9);
  mamba::ssm::discrete_dense<double, dynamic, dynamic, dynamic> const d{s.a_bar, s.b_bar, s.c, s.d};
  auto const x = random_sequence<double, 2>(rng, 25);
  vector<double, 4> h = vector<double, 4>::Ones();
  vector<double> h_dynamic = h;
  auto const y = recurrence(s, h, x);
  auto const y_dynamic = recurrence(d, h_dynamic, x);
  // The compiler unrolls one and not the other, and contracts differently: 6 roundings a step, carried on 10 steps.
  CHECK(relative_distance(y, y_dynamic) < 100 * u);
  CHECK(relative_distance(h, h_dynamic) < 100 * u);
}

TEST_CASE("recurrence: no inputs, no outputs, and the state unchanged") {
  for_each_system([&](auto const& s) {
    test::random rng(10);
    auto const before = random_state(rng, s);
    auto h = before;
    auto const y = recurrence(s, h, random_input(rng, s, 0));
    CHECK(y.rows() == 0);
    CHECK(y.cols() == s.c.rows());
    CHECK(same_matrix(h, before));
  });
}

TEST_CASE("recurrence: a NaN stays in its mode and its future") {
  test::random rng(11);
  auto const s = test::random_diagonal<double, 3, 2, 1>(rng, 0.9);
  auto x = random_sequence<double, 2>(rng, 6);
  x(2, 1) = std::numeric_limits<double>::quiet_NaN();
  auto h = zero_state(s);
  auto const y = recurrence(s, h, x);
  for (Eigen::Index k = 0; k < 6; ++k) CHECK(std::isnan(y(k)) == (k >= 2));

  auto quiet = zero_state(s);
  quiet(1) = std::numeric_limits<double>::quiet_NaN();
  static_cast<void>(recurrence(s, quiet, random_sequence<double, 2>(rng, 6)));
  CHECK(std::isfinite(quiet(0)));
  CHECK(std::isnan(quiet(1)));
  CHECK(std::isfinite(quiet(2)));
}

TEST_CASE("recurrence: in float and in long double") {
  test::random rng(12);
  auto const s = test::random_dense<long double, 4>(rng, 0.9);
  mamba::ssm::discrete_dense<float, 4> const f{s.a_bar.cast<float>(), s.b_bar.cast<float>(), s.c.cast<float>(),
                                               s.d.cast<float>()};
  auto const x = random_sequence<float>(rng, 50);
  auto h = zero_state(s);
  auto h_float = zero_state(f);
  auto const y = recurrence(s, h, x.cast<long double>().eval());
  auto const y_float = recurrence(f, h_float, x);
  // Inputs rounded once, 6 roundings a step, remembered 10 steps, in sums some times larger than their result.
  CHECK(relative_distance(y_float.cast<long double>(), y) < 100 * std::numeric_limits<float>::epsilon());
}

TEST_CASE("recurrence: in float, the state after an input is within the bound of its card") {
  test::random rng(13);
  auto const wide = [](auto const& m) { return m.template cast<double>().eval(); };
  for (std::size_t const n : {1U, 5U, 16U}) {
    for (std::size_t const m : {1U, 3U}) {
      auto const s = test::random_dense<float, dynamic, dynamic, 1>(rng, 0.9F, n, m, 1);
      auto h = random_matrix<vector<float>>(rng, n);
      auto const x = random_matrix<vector<float>>(rng, m);
      vector<double> const exact = wide(s.a_bar) * wide(h) + wide(s.b_bar) * wide(x);
      vector<double> const terms =
          wide(s.a_bar).cwiseAbs() * wide(h).cwiseAbs() + wide(s.b_bar).cwiseAbs() * wide(x).cwiseAbs();
      mamba::ssm::update_state(s, h, x);
      double const of_product = static_cast<double>(n), of_step = static_cast<double>(m + 2);
      double const eps = std::numeric_limits<float>::epsilon();
      CHECK(test::share_of_bound(h, exact, ((of_product + of_step) * eps * terms).eval()) <= 1);
    }
  }
}

TEST_CASE("recurrence: the states at some times are those of all of them, also of a sequence in parts") {
  test::random rng(12);
  std::vector<std::size_t> const times{17, 0, 4, 17, 22, 400};  // 17 twice, 400 never
  auto const check = [&](auto const& s, auto const& start) {
    auto const x = random_input(rng, s, 23);
    auto whole = start, parts = start;
    std::vector<std::decay_t<decltype(start)>> all, some, third, some_of_parts, third_of_parts;
    auto other = start, again = start;
    static_cast<void>(recurrence(s, whole, x, mamba::ssm::all_states(all)));
    static_cast<void>(recurrence(s, other, x, mamba::ssm::states_at(times, some)));
    static_cast<void>(recurrence(s, again, x, mamba::ssm::every_state(3, third)));
    auto const first = x.topRows(10).eval(), second = x.bottomRows(13).eval();
    static_cast<void>(recurrence(s, parts, first, mamba::ssm::states_at(times, some_of_parts)));
    static_cast<void>(recurrence(s, parts, second, mamba::ssm::states_at(times, some_of_parts, 10)));
    parts = start;
    static_cast<void>(recurrence(s, parts, first, mamba::ssm::every_state(3, third_of_parts)));
    static_cast<void>(recurrence(s, parts, second, mamba::ssm::every_state(3, third_of_parts, 10)));
    REQUIRE(all.size() == 23);
    REQUIRE(some.size() == 4);
    REQUIRE(some_of_parts.size() == 4);
    REQUIRE(third.size() == 7);
    REQUIRE(third_of_parts.size() == 7);
    auto const same = [](auto const& a, auto const& b) {
      if constexpr (requires { a.x_before; }) {
        CHECK(same_matrix(a.h, b.h));
        CHECK(same_matrix(a.x_before, b.x_before));
      } else {
        CHECK(same_matrix(a, b));
      }
    };
    std::size_t const in_order[] = {0, 4, 17, 22};
    for (std::size_t i = 0; i < 4; ++i) same(some[i], all[in_order[i]]), same(some_of_parts[i], all[in_order[i]]);
    for (std::size_t i = 0; i < 7; ++i) same(third[i], all[3 * i + 2]), same(third_of_parts[i], all[3 * i + 2]);
  };
  auto const dense = test::random_dense<double, dynamic, 2, 1>(rng, 0.9, 5);
  check(dense, random_state(rng, dense));
  auto const diagonal = test::random_diagonal<complex, dynamic, 2, 1, modes::half>(rng, 0.9, 3);
  mamba::ssm::two_point<std::decay_t<decltype(diagonal)>> const two{
      diagonal, random_matrix<matrix<complex, dynamic, 2>>(rng, 3, 2)};
  check(two, mamba::ssm::two_point_state<complex, dynamic, 2>{random_state(rng, diagonal), vector<double, 2>{1, -2}});
}

#if MAMBA_CONTRACTS
TEST_CASE("recurrence: other sizes than the system's are refused") {
  test::random rng(13);
  auto const s = test::random_dense<double, dynamic, dynamic, dynamic>(rng, 0.9, 4, 2, 1);
  vector<double> h = vector<double>::Zero(4), short_h = vector<double>::Zero(3);
  CHECK_THROWS_AS(static_cast<void>(recurrence(s, h, matrix<double>::Zero(5, 3).eval())), mamba::contract_violation);
  CHECK_THROWS_AS(static_cast<void>(recurrence(s, short_h, matrix<double>::Zero(5, 2).eval())),
                  mamba::contract_violation);
}
#endif

}  // namespace
