// SPDX-License-Identifier: MIT
// tests/support/random_system.hpp — continuous systems with random entries, of every structure.
#pragma once

#include <mamba/ssm/systems/continuous.hpp>
#include <support/random.hpp>

#include <cmath>

namespace test {

/// r × c independent normal entries; of a complex matrix both parts are.
template <class T>
[[nodiscard]] mamba::ssm::matrix<T> random_matrix(random& rng, Eigen::Index r, Eigen::Index c) {
  mamba::ssm::matrix<T> m(r, c);
  for (Eigen::Index i = 0; i < m.size(); ++i) {
    if constexpr (mamba::ssm::is_complex<T>) {
      auto const re = rng.normal();
      m(i) = T(re, rng.normal());
    } else {
      m(i) = static_cast<T>(rng.normal());
    }
  }
  return m;
}

/// A with the real parts of its eigenvalues at most −margin, and not normal: skew, minus a positive definite part, in
/// coordinates that a random shear has bent.
[[nodiscard]] inline mamba::ssm::matrix<double> random_stable(random& rng, Eigen::Index n, double margin) {
  auto const skew = random_matrix<double>(rng, n, n), root = random_matrix<double>(rng, n, n);
  mamba::ssm::matrix<double> a = (skew - skew.transpose()) / 2 - root * root.transpose() / static_cast<double>(n);
  a.diagonal().array() -= margin;
  for (Eigen::Index i = 0; i + 1 < n; ++i) {  // elementary shears: exact inverses, the eigenvalues stay
    double const by = rng.uniform(-1, 1);
    a.row(i + 1) += by * a.row(i);
    a.col(i) -= by * a.col(i + 1);
  }
  return a;
}

/// N states, M inputs, one output, A stable.
template <std::size_t M = mamba::dynamic>
[[nodiscard]] mamba::ssm::dense_system<double, mamba::dynamic, M> random_dense(random& rng, Eigen::Index n,
                                                                               Eigen::Index m, double margin = 0.05) {
  return {random_stable(rng, n, margin), random_matrix<double>(rng, n, m), random_matrix<double>(rng, 1, n),
          random_matrix<double>(rng, 1, m)};
}

/// Modes in the open left half-plane.
template <mamba::ssm::modes K = mamba::ssm::modes::all>
[[nodiscard]] mamba::ssm::diagonal_system<std::complex<double>, mamba::dynamic, mamba::dynamic, 1, K> random_diagonal(
    random& rng, Eigen::Index n, Eigen::Index m) {
  using complex = std::complex<double>;
  mamba::ssm::vector<complex> a(n);
  for (auto& mode : a) {
    double const decay = std::exp(rng.uniform(-5, 2));
    mode = complex(-decay, rng.uniform(-8, 8));
  }
  return {a, random_matrix<complex>(rng, n, m), random_matrix<complex>(rng, 1, n), random_matrix<double>(rng, 1, m)};
}

/// Λ − P Qᴴ with Q = P, whose eigenvalues stay in the left half-plane because P Pᴴ is positive.
template <mamba::ssm::modes K = mamba::ssm::modes::all>
[[nodiscard]] mamba::ssm::dplr_system<std::complex<double>, mamba::dynamic, mamba::dynamic, mamba::dynamic, 1, K>
random_dplr(random& rng, Eigen::Index n, Eigen::Index r, Eigen::Index m) {
  using complex = std::complex<double>;
  auto const d = random_diagonal<K>(rng, n, m);
  auto const p = random_matrix<complex>(rng, n, r);
  return {{d.a.lambda, p, p}, d.b, d.c, d.d};
}

}  // namespace test
