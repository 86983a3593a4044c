// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/selective/selective_maps.hpp>
#include <support/scan_case.hpp>

#include <cmath>
#include <complex>
#include <limits>

namespace {

using test::scan_case;
using test::scan_range;
using test::table;

auto const tree = [](auto const& x, auto const& op, auto const& i) { return mamba::ssm::blelloch_scan(x, op, i); };
auto const in_turn = [](auto const& x, auto const& op, auto const& i) { return mamba::ssm::sequential_scan(x, op, i); };
auto const chunks = [](auto const& x, auto const& op, auto const& i) { return mamba::ssm::chunked_scan(5, x, op, i); };

template <class T, class Scan>
table<T> run_by(Scan const& scan, scan_case<T>& s) {
  table<T> y(s.x.extent(0), s.x.extent(1));
  mamba::ssm::selective_recurrence_by(scan, s.delta, s.a, mamba::ssm::per_token(s.b), mamba::ssm::per_token(s.c), s.x,
                                      s.h, mamba::ssm::into(y));
  return y;
}

// Δ = ln 2, A = −1 and −2: the map halves one mode, quarters the other, and adds Δ B x.
TEST_CASE("selective_maps: a token is a map") {
  double const ln2 = std::log(2.0);
  table<double> delta(1, 1), a(1, 2), b(1, 2), x(1, 1);
  delta(0, 0) = ln2;
  a(0, 0) = -1;
  a(0, 1) = -2;
  b(0, 0) = 5;
  b(0, 1) = 7;
  x(0, 0) = 3;
  auto const maps = mamba::ssm::selective_maps<double>(delta, a, mamba::ssm::per_token(b), x, 0);
  REQUIRE(maps.size() == 1);
  CHECK(maps[0].a(0) == doctest::Approx(0.5).epsilon(1e-15));
  CHECK(maps[0].a(1) == doctest::Approx(0.25).epsilon(1e-15));
  CHECK(maps[0].b(0) == doctest::Approx(15 * ln2).epsilon(1e-15));
  CHECK(maps[0].b(1) == doctest::Approx(21 * ln2).epsilon(1e-15));
}

// scan_bound allows each step one rounding of h and three more of Ā; a tree of 200 tokens rounds each product of Ās and
// each sum once a level on the way, 2·8 + 1 of them, where the recurrence rounds at every step what still counts: twice
// the bound has room for both. Kept to A with |A| of the order of 1: a mode that decays within a step has no history
// in which the orders of summation could differ, but its bound is one rounding alone.
TEST_CASE("selective_maps: any grouping is the recurrence, for every length") {
  test::random rng(1);
  double most = 0;
  for (std::size_t L = 0; L <= 40; ++L) {
    auto const given = test::random_scan<double>(rng, L == 40 ? 200 : L, 3, 4, scan_range::ordinary, false, false);
    auto exact = given.as<long double>();
    test::scan_bound<double> const bound(exact, test::inputs::exact);
    auto const y_exact = exact.run();
    auto const check = [&](auto const& scan) {
      auto s = given;
      auto const y = run_by(scan, s);
      double const share = std::max(test::worst(y, y_exact, bound.y), test::worst(s.h, exact.h, bound.h));
      CHECK(share <= 2);
      most = std::max(most, share);
    };
    check(in_turn);
    check(tree);
    check(chunks);
  }
  MESSAGE("at most ", most, " of the recurrence's bound");
}

// In turn the maps round as the recurrence does, wherever the sequence is cut: the bits of the whole. A tree groups
// otherwise on either side of the cut: each way twice the recurrence's bound from the exact numbers, as above.
TEST_CASE("selective_maps: in two parts with the state carried over, at every split") {
  test::random rng(4);
  constexpr std::size_t L = 24, D = 2;
  auto const given = test::random_scan<double>(rng, L, D, 3, scan_range::ordinary, false, false);
  auto const rows = [](table<double> const& t, std::size_t first, std::size_t last) {
    table<double> out(last - first, t.extent(1));
    for (std::size_t i = 0; i < out.extent(0); ++i) {
      for (std::size_t j = 0; j < out.extent(1); ++j) out(i, j) = t(first + i, j);
    }
    return out;
  };
  auto exact = given.as<long double>();
  test::scan_bound<double> const bound(exact, test::inputs::exact);
  auto const y_exact = exact.run();
  auto whole = given;
  auto const y_whole = run_by(in_turn, whole);
  auto const in_parts = [&](auto const& scan, std::size_t split, table<double>& y) {
    auto part = given;
    for (bool const second : {false, true}) {
      std::size_t const first = second ? split : 0, last = second ? L : split;
      part.delta = rows(given.delta, first, last);
      part.b = rows(given.b, first, last);
      part.c = rows(given.c, first, last);
      part.x = rows(given.x, first, last);
      auto const here = run_by(scan, part);  // continues from part.h
      for (std::size_t t = first; t < last; ++t) {
        for (std::size_t channel = 0; channel < D; ++channel) y(t, channel) = here(t - first, channel);
      }
    }
    return part.h;
  };
  for (std::size_t split = 0; split <= L; ++split) {
    CAPTURE(split);
    table<double> y(L, D);
    auto h = in_parts(in_turn, split, y);
    CHECK(y.cells() == y_whole.cells());
    CHECK(h.cells() == whole.h.cells());
    h = in_parts(tree, split, y);
    CHECK(test::worst(y, y_exact, bound.y) <= 2);
    CHECK(test::worst(h, exact.h, bound.h) <= 2);
  }
}

TEST_CASE("selective_maps: with complex modes, the half of them") {
  using complex = std::complex<double>;
  test::random rng(2);
  auto const given = test::random_scan<double>(rng, 37, 2, 3, scan_range::ordinary, false, false).as<complex>();
  auto turning = given;
  for (complex& v : turning.a.cells()) v += complex(0, rng.uniform(-3, 3));
  auto by_tree = turning;
  table<double> x(37, 2), y(37, 2), y_tree(37, 2);
  for (double& v : x.cells()) v = rng.uniform(-1, 1);
  mamba::ssm::selective_recurrence<mamba::ssm::modes::half>(turning.delta, turning.a, mamba::ssm::per_token(turning.b),
                                                            mamba::ssm::per_token(turning.c), x, turning.h,
                                                            mamba::ssm::into(y));
  mamba::ssm::selective_recurrence_by<mamba::ssm::modes::half>(
      tree, by_tree.delta, by_tree.a, mamba::ssm::per_token(by_tree.b), mamba::ssm::per_token(by_tree.c), x, by_tree.h,
      mamba::ssm::into(y_tree));
  // 37 tokens, 12 levels of complex roundings, on sums of three terms below 20 each: 12·4·60 u = 3e-13.
  for (std::size_t i = 0; i < y.cells().size(); ++i) CHECK(std::fabs(y.cells()[i] - y_tree.cells()[i]) < 3e-13);
  for (std::size_t i = 0; i < turning.h.cells().size(); ++i) {
    CHECK(std::abs(turning.h.cells()[i] - by_tree.h.cells()[i]) < 3e-13);
  }
}

TEST_CASE("selective_maps: a NaN stays in its channel and its future") {
  test::random rng(3);
  auto s = test::random_scan<double>(rng, 13, 3, 2, scan_range::ordinary, false, false);
  s.x(6, 1) = std::numeric_limits<double>::quiet_NaN();
  auto const y = run_by(tree, s);
  for (std::size_t t = 0; t < 13; ++t) {
    for (std::size_t channel = 0; channel < 3; ++channel) CHECK(std::isnan(y(t, channel)) == (channel == 1 && t >= 6));
  }
}

#if MAMBA_CONTRACTS
TEST_CASE("selective_maps: a state of another size is refused") {
  test::random rng(4);
  auto s = test::random_scan<double>(rng, 3, 2, 4, scan_range::ordinary, false, false);
  s.h = table<double>(2, 3);
  CHECK_THROWS_AS(static_cast<void>(run_by(tree, s)), mamba::contract_violation);
  s.h = table<double>(3, 4);
  CHECK_THROWS_AS(static_cast<void>(run_by(tree, s)), mamba::contract_violation);
}
#endif

}  // namespace
