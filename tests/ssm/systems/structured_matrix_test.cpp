// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/systems/structured_matrix.hpp>
#include <support/largest.hpp>
#include <support/random_discrete.hpp>

#include <algorithm>
#include <complex>
#include <limits>

namespace {

using namespace mamba::ssm;
using mamba::dynamic;
using complex = std::complex<double>;
constexpr double eps = std::numeric_limits<double>::epsilon();

template <class M>
M drawn(test::random& rng, std::size_t rows, std::size_t columns = 1) {
  return test::random_matrix<M>(rng, rows, columns);
}

// Sums of at most 2 (N + R) products below 2, in two orders.
double allowed(double n) { return 16 * n * n * eps; }

TEST_CASE("structured_matrix: a product is that of the matrix written out, for one column and several") {
  test::random rng(1);
  for (std::size_t const n : {1U, 2U, 6U}) {
    diagonal_matrix<complex> const d{drawn<vector<complex>>(rng, n)};
    low_rank_matrix<complex, dynamic, 2> const l{d.lambda, drawn<matrix<complex, dynamic, 2>>(rng, n, 2),
                                                 drawn<matrix<complex, dynamic, 2>>(rng, n, 2)};
    auto const h = drawn<matrix<complex>>(rng, n, 3);
    double const bound = allowed(static_cast<double>(n + 2));
    CHECK((d * h - to_dense(d) * h).norm() <= bound);
    CHECK((l * h - to_dense(l) * h).norm() <= bound);
    CHECK((l * h.col(1) - to_dense(l) * h.col(1)).norm() <= bound);
    CHECK((h.transpose() * d - h.transpose() * to_dense(d)).norm() <= bound);
    CHECK((to_dense(d * d) - to_dense(d) * to_dense(d)).norm() <= bound);
    CHECK((to_dense(l) - to_dense(d) + l.p * l.q.adjoint()).norm() <= bound);
  }
}

TEST_CASE("structured_matrix: in float, products are within the bounds of their cards") {
  using narrow = std::complex<float>;
  test::random rng(3);
  double worst = 0;
  for (std::size_t const n : {1U, 2U, 5U, 16U, 16U, 16U}) {
    for (std::size_t const r : {1U, 3U}) {
      low_rank_matrix<narrow, dynamic, dynamic> const a{drawn<vector<narrow>>(rng, n), drawn<matrix<narrow>>(rng, n, r),
                                                        drawn<matrix<narrow>>(rng, n, r)};
      low_rank_matrix<complex, dynamic, dynamic> const wide{a.lambda.cast<complex>(), a.p.cast<complex>(),
                                                            a.q.cast<complex>()};
      auto const h = drawn<matrix<narrow>>(rng, n, 3);
      auto const wide_h = h.cast<complex>().eval();
      matrix<double> terms = wide.p.cwiseAbs() * wide.q.cwiseAbs().transpose();  // |Λ| + |P||Qᴴ|
      terms.diagonal() += wide.lambda.cwiseAbs();
      double const of_sum = static_cast<double>(n + r + 4) * std::numeric_limits<float>::epsilon();
      double const product = test::share_of_bound(a * h, wide * wide_h, (of_sum * terms * wide_h.cwiseAbs()).eval());
      CHECK(product <= 1);
      double const of_entry = static_cast<double>(r + 3) * std::numeric_limits<float>::epsilon();
      CHECK(test::share_of_bound(to_dense(a), to_dense(wide), (of_entry * terms).eval()) <= 1);
      diagonal_matrix<narrow> const d{a.lambda};
      diagonal_matrix<complex> const wide_d{wide.lambda};
      CHECK(test::float_epsilons(d * h, wide_d * wide_h) <= 3);
      CHECK(test::float_epsilons(h.transpose() * d, wide_h.transpose() * wide_d) <= 3);
      CHECK(test::float_epsilons((d * d).lambda, (wide_d * wide_d).lambda) <= 3);
      worst = std::max(worst, product);
    }
  }
  MESSAGE("at most ", worst, " of the bound");
}

TEST_CASE("structured_matrix: half of the modes is the stored half of all of them") {
  test::random rng(2);
  low_rank_matrix<complex, 3, 1, modes::half> const half{
      drawn<vector<complex, 3>>(rng, 3), drawn<vector<complex, 3>>(rng, 3), drawn<vector<complex, 3>>(rng, 3)};
  auto const all = all_modes(half);
  static_assert(kept_of<decltype(all)> == modes::all && states_of<decltype(half)> == 3);
  auto const h = drawn<vector<complex>>(rng, 3);
  vector<complex> both(6);
  both << h, h.conjugate();
  CHECK(((all * both).head(3) - half * h).norm() <= allowed(8));
  CHECK((to_dense(half) * both - all * both).norm() <= allowed(8));
  diagonal_matrix<complex, 3, modes::half> const modes_only = half.lambda;
  CHECK(all_modes(modes_only).lambda == all.lambda);
  CHECK(to_dense(modes_only).diagonal() == all.lambda);
}

TEST_CASE("structured_matrix: I of every kind, and what is a state matrix") {
  diagonal_matrix<double, 2> const d{vector<double, 2>{3, 4}};
  CHECK(identity_like(d).lambda == vector<double, 2>{1, 1});
  CHECK(identity_like(matrix<double>(to_dense(d))) == matrix<double>::Identity(2, 2));
  CHECK(identity_like(7.0) == 1);
  CHECK(d(1) == 4);
  CHECK(d[0] == 3);
  CHECK(d * d == diagonal_matrix<double, 2>{vector<double, 2>{9, 16}});
  static_assert(dense_matrix<matrix<double>> && !dense_matrix<double> && !dense_matrix<diagonal_matrix<double>>);
  static_assert(diagonal<diagonal_matrix<double>> && !diagonal<matrix<double>> && low_rank<low_rank_matrix<double>>);
  static_assert(state_matrix<matrix<double>> && state_matrix<low_rank_matrix<double>> && !state_matrix<double>);
  static_assert(states_of<matrix<double, 4>> == 4 && states_of<matrix<double>> == dynamic);
}

}  // namespace
