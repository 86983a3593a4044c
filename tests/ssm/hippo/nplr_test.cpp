// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/convolution/krylov_kernel.hpp>
#include <mamba/ssm/discretize/discretize.hpp>
#include <mamba/ssm/hippo/laguerre.hpp>
#include <mamba/ssm/hippo/low_rank.hpp>
#include <mamba/ssm/hippo/nplr.hpp>
#include <support/largest.hpp>
#include <support/near.hpp>
#include <support/random.hpp>

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>

namespace {

namespace ssm = mamba::ssm;
using mamba::dynamic;
using ssm::modes;
using complex = std::complex<double>;
constexpr double eps = std::numeric_limits<double>::epsilon();
constexpr double pi = 3.141592653589793;

/// f(name, (A, B), P, a) for every measure of that size; those with two columns as well. P's rank is not in its type,
/// so that f is compiled once.
template <class F>
void for_each_measure(std::size_t n, F&& f) {
  auto const any_rank = [](auto const& p) -> ssm::matrix<double> { return p; };
  f("legs", ssm::hippo_legs<double>(n), any_rank(ssm::low_rank_legs<double>(n)), -0.5);
  f("legt", ssm::hippo_legt<double>(n), any_rank(ssm::low_rank_legt<double>(n)), 0.0);
  f("legt_window_2", ssm::hippo_legt_window_2<double>(n), any_rank(ssm::low_rank_legt_window_2<double>(n)), 0.0);
  f("lagt", ssm::hippo_lagt<double>(n), any_rank(ssm::low_rank_lagt<double>(n)), 0.0);
  f("glagt", ssm::hippo_glagt<double>(n, 0.0, 0.01), any_rank(ssm::low_rank_lagt<double>(n)), -0.005);
  f("fourier", ssm::hippo_fourier<double>(n), any_rank(ssm::low_rank_fourier<double>(n)), 0.0);
  f("fourier_decay", ssm::hippo_fourier_decay<double>(n), any_rank(ssm::low_rank_fourier_decay<double>(n)), 0.0);
  f("fourier2", ssm::hippo_fourier2<double>(n), any_rank(ssm::low_rank_fourier2<double>(n)), 0.0);
  f("fourier_diagonal", ssm::hippo_fourier_diagonal<double>(n), any_rank(ssm::low_rank_none<double>(n)), -0.5);
  f("legs_normal", ssm::hippo_legs_normal<double>(n), any_rank(ssm::low_rank_none<double>(n)), -0.5);
}

// A Hermitian eigenvalue solver is backward stable: each column of V is a product of N reflections and some 2 N
// rotations, each off by a few ε, so that V is off by c N ε in each of N columns, c N √N ε in all, and so is what it
// multiplies.
double rounding(std::size_t n) { return 2 * (2 + static_cast<double>(n) * std::sqrt(static_cast<double>(n))) * eps; }

TEST_CASE("nplr: A = V (L - P P^H) V^H and B = V b, with V unitary, for every measure") {
  double worst = 0, unitary = 0;
  for (std::size_t const n : {1U, 2U, 3U, 8U, 31U, 64U}) {
    for_each_measure(n, [&](char const* name, auto const& s, auto const& p, double a) {
      CAPTURE(name);
      CAPTURE(n);
      auto const f = ssm::nplr(s, p);
      double const allowed = rounding(n);
      ssm::matrix<complex> const lambda = f.lambda.asDiagonal();
      ssm::matrix<complex> const back = f.v * (lambda - f.p * f.p.adjoint()) * f.v.adjoint();
      auto const size = s.a.norm() + p.squaredNorm();
      worst = std::max(worst, (back - s.a).norm() / size / eps);
      CHECK((back - s.a).norm() <= allowed * size);
      ssm::matrix<complex> const gram = f.v.adjoint() * f.v;
      unitary = std::max(unitary, (gram - ssm::matrix<complex>::Identity(gram.rows(), gram.rows())).norm() / eps);
      CHECK((gram - ssm::matrix<complex>::Identity(gram.rows(), gram.rows())).norm() <= allowed);
      CHECK((f.v * f.b - s.b).norm() <= allowed * s.b.norm());
      for (auto const& l : f.lambda) CHECK(test::near(l.real(), a, static_cast<double>(4 * n * n)));  // a mean
      auto const again = ssm::to_transition(f);
      CHECK((again.a - s.a).norm() <= allowed * size);
      CHECK((again.b - s.b).norm() <= allowed * s.b.norm());
    });
  }
  MESSAGE("A at most ", worst, " eps off, V ", unitary);
}

TEST_CASE("nplr: half of the modes, twice their real part, for every measure") {
  for (std::size_t const n : {2U, 4U, 32U, 64U}) {
    for_each_measure(n, [&](char const* name, auto const& s, auto const& p, double) {
      CAPTURE(name);
      CAPTURE(n);
      auto const half = ssm::nplr<modes::half>(s, p);
      auto const all = ssm::nplr(s, p);
      auto const k = half.lambda.size();
      REQUIRE(2 * k == all.lambda.size());
      CHECK(half.lambda == all.lambda.head(k));
      CHECK(half.lambda.conjugate() == all.lambda.tail(k));
      CHECK(half.v == all.v.leftCols(k));
      CHECK(half.v.conjugate() == all.v.rightCols(k));
      auto const again = ssm::to_transition(half);
      double const allowed = rounding(n);
      CHECK((again.a - s.a).norm() <= allowed * (s.a.norm() + p.squaredNorm()));
      CHECK((again.b - s.b).norm() <= allowed * s.b.norm());
      for (Eigen::Index i = 0; i < k; ++i) {
        CHECK(half.lambda(i).imag() >= 0);
        if (i > 0) CHECK(half.lambda(i).imag() >= half.lambda(i - 1).imag());
      }
    });
  }
}

// −½ ± i √3/2 for LegS with two states; Fourier's frequencies are its definition.
TEST_CASE("nplr: modes that are known") {
  auto const two = ssm::nplr<modes::half>(ssm::hippo_legs<double, 2>(), ssm::low_rank_legs<double, 2>());
  static_assert(decltype(two.lambda)::RowsAtCompileTime == 1);
  CHECK(std::abs(two.lambda(0) - complex(-0.5, std::sqrt(0.75))) <= 4 * eps);
  auto const fourier = ssm::nplr<modes::half>(ssm::hippo_fourier<double>(16), ssm::low_rank_fourier<double>(16));
  for (Eigen::Index k = 0; k < 8; ++k) {
    CHECK(std::abs(fourier.lambda(k) - complex(0, pi * static_cast<double>(k))) <= 64 * pi * 8 * eps);
  }
  auto const diagonal = ssm::nplr<modes::half>(ssm::hippo_fourier_diagonal<double>(16), ssm::low_rank_none<double>(16));
  for (Eigen::Index k = 0; k < 8; ++k) {
    CHECK(std::abs(diagonal.lambda(k) - complex(-0.5, 2 * pi * static_cast<double>(k))) <= 128 * pi * 8 * eps);
  }
}

TEST_CASE("nplr: phases do not depend on the eigenvalue solver") {
  for (std::size_t const n : {2U, 16U, 64U}) {
    auto const legs = ssm::nplr<modes::half>(ssm::hippo_legs<double>(n), ssm::low_rank_legs<double>(n));
    auto const legt = ssm::nplr<modes::half>(ssm::hippo_legt<double>(n), ssm::low_rank_legt<double>(n));
    for (Eigen::Index k = 0; k < legs.lambda.size(); ++k) {
      CHECK(legs.v(0, k).imag() == 0);
      CHECK(legs.v(0, k).real() > 0);
      CHECK(legt.v(0, k).imag() == 0);
      CHECK(legt.v(0, k).real() > 0);
    }
  }
  // The constant and the sine that is not there: w = 0 twice, whose vectors are (e₀ ∓ i e₁)/√2.
  auto const fourier = ssm::nplr(ssm::hippo_fourier<double>(8), ssm::low_rank_fourier<double>(8));
  CHECK(fourier.lambda(0) == complex(0));
  CHECK(fourier.lambda(4) == complex(0));
  CHECK(std::abs(fourier.v(0, 0) - std::sqrt(0.5)) <= 4 * eps);
  CHECK(std::abs(fourier.v(1, 0) - complex(0, -std::sqrt(0.5))) <= 4 * eps);
  CHECK(fourier.v.col(0).tail(6).norm() <= 8 * eps);
}

TEST_CASE("nplr: no states, no modes") {
  CHECK(ssm::nplr(ssm::hippo_legs<double>(0), ssm::low_rank_legs<double>(0)).lambda.size() == 0);
  CHECK(ssm::nplr<modes::half>(ssm::hippo_legs<double>(0), ssm::low_rank_legs<double>(0)).v.size() == 0);
}

// A zero eigenvalue of higher multiplicity: no skew part at all, of even and odd size.
TEST_CASE("nplr: K = 0") {
  for (Eigen::Index const n : {1, 2, 5, 6}) {
    ssm::transition<double> const s{-2.0 * ssm::matrix<double>::Identity(n, n), ssm::vector<double>::Ones(n)};
    auto const f = ssm::nplr(s, ssm::vector<double>::Zero(n).eval());
    CHECK((f.v.adjoint() * f.v - ssm::matrix<complex>::Identity(n, n)).norm() <= 8 * 6 * eps);
    CHECK((f.lambda.array() + 2.0).abs().maxCoeff() <= 4 * eps);
    CHECK((ssm::to_transition(f).b - s.b).norm() <= 8 * 6 * eps);
  }
}

// A kernel is of the system, not of its coordinates. Both are stepped L times in different coordinates; neither grows
// (A + Aᵀ ≤ 0), so that after k steps they are within c N k ε ‖C‖ ‖B̄‖, with c of about 8 for Ā's own errors.
TEST_CASE("nplr: the same kernel as the dense system, rank 1 and 2, half and all") {
  test::random rng(1);
  double worst = 0;
  for (std::size_t const n : {2U, 8U, 32U}) {
    for_each_measure(n, [&](char const* name, auto const& s, auto const& p, double) {
      CAPTURE(name);
      CAPTURE(n);
      ssm::matrix<double, 1, dynamic> c(1, ssm::index(n));
      for (auto& v : c.reshaped()) v = rng.uniform(-1, 1);
      ssm::dense_system<double> const dense{s.a, s.b, c, ssm::matrix<double, 1>::Zero()};
      auto const expected = ssm::krylov_kernel(ssm::bilinear(0.01, dense), 64);
      auto const half = ssm::krylov_kernel(ssm::bilinear(0.01, ssm::to_dplr(s, p, c)), 64);
      auto const all = ssm::krylov_kernel(ssm::bilinear(0.01, ssm::to_dplr<modes::all>(s, p, c)), 64);
      double const scale = c.norm() * 0.01 * s.b.norm() * 8 * static_cast<double>(n) * 66 * eps;
      worst = std::max(worst, test::largest(half - expected) / scale);
      CHECK(test::largest(half - expected) <= scale);
      CHECK(test::largest(all.real() - expected) <= scale);
      CHECK(test::largest(all.imag()) <= scale);
    });
  }
  MESSAGE("at most ", worst, " of the bound");
}

TEST_CASE("nplr: clipping is another system") {
  auto const f = ssm::nplr<modes::half>(ssm::hippo_legs<double>(64), ssm::low_rank_legs<double>(64));
  auto const clipped = ssm::clip_imaginary(f);
  CHECK((f.b.imag().array().abs() > 2).count() == 11);
  CHECK(test::near(test::largest(f.b.imag()), 40.75, 1e-4 / eps));  // four digits, as in the header
  CHECK(test::largest(clipped.b.imag()) == 2);
  CHECK(clipped.b.real() == f.b.real());
  CHECK(clipped.p == f.p);
  CHECK(ssm::clip_imaginary(f, 41.0).b == f.b);
}

TEST_CASE("nplr: float is double's result, rounded; static and dynamic sizes") {
  auto const single = ssm::nplr<modes::half>(ssm::hippo_legt<float>(16), ssm::low_rank_legt<float>(16));
  auto const exact = ssm::nplr<modes::half>(ssm::hippo_legt<double>(16), ssm::low_rank_legt<double>(16));
  static_assert(std::is_same_v<decltype(single.lambda)::Scalar, std::complex<float>>);
  // A of float is off by an ε_float in each entry; eigenvalues of a normal matrix move by its norm at most.
  double const moved = 3 * 1.2e-7 * ssm::hippo_legt<double>(16).a.norm();
  CHECK(test::largest(single.lambda.cast<complex>() - exact.lambda) <= moved);
  auto const fixed = ssm::nplr(ssm::hippo_legs<double, 6>(), ssm::low_rank_legs<double, 6>());
  auto const any = ssm::nplr(ssm::hippo_legs<double>(6), ssm::low_rank_legs<double>(6));
  CHECK(fixed.lambda == any.lambda);
  CHECK(fixed.p == any.p);
  auto const wide = ssm::nplr(ssm::hippo_legs<long double>(6), ssm::low_rank_legs<long double>(6));
  CHECK(test::largest(wide.lambda.cast<complex>() - any.lambda) <= 8 * 6 * eps * 10);
}

TEST_CASE("nplr: what has no such form is refused, NaN is not") {
  auto s = ssm::hippo_legs<double>(5);
  CHECK_THROWS_AS(static_cast<void>(ssm::nplr<modes::half>(s, ssm::low_rank_legs<double>(5))),
                  mamba::contract_violation);
  CHECK_THROWS_AS(static_cast<void>(ssm::nplr(s, ssm::low_rank_lagt<double>(5))), mamba::contract_violation);
  CHECK_THROWS_AS(static_cast<void>(ssm::nplr(s, ssm::low_rank_legs<double>(4))), mamba::contract_violation);
  s.a(2, 1) = std::numeric_limits<double>::quiet_NaN();
  CHECK(ssm::nplr(s, ssm::low_rank_legs<double>(5)).lambda.hasNaN());
}

}  // namespace
