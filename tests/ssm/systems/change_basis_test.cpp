// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/systems/change_basis.hpp>
#include <mamba/ssm/systems/discrete.hpp>
#include <support/random.hpp>

#include <complex>
#include <limits>

namespace {

using namespace mamba::ssm;
using complex = std::complex<double>;
constexpr double eps = std::numeric_limits<double>::epsilon();

transition<double, 2> const spring{matrix<double, 2>{{0, 1}, {-2, -3}}, vector<double, 2>{0, 1}};

TEST_CASE("change_basis: h = V g moves as g should") {
  matrix<double, 2> const v{{1, 2}, {-1, 1}};  // det 3
  auto const other = mamba::ssm::change_basis(spring, v);
  // Two solves with a matrix of condition number below 3, each entry a few products of numbers up to 3.
  CHECK((v * other.a - spring.a * v).norm() <= 64 * eps);
  CHECK((v * other.b - spring.b).norm() <= 64 * eps);
  auto const back = mamba::ssm::change_basis(other, v.inverse().eval());
  CHECK((back.a - spring.a).norm() <= 256 * eps);
  CHECK((back.b - spring.b).norm() <= 256 * eps);
}

TEST_CASE("change_basis: a complex basis makes a complex transition, here with the eigenvalues −1 and −2") {
  matrix<complex, 2> const v{{complex(0, 1), 1}, {complex(0, -1), -2}};  // the eigenvectors, one turned by i
  auto const modes = mamba::ssm::change_basis(spring, v);
  matrix<complex, 2> const expected{{-1, 0}, {0, -2}};
  CHECK((modes.a - expected).norm() <= 64 * eps);
}

TEST_CASE("change_basis: a complex transition in a real basis stays complex") {
  transition<complex, 2> const modes{matrix<complex, 2>{{complex(-1, 2), 0}, {0, complex(-1, -2)}},
                                     vector<complex, 2>{1, complex(0, 1)}};
  matrix<double, 2> const v{{1, 2}, {-1, 1}};
  auto const other = mamba::ssm::change_basis(modes, v);
  CHECK((v.cast<complex>() * other.a - modes.a * v.cast<complex>()).norm() <= 64 * eps);
  CHECK((v.cast<complex>() * other.b - modes.b).norm() <= 64 * eps);
}

TEST_CASE("change_basis: one state") {
  transition<double, 1> const leak{matrix<double, 1>(-2), vector<double, 1>(1)};
  auto const twice = mamba::ssm::change_basis(leak, matrix<double, 1>(4));
  CHECK(twice.a(0, 0) == -2);
  CHECK(twice.b(0) == 0.25);
}

TEST_CASE("change_basis: a mass on a spring, by hand") {
  dense_system<double, 2> const s{spring.a, spring.b, matrix<double, 1, 2>{{1, 0}}, matrix<double, 1>{{0.5}}};
  // In the eigenvectors (1, −1) and (1, −2) of A it is diagonal: −1 and −2.
  auto const g = change_basis(s, matrix<double, 2>{{1, 1}, {-1, -2}});
  CHECK((g.a - matrix<double, 2>{{-1, 0}, {0, -2}}).norm() < 16 * std::numeric_limits<double>::epsilon());
  CHECK(g.d == s.d);
}

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

/// Sums of k products of numbers below 1, formed in two orders: each within k ε of the exact sum of moduli, at most 2k.
double allowed(double k) { return 4 * k * k * std::numeric_limits<double>::epsilon(); }

TEST_CASE("change_basis: other coordinates, same map") {
  test::random rng(3);
  auto const s =
      dense_system<complex, 4, 2, 2>{filled<matrix<complex, 4>>(rng, 4, 4), filled<matrix<complex, 4, 2>>(rng, 4, 2),
                                     filled<matrix<complex, 2, 4>>(rng, 2, 4), filled<matrix<complex, 2>>(rng, 2, 2)};
  matrix<complex, 4> v = filled<matrix<complex, 4>>(rng, 4, 4);
  v.diagonal().array() += 4.0;  // diagonally dominant: condition number below 10
  auto const g = change_basis(s, v);
  auto const h = filled<vector<complex, 4>>(rng, 4, 1);
  auto const x = filled<vector<double, 2>>(rng, 2, 1);
  CHECK((derivative(s, v * h, x) - v * derivative(g, h, x)).norm() < 10 * allowed(8));
  CHECK((output(s, v * h, x) - output(g, h, x)).norm() < 10 * allowed(8));

  matrix<double, 4> const real = v.real();  // a real basis leaves a complex system complex
  auto const in_real = change_basis(s, real);
  CHECK((derivative(s, real * h, x) - real * derivative(in_real, h, x)).norm() < 10 * allowed(8));
  CHECK((output(s, real * h, x) - output(in_real, h, x)).norm() < 10 * allowed(8));
}

TEST_CASE("change_basis: a diagonal system, and one in discrete time") {
  test::random rng(4);
  diagonal_system<complex, 3> const s{filled<vector<complex, 3>>(rng, 3, 1), filled<vector<complex, 3>>(rng, 3, 1),
                                      filled<matrix<complex, 1, 3>>(rng, 1, 3), matrix<double, 1>{{0.5}}};
  matrix<complex, 3> v = filled<matrix<complex, 3>>(rng, 3, 3);
  v.diagonal().array() += 4.0;
  auto const g = change_basis(s, v);
  auto const h = filled<vector<complex, 3>>(rng, 3, 1);
  vector<double, 1> const x{0.3};
  CHECK((derivative(s, (v * h).eval(), x) - v * derivative(g, h, x)).norm() < 10 * allowed(8));
  discrete_diagonal<complex, 3> const stepped{s.a, s.b, s.c, s.d};
  CHECK((advance(stepped, (v * h).eval()) - v * advance(change_basis(stepped, v), h)).norm() < 10 * allowed(8));
}

}  // namespace
