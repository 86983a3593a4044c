// SPDX-License-Identifier: MIT
// mamba/ssm/discretize/matrix_exponential.hpp — exp of a square matrix.  [floor 3]
//
//     h' = A h   has the solution   h(Δ) = exp(ΔA) h(0),          exp(A) = I + A + A²/2! + A³/3! + …
//
// The series is no algorithm: for A = −20 its terms reach 4·10⁷, its sum is 2·10⁻⁹. A quotient of two polynomials is
// near enough for small A, and squaring leads to the others.
#pragma once

#include <mamba/ssm/systems/matrix.hpp>

#include <Eigen/LU>
#include <cmath>
#include <limits>

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

/// exp(A) by scaling and squaring: exp(A) = exp(A/2ˢ)^(2ˢ) with ‖A/2ˢ‖₁ ≤ 4.
///
/// Paper:   Higham 2005.
/// Shapes:  A [N, N], N = 0 included; any scalar.
/// Domain:  all finite A; a NaN or an infinity anywhere makes every entry NaN.
/// Error:   for normal A, 4 N ε (1 + ‖A‖) e^μ with μ the largest real part of its eigenvalues; else ‖exp(sA)‖ may
///          exceed e^(sμ) on its way, 0 < s < 1, and the error with it.
/// Cost:    14 + log₂ ‖A‖₁ products of matrices, one LU.
template <class Expression>
[[nodiscard]] auto matrix_exponential(Eigen::MatrixBase<Expression> const& a) {
  using real = typename Expression::RealScalar;
  using result = typename Expression::PlainObject;
  if (a.size() == 0) return result(a);
  real const norm = a.cwiseAbs().colwise().sum().maxCoeff();
  if (!std::isfinite(a.cwiseAbs().sum()))
    return result::Constant(a.rows(), a.cols(), std::numeric_limits<real>::quiet_NaN()).eval();
  int const squarings = norm > 4 ? std::ilogb(norm) - 1 : 0;
  result x = pade_exponential<result>(a * std::ldexp(real(1), -squarings));
  for (int i = 0; i < squarings; ++i) x = (x * x).eval();
  return x;
}

}  // namespace mamba::inline MAMBA_ABI::ssm
