// SPDX-License-Identifier: MIT
// tests/support/kernel_systems.hpp — seeded discrete systems whose kernels last: modes on and just within the circle.
#pragma once

#include <mamba/ssm/systems/discrete.hpp>
#include <support/random.hpp>

#include <cmath>
#include <complex>

namespace test {

namespace ssm = mamba::ssm;

/// Entries uniform in [−1, 1), real and imaginary parts alike.
template <class T>
[[nodiscard]] ssm::matrix<T> random_entries(random& rng, std::size_t rows, std::size_t cols) {
  ssm::matrix<T> out(ssm::index(rows), ssm::index(cols));
  for (Eigen::Index i = 0; i < out.rows(); ++i) {
    for (Eigen::Index j = 0; j < out.cols(); ++j) {
      auto const re = static_cast<ssm::real_of<T>>(rng.uniform(-1, 1));
      if constexpr (ssm::is_complex<T>) {
        out(i, j) = T(re, static_cast<ssm::real_of<T>>(rng.uniform(-1, 1)));
      } else {
        out(i, j) = re;
      }
    }
  }
  return out;
}

/// A dense system with |Ā| < 1: no row of |Ā| adds up to more than 0.95.
template <class T, std::size_t M = mamba::dynamic, std::size_t P = mamba::dynamic>
[[nodiscard]] ssm::discrete_dense<T, mamba::dynamic, M, P> random_discrete_dense(random& rng, std::size_t n,
                                                                                 std::size_t m, std::size_t p) {
  ssm::matrix<T> const a = random_entries<T>(rng, n, n);
  return {a * (0.95 / a.cwiseAbs().rowwise().sum().maxCoeff()), random_entries<T>(rng, n, m),
          random_entries<T>(rng, p, n), random_entries<T>(rng, p, m)};
}

/// |ā| from 0.9 to 1, at any angle.
[[nodiscard]] inline ssm::vector<std::complex<double>> random_modes(random& rng, std::size_t n) {
  ssm::vector<std::complex<double>> out(ssm::index(n));
  for (auto& a : out) {
    double const r = rng.uniform(0.9, 1);
    a = std::polar(r, rng.uniform(-3.14, 3.14));
  }
  return out;
}

template <ssm::modes K, std::size_t M = mamba::dynamic, std::size_t P = mamba::dynamic>
[[nodiscard]] ssm::discrete_diagonal<std::complex<double>, mamba::dynamic, M, P, K> random_discrete_diagonal(
    random& rng, std::size_t n, std::size_t m, std::size_t p) {
  using complex = std::complex<double>;
  return {random_modes(rng, n), random_entries<complex>(rng, n, m), random_entries<complex>(rng, p, n),
          random_entries<double>(rng, p, m)};
}

/// Ā = Λ̄ − P̄ Q̄ᴴ with a correction so small that nothing grows: |Λ̄| ≤ 0.9, ‖P̄ Q̄ᴴ‖ ≤ 0.1 over both halves.
template <ssm::modes K>
[[nodiscard]] ssm::discrete_dplr<std::complex<double>, mamba::dynamic, mamba::dynamic, mamba::dynamic, mamba::dynamic,
                                 K>
random_discrete_dplr(random& rng, std::size_t n, std::size_t r, std::size_t m, std::size_t p) {
  using complex = std::complex<double>;
  double const small = 0.15 / std::sqrt(static_cast<double>(2 * n * r));  // each of 2n·r entries is below √2
  return {{0.9 * random_modes(rng, n), small * random_entries<complex>(rng, n, r),
           small * random_entries<complex>(rng, n, r)},
          random_entries<complex>(rng, n, m),
          random_entries<complex>(rng, p, n),
          random_entries<double>(rng, p, m)};
}

}  // namespace test
