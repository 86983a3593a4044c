// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/discretize/discretize.hpp>
#include <mamba/ssm/scan/irregular.hpp>
#include <support/measure.hpp>
#include <support/random_discrete.hpp>

#include <cmath>
#include <complex>
#include <limits>
#include <vector>

namespace {

using mamba::dynamic;
using mamba::ssm::irregular_recurrence;
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

auto const held = [](double delta, auto const& s) { return zero_order_hold(delta, s); };
auto const tustin = [](double delta, auto const& s) { return bilinear(delta, s); };
auto const ramp = [](double delta, auto const& s) { return first_order_hold(delta, s); };

using diagonal = mamba::ssm::diagonal_system<complex, dynamic, 2, 1, modes::half>;
using dense = mamba::ssm::dense_system<double, 3, 2, 2>;

diagonal random_diagonal(test::random& rng, std::size_t n) {
  vector<complex> a(mamba::ssm::index(n));
  for (complex& mode : a) mode = {rng.uniform(-1, -0.2), rng.uniform(0, 3)};
  return {a, random_matrix<matrix<complex, dynamic, 2>>(rng, n, 2),
          random_matrix<matrix<complex, 1, dynamic>>(rng, 1, n), random_matrix<matrix<double, 1, 2>>(rng, 1, 2)};
}
dense random_dense(test::random& rng) {
  matrix<double, 3> const a = random_matrix<matrix<double, 3>>(rng, 3, 3) - 2 * matrix<double, 3>::Identity();
  return {a, random_matrix<matrix<double, 3, 2>>(rng, 3, 2), random_matrix<matrix<double, 2, 3>>(rng, 2, 3),
          random_matrix<matrix<double, 2, 2>>(rng, 2, 2)};
}
vector<double> random_steps(test::random& rng, std::size_t L) {
  vector<double> out(mamba::ssm::index(L));
  for (double& delta : out) delta = std::exp(rng.uniform(-4, 0));
  return out;
}

// The same steps in another order of discretising and stepping: the compiler may contract a product here and not there,
// 10 roundings a step, over some 5 steps before they decay.
TEST_CASE("irregular: where all steps are equal, the recurrence of that step") {
  test::random rng(1);
  auto const check = [&](auto const& s, auto const& rule) {
    auto const x = random_sequence<double, 2>(rng, 30);
    auto const fixed = rule(0.3, s);
    auto h = zero_state(fixed), h_fixed = h;
    auto const y = irregular_recurrence(s, vector<double>::Constant(30, 0.3).eval(), h, x, rule);
    CHECK(relative_distance(y, recurrence(fixed, h_fixed, x)) < 50 * u);
    if constexpr (requires { h.h; }) {
      CHECK(relative_distance(h.h, h_fixed.h) < 50 * u);
    } else {
      CHECK(relative_distance(h, h_fixed) < 50 * u);
    }
  };
  auto const d = random_diagonal(rng, 4);
  auto const f = random_dense(rng);
  check(d, held);
  check(d, tustin);
  check(d, ramp);
  check(f, held);
  check(f, ramp);
}

TEST_CASE("irregular: in parts, the bits of the whole; and causal") {
  test::random rng(2);
  auto const s = random_diagonal(rng, 3);
  auto const x = random_sequence<double, 2>(rng, 15);
  auto const delta = random_steps(rng, 15);
  vector<complex> const before = random_matrix<vector<complex>>(rng, 3);
  vector<complex> h = before;
  auto const y = irregular_recurrence(s, delta, h, x, held);
  for (Eigen::Index split = 0; split <= 15; ++split) {
    vector<complex> part = before;
    auto const first = irregular_recurrence(s, delta.head(split), part, x.topRows(split), held);
    auto const second = irregular_recurrence(s, delta.tail(15 - split), part, x.bottomRows(15 - split), held);
    REQUIRE(same_matrix(first, y.topRows(split)));
    REQUIRE(same_matrix(second, y.bottomRows(15 - split)));
    REQUIRE(same_matrix(part, h));
    if (split == 15) continue;
    auto later = delta;
    later(split) += 0.5;  // what takes longer changes nothing before
    vector<complex> other = before;
    auto const seen = irregular_recurrence(s, later, other, x, held);
    REQUIRE(same_matrix(seen.topRows(split), y.topRows(split)));
    REQUIRE_FALSE(same_matrix(seen.row(split), y.row(split)));
  }
}

// exp(A Δ₁) exp(A Δ₂) = exp(A (Δ₁ + Δ₂)): nothing happens in between, so it doesn't matter how often one looks. With a
// constant input it doesn't either, because a hold is exact for it. Each factor errs by some (4 + |ΔA|) ε; 60 of them.
TEST_CASE("irregular: two half steps are one, without input and with one that is held") {
  test::random rng(3);
  auto const check = [&](auto const& s, auto h) {
    auto const delta = random_steps(rng, 20);
    vector<double> halves(40);
    sequence<double, 2> x = sequence<double, 2>::Zero(20, 2), twice(40, 2);
    for (double const input : {0.0, 1.0}) {
      x.setConstant(input);
      for (Eigen::Index k = 0; k < 20; ++k) {
        double const part = rng.uniform(0.1, 0.9);
        halves(2 * k) = part * delta(k);
        halves(2 * k + 1) = delta(k) - halves(2 * k);
        twice.row(2 * k) = twice.row(2 * k + 1) = x.row(k);
      }
      auto coarse = h, fine = h;
      auto const y = irregular_recurrence(s, delta, coarse, x, held);
      auto const y_fine = irregular_recurrence(s, halves, fine, twice, held);
      CHECK(relative_distance(fine, coarse) < 60 * 8 * 2 * u);
      for (Eigen::Index k = 0; k < 20; ++k) {
        CHECK((y_fine.row(2 * k + 1) - y.row(k)).norm() < 60 * 8 * 2 * u * (1 + y.row(k).norm()) * 10);
      }
    }
  };
  check(random_diagonal(rng, 4), vector<complex>(random_matrix<vector<complex>>(rng, 4)));
  check(random_dense(rng), vector<double, 3>(random_matrix<vector<double, 3>>(rng, 3)));
}

// Each step is the O(N R) step of its own Δ. Both sides have Woodbury's formula or an LU of a matrix whose condition is
// below (1 + ‖ΔA‖)² < 100, some 10 roundings a step, and a state that does not grow: 20 steps of 100·10·2 u.
TEST_CASE("irregular: diagonal plus low rank, half of the modes, steps as its matrix does") {
  test::random rng(6);
  auto const modes_only = random_diagonal(rng, 4);
  matrix<complex, dynamic, 1> const p = 0.5 * random_matrix<matrix<complex, dynamic, 1>>(rng, 4);
  mamba::ssm::dplr_system<complex, dynamic, 1, 2, 1, modes::half> const s{
      {modes_only.a.lambda, p, p}, modes_only.b, modes_only.c, modes_only.d};
  auto const delta = random_steps(rng, 20);
  auto const x = random_sequence<double, 2>(rng, 20);
  vector<complex> h = random_matrix<vector<complex>>(rng, 4), whole(8);
  whole << h, h.conjugate();
  auto const y = irregular_recurrence(s, delta, h, x, tustin);
  auto const expected = irregular_recurrence(to_dense(s), delta, whole, x, tustin);
  CHECK(relative_distance(y, expected.real()) < 20 * 100 * 10 * 2 * u);
  CHECK(relative_distance(h, whole.head(4)) < 20 * 100 * 10 * 2 * u);
}

// One mode, A = −1, C = 1: a sample of 1 held for Δ leaves 1 − e^−Δ, and a gap of Δ leaves e^−Δ of what was there.
TEST_CASE("irregular: the state decays over a gap by its length") {
  mamba::ssm::diagonal_system<double, 1> const s{vector<double, 1>{{-1.0}}, matrix<double, 1>{{1}},
                                                 matrix<double, 1>{{1}}, matrix<double, 1>{{0}}};
  vector<double, 1> h{{0.0}};
  auto const y = irregular_recurrence(s, vector<double>{{0.5, 3.0, 0.0}}, h, sequence<double>{{1.0, 0.0, 7.0}}, held);
  double const first = 1 - std::exp(-0.5);
  CHECK(y(0) == doctest::Approx(first).epsilon(1e-15));
  CHECK(y(1) == doctest::Approx(first * std::exp(-3.0)).epsilon(1e-15));
  CHECK(y(2) == y(1));  // no time, no change
}

TEST_CASE("irregular: no samples, states on request, and a NaN stays in its future") {
  test::random rng(4);
  auto const s = random_diagonal(rng, 1);
  vector<complex> h = vector<complex>::Ones(1);
  CHECK(irregular_recurrence(s, vector<double>(0), h, sequence<double, 2>(0, 2), held).rows() == 0);
  CHECK(h(0) == 1.0);

  std::vector<vector<complex>> seen;
  auto x = random_sequence<double, 2>(rng, 9);
  auto delta = random_steps(rng, 9);
  static_cast<void>(irregular_recurrence(s, delta, h, x, held, mamba::ssm::every_state(4, seen)));
  REQUIRE(seen.size() == 2);
  vector<complex> again = seen[0];
  static_cast<void>(irregular_recurrence(s, delta.segment(4, 4), again, x.middleRows(4, 4), held));
  CHECK(same_matrix(again, seen[1]));

  delta(5) = std::numeric_limits<double>::quiet_NaN();
  auto const y = irregular_recurrence(s, delta, h, x, held);
  for (Eigen::Index k = 0; k < 9; ++k) CHECK(std::isnan(y(k)) == (k >= 5));
}

#if !defined(MAMBA_SANITIZED)  // which keeps what was freed
// 64 modes and 2^17 steps: the answers take a megabyte, one number for each mode and step would take 128. Each test
// file is a process of its own, and this case is its largest.
TEST_CASE("irregular: memory grows with the outputs, not with the states") {
  test::random rng(6);
  std::size_t const L = std::size_t{1} << 17U;
  auto const s = random_diagonal(rng, 64);
  auto const x = random_sequence<double, 2>(rng, L);
  auto const delta = random_steps(rng, L);
  vector<complex> h = vector<complex>::Zero(64);
  auto const before = examples::peak_memory();
  auto const y = irregular_recurrence(s, delta, h, x, held);
  CHECK(y.allFinite());
  CHECK(examples::peak_memory() < before + 16 * 1024 * 1024);
}
#endif

// Ā(Δ) errs by some (4 + |ΔA|) ≤ 7 ε, a step by 3 more; what 40 steps err at most, if nothing were forgotten: 800 u.
TEST_CASE("irregular: in float, as far from double as its roundings allow") {
  test::random rng(20);
  using narrow = std::complex<float>;
  auto const s = random_diagonal(rng, 4);
  mamba::ssm::diagonal_system<narrow, dynamic, 2, 1, modes::half> const small{
      s.a.lambda.cast<narrow>(), s.b.cast<narrow>(), s.c.cast<narrow>(), s.d.cast<float>()};
  diagonal const exact{small.a.lambda.cast<complex>(), small.b.cast<complex>(), small.c.cast<complex>(),
                       small.d.cast<double>()};
  auto const x = random_sequence<float, 2>(rng, 40);
  vector<float> const delta = random_steps(rng, 40).cast<float>();
  vector<narrow> h = vector<narrow>::Zero(4);
  vector<complex> exact_h = vector<complex>::Zero(4);
  auto const y = irregular_recurrence(small, delta, h, x, [](float d, auto const& c) { return zero_order_hold(d, c); });
  sequence<double, 2> const wide_x = x.cast<double>();
  auto const expected = irregular_recurrence(exact, delta.cast<double>().eval(), exact_h, wide_x, held);
  CHECK(y.allFinite());
  double const off = relative_distance(y.cast<double>().eval(), expected);
  CHECK(off < 800 * 6e-8);
  CHECK(off > 0);
}

#if MAMBA_CONTRACTS
TEST_CASE("irregular: an input without its step is refused") {
  test::random rng(5);
  auto const s = random_diagonal(rng, 2);
  vector<complex> h = vector<complex>::Zero(2);
  CHECK_THROWS_AS(
      static_cast<void>(irregular_recurrence(s, random_steps(rng, 4), h, random_sequence<double, 2>(rng, 5), held)),
      mamba::contract_violation);
}
#endif

}  // namespace
