// SPDX-License-Identifier: MIT
// mamba/ssm/discretize/matrix_exponential.hpp — exp of a square matrix.  [floor 3]
//
//     h' = A h   has the solution   h(Δ) = exp(ΔA) h(0),          exp(A) = I + A + A²/2! + A³/3! + …
//
// The series is no algorithm: for A = −20 its terms reach 4·10⁷, its sum is 2·10⁻⁹. A quotient of two polynomials is
// near enough for small A, and squaring leads to the others.
//
// Squaring alone loses slow modes beside fast ones: for diag(−1, −10¹⁶) it starts from exp(A/2⁵²), where the slow mode
// is rounded to 1 − ε. Therefore A is first ordered into a block triangular matrix, and in the squaring phase each
// diagonal block is the exponential of its own block of A.
#pragma once

#include <mamba/ssm/systems/matrix.hpp>

#include <Eigen/LU>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace mamba::inline MAMBA_ABI::ssm {

/// The diagonal Padé approximant of degree 13 to exp(A), as accurate as the scalar up to ‖A‖₁ = 4.
///
///     exp(A) ≈ (V − U)⁻¹ (V + U),      V = c₀ + c₂ A² + … + c₁₂ A¹²,      U = A (c₁ + c₃ A² + … + c₁₃ A¹²)
///
///     c₀ = 1,      cₖ = cₖ₋₁ (14 − k)/(k (27 − k))
///
/// Paper:   Higham 2005, The scaling and squaring method for the matrix exponential revisited.
/// Error:   that of exp(A + E) with ‖E‖ < 2⁻⁵³ ‖A‖ up to 5.37, 2⁻⁶⁴ ‖A‖ up to 4.02, and the roundings; exp(0) = I.
/// Cost:    14 products of matrices, one LU.
template <class Matrix>
[[nodiscard]] Matrix pade_exponential(Matrix const& a) {
  using real = typename Matrix::RealScalar;
  real c[14] = {1};
  for (int k = 1; k <= 13; ++k) c[k] = c[k - 1] * real(14 - k) / real(k * (27 - k));
  Matrix const one = Matrix::Identity(a.rows(), a.cols()), square = a * a;
  Matrix v = c[12] * one, u = c[13] * one;
  for (int k = 10; k >= 0; k -= 2) {
    v = v * square + c[k] * one;
    u = u * square + c[k + 1] * one;
  }
  u = a * u;
  return Matrix(v - u).partialPivLu().solve(v + u);
}

namespace detail {

/// An order of the states in which A is block upper triangular, with as many blocks as possible: the strongly connected
/// components of the graph with an edge i → j where a_ij ≠ 0, each before those that it leads to.
struct block_order {
  std::vector<std::size_t> states;  ///< the new order
  std::vector<std::size_t> ends;    ///< of each block, in the new order
  std::vector<char> reaches;        ///< [N, N] in the old order: whether a path leads from i to j; 1 on the diagonal

  template <class Matrix>
  explicit block_order(Matrix const& a) {
    auto const n = static_cast<std::size_t>(a.rows());
    reaches.resize(n * n);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j)
        reaches[i * n + j] =
            i == j || a(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) != typename Matrix::Scalar(0);
    }
    for (std::size_t k = 0; k < n; ++k) {  // Warshall 1962
      for (std::size_t i = 0; i < n; ++i) {
        if (i == k || reaches[i * n + k] == 0) continue;
        for (std::size_t j = 0; j < n; ++j) reaches[i * n + j] |= reaches[k * n + j];
      }
    }
    // Whatever leads to a component reaches more states than it does; `first` is the smallest state of the component.
    std::vector<std::size_t> count(n), first(n);
    auto const connected = [&](std::size_t i, std::size_t j) { return reaches[i * n + j] && reaches[j * n + i]; };
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) count[i] += static_cast<std::size_t>(reaches[i * n + j]);
      while (!connected(i, first[i])) ++first[i];
      states.push_back(i);
    }
    std::sort(states.begin(), states.end(), [&](std::size_t i, std::size_t j) {
      if (count[i] != count[j]) return count[i] > count[j];
      return first[i] != first[j] ? first[i] < first[j] : i < j;
    });
    for (std::size_t i = 0; i < n; ++i) {
      if (i + 1 == n || first[states[i]] != first[states[i + 1]]) ends.push_back(i + 1);
    }
  }
};

template <class Matrix>
[[nodiscard]] typename Matrix::RealScalar norm1(Matrix const& a) {
  return a.cwiseAbs().colwise().sum().maxCoeff();
}

/// Whether no digit of exp(A) is certain: where rounding A alone may change it by its own size.
template <class Matrix>
[[nodiscard]] bool is_beyond_precision(Matrix const& a) {
  using real = typename Matrix::RealScalar;
  return !(4 * static_cast<real>(a.rows()) * std::numeric_limits<real>::epsilon() * (1 + norm1(a)) < 1);
}

/// exp(A) by squaring alone.
template <class Matrix>
[[nodiscard]] Matrix squared_exponential(Matrix const& a) {
  using real = typename Matrix::RealScalar;
  real const norm = norm1(a);
  int const squarings = norm > 4 ? std::ilogb(norm) - 1 : 0;
  Matrix x = pade_exponential<Matrix>(a * std::ldexp(real(1), -squarings));
  for (int i = 0; i < squarings; ++i) x = (x * x).eval();
  return x;
}

/// exp(T) of a block upper triangular matrix. After each squaring the diagonal blocks are recomputed from T: those of
/// one state always, larger ones while ‖T_bb‖ < 1 on their scale, from where on squaring them loses nothing.
template <class Matrix>
[[nodiscard]] Matrix triangular_exponential(Matrix const& t, block_order const& order) {
  using real = typename Matrix::RealScalar;
  using block = matrix<typename Matrix::Scalar>;
  using std::exp;
  constexpr auto halvings = [](real norm) { return norm < 1 ? 0 : std::ilogb(norm) + 1; };
  auto const n = order.states.size();
  int const squarings = halvings(norm1(t));
  Matrix x = pade_exponential<Matrix>(t * std::ldexp(real(1), -squarings));
  for (int level = 0; level <= squarings; ++level) {
    if (level > 0) x = (x * x).eval();
    real const scale = std::ldexp(real(1), level - squarings);
    std::size_t begin = 0;
    for (std::size_t const end : order.ends) {
      auto const at = static_cast<Eigen::Index>(begin), size = static_cast<Eigen::Index>(end - begin);
      begin = end;
      if (size == 1) {
        x(at, at) = exp(t(at, at) * scale);
      } else if (level > 0 && level + halvings(norm1(t.block(at, at, size, size))) <= squarings) {
        x.block(at, at, size, size) = pade_exponential<block>(t.block(at, at, size, size) * scale);
      }
    }
    for (std::size_t i = 0; i < n; ++i) {  // 0 · ∞ where another state overflows
      for (std::size_t j = 0; j < n; ++j) {
        if (order.reaches[order.states[i] * n + order.states[j]] == 0)
          x(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) = 0;
      }
    }
  }
  return x;
}

}  // namespace detail

/// exp(A) by scaling and squaring: exp(A) = exp(A/2ˢ)^(2ˢ) with ‖A/2ˢ‖₁ ≤ 4; of a matrix that some order of its states
/// makes block triangular (a triangular or diagonal one, a system with its inputs as states), block by block.
///
/// Paper:   Higham 2005; Al-Mohy and Higham 2009, A new scaling and squaring algorithm for the matrix exponential, for
///          the diagonal blocks.
/// Shapes:  A [N, N], N = 0 included; any scalar.
/// Domain:  all A whose magnitudes have a finite sum; a NaN or an infinity anywhere makes every entry NaN, and so does
///          a diagonal block of n ≥ 2 states with 4 n ε (1 + ‖A_bb‖₁) ≥ 1: n = 2 from 5·10¹⁴ (double), 10⁶ (float).
/// Error:   A normal and not reducible to blocks: 4 N ε (1 + ‖A‖) e^μ with μ the largest real part of its eigenvalues;
///          not normal: ‖exp(sA)‖ may exceed e^(sμ) on its way, 0 < s < 1, and the error with it. A mode that is slower
///          than the fastest by a factor of r has lost log₂ r bits.
///          Triangular in some order: entry by entry N ε (4 + log₂(1 + ‖A‖₁)) of exp(M), M with Re a_ii on the
///          diagonal and |a_ij| elsewhere, however far the modes are apart; the diagonal ε.
/// Cost:    14 + log₂ ‖A‖₁ products of matrices, one LU; where there are blocks, 2 products more, and 14 products and
///          an LU of a block of n ≥ 2 states for each factor of 2 by which it is slower than the fastest.
template <class Expression>
[[nodiscard]] auto matrix_exponential(Eigen::MatrixBase<Expression> const& a) {
  using real = typename Expression::RealScalar;
  using result = typename Expression::PlainObject;
  if (a.size() == 0) return result(a);
  auto const nan = [&]() -> result {
    return result::Constant(a.rows(), a.cols(), std::numeric_limits<real>::quiet_NaN());
  };
  if (!std::isfinite(a.cwiseAbs().sum())) return nan();
  result const source = a;
  result t = source;
  detail::block_order const order(source);
  if (a.rows() > 1 && order.ends.size() == 1) {
    return detail::is_beyond_precision(t) ? nan() : detail::squared_exponential(t);
  }
  auto const old = [&](Eigen::Index i) { return static_cast<Eigen::Index>(order.states[static_cast<std::size_t>(i)]); };
  for (Eigen::Index i = 0; i < a.rows(); ++i) {
    for (Eigen::Index j = 0; j < a.cols(); ++j) t(i, j) = source(old(i), old(j));
  }
  Eigen::Index begin = 0;
  for (std::size_t const end : order.ends) {
    Eigen::Index const size = static_cast<Eigen::Index>(end) - begin;
    if (size > 1 && detail::is_beyond_precision(t.block(begin, begin, size, size))) return nan();
    begin += size;
  }
  result const x = detail::triangular_exponential(t, order);
  for (Eigen::Index i = 0; i < a.rows(); ++i) {
    for (Eigen::Index j = 0; j < a.cols(); ++j) t(old(i), old(j)) = x(i, j);
  }
  return t;
}

}  // namespace mamba::inline MAMBA_ABI::ssm
