// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/scan/affine.hpp>
#include <support/largest.hpp>
#include <support/random_discrete.hpp>

#include <complex>
#include <limits>

namespace {

using mamba::dynamic;
using mamba::ssm::affine;
using mamba::ssm::compose;
using mamba::ssm::initial_element;
using mamba::ssm::matrix;
using mamba::ssm::vector;
using test::random_matrix;
using test::relative_distance;

constexpr double u = std::numeric_limits<double>::epsilon() / 2;

// 3 (2 h + 1) + 5 = 6 h + 8, and the other way round 2 (3 h + 5) + 1 = 6 h + 11: order counts even for numbers.
TEST_CASE("affine: two maps of a number, by hand") {
  affine<double> const earlier{2, 1}, later{3, 5};
  auto const both = compose(later, earlier);
  CHECK(both.a == 6);
  CHECK(both.b == 8);
  CHECK(compose(earlier, later).b == 11);
  CHECK(both(7) == later(earlier(7)));
  CHECK(mamba::ssm::compose_in_time_order{}(earlier, later).b == 8);
}

// Whole numbers: every product and sum is exact.
TEST_CASE("affine: composed maps do what one does after the other, and grouping is free") {
  test::random rng(1);
  auto const whole = [&](auto m) { return m.unaryExpr([](double v) { return std::round(9 * v); }).eval(); };
  auto const check = [&](auto const& make) {
    auto const f = make(), g = make(), h = make();
    auto const x = whole(random_matrix<vector<double>>(rng, static_cast<std::size_t>(f.b.size())));
    CHECK(compose(g, f)(x) == g(f(x)));
    CHECK(compose(compose(h, g), f).a == compose(h, compose(g, f)).a);
    CHECK(compose(compose(h, g), f).b == compose(h, compose(g, f)).b);
    auto const start = initial_element(f.a, x);
    CHECK(compose(f, start).a == f.a);
    CHECK(compose(f, start).b == f(x));
  };
  for (std::size_t const n : {1U, 4U}) {
    check([&] {
      return affine<mamba::ssm::diagonal_matrix<double>, vector<double>>{whole(random_matrix<vector<double>>(rng, n)),
                                                                         whole(random_matrix<vector<double>>(rng, n))};
    });
    check([&] {
      return affine<matrix<double>, vector<double>>{whole(random_matrix<matrix<double>>(rng, n, n)),
                                                    whole(random_matrix<vector<double>>(rng, n))};
    });
  }
}

TEST_CASE("affine: in float, a composition is within the bound of its card") {
  test::random rng(4);
  auto const wide = [](auto const& m) { return m.template cast<double>().eval(); };
  for (std::size_t const n : {1U, 2U, 5U, 16U, 16U}) {
    using narrow = affine<matrix<float>, vector<float>>;
    narrow const f{random_matrix<matrix<float>>(rng, n, n), random_matrix<vector<float>>(rng, n)},
        g{random_matrix<matrix<float>>(rng, n, n), random_matrix<vector<float>>(rng, n)};
    affine<matrix<double>, vector<double>> const wide_f{wide(f.a), wide(f.b)}, wide_g{wide(g.a), wide(g.b)};
    auto const found = compose(g, f);
    auto const exact = compose(wide_g, wide_f);
    double const each = static_cast<double>(n + 2) * std::numeric_limits<float>::epsilon();
    matrix<double> const of_a = each * wide_g.a.cwiseAbs() * wide_f.a.cwiseAbs();
    vector<double> const of_b = each * (wide_g.a.cwiseAbs() * wide_f.b.cwiseAbs() + wide_g.b.cwiseAbs());
    CHECK(test::share_of_bound(found.a, exact.a, of_a) <= 1);
    CHECK(test::share_of_bound(found.b, exact.b, of_b) <= 1);
  }
}

TEST_CASE("affine: the maps of a system are its steps") {
  test::random rng(2);
  auto const check = [&](auto const& s) {
    auto const x = test::random_sequence<double, 2>(rng, 5);
    auto h = zero_state(s);
    h.setConstant(0.7);
    auto by_maps = h;
    auto all = maps(s, x);
    REQUIRE(all.size() == 5);
    auto whole = initial_element(s.a_bar, h);
    for (auto const& map : all) {
      by_maps = map(by_maps);
      whole = compose(map, whole);
    }
    auto const y = recurrence(s, h, x);
    CHECK(relative_distance(by_maps, h) < 50 * u);  // 5 steps of 7 roundings, in both
    CHECK(relative_distance(whole.b, h) < 50 * u);
    for (std::size_t k = 0; k < 5; ++k) all[k].b = k == 4 ? h : all[k].b;
    CHECK(relative_distance(outputs(s, all, x).row(4), y.row(4)) < 50 * u);
  };
  check(test::random_dense<double, 3, 2, 2>(rng, 0.9));
  check(test::random_diagonal<std::complex<double>, dynamic, 2, 1, mamba::ssm::modes::half>(rng, 0.9, 4));
  check(test::random_diagonal<double, 1, 2, 1>(rng, 0.9));
}

TEST_CASE("affine: no inputs, no maps") {
  test::random rng(3);
  auto const s = test::random_dense<double>(rng, 0.9, 3);
  CHECK(maps(s, mamba::ssm::sequence<double>(0)).empty());
}

// The same products and sums as the step, in the other order of B̄ x + B̄₋ x₋: 5 steps of 9 roundings, in both.
TEST_CASE("affine: the maps of a two-point system are its steps, from the input before the first") {
  test::random rng(4);
  auto const check = [&](auto const& base) {
    using System = std::decay_t<decltype(base)>;
    using B = decltype(System::b_bar);
    mamba::ssm::two_point<System> const s{base, random_matrix<B>(rng, static_cast<std::size_t>(base.b_bar.rows()), 2)};
    auto const x = test::random_sequence<double, 2>(rng, 5);
    auto state = zero_state(s);
    state.h.setConstant(0.7);
    state.x_before << 3, -2;
    auto by_maps = state.h;
    for (auto const& map : maps(s, x, state.x_before)) by_maps = map(by_maps);
    auto quiet = zero_state(s);
    auto by_quiet_maps = quiet.h;
    for (auto const& map : maps(s, x)) by_quiet_maps = map(by_quiet_maps);
    static_cast<void>(recurrence(s, state, x));
    static_cast<void>(recurrence(s, quiet, x));
    CHECK(relative_distance(by_maps, state.h) < 50 * u);
    CHECK(relative_distance(by_quiet_maps, quiet.h) < 50 * u);
    CHECK(relative_distance(by_maps, by_quiet_maps) > 0.01);  // the state before, and the input before it
  };
  check(test::random_dense<double, 3, 2, 2>(rng, 0.9));
  check(test::random_diagonal<std::complex<double>, dynamic, 2, 1, mamba::ssm::modes::half>(rng, 0.9, 4));
}

}  // namespace
