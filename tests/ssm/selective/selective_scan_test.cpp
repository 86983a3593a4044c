// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/scan/recurrence.hpp>
#include <mamba/ssm/selective/selective_scan.hpp>
#include <support/bits.hpp>
#include <support/random.hpp>
#include <support/scan_case.hpp>

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <vector>

namespace {

using test::scan_case;
using test::scan_range;
using test::table;

template <class T>
table<T> row_of(std::vector<T> values) {
  table<T> t(1, values.size());
  t.cells() = values;
  return t;
}

template <class T>
table<T> column_of(std::vector<T> values) {
  table<T> t(values.size(), 1);
  t.cells() = values;
  return t;
}

// Two tokens, one channel, two states. Δ = ln 2 halves what A = −1 decays and quarters what A = −2 does; Δ = 0 holds.
//
//     t = 0:  h = (1/2·4 + ln2·1·3, 1/4·8 + ln2·2·3) = (2 + 3 ln2, 2 + 6 ln2),   y = 1·h₁ − 1·h₂ + 10·3 = 30 − 3 ln2
//     t = 1:  h unchanged,                                                      y = 2·h₁ + 0·h₂ + 10·5 = 54 + 6 ln2
TEST_CASE("selective_scan: two tokens by hand") {
  double const ln2 = std::log(2.0);
  scan_case<double> s;
  s.delta = column_of<double>({ln2, 0});
  s.a = row_of<double>({-1, -2});
  s.b = table<double>(2, 2);
  s.b.cells() = {1, 2, 7, 7};
  s.c = table<double>(2, 2);
  s.c.cells() = {1, -1, 2, 0};
  s.d = {10};
  s.x = column_of<double>({3, 5});
  s.h = row_of<double>({4, 8});

  auto skipped = s;
  auto const y = skipped.run();
  CHECK(y(0, 0) == doctest::Approx(30 - 3 * ln2).epsilon(1e-15));
  CHECK(y(1, 0) == doctest::Approx(54 + 6 * ln2).epsilon(1e-15));
  CHECK(skipped.h(0, 0) == doctest::Approx(2 + 3 * ln2).epsilon(1e-15));
  CHECK(skipped.h(0, 1) == doctest::Approx(2 + 6 * ln2).epsilon(1e-15));

  auto gated = s;
  gated.d.clear();
  gated.z = column_of<double>({0, ln2});  // silu(0) = 0, silu(ln 2) = ln2/(1 + 1/2)
  auto const g = gated.run();
  CHECK(g(0, 0) == 0);
  CHECK(g(1, 0) == doctest::Approx((4 + 6 * ln2) * ln2 * 2 / 3).epsilon(1e-15));
}

TEST_CASE("selective_scan: no tokens leave the state alone") {
  test::random rng(1);
  auto s = test::random_scan<double>(rng, 0, 3, 2, scan_range::ordinary, true, false);
  auto const before = s.h.cells();
  CHECK(s.run().empty());
  CHECK(test::same_bits(s.h.cells(), before));
}

TEST_CASE("selective_scan: linear in input and state for fixed steps, B and C") {
  test::random rng(2);
  for (int i = 0; i < 100; ++i) {
    auto one = test::random_scan<double>(rng, 1 + rng.below(12), 1 + rng.below(5), 1 + rng.below(9),
                                         scan_range::ordinary, true, i % 2 == 0);
    auto two = one, both = one;
    double const p = rng.uniform(-2, 2), q = rng.uniform(-2, 2);
    for (std::size_t j = 0; j < two.x.cells().size(); ++j) {
      two.x.cells()[j] = rng.uniform(-2, 2);
      both.x.cells()[j] = p * one.x.cells()[j] + q * two.x.cells()[j];
    }
    for (std::size_t j = 0; j < two.h.cells().size(); ++j) {
      two.h.cells()[j] = rng.uniform(-2, 2);
      both.h.cells()[j] = p * one.h.cells()[j] + q * two.h.cells()[j];
    }
    // Each of the three runs is within a bound of the exact, linear answer; the combination itself rounds three times.
    table<long double> const bound[] = {test::scan_bound<double>(one.as<long double>(), test::inputs::exact).y,
                                        test::scan_bound<double>(two.as<long double>(), test::inputs::exact).y,
                                        test::scan_bound<double>(both.as<long double>(), test::inputs::rounded).y};
    auto const y1 = one.run(), y2 = two.run(), y = both.run();
    for (std::size_t j = 0; j < y.cells().size(); ++j) {
      double const allowed = std::fabs(p) * static_cast<double>(bound[0].cells()[j]) +
                             std::fabs(q) * static_cast<double>(bound[1].cells()[j]) +
                             3 * static_cast<double>(bound[2].cells()[j]) +
                             4e-16 * (std::fabs(p * y1.cells()[j]) + std::fabs(q * y2.cells()[j]));
      REQUIRE(std::fabs(y.cells()[j] - (p * y1.cells()[j] + q * y2.cells()[j])) <= allowed);
    }
  }
}

TEST_CASE("selective_scan: causal, what happens at t leaves all before t as it was, bit for bit") {
  test::random rng(3);
  constexpr std::size_t L = 9, D = 3;
  auto const whole = test::random_scan<double>(rng, L, D, 4, scan_range::ordinary, true, true);
  auto untouched = whole;
  auto const y = untouched.run();
  for (std::size_t t = 0; t < L; ++t) {
    auto changed = whole;
    changed.x(t, 1) += 1;
    changed.delta(t, 2) *= 2;
    changed.b(t, 0) = -changed.b(t, 0);
    auto const other = changed.run();
    CHECK(test::same_rows(y.view().rows(0, t), other.view().rows(0, t)));
    CHECK_FALSE(test::same_bits(y.view().row(t), other.view().row(t)));
  }
}

template <class T>
scan_case<T> part_of(scan_case<T> const& s, std::size_t first, std::size_t count) {
  auto const rows = [&](table<T> const& t) {
    if (t.empty()) return t;
    table<T> out(count, t.extent(1));
    std::copy_n(t.cells().begin() + static_cast<std::ptrdiff_t>(first * t.extent(1)), out.cells().size(),
                out.cells().begin());
    return out;
  };
  return {rows(s.delta), s.a, rows(s.b), rows(s.c), s.d, rows(s.x), rows(s.z), s.h};
}

TEST_CASE("selective_scan: a sequence in two parts with the state carried over is the whole sequence, bit for bit") {
  test::random rng(4);
  for (std::size_t const L : {1U, 2U, 7U, 12U}) {
    auto const whole = test::random_scan<float>(rng, L, 5, 3, scan_range::trained, true, true);
    auto at_once = whole;
    auto const y = at_once.run();
    for (std::size_t split = 0; split <= L; ++split) {
      auto first = part_of(whole, 0, split);
      auto const y_first = first.run();
      auto second = part_of(whole, split, L - split);
      second.h = first.h;
      auto const y_second = second.run();
      CHECK(test::same_rows(y.view().rows(0, split), y_first.view()));
      CHECK(test::same_rows(y.view().rows(split, L - split), y_second.view()));
      CHECK(test::same_bits(second.h.cells(), at_once.h.cells()));
    }
  }
}

template <class T>
void check_against_extended_precision(std::uint64_t seed) {
  test::random rng(seed);
  for (int i = 0; i < 60; ++i) {
    auto const range = i % 2 == 0 ? scan_range::ordinary : scan_range::trained;
    auto s = test::random_scan<T>(rng, 1 + rng.below(10), 1 + rng.below(4), 1 + rng.below(24), range, i % 3 != 0,
                                  i % 4 != 0);
    auto exact = s.template as<long double>();
    // The kernel's bound has room for the reference: it rounds ΔA once, not three times.
    test::scan_bound<T> const bound(exact, test::inputs::exact);
    auto const y = s.run();
    auto const y_exact = exact.run();
    REQUIRE(test::worst(y, y_exact, bound.y) <= 1);
    REQUIRE(test::worst(s.h, exact.h, bound.h) <= 1);
  }
}

TEST_CASE("selective_scan: float and double against long double") {
  check_against_extended_precision<float>(5);
  check_against_extended_precision<double>(6);
}

TEST_CASE("selective_scan: complex numbers, real ones among them") {
  using complex = std::complex<double>;
  test::random rng(7);
  auto real = test::random_scan<double>(rng, 6, 2, 3, scan_range::ordinary, false, true);
  auto seen_as_complex = real.as<complex>();
  auto const y = real.run();
  auto const z = seen_as_complex.run();
  for (std::size_t i = 0; i < y.cells().size(); ++i) {
    CHECK(z.cells()[i].imag() == 0);
    CHECK(z.cells()[i].real() == doctest::Approx(y.cells()[i]).epsilon(1e-13));
  }

  // A = iω turns the state: after n steps of Δ it has turned by nωΔ, and its length is what it was.
  constexpr std::size_t L = 50;
  constexpr double omega = 1.7, delta = 0.1;
  scan_case<complex> turning;
  turning.delta = column_of<complex>(std::vector<complex>(L, complex(delta)));
  turning.a = row_of<complex>({complex(0, omega)});
  turning.b = column_of<complex>(std::vector<complex>(L, complex(1)));
  turning.c = turning.b;
  turning.x = column_of<complex>(std::vector<complex>(L, complex(0)));
  turning.h = row_of<complex>({complex(1)});
  auto const orbit = turning.run();
  for (std::size_t t = 0; t < L; ++t) {
    double const angle = omega * delta * static_cast<double>(t + 1);
    CHECK(std::abs(orbit(t, 0) - complex(std::cos(angle), std::sin(angle))) < 1e-14 * static_cast<double>(t + 1));
  }
}

TEST_CASE("selective_scan: without input the state decays, and never grows") {
  test::random rng(8);
  auto s = test::random_scan<double>(rng, 30, 3, 4, scan_range::ordinary, false, false);
  std::fill(s.x.cells().begin(), s.x.cells().end(), 0.0);
  auto const before = s.h;
  static_cast<void>(s.run());
  for (std::size_t i = 0; i < before.cells().size(); ++i) {
    CHECK(std::fabs(s.h.cells()[i]) <= std::fabs(before.cells()[i]));
  }
}

TEST_CASE("selective_scan: NaN in, NaN out, in its own channel only") {
  test::random rng(9);
  auto const clean = test::random_scan<double>(rng, 6, 3, 2, scan_range::ordinary, true, true);
  auto untouched = clean;
  auto const y = untouched.run();
  auto spoilt = clean;
  spoilt.x(2, 1) = std::numeric_limits<double>::quiet_NaN();
  auto const seen = spoilt.run();
  for (std::size_t t = 0; t < 6; ++t) {
    for (std::size_t channel = 0; channel < 3; ++channel) {
      if (channel == 1 && t >= 2) {
        CHECK(std::isnan(seen(t, channel)));
      } else {
        CHECK(seen(t, channel) == y(t, channel));
      }
    }
  }
}

TEST_CASE("selective_scan: intermediate states, and continuing from one of them") {
  test::random rng(10);
  auto const whole = test::random_scan<double>(rng, 11, 2, 3, scan_range::ordinary, false, false);
  auto s = whole;
  table<double> y(11, 2);
  std::vector<mamba::ssm::matrix<double>> seen, third;
  auto const run = [&](scan_case<double>& of, auto&& observe) {
    mamba::ssm::selective_recurrence(of.delta, of.a, mamba::ssm::per_token(of.b), mamba::ssm::per_token(of.c), of.x,
                                     of.h, mamba::ssm::into(y), observe);
  };
  run(s, mamba::ssm::all_states(seen));
  auto again = whole;
  run(again, mamba::ssm::every_state(3, third));
  REQUIRE(seen.size() == 11);
  REQUIRE(third.size() == 3);
  CHECK(third[1] == seen[5]);
  CHECK(seen.back()(1, 2) == s.h(1, 2));

  auto rest = part_of(whole, 6, 5);
  for (std::size_t i = 0; i < 2; ++i) {
    for (std::size_t n = 0; n < 3; ++n) rest.h(i, n) = third[1](mamba::ssm::index(i), mamba::ssm::index(n));
  }
  auto const y_rest = rest.run();
  CHECK(test::same_rows(y.view().rows(6, 5), y_rest.view()));
  CHECK(test::same_bits(rest.h.cells(), s.h.cells()));
}

// With the same Δ, B and C for every token nothing selects, and a channel is a diagonal system of its own. Both do the
// same products, but the sum of C·h, of N = 4, has another order: 8 u of what is added, complex products counted twice.
TEST_CASE("selective_scan: with nothing to select by it is the recurrence of a diagonal system") {
  using complex = std::complex<double>;
  using mamba::ssm::modes;
  test::random rng(11);
  constexpr std::size_t L = 30, D = 3, N = 4;
  auto const numbers = [&](std::size_t rows, std::size_t columns) {
    table<complex> out(rows, columns);
    for (complex& v : out.cells()) v = {rng.uniform(-1, 1), rng.uniform(-1, 1)};
    return out;
  };
  auto const a = [&] {
    auto out = numbers(D, N);
    for (complex& v : out.cells()) v = {-std::fabs(v.real()), 4 * v.imag()};
    return out;
  }();
  auto const b = numbers(D, N), c = numbers(D, N);
  auto h = numbers(D, N);
  table<double> x(L, D), y(L, D);
  for (double& v : x.cells()) v = rng.uniform(-1, 1);
  std::vector<double> const delta{0.1, 0.5, 1};

  auto const before = h;
  mamba::ssm::selective_recurrence<modes::half>([&](std::size_t, std::size_t channel) { return delta[channel]; }, a,
                                                mamba::ssm::per_channel(b), mamba::ssm::per_channel(c), x, h,
                                                mamba::ssm::into(y));
  for (std::size_t channel = 0; channel < D; ++channel) {
    mamba::ssm::discrete_diagonal<complex, N, 1, 1, modes::half> s;
    s.d.setZero();
    mamba::ssm::vector<complex, N> state;
    mamba::ssm::sequence<double> inputs(L);
    for (Eigen::Index n = 0; n < 4; ++n) {
      auto const i = mamba::ssm::size(n);
      s.a_bar(n) = std::exp(delta[channel] * a(channel, i));
      s.b_bar(n) = delta[channel] * b(channel, i);
      s.c(n) = c(channel, i);
      state(n) = before(channel, i);
    }
    for (Eigen::Index t = 0; t < inputs.size(); ++t) inputs(t) = x(mamba::ssm::size(t), channel);
    auto const expected = recurrence(s, state, inputs);
    for (Eigen::Index t = 0; t < inputs.size(); ++t) {
      CHECK(std::fabs(y(mamba::ssm::size(t), channel) - expected(t)) < 1e-14);  // sums of 8 numbers below 10
    }
    for (std::size_t n = 0; n < N; ++n) CHECK(std::abs(h(channel, n) - state(mamba::ssm::index(n))) < 1e-14);
  }
}

#if MAMBA_CONTRACTS
TEST_CASE("selective_scan: a state, or inputs, of other sizes are refused") {
  test::random rng(12);
  auto s = test::random_scan<double>(rng, 3, 2, 4, scan_range::ordinary, false, false);
  s.h = table<double>(2, 3);
  CHECK_THROWS_AS(static_cast<void>(s.run()), mamba::contract_violation);
  s.h = table<double>(3, 4);
  CHECK_THROWS_AS(static_cast<void>(s.run()), mamba::contract_violation);
  s.h = table<double>(2, 4);
  s.b = table<double>(3, 5);
  CHECK_THROWS_AS(static_cast<void>(s.run()), mamba::contract_violation);
  s.b = table<double>(2, 4);
  CHECK_THROWS_AS(static_cast<void>(s.run()), mamba::contract_violation);
  CHECK_THROWS_WITH(static_cast<void>(s.run()), doctest::Contains("B must be [L, N]"));
  CHECK_THROWS_WITH(static_cast<void>(s.run()), doctest::Contains("got 2 x 4, expected 3 x 4"));
  auto const good = test::random_scan<double>(rng, 3, 2, 4, scan_range::ordinary, true, true);
  auto const refused = [&](auto const& spoil) {
    auto bad = good;
    spoil(bad);
    CHECK_THROWS_AS(static_cast<void>(bad.run()), mamba::contract_violation);
  };
  refused([](auto& bad) { bad.delta = table<double>(3, 1); });
  refused([](auto& bad) { bad.c = table<double>(3, 5); });
  refused([](auto& bad) { bad.d.push_back(0); });
  refused([](auto& bad) { bad.z = table<double>(3, 1); });
  auto bad = good;
  table<double> y(2, 2);
  CHECK_THROWS_AS(mamba::ssm::selective_scan(bad.delta, bad.a, bad.b, bad.c, bad.d, bad.x, bad.z, bad.h, y),
                  mamba::contract_violation);
}
#endif

TEST_CASE("selective_scan: the gate of the reference") {
  CHECK(mamba::ssm::silu(0.0) == 0);
  CHECK(mamba::ssm::silu(1.0L) == doctest::Approx(0.7310585786300049).epsilon(1e-15));
  CHECK(mamba::ssm::silu(-800.0) == 0);
  CHECK(mamba::ssm::silu(800.0F) == 800.0F);
}

TEST_CASE("selective_scan: the states at some times are those of all of them, in one call and in two") {
  test::random rng(13);
  auto const whole = test::random_scan<double>(rng, 11, 2, 3, scan_range::ordinary, true, true);
  std::vector<mamba::ssm::matrix<double>> all, some, some_of_parts;
  auto const run = [](scan_case<double> s, auto&& observe) {
    table<double> y(s.x.extent(0), 2);
    mamba::ssm::selective_scan(s.delta, s.a, s.b, s.c, s.d, s.x, s.z, s.h, y, observe);
    return s.h;
  };
  static_cast<void>(run(whole, mamba::ssm::all_states(all)));
  static_cast<void>(run(whole, mamba::ssm::states_at({9, 3, 3, 50}, some)));
  auto second = part_of(whole, 5, 6);
  second.h = run(part_of(whole, 0, 5), mamba::ssm::states_at({9, 3, 3, 50}, some_of_parts));
  static_cast<void>(run(second, mamba::ssm::states_at({9, 3, 3, 50}, some_of_parts, 5)));
  REQUIRE(all.size() == 11);
  REQUIRE(some.size() == 2);
  REQUIRE(some_of_parts.size() == 2);
  for (auto const* kept : {&some, &some_of_parts}) {
    CHECK((*kept)[0] == all[3]);
    CHECK((*kept)[1] == all[9]);
  }
}

}  // namespace
