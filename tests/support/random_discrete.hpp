// SPDX-License-Identifier: MIT
// tests/support/random_discrete.hpp — discrete systems with random numbers that decay at a known rate.
#pragma once

#include <mamba/ssm/systems/discrete.hpp>
#include <support/random.hpp>

#include <cmath>
#include <complex>
#include <cstring>
#include <limits>

namespace test {

namespace ssm = mamba::ssm;
using mamba::dynamic;

template <class T>
[[nodiscard]] T random_number(random& rng) {
  if constexpr (ssm::is_complex<T>) {
    using real = ssm::real_of<T>;
    auto const re = static_cast<real>(rng.uniform(-1, 1));
    return {re, static_cast<real>(rng.uniform(-1, 1))};
  } else {
    return static_cast<T>(rng.uniform(-1, 1));
  }
}

/// Numbers in [−1, 1), of the given shape. Static extents may be left out.
template <class Matrix>
[[nodiscard]] Matrix random_matrix(random& rng, std::size_t rows, std::size_t columns = 1) {
  Matrix out(ssm::index(rows), ssm::index(columns));
  for (Eigen::Index j = 0; j < out.cols(); ++j) {
    for (Eigen::Index i = 0; i < out.rows(); ++i) out(i, j) = random_number<typename Matrix::Scalar>(rng);
  }
  return out;
}

/// An L × M input.
template <class T, std::size_t M = 1>
[[nodiscard]] ssm::sequence<T, M> random_sequence(random& rng, std::size_t L, std::size_t columns = M) {
  return random_matrix<ssm::sequence<T, M>>(rng, L, columns);
}

/// Ā = ρ times N reflections: ‖Ā h‖ = ρ ‖h‖ for every h, so that nothing grows and everything fades at the rate ρ.
template <class T, std::size_t N = dynamic, std::size_t M = 1, std::size_t P = 1>
[[nodiscard]] ssm::discrete_dense<T, N, M, P> random_dense(random& rng, double rho, std::size_t n = N,
                                                           std::size_t m = M, std::size_t p = P) {
  ssm::matrix<T, N> a = ssm::matrix<T, N>::Identity(ssm::index(n), ssm::index(n));
  for (std::size_t i = 0; i < n; ++i) {
    auto const v = random_matrix<ssm::vector<T, N>>(rng, n).normalized().eval();
    a -= (v * (ssm::real_of<T>(2) * (v.adjoint() * a).eval())).eval();
  }
  a *= static_cast<ssm::real_of<T>>(rho);
  return {a, random_matrix<ssm::matrix<T, N, M>>(rng, n, m), random_matrix<ssm::matrix<T, P, N>>(rng, p, n),
          random_matrix<ssm::matrix<T, P, M>>(rng, p, m)};
}

/// Modes ρ r e^{iθ} with r in [1/2, 1): in the upper half plane where only half of them are kept.
template <class T, std::size_t N = dynamic, std::size_t M = 1, std::size_t P = 1, ssm::modes K = ssm::modes::all>
[[nodiscard]] ssm::discrete_diagonal<T, N, M, P, K> random_diagonal(random& rng, double rho, std::size_t n = N,
                                                                    std::size_t m = M, std::size_t p = P) {
  using real = ssm::real_of<T>;
  ssm::vector<T, N> a(ssm::index(n));
  for (auto& mode : a) {
    auto const r = static_cast<real>(rho * rng.uniform(0.5, 1));
    if constexpr (ssm::is_complex<T>) {
      mode = std::polar(r, static_cast<real>(rng.uniform(0, 3)));
    } else {
      mode = rng.below(2) == 0 ? r : -r;
    }
  }
  return {a, random_matrix<ssm::matrix<T, N, M>>(rng, n, m), random_matrix<ssm::matrix<T, P, N>>(rng, p, n),
          random_matrix<ssm::matrix<real, P, M>>(rng, p, m)};
}

/// Modes of at most 0.9 ρ, and a correction −P̄ Q̄ᴴ of at most 0.1 ρ: together nothing grows by more than ρ.
template <class T, std::size_t N = dynamic, std::size_t R = 1, std::size_t M = 1, std::size_t P = 1,
          ssm::modes K = ssm::modes::all>
[[nodiscard]] ssm::discrete_dplr<T, N, R, M, P, K> random_dplr(random& rng, double rho, std::size_t n = N,
                                                               std::size_t r = R, std::size_t m = M,
                                                               std::size_t p = P) {
  using real = ssm::real_of<T>;
  auto const d = random_diagonal<T, N, M, P, K>(rng, 0.9 * rho, n, m, p);
  auto low_rank = [&] {
    auto v = random_matrix<ssm::matrix<T, N, R>>(rng, n, r);
    real const norm = v.norm();  // half a system's QᴴP is twice its stored part
    if (norm > 0) v *= static_cast<real>(std::sqrt((K == ssm::modes::half ? 0.05 : 0.1) * rho)) / norm;
    return v;
  };
  ssm::matrix<T, N, R> const p_bar = low_rank();
  return {{d.a_bar.lambda, p_bar, low_rank()}, d.b_bar, d.c, d.d};
}

/// True if two matrices have the same shape and the same bits.
template <class A, class B>
[[nodiscard]] bool same_matrix(A const& a, B const& b) {
  typename A::PlainObject const x = a;
  typename B::PlainObject const y = b;
  static_assert(std::is_same_v<typename A::Scalar, typename B::Scalar>);
  auto const bytes = static_cast<std::size_t>(x.size()) * sizeof(typename A::Scalar);
  return x.rows() == y.rows() && x.cols() == y.cols() && (bytes == 0 || std::memcmp(x.data(), y.data(), bytes) == 0);
}

/// ‖found − expected‖ / ‖expected‖; 0 for two that are empty or zero, infinity for a NaN, which std::max would drop.
template <class A, class B>
[[nodiscard]] double relative_distance(A const& found, B const& expected) {
  auto const off = static_cast<double>((found - expected).norm());
  if (std::isnan(off)) return std::numeric_limits<double>::infinity();
  return off == 0 ? 0 : off / static_cast<double>(expected.norm());
}

}  // namespace test
