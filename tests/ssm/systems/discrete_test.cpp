// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/systems/discrete.hpp>
#include <support/random.hpp>

#include <complex>
#include <limits>

namespace {

using mamba::dynamic;
using namespace mamba::ssm;
using complex = std::complex<double>;

vector<complex> random_vector(test::random& rng, Eigen::Index n) {
  vector<complex> v(n);
  for (complex& value : v) value = {rng.uniform(-1, 1), rng.uniform(-1, 1)};
  return v;
}

TEST_CASE("discrete: two steps of a Fibonacci machine, by hand") {
  discrete_dense<double, 2> const s{matrix<double, 2>{{1, 1}, {1, 0}}, vector<double, 2>{1, 0},
                                    matrix<double, 1, 2>{{0, 1}}, matrix<double, 1>{{10}}};
  vector<double, 2> h{1, 1};
  h = advance(s, h);
  CHECK(h == vector<double, 2>{2, 1});
  h = advance(s, h);
  CHECK(h == vector<double, 2>{3, 2});
  CHECK(output(s, h, vector<double, 1>{0.5})(0) == 7);
}

TEST_CASE("discrete: each structure steps as its matrix does") {
  test::random rng(5);
  for (Eigen::Index const n : {1, 2, 7}) {
    discrete_dplr<complex> const s{{random_vector(rng, n), random_vector(rng, n), random_vector(rng, n)},
                                   random_vector(rng, n),
                                   random_vector(rng, n).transpose(),
                                   matrix<double, 1>{{0.25}}};
    discrete_diagonal<complex> const diagonal{s.a_bar.lambda, s.b_bar, s.c, s.d};
    auto const h = random_vector(rng, n);
    vector<double, 1> const x{0.3};
    double const terms = static_cast<double>(n) + 2;  // sums of that many products below 2, in two orders
    double const bound = 8 * terms * terms * std::numeric_limits<double>::epsilon();
    CHECK((advance(s, h) - advance(to_dense(s), h)).norm() < bound);
    CHECK((advance(diagonal, h) - advance(to_dense(diagonal), h)).norm() < bound);
    CHECK(std::abs(output(s, h, x)(0) - output(to_dense(s), h, x)(0)) < bound);
    CHECK(std::abs(output(diagonal, h, x)(0) - output(to_dense(s), h, x)(0)) < bound);
  }
}

TEST_CASE("discrete: half of the modes, with 2 Re, stands for all") {
  test::random rng(6);
  constexpr Eigen::Index n = 5;
  discrete_dplr<complex, dynamic, 1, 1, 1, modes::half> const half{
      {random_vector(rng, n), random_vector(rng, n), random_vector(rng, n)},
      random_vector(rng, n),
      random_vector(rng, n).transpose(),
      matrix<double, 1>{{0.25}}};
  auto const both = [](auto const& v) {
    vector<complex> w(2 * v.size());
    w << v, v.conjugate();
    return w;
  };
  discrete_dplr<complex> const full{{both(half.a_bar.lambda), both(half.a_bar.p), both(half.a_bar.q)},
                                    both(half.b_bar),
                                    both(half.c.transpose()).transpose(),
                                    half.d};
  auto const h = random_vector(rng, n);
  vector<double, 1> const x{-0.4};
  double const bound = 8 * 12 * 12 * std::numeric_limits<double>::epsilon();
  CHECK((advance(full, both(h)).head(n) - advance(half, h)).norm() < bound);
  CHECK((advance(full, both(h)).tail(n) - advance(half, h).conjugate()).norm() < bound);
  CHECK(std::abs(output(full, both(h), x)(0) - output(half, h, x)(0)) < bound);

  auto const all = all_modes(half);
  CHECK(all.a_bar.lambda == full.a_bar.lambda);
  CHECK(all.a_bar.p == full.a_bar.p);
  CHECK(all.a_bar.q == full.a_bar.q);
  CHECK(all.b_bar == full.b_bar);
  CHECK(all.c == full.c);
  CHECK(to_dense(half).a_bar == to_dense(full).a_bar);
  discrete_diagonal<complex, dynamic, 1, 1, modes::half> const diagonal{half.a_bar.lambda, half.b_bar, half.c, half.d};
  CHECK(all_modes(diagonal).a_bar.lambda == full.a_bar.lambda);
  CHECK(all_modes(diagonal).c == full.c);
  CHECK((advance(to_dense(diagonal), both(h)).head(n) - advance(diagonal, h)).norm() < bound);
}

TEST_CASE("discrete: a step of two inputs is the system with one matrix more") {
  two_point<discrete_dense<double, 1>> const s{
      {matrix<double, 1>{{0.5}}, vector<double, 1>{1.0}, matrix<double, 1>{{2}}, matrix<double, 1>{{0}}},
      vector<double, 1>{3.0}};
  CHECK(advance(s, vector<double, 1>{4.0})(0) == 2);
  CHECK(s.b_bar_before(0) == 3);
}

TEST_CASE("discrete: written out, a step of two inputs still has both") {
  test::random rng(7);
  constexpr Eigen::Index n = 3;
  discrete_diagonal<complex, dynamic, 1, 1, modes::half> const half{
      random_vector(rng, n), random_vector(rng, n), random_vector(rng, n).transpose(), matrix<double, 1>{{0.25}}};
  two_point<decltype(discrete_diagonal<complex, dynamic, 1, 1, modes::half>(half))> const s{half,
                                                                                            random_vector(rng, n)};
  CHECK(input_before(s).b_bar == s.b_bar_before);
  CHECK(input_before(s).a_bar == s.a_bar);
  auto const all = all_modes(s);
  CHECK(all.b_bar.head(n) == s.b_bar);
  CHECK(all.b_bar_before.head(n) == s.b_bar_before);
  CHECK(all.b_bar_before.tail(n) == s.b_bar_before.conjugate());
  auto const dense = to_dense(s);
  CHECK(dense.b_bar == all.b_bar);
  CHECK(dense.b_bar_before == all.b_bar_before);
  CHECK(dense.a_bar.diagonal() == all.a_bar.lambda);
}

}  // namespace
