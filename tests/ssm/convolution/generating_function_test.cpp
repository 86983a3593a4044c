// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/convolution/generating_function.hpp>
#include <mamba/ssm/convolution/krylov_kernel.hpp>
#include <support/kernel_systems.hpp>
#include <support/largest.hpp>

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>

namespace {

namespace ssm = mamba::ssm;
using ssm::modes;
using complex = std::complex<double>;
constexpr double eps = std::numeric_limits<double>::epsilon();

complex root(std::size_t k, std::size_t L) {
  return std::polar(1.0, -2 * 3.141592653589793 * static_cast<double>(k) / static_cast<double>(L));
}

// ‖Ā‖_∞ ≤ 0.95 by construction, so that ‖(I − Āz)⁻¹‖_∞ ≤ 20 on the circle, its condition number is at most 39, and a
// solution by LU is within 3 N · 39 · N ε (Higham, Theorem 9.5, growth factor 1 to a small factor) of what C, of N
// entries below 1, reads; the sum on the other side has Σ|K_k| ≤ N · 20 in L roundings.
TEST_CASE("generating_function: the sum of L powers is one inverse, at every L-th root of unity") {
  test::random rng(1);
  double worst = 0;
  for (std::size_t const N : {1U, 2U, 7U, 24U}) {
    for (std::size_t const L : {1U, 2U, 3U, 16U, 63U}) {
      auto const s = test::random_discrete_dense<double>(rng, N, 2, 2);
      auto const K = ssm::krylov_kernel(s, L);
      auto const closed = ssm::absorb_power(s, L);
      auto const n = static_cast<double>(N);
      double const allowed = (20 * n * 3 * n * 39 * n + 2.3 * static_cast<double>(L) * 20 * n) * eps;
      for (std::size_t k = 0; k < L; ++k) {
        auto const sum = ssm::truncated_generating_function(K, root(k, L));
        auto const value = ssm::generating_function(closed, root(k, L));
        double const off = test::largest(ssm::kernel_row(value) - sum);
        worst = std::max(worst, off / allowed);
        CHECK(off <= allowed);
      }
    }
  }
  MESSAGE("at most ", worst, " of the bound");
}

// Away from the roots the closed form with C is the whole series; what is cut off after 2000 terms of at most 0.9^k
// inside |z| = 0.9 is nothing.
TEST_CASE("generating_function: the whole series, inside the circle") {
  test::random rng(2);
  auto const s = test::random_discrete_dense<double, 1, 1>(rng, 5, 1, 1);
  auto const K = ssm::krylov_kernel(s, 2000);
  for (double const angle : {0.0, 0.4, 2.0, 3.1}) {
    complex const z = std::polar(0.9, angle);
    CHECK(std::abs(ssm::generating_function(s, z)(0, 0) - ssm::truncated_generating_function(K, z)(0)) <= 1e-12);
  }
}

TEST_CASE("generating_function: a polynomial by hand") {
  ssm::sequence<double> K(3);
  K << 2, -1, 4;
  CHECK(ssm::truncated_generating_function(K, complex(0, 2))(0) == complex(-14, -2));  // 2 − 2i + 4·(−4)
  CHECK(ssm::truncated_generating_function(K.head(0).eval(), complex(0, 2))(0) == complex(0));
}

TEST_CASE("generating_function: the polynomial in float, within the bound of its card") {
  test::random rng(5);
  for (Eigen::Index const L : {1, 2, 10, 100}) {
    ssm::matrix<float> K(L, 2);
    for (Eigen::Index i = 0; i < K.size(); ++i) K(i) = static_cast<float>(rng.uniform(-1, 1));
    for (std::complex<float> const z : {std::complex<float>(0.6F, 0.8F), {-1, 0}, {0.3F, -0.2F}, {0, 1.125F}}) {
      auto const exact = ssm::truncated_generating_function(K.cast<double>().eval(), complex(z));
      ssm::matrix<double> bound = ssm::matrix<double>::Zero(1, 2);
      for (Eigen::Index k = L; k-- > 0;)
        bound = (bound * std::abs(complex(z)) + K.row(k).cast<double>().cwiseAbs()).eval();
      bound *= 2.3 * static_cast<double>(L) * std::numeric_limits<float>::epsilon();
      CHECK(test::share_of_bound(ssm::truncated_generating_function(K, z), exact, bound) <= 1);
    }
  }
}

TEST_CASE("generating_function: powers by squaring") {
  ssm::matrix<double, 2> const fibonacci{{1, 1}, {1, 0}};
  auto const p = ssm::matrix_power(fibonacci, 70);
  CHECK(p(0, 1) == 190392490709135.0);  // the 70th Fibonacci number, exact in double
  CHECK(p(0, 0) == 308061521170129.0);
  CHECK(ssm::matrix_power(fibonacci, 0) == ssm::matrix<double, 2>::Identity());
  CHECK(ssm::matrix_power(fibonacci, 1) == fibonacci);
  ssm::diagonal_matrix<double, 3> const d(ssm::vector<double, 3>{2, -3, 0.5});
  CHECK(ssm::matrix_power(d, 5).lambda == ssm::vector<double, 3>{32, -243, 0.03125});
  CHECK(ssm::matrix_power(d, 0).lambda == ssm::vector<double, 3>::Ones());
  ssm::matrix<double, 1> const one{{3}};
  CHECK(ssm::matrix_power(one, 4)(0) == 81);
}

// C̃ → C divides by I − Ā^L, whose condition number the loop computes: what comes back is off by that many N L ε.
TEST_CASE("generating_function: from C to C~ and back, dense, diagonal and low rank, all modes and half") {
  test::random rng(3);
  double worst = 0;
  for (std::size_t const N : {1U, 4U, 16U}) {
    for (std::size_t const L : {1U, 2U, 5U, 64U, 1000U}) {
      double const n = static_cast<double>(2 * N) * static_cast<double>(L) * eps;
      auto const check = [&](auto const& s) {
        auto const dense = ssm::to_dense(s);
        using matrix = std::remove_cvref_t<decltype(dense.a_bar)>;
        matrix const left =
            matrix::Identity(dense.a_bar.rows(), dense.a_bar.rows()) - ssm::matrix_power(dense.a_bar, L);
        double const condition = left.norm() * left.inverse().norm();
        auto const back = ssm::recover_c(ssm::absorb_power(s, L), L);
        double const off = (back.c - s.c).norm() / s.c.norm();
        worst = std::max(worst, off / (n * condition));
        CHECK(off <= n * condition);
        if (L <= 5) CHECK((ssm::absorb_power(s, L).c - s.c).norm() > 1e-3 * s.c.norm());  // C̃ is not C
      };
      check(test::random_discrete_diagonal<modes::all>(rng, N, 1, 2));
      check(test::random_discrete_diagonal<modes::half>(rng, N, 1, 2));
      check(test::random_discrete_dplr<modes::all>(rng, N, 2, 1, 2));
      check(test::random_discrete_dplr<modes::half>(rng, N, 1, 1, 2));
      auto const dense = test::random_discrete_dense<double>(rng, N, 1, 2);
      auto const again = ssm::recover_c(ssm::absorb_power(dense, L), L);
      CHECK((again.c - dense.c).norm() <= n * 400 * dense.c.norm());  // ‖Ā‖ ≤ 0.95: condition at most 39 in any norm √N
    }
  }
  MESSAGE("at most ", worst, " of the bound");
}

// The kernel is C's; the closed form needs C̃. Without the change it is another kernel.
TEST_CASE("generating_function: C~ in place of C is another kernel") {
  test::random rng(4);
  auto const s = test::random_discrete_dplr<modes::half>(rng, 4, 1, 1, 1);
  constexpr std::size_t L = 8;
  auto const K = ssm::krylov_kernel(s, L);
  auto const forgotten = ssm::to_dense(s);
  auto const done = ssm::to_dense(ssm::absorb_power(s, L));
  double wrong = 0;
  for (std::size_t k = 0; k < L; ++k) {
    auto const sum = ssm::truncated_generating_function(K, root(k, L))(0);
    CHECK(std::abs(ssm::generating_function(done, root(k, L))(0, 0) - sum) <= 1e-12);
    wrong = std::max(wrong, std::abs(ssm::generating_function(forgotten, root(k, L))(0, 0) - sum));
  }
  CHECK(wrong > 0.1);
}

TEST_CASE("generating_function: L = 0, static sizes, NaN, float") {
  ssm::discrete_dense<double, 2> const s{ssm::matrix<double, 2>{{0.5, 0.25}, {0, 0.5}}, ssm::vector<double, 2>{0, 1},
                                         ssm::matrix<double, 1, 2>{{1, 0}}, ssm::matrix<double, 1>{{0}}};
  CHECK(ssm::absorb_power(s, 0).c.norm() == 0);  // I − Ā⁰ = 0: a kernel without terms
  CHECK(ssm::absorb_power(s, 1).c == ssm::matrix<double, 1, 2>{{0.5, -0.25}});
  CHECK(std::abs(ssm::generating_function(s, 1.0)(0, 0) - 1.0) <= 8 * eps);  // Σ k/4 · 2^{1−k} = 1
  auto spoilt = s;
  spoilt.a_bar(1, 1) = std::numeric_limits<double>::quiet_NaN();
  CHECK(std::isnan(ssm::absorb_power(spoilt, 3).c(1)));
  CHECK(std::isnan(std::abs(ssm::generating_function(spoilt, 1.0)(0, 0))));
  ssm::discrete_dense<float, 2> const narrow{s.a_bar.cast<float>(), s.b_bar.cast<float>(), s.c.cast<float>(),
                                             s.d.cast<float>()};
  CHECK(std::abs(ssm::generating_function(narrow, 1.0F)(0, 0) - 1.0F) <= 8 * 1.2e-7F);
}

}  // namespace
