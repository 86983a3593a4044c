// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/systems/continuous.hpp>
#include <support/largest.hpp>
#include <support/random.hpp>

#include <complex>
#include <limits>

namespace {

using mamba::dynamic;
using namespace mamba::ssm;
using complex = std::complex<double>;

template <class M>
M filled(test::random& rng, Eigen::Index rows, Eigen::Index cols) {
  M m(rows, cols);
  for (Eigen::Index i = 0; i < m.size(); ++i) {
    if constexpr (is_complex<typename M::Scalar>) {
      m.data()[i] = {rng.uniform(-1, 1), rng.uniform(-1, 1)};
    } else {
      m.data()[i] = rng.uniform(-1, 1);
    }
  }
  return m;
}

template <std::size_t N, std::size_t R, std::size_t M, std::size_t P, modes K>
dplr_system<complex, N, R, M, P, K> random_dplr(test::random& rng, Eigen::Index n, Eigen::Index r, Eigen::Index m,
                                                Eigen::Index p) {
  using system = dplr_system<complex, N, R, M, P, K>;
  using low_rank = low_rank_matrix<complex, N, R, K>;
  return {{filled<decltype(low_rank::lambda)>(rng, n, 1), filled<decltype(low_rank::p)>(rng, n, r),
           filled<decltype(low_rank::q)>(rng, n, r)},
          filled<decltype(system::b)>(rng, n, m),
          filled<decltype(system::c)>(rng, p, n),
          filled<decltype(system::d)>(rng, p, m)};
}

/// Sums of k products of numbers below 1, formed in two orders: each within k ε of the exact sum of moduli, at most 2k.
double allowed(double k) { return 4 * k * k * std::numeric_limits<double>::epsilon(); }

TEST_CASE("continuous: a mass on a spring, by hand") {
  // x'' = −2x − 3x' + u: h = (x, x').
  dense_system<double, 2> const s{matrix<double, 2>{{0, 1}, {-2, -3}}, vector<double, 2>{0, 1},
                                  matrix<double, 1, 2>{{1, 0}}, matrix<double, 1>{{0.5}}};
  vector<double, 2> const h{1, 2};
  vector<double, 1> const x{3.0};
  CHECK(derivative(s, h, x) == vector<double, 2>{2, -5});
  CHECK(output(s, h, x)(0) == 2.5);
}

TEST_CASE("continuous: diagonal plus low rank, written out, is that sum") {
  test::random rng(1);
  for (Eigen::Index const n : {1, 2, 5}) {
    for (Eigen::Index const r : {1, 2}) {
      auto const s = random_dplr<dynamic, dynamic, dynamic, dynamic, modes::all>(rng, n, r, 2, 3);
      auto const h = filled<vector<complex>>(rng, n, 1);
      auto const x = filled<vector<double>>(rng, 2, 1);
      auto const dense = to_dense(s);
      CHECK((derivative(s, h, x) - derivative(dense, h, x)).norm() < allowed(static_cast<double>(n * r + 3)));
      CHECK((output(s, h, x) - output(dense, h, x)).norm() < allowed(static_cast<double>(n + 3)));
      CHECK(output(s, h, x).size() == 3);
    }
  }
}

TEST_CASE("continuous: half of the modes, with 2 Re, stands for all") {
  test::random rng(2);
  for (Eigen::Index const n : {1, 3, 8}) {
    auto const half = random_dplr<dynamic, 2, 1, 1, modes::half>(rng, n, 2, 1, 1);
    auto const h = filled<vector<complex>>(rng, n, 1);
    vector<double, 1> const x{0.7};
    vector<complex> both(2 * n);
    both << h, h.conjugate();
    auto const full = all_modes(half);
    double const bound = allowed(static_cast<double>(4 * n + 3));
    CHECK((derivative(full, both, x).head(n) - derivative(half, h, x)).norm() < bound);
    CHECK((derivative(full, both, x).tail(n) - derivative(half, h, x).conjugate()).norm() < bound);
    CHECK(std::abs(output(full, both, x)(0) - output(half, h, x)(0)) < bound);
    CHECK((derivative(to_dense(half), both, x) - derivative(full, both, x)).norm() < bound);
    // The diagonal part alone is a diagonal system.
    diagonal_system<complex, dynamic, 1, 1, modes::half> const diagonal{half.a.lambda, half.b, half.c, half.d};
    CHECK((derivative(to_dense(diagonal), both, x).head(n) - derivative(diagonal, h, x)).norm() < bound);
    CHECK(std::abs(output(all_modes(diagonal), both, x)(0) - output(diagonal, h, x)(0)) < bound);
    static_assert(std::is_same_v<decltype(output(diagonal, h, x))::Scalar, double>);
  }
}

TEST_CASE("continuous: in float, the derivative and the outputs are within the bounds of their cards") {
  test::random rng(3);
  auto const wide = [](auto const& m) { return m.template cast<double>().eval(); };
  for (Eigen::Index const n : {1, 2, 5, 16, 16}) {
    for (Eigen::Index const m : {1, 3}) {
      dense_system<float, dynamic, dynamic, dynamic> const s{
          filled<matrix<double>>(rng, n, n).cast<float>(), filled<matrix<double>>(rng, n, m).cast<float>(),
          filled<matrix<double>>(rng, 2, n).cast<float>(), filled<matrix<double>>(rng, 2, m).cast<float>()};
      dense_system<double, dynamic, dynamic, dynamic> const exact{wide(s.a), wide(s.b), wide(s.c), wide(s.d)};
      auto const h = filled<vector<double>>(rng, n, 1).cast<float>().eval();
      auto const x = filled<vector<double>>(rng, m, 1).cast<float>().eval();
      auto const bound = [&](auto const& of_h, auto const& of_x) {
        double const each = static_cast<double>(n + m + 2) * std::numeric_limits<float>::epsilon();
        return (each * (of_h.cwiseAbs() * wide(h).cwiseAbs() + of_x.cwiseAbs() * wide(x).cwiseAbs())).eval();
      };
      CHECK(test::share_of_bound(derivative(s, h, x), derivative(exact, wide(h), wide(x)), bound(exact.a, exact.b)) <=
            1);
      CHECK(test::share_of_bound(output(s, h, x), output(exact, wide(h), wide(x)), bound(exact.c, exact.d)) <= 1);
    }
  }
}

TEST_CASE("continuous: NaN stays with its mode") {
  diagonal_system<double, 2> const s{vector<double, 2>{-1, -2}, vector<double, 2>{1, 1}, matrix<double, 1, 2>{{1, 1}},
                                     matrix<double, 1>{{0}}};
  auto const d = derivative(s, vector<double, 2>{std::nan(""), 1}, vector<double, 1>{0.0});
  CHECK(std::isnan(d(0)));
  CHECK(d(1) == -2);
}

}  // namespace
