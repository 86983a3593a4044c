// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/discretize/discretize.hpp>
#include <mamba/ssm/discretize/s4_step.hpp>
#include <mamba/ssm/scan/recurrence.hpp>
#include <support/largest.hpp>
#include <support/random_discrete.hpp>

#include <algorithm>
#include <complex>
#include <limits>

namespace {

using mamba::dynamic;
using mamba::ssm::matrix;
using mamba::ssm::modes;
using mamba::ssm::s4_form;
using mamba::ssm::sequence;
using mamba::ssm::vector;
using test::random_matrix;
using test::random_sequence;
using test::relative_distance;
using test::same_matrix;
using complex = std::complex<double>;

template <std::size_t R, std::size_t M, modes K>
mamba::ssm::dplr_system<complex, dynamic, R, M, 1, K> random_dplr(test::random& rng, std::size_t n) {
  vector<complex> lambda(mamba::ssm::index(n));
  for (complex& mode : lambda) mode = {rng.uniform(-1, -0.3), rng.uniform(0, 20)};
  matrix<complex, dynamic, R> const p = random_matrix<matrix<complex, dynamic, R>>(rng, n, R);
  return {{lambda, p, p},  // A = Λ − P Pᴴ is stable whatever P is
          random_matrix<matrix<complex, dynamic, M>>(rng, n, M),
          random_matrix<matrix<complex, 1, dynamic>>(rng, 1, n),
          random_matrix<matrix<double, 1, M>>(rng, 1, M)};
}

// One real mode, Δ = 1, A = −1 − 1·1 = −2: (2 + 2) h' = (2 − 2) h + 2·3·x, so that h' = 3/2 x whatever h was.
TEST_CASE("s4_step: one mode by hand") {
  mamba::ssm::dplr_system<double, 1> const s{
      {vector<double, 1>{{-1.0}}, matrix<double, 1>{{1}}, matrix<double, 1>{{1}}},
      matrix<double, 1>{{3}},
      matrix<double, 1>{{2}},
      matrix<double, 1>{{10}}};
  auto const step_of_one = s4_form(1.0, s);
  vector<double, 1> h{{7.0}};
  auto const y = step(step_of_one, h, 4.0);
  CHECK(h(0) == doctest::Approx(6).epsilon(1e-15));
  CHECK(y(0) == doctest::Approx(2 * 6 + 40).epsilon(1e-15));
}

// Two ways through the same factors. Each product rounds by (N + R + 4) u, 30 of them; 2/Δ − Λ and 2/Δ + Λ are at most
// twice as large as what is left of them, and a stable system doesn't let errors grow: 200 steps of 4·30 u are 3e-12 if
// all went one way; 5e-14 is found.
TEST_CASE("s4_step: is the bilinear rule, multiplied out or not") {
  test::random rng(1);
  double most = 0;
  auto const check = [&](auto const& s, double delta) {
    auto const factors = s4_form(delta, s);
    auto const product = bilinear(delta, s);
    auto const x = random_sequence<double, dynamic>(rng, 200, static_cast<std::size_t>(s.b.cols()));
    vector<complex> h = random_matrix<vector<complex>>(rng, static_cast<std::size_t>(s.a.lambda.size()));
    vector<complex> expected = h;
    auto const y = recurrence(factors, h, x);
    auto const y_expected = recurrence(product, expected, x);
    double const off = std::max(relative_distance(y, y_expected), relative_distance(h, expected));
    CHECK(off < 3e-12);
    most = std::max(most, off);
  };
  for (double const delta : {1e-3, 0.1, 1.0}) {
    for (std::size_t const n : {1U, 2U, 16U}) {
      check(random_dplr<1, 1, modes::half>(rng, n), delta);
      check(random_dplr<2, 2, modes::all>(rng, n), delta);
    }
  }
  MESSAGE("at most ", most, " apart");
}

// Float against double with the same entries: as above 4·30 roundings a step, and 2/Δ ± Λ, 2/Δ up to 50, are rounded
// once; the state decays by 0.3·Δ a step or faster, all 50 steps count: 50·(4·30 + 4) ε/2 of it.
TEST_CASE("s4_step: in float, within its own epsilon of double") {
  using narrow = std::complex<float>;
  test::random rng(3);
  auto s = random_dplr<1, 1, modes::half>(rng, 16);
  mamba::ssm::dplr_system<narrow, dynamic, 1, 1, 1, modes::half> const single{
      {s.a.lambda.cast<narrow>(), s.a.p.cast<narrow>(), s.a.q.cast<narrow>()},
      s.b.cast<narrow>(),
      s.c.cast<narrow>(),
      s.d.cast<float>()};
  s = {{single.a.lambda.cast<complex>(), single.a.p.cast<complex>(), single.a.q.cast<complex>()},
       single.b.cast<complex>(),
       single.c.cast<complex>(),
       single.d.cast<double>()};
  auto const x = random_sequence<float>(rng, 50);
  auto const factors = s4_form(0.0625, s);
  auto const narrow_factors = s4_form(0.0625F, single);
  auto h = zero_state(factors);
  auto h_narrow = zero_state(narrow_factors);
  auto const y = recurrence(factors, h, x.cast<double>().eval());
  auto const y_narrow = recurrence(narrow_factors, h_narrow, x);
  double const allowed = 50 * (4 * 30 + 4) * 0.6e-7;
  double const off = relative_distance(y_narrow.cast<double>(), y);
  MESSAGE("at most ", off, " of ", allowed);
  CHECK(off <= allowed);
  CHECK(relative_distance(h_narrow.cast<complex>(), h) <= allowed);
}

TEST_CASE("s4_step: in float, the product with both factors is within the bound of its card") {
  using narrow = std::complex<float>;
  test::random rng(5);
  for (std::size_t const n : {1U, 4U, 16U, 16U}) {
    auto const factors = s4_form(0.0625, random_dplr<2, 1, modes::all>(rng, n)).a_bar;
    mamba::ssm::s4_matrix<narrow, dynamic, 2, modes::all> const a{factors.D.cast<narrow>(), factors.E.cast<narrow>(),
                                                                  factors.p.cast<narrow>(), factors.q.cast<narrow>(),
                                                                  factors.r.cast<narrow>()};
    mamba::ssm::s4_matrix<complex, dynamic, 2, modes::all> const wide{
        a.D.cast<complex>(), a.E.cast<complex>(), a.p.cast<complex>(), a.q.cast<complex>(), a.r.cast<complex>()};
    auto const h = random_matrix<matrix<narrow>>(rng, n, 2);
    auto const wide_h = h.cast<complex>().eval();
    matrix<double> const p = wide.p.cwiseAbs(), q = wide.q.cwiseAbs(), r = wide.r.cwiseAbs(), d = wide.D.cwiseAbs(),
                         e = wide.E.cwiseAbs(), moduli = wide_h.cwiseAbs();
    double const eps = std::numeric_limits<float>::epsilon();
    auto const implicit = [&](matrix<double> const& z) { return (d.col(0).asDiagonal() * (z + p * (r * z))).eval(); };
    matrix<double> const of_factor = (static_cast<double>(n) + 2 + 5) * eps * implicit(moduli);
    CHECK(test::share_of_bound(implicit_factor(a, h), implicit_factor(wide, wide_h), of_factor) <= 1);
    matrix<double> const of_product = (2 * static_cast<double>(n) + 4 + 10) * eps *
                                      implicit(e.col(0).asDiagonal() * moduli + p * (q.transpose() * moduli));
    CHECK(test::share_of_bound(a * h, wide * wide_h, of_product) <= 1);
  }
}

TEST_CASE("s4_step: half of the modes step as all of them do, and any split has the bits of the whole") {
  test::random rng(2);
  auto const s = random_dplr<1, 1, modes::half>(rng, 6);
  auto const half = s4_form(0.05, s);
  auto const all = s4_form(0.05, all_modes(s));
  auto const x = random_sequence<double>(rng, 50);
  auto h = zero_state(half);
  auto h_all = zero_state(all);
  auto const y = recurrence(half, h, x);
  CHECK(relative_distance(recurrence(all, h_all, x).real(), y) < 1e-12);  // as above
  CHECK(relative_distance(h_all.head(6), h) < 1e-12);

  for (Eigen::Index split = 0; split <= 50; ++split) {
    auto part = zero_state(half);
    sequence<double> const first = recurrence(half, part, x.topRows(split).eval());
    sequence<double> const second = recurrence(half, part, x.bottomRows(50 - split).eval());
    REQUIRE(same_matrix(first, y.topRows(split)));
    REQUIRE(same_matrix(second, y.bottomRows(50 - split)));
    REQUIRE(same_matrix(part, h));
  }
}

}  // namespace
