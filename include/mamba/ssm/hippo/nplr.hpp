// SPDX-License-Identifier: MIT
// mamba/ssm/hippo/nplr.hpp — from normal plus low rank (HiPPO) to diagonal plus low rank.  [floor 3]
//
//     A + P₀ P₀ᵀ = a I + K,   K skew      ⇒      A = V (Λ − P Pᴴ) Vᴴ,   Λ = a + i w,   P = Vᴴ P₀,   B = Vᴴ B₀
//
// A itself can't be diagonalised in floating point: the eigenvectors of LegS have entries from 1 to 2^{4N/3} (S4,
// Lemma 3.2). A + P₀P₀ᵀ is normal and its V unitary, so that rounding errors are not amplified.
#pragma once

#include <mamba/ssm/systems/transition.hpp>

#include <Eigen/Eigenvalues>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <limits>

namespace mamba::inline MAMBA_ABI::ssm {

namespace detail {

/// At least double.
template <class T>
using wide = decltype(T() + double());

constexpr std::size_t kept_size(modes kept, std::size_t n) { return n == dynamic || kept == modes::all ? n : n / 2; }

/// An orthonormal, real basis of the m dimensions onto which the real projection Π projects, in the order of its
/// columns. Whatever is left when no column is longer than 1/√(2N) has length² below ½: all m have been found.
template <class T>
[[nodiscard]] matrix<T> basis_of(matrix<T> const& projection, Eigen::Index m) {
  auto const n = projection.rows();
  matrix<T> u = matrix<T>::Constant(n, m, std::numeric_limits<T>::quiet_NaN());
  for (Eigen::Index j = 0, found = 0; j < n && found < m; ++j) {
    vector<T> v = projection.col(j);
    for (int twice = 0; twice < 2; ++twice) v -= (u.leftCols(found) * (u.leftCols(found).transpose() * v)).eval();
    if (T(2 * n) * v.squaredNorm() > T(1)) u.col(found++) = v.normalized();
  }
  return u;
}

/// (u₀ − i u₁)/√2 of each two columns of a real u: conjugate pairs of vectors, of which these are the first.
template <class T>
[[nodiscard]] matrix<complex_of<T>> conjugate_pairs(matrix<T> const& u) {
  matrix<complex_of<T>> v(u.rows(), u.cols() / 2);
  for (Eigen::Index j = 0; j < v.cols(); ++j) {
    v.col(j) = std::sqrt(T(0.5)) * (u.col(2 * j) - complex_of<T>(0, 1) * u.col(2 * j + 1));
  }
  return v;
}

/// How many of N eigenvalues are zero up to rounding: so many that the others are pairs.
template <class Values, class T>
[[nodiscard]] Eigen::Index count_of_zeros(Values const& w, T size) {
  T const zero = T(8 * w.size()) * std::numeric_limits<T>::epsilon() * size;
  auto const m = (w.array().abs() <= zero).count();
  return m + (w.size() - m) % 2;
}

/// Chooses the phase of each column: its first entry that is not zero up to rounding is real and positive.
template <class V>
void fix_phases(V& v) {
  using T = typename V::RealScalar;
  for (Eigen::Index n = 0; n < v.cols(); ++n) {
    Eigen::Index i = 0;
    while (i + 1 < v.rows() && std::abs(v(i, n)) <= std::sqrt(std::numeric_limits<T>::epsilon())) ++i;
    if (auto const size = std::abs(v(i, n)); size > 0) {
      v.col(n) *= std::conj(v(i, n)) / size;
      v(i, n) = size;
    }
  }
}

}  // namespace detail

/// The modes of a real skew matrix K: one of each conjugate pair, and, of an odd size, the unpaired one.
///
///     K V = V diag(i w),        w ≥ 0 ascending;        K s = 0
template <std::floating_point T>
struct skew_modes {
  vector<T> w;                        ///< [N/2]
  matrix<complex_of<T>> v;            ///< [N, N/2], orthonormal and orthogonal to their conjugates
  matrix<T, dynamic, dynamic> alone;  ///< [N, N mod 2]: s
};

/// The modes of K by the Hermitian eigenvalue problem of −iK.
///
/// Why:     eigenvectors are defined up to a phase, which in LAPACK differs from build to build. Here the first entry
///          that is not zero is real and positive (V_0n, except for Fourier), so that P and B are well defined. w = 0
///          is a pair whose two vectors are defined up to a rotation (Fourier's constant and its missing sine): they
///          are (u₀ − i u₁)/√2 of two real ones, conjugates of each other as the other pairs are.
/// Domain:  K skew. NaN in, NaN out.
/// Error:   w within N ε ‖K‖, V that over the distance to the next w.
/// Cost:    O(N³).
template <class T>
[[nodiscard]] skew_modes<T> modes_of_skew(matrix<T> const& k) {
  using complex = complex_of<T>;
  auto const n = k.rows();
  if (n == 0) return {vector<T>(0), matrix<complex>(0, 0), matrix<T>(0, 0)};  // Eigen has no modes of nothing
  Eigen::SelfAdjointEigenSolver<matrix<complex>> const solved(complex(0, -1) * k.template cast<complex>());
  auto const m = detail::count_of_zeros(solved.eigenvalues(), k.norm()), others = (n - m) / 2;
  auto const null = solved.eigenvectors().middleCols(others, m);
  auto const u = detail::basis_of<T>((null * null.adjoint()).real(), m);
  skew_modes<T> out{vector<T>::Zero(n / 2), matrix<complex>(n, n / 2), u.rightCols(m % 2)};
  out.v.leftCols(m / 2) = detail::conjugate_pairs(u);
  out.w.tail(others) = solved.eigenvalues().tail(others);
  out.v.rightCols(others) = solved.eigenvectors().rightCols(others);
  detail::fix_phases(out.v);
  return out;
}

namespace detail {

template <class T>
struct eigenpairs {
  vector<T> w;
  matrix<complex_of<T>> v;
};

/// The modes with w ≥ 0, or these, the one alone, and the conjugates.
template <modes Kept, class T>
[[nodiscard]] eigenpairs<T> kept_modes(skew_modes<T> const& s) {
  if constexpr (Kept == modes::half) {
    return {s.w, s.v};
  } else {
    eigenpairs<T> all{vector<T>(s.v.rows()), matrix<complex_of<T>>(s.v.rows(), s.v.rows())};
    all.w << s.w, vector<T>::Zero(s.alone.cols()), -s.w;
    all.v << s.v, s.alone.template cast<complex_of<T>>(), s.v.conjugate();
    return all;
  }
}

/// K of S = a I + K, where the rest of S is rounding.
template <class T>
[[nodiscard]] matrix<T> skew_part(matrix<T> const& s, [[maybe_unused]] T a, [[maybe_unused]] T rounding) {
  matrix<T> skew = (s - s.transpose()) / 2;
  MAMBA_EXPECTS(!((s - skew - a * matrix<T>::Identity(s.rows(), s.rows())).norm() > T(32 * s.rows()) * rounding),
                "nplr: A + P P^T must be a multiple of I plus a skew matrix");
  return skew;
}

}  // namespace detail

/// A transition in the coordinates that make it diagonal plus low rank. With modes::half, the columns of V and all the
/// rest are one of each conjugate pair, the one with w ≥ 0.
template <std::floating_point T, std::size_t N = dynamic, std::size_t R = 1, modes Kept = modes::all>
struct nplr_form {
  static constexpr std::size_t K = detail::kept_size(Kept, N);
  vector<complex_of<T>, K> lambda;  ///< [N or N/2]: by ascending w; the conjugates last
  matrix<complex_of<T>, N, K> v;    ///< [N, N or N/2], unitary when all are kept
  matrix<complex_of<T>, K, R> p;    ///< [N or N/2, R]
  vector<complex_of<T>, K> b;       ///< [N or N/2]
};

/// The normal-plus-low-rank form of (A, B) with the correction P₀ of its measure.
///
///     a = tr(A + P₀P₀ᵀ)/N,   K = ½ (S − Sᵀ) of S = A + P₀P₀ᵀ,   K V = V diag(i w),   Λ = a + i w,
///     P = VᴴP₀,   B = VᴴB₀
///
/// Paper:   S4, Theorem 1 and appendix C.1.
/// Why:     w ≥ 0 first, ascending, as in S4D's figures; the S4 code keeps the conjugates, largest first. It also clips
///          Im B to ±2: that is clip_imaginary(), and another system.
/// Shapes:  low_rank [N, R]. nplr<modes::half>(hippo_legs<double>(64), low_rank_legs<double>(64)).lambda is [32].
/// Domain:  A + P₀P₀ᵀ = a I + skew, to rounding. For modes::half an even N.
/// Error:   computed in double at least; A = V (Λ − P Pᴴ) Vᴴ within 2 (2 + N √N) ε (‖A‖ + ‖P₀‖²), ε of double:
///          tests/ssm/hippo/nplr_test.cpp derives and verifies it.
/// Cost:    O(N³).
template <modes Kept = modes::all, class T, std::size_t N, class P>
[[nodiscard]] auto nplr(transition<T, N> const& s, P const& low_rank) {
  using wide = detail::wide<T>;
  using complex = complex_of<T>;
  constexpr std::size_t R = extent_of(P::ColsAtCompileTime);
  MAMBA_EXPECTS(low_rank.rows() == s.a.rows(), "nplr: P must have a row per state", low_rank.rows(), s.a.rows());
  MAMBA_EXPECTS(Kept == modes::all || s.a.rows() % 2 == 0, "nplr: half of the modes needs an even number of states");
  matrix<wide> const p = low_rank.template cast<wide>(), normal = s.a.template cast<wide>() + p * p.transpose();
  wide const a = normal.trace() / static_cast<wide>(std::max<Eigen::Index>(normal.rows(), 1));
  wide const rounding = static_cast<wide>(std::numeric_limits<T>::epsilon() * s.a.norm());
  auto const [w, v] = detail::kept_modes<Kept>(modes_of_skew(detail::skew_part(normal, a, rounding)));
  vector<complex_of<wide>> const lambda = (a + complex_of<wide>(0, 1) * w.array()).matrix();
  return nplr_form<T, N, R, Kept>{lambda.template cast<complex>(), v.template cast<complex>(),
                                  (v.adjoint() * p).template cast<complex>(),
                                  (v.adjoint() * s.b.template cast<wide>()).template cast<complex>()};
}

/// The diagonal-plus-low-rank system with the output matrix C, given in the coordinates of A; in the modes' it is C V.
///
///     h' = (Λ − P Pᴴ) h + B x,   y = C V h          (no skip: D = 0)
///
/// Paper:   S4, Theorem 1.
/// Shapes:  c [P, N]; with half of the modes the output is 2 Re, hence C must be real; all modes take a complex C, too.
/// Error:   (N + 2) ε |C||V| in C V; the others are copied.
template <class T, std::size_t N, std::size_t R, modes Kept, class C>
[[nodiscard]] auto to_dplr(nplr_form<T, N, R, Kept> const& s, C const& c) {
  static_assert(
      Kept == modes::all || !is_complex<typename C::Scalar>,
      "to_dplr: half of the modes gives 2 Re, which is right for a real C only; a complex C needs all of them");
  constexpr std::size_t P = extent_of(C::RowsAtCompileTime);
  MAMBA_EXPECTS(c.cols() == s.v.rows(), "to_dplr: C must have a column per state", c.cols(), s.v.rows());
  return dplr_system<complex_of<T>, nplr_form<T, N, R, Kept>::K, R, 1, P, Kept>{
      {s.lambda, s.p, s.p}, s.b, c.template cast<complex_of<T>>() * s.v, matrix<T, P, 1>::Zero(c.rows(), 1)};
}
template <modes Kept = modes::half, class T, std::size_t N, class P, class C>
[[nodiscard]] auto to_dplr(transition<T, N> const& s, P const& low_rank, C const& c) {
  return to_dplr(nplr<Kept>(s, low_rank), c);
}

/// The inverse: the real (A, B) of the form.
///
///     A = V Λ Vᴴ − (V P)(V P)ᵀ,   B = V B        (half of the modes: 2 Re of each product with V)
///
/// Error:   of the order of N ε (‖Λ‖ + ‖P‖²) and N ε ‖B‖, V being unitary.
template <class T, std::size_t N, std::size_t R, modes Kept>
[[nodiscard]] transition<T, N> to_transition(nplr_form<T, N, R, Kept> const& s) {
  matrix<T, N, R> const p = whole<Kept>(s.v * s.p).real();
  matrix<T, N> const normal = whole<Kept>(s.v * s.lambda.asDiagonal() * s.v.adjoint()).real();
  return {normal - p * p.transpose(), whole<Kept>(s.v * s.b).real()};
}

/// The imaginary parts of B clipped to ±bound, as the S4 code does with bound 2 before it trains.
///
/// Why:     only to reproduce published results. It is another system: for LegS at N = 64 the largest |Im B| is 40.75
///          and 11 of 32 modes are clipped. And it depends on the phase of V, which fix_phases chooses.
template <class T, std::size_t N, std::size_t R, modes Kept>
[[nodiscard]] nplr_form<T, N, R, Kept> clip_imaginary(nplr_form<T, N, R, Kept> s, T bound = T(2)) {
  for (auto& b : s.b) b = {b.real(), std::clamp(b.imag(), -bound, bound)};
  return s;
}

}  // namespace mamba::inline MAMBA_ABI::ssm
