// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/convolution/krylov_kernel.hpp>
#include <support/kernel_systems.hpp>
#include <support/largest.hpp>
#include <support/near.hpp>

#include <cmath>
#include <complex>
#include <limits>

namespace {

namespace ssm = mamba::ssm;
using mamba::dynamic;
using ssm::modes;
using complex = std::complex<double>;

// Ā doubles one state and halves the other; both are read with their sign. K_k = 3·2^k − 4·2^{−k}, exactly.
TEST_CASE("krylov_kernel: two states by hand") {
  ssm::discrete_dense<double, 2> const s{ssm::matrix<double, 2>{{2, 0}, {0, 0.5}}, ssm::vector<double, 2>{3, 4},
                                         ssm::matrix<double, 1, 2>{{1, -1}}, ssm::matrix<double, 1>{{1000}}};
  auto const K = ssm::krylov_kernel(s, 9);
  REQUIRE(K.size() == 9);
  for (int k = 0; k < 9; ++k) CHECK(K(k) == 3 * std::ldexp(1, k) - 4 * std::ldexp(1, -k));  // and D is not in it
}

// The definition, by matrix powers. ‖Ā‖ < 1, so that every product of N terms rounds to N ε at most, k + 2 of them in a
// row, |B| and |C| at most 1 each: (k + 2)(N + 3) ε N bounds the sum of both sides' errors generously.
TEST_CASE("krylov_kernel: C A^k B by powers, several inputs and outputs") {
  test::random rng(1);
  double worst = 0;
  for (std::size_t const N : {1U, 2U, 5U, 16U}) {
    auto const s = test::random_discrete_dense<double>(rng, N, 3, 2);
    auto const K = ssm::krylov_kernel(s, 20);
    REQUIRE(K.cols() == 6);
    ssm::matrix<double> power = ssm::matrix<double>::Identity(s.a_bar.rows(), s.a_bar.rows());
    for (Eigen::Index k = 0; k < 20; ++k) {
      ssm::matrix<double> const K_k = s.c * power * s.b_bar;
      double const n = static_cast<double>(N), allowed = static_cast<double>(k + 2) * (n + 3) * n;
      for (Eigen::Index p = 0; p < 2; ++p) {
        for (Eigen::Index m = 0; m < 3; ++m) {
          auto const seen = test::near(K(k, p * 3 + m), K_k(p, m), allowed);
          worst = std::max(worst, seen.distance_in_epsilon);
          CHECK(seen);
        }
      }
      power = (s.a_bar * power).eval();
    }
  }
  MESSAGE("at most ", worst, " eps off");
}

// What the word kernel means: a 1 that goes in at step 0 comes out as K.
TEST_CASE("krylov_kernel: the impulse response, by advance() and output()") {
  test::random rng(2);
  auto const s = test::random_discrete_dplr<modes::half>(rng, 6, 2, 1, 1);
  auto const K = ssm::krylov_kernel(s, 40);
  ssm::vector<complex> h = ssm::vector<complex>::Zero(6);
  for (Eigen::Index k = 0; k < 40; ++k) {
    ssm::vector<double> const x = ssm::vector<double>::Constant(1, k == 0 ? 1 : 0);
    h = ssm::advance(s, h) + s.b_bar * x;
    CHECK(test::near(K(k), ssm::output(s, h, x)(0) - s.d(0, 0) * x(0), 8));
  }
}

// Half the modes and all of them, diagonal and dense, are one system. 2N modes below 1 in size, entries below 1: each
// kernel is a sum of 2N(2N + 2R) products, k + 2 deep.
TEST_CASE("krylov_kernel: every form of the same system has the same kernel") {
  test::random rng(3);
  for (std::size_t const N : {1U, 4U, 9U}) {
    double const n = static_cast<double>(2 * N);
    auto const half = test::random_discrete_dplr<modes::half>(rng, N, 2, 2, 3);
    auto const all = ssm::all_modes(half);
    auto const K = ssm::krylov_kernel(half, 30);
    auto const K_all = ssm::krylov_kernel(all, 30);
    auto const K_dense = ssm::krylov_kernel(ssm::to_dense(all), 30);
    static_assert(std::is_same_v<decltype(K)::Scalar, double> && std::is_same_v<decltype(K_all)::Scalar, complex>);
    for (Eigen::Index k = 0; k < K.rows(); ++k) {
      for (Eigen::Index i = 0; i < 6; ++i) {
        double const allowed = static_cast<double>(k + 2) * n * (n + 4);
        CHECK(test::near(K(k, i), K_all(k, i).real(), allowed));
        CHECK(test::near(K_all(k, i).imag(), 0.0, allowed));
        CHECK(test::near(K_all(k, i).real(), K_dense(k, i).real(), allowed));
      }
    }
    auto const diagonal = test::random_discrete_diagonal<modes::all>(rng, N, 1, 1);
    auto const K1 = ssm::krylov_kernel(diagonal, 30), K2 = ssm::krylov_kernel(ssm::to_dense(diagonal), 30);
    CHECK(test::largest(K1 - K2) <= 32 * n * 2.3e-16 * n);
  }
}

// h_k = Ā h_{k−1} + B̄ x_k + B̄₋ x_{k−1}, stepped by hand.
TEST_CASE("krylov_kernel: a step of two inputs") {
  test::random rng(4);
  ssm::two_point<ssm::discrete_dense<double>> s{test::random_discrete_dense<double, 1, 1>(rng, 3, 1, 1), {}};
  s.b_bar_before = test::random_entries<double>(rng, 3, 1);
  auto const K = ssm::krylov_kernel(s, 12);
  ssm::vector<double> h = ssm::vector<double>::Zero(3);
  for (Eigen::Index k = 0; k < 12; ++k) {
    h = ssm::advance(s, h) + s.b_bar * (k == 0) + s.b_bar_before * (k == 1);
    CHECK(test::near(K(k), (s.c * h)(0), 40));
  }
}

TEST_CASE("krylov_kernel: no length, length 1, one state, static sizes, float") {
  ssm::discrete_diagonal<complex, 1, 1, 1, modes::half> const one{
      ssm::vector<complex, 1>{complex(0, 1)}, ssm::vector<complex, 1>{complex(1, 2)},
      ssm::matrix<complex, 1>{{complex(3, -1)}}, ssm::matrix<double, 1>{{7}}};
  CHECK(ssm::krylov_kernel(one, 0).size() == 0);
  auto const K = ssm::krylov_kernel(one, 3);  // (1 + 2i)(3 − i) = 5 + 5i, turned by a quarter at every step
  CHECK(ssm::krylov_kernel(one, 1)(0) == 10);
  CHECK(K(0) == 10);
  CHECK(K(1) == -10);
  CHECK(K(2) == -10);

  test::random rng(5);
  auto const any = test::random_discrete_dense<double>(rng, 4, 2, 2);
  ssm::discrete_dense<double, 4, 2, 2> const fixed{any.a_bar, any.b_bar, any.c, any.d};
  auto const K1 = ssm::krylov_kernel(any, 11);
  auto const K2 = ssm::krylov_kernel(fixed, 11);
  static_assert(decltype(K2)::ColsAtCompileTime == 4);
  CHECK(test::largest(K1 - K2) <= 64 * 2.3e-16);

  ssm::discrete_dense<float> const narrow{any.a_bar.cast<float>(), any.b_bar.cast<float>().col(0),
                                          any.c.cast<float>().row(0), any.d.cast<float>().topLeftCorner(1, 1)};
  CHECK(test::largest(ssm::krylov_kernel(narrow, 11).cast<double>() - K1.col(0)) <= 13 * 8 * 4 * 6e-8);
}

TEST_CASE("krylov_kernel: NaN in, NaN out; NaN in D stays out") {
  test::random rng(6);
  auto s = test::random_discrete_diagonal<modes::half>(rng, 3, 1, 1);
  s.d(0, 0) = std::numeric_limits<double>::quiet_NaN();
  CHECK(ssm::krylov_kernel(s, 5).allFinite());
  s.a_bar(1) = complex(std::numeric_limits<double>::quiet_NaN());
  auto const K = ssm::krylov_kernel(s, 5);
  CHECK(std::isfinite(K(0)));
  for (Eigen::Index k = 1; k < 5; ++k) CHECK(std::isnan(K(k)));
}

TEST_CASE("krylov_kernel: C of another size is refused") {
  ssm::discrete_dense<double> s{ssm::matrix<double>::Zero(3, 3), ssm::vector<double>::Zero(3),
                                ssm::matrix<double, 1, dynamic>::Zero(1, 2), ssm::matrix<double, 1>::Zero(1, 1)};
  CHECK_THROWS_AS(static_cast<void>(ssm::krylov_kernel(s, 4)), mamba::contract_violation);
}

}  // namespace
