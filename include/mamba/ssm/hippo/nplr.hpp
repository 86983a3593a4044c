// SPDX-License-Identifier: MIT
// mamba/ssm/hippo/nplr.hpp — where a HiPPO matrix, normal plus low rank, is diagonal plus low rank.  [floor 3]
//
//     A + P₀ P₀ᵀ = a I + K,   K skew      ⇒      A = V (Λ − P Pᴴ) Vᴴ,   Λ = a + i w,   P = Vᴴ P₀,   B = Vᴴ B₀
//
// A itself can't be diagonalised by a computer: the eigenvectors of LegS have entries from 1 to 2^{4N/3} (S4,
// Lemma 3.2). What P₀ completes is normal, and its V unitary: nothing is amplified.
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
[[nodiscard]] matrix<complex_of<T>> turning_pairs(matrix<T> const& u) {
  matrix<complex_of<T>> v(u.rows(), u.cols() / 2);
  for (Eigen::Index j = 0; j < v.cols(); ++j) {
    v.col(j) = std::sqrt(T(0.5)) * (u.col(2 * j) - complex_of<T>(0, 1) * u.col(2 * j + 1));
  }
  return v;
}

/// How many of N eigenvalues are nothing: so many that the others are pairs.
template <class Values, class T>
[[nodiscard]] Eigen::Index count_of_nothing(Values const& w, T size) {
  T const nothing = T(8 * w.size()) * std::numeric_limits<T>::epsilon() * size;
  auto const m = (w.array().abs() <= nothing).count();
  return m + (w.size() - m) % 2;
}

/// The phase of each column chosen: its first entry that is not nothing is real and positive.
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

/// The modes of a real skew matrix K: one of each conjugate pair, and, of an odd size, the one without a partner.
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
/// Why:     eigenvectors are only known up to a phase, and in LAPACK's hands it differs from build to build. Here the
///          first entry that is not zero is real and positive (V_0n, except for Fourier), so that P and B mean
///          something. w = 0 comes in a pair whose two vectors any rotation mixes (Fourier's constant and its missing
///          sine): they are made (u₀ − i u₁)/√2 of two real ones, conjugates of each other as the other pairs are.
/// Domain:  K skew. NaN in, NaN out.
/// Error:   w within N ε ‖K‖, V that over the distance to the next w.
/// Cost:    O(N³).
template <class T>
[[nodiscard]] skew_modes<T> modes_of_skew(matrix<T> const& k) {
  using complex = complex_of<T>;
  auto const n = k.rows();
  if (n == 0) return {vector<T>(0), matrix<complex>(0, 0), matrix<T>(0, 0)};  // Eigen has no modes of nothing
  Eigen::SelfAdjointEigenSolver<matrix<complex>> const solved(complex(0, -1) * k.template cast<complex>());
  auto const m = detail::count_of_nothing(solved.eigenvalues(), k.norm()), others = (n - m) / 2;
  auto const null = solved.eigenvectors().middleCols(others, m);
  auto const u = detail::basis_of<T>((null * null.adjoint()).real(), m);
  skew_modes<T> out{vector<T>::Zero(n / 2), matrix<complex>(n, n / 2), u.rightCols(m % 2)};
  out.v.leftCols(m / 2) = detail::turning_pairs(u);
  out.w.tail(others) = solved.eigenvalues().tail(others);
  out.v.rightCols(others) = solved.eigenvectors().rightCols(others);
  detail::fix_phases(out.v);
  return out;
}

namespace detail {

template <class T>
struct turning {
  vector<T> w;
  matrix<complex_of<T>> v;
};

/// The modes with w ≥ 0, or these, the one alone, and the conjugates.
template <modes Kept, class T>
[[nodiscard]] turning<T> kept_modes(skew_modes<T> const& s) {
  if constexpr (Kept == modes::half) {
    return {s.w, s.v};
  } else {
    turning<T> all{vector<T>(s.v.rows()), matrix<complex_of<T>>(s.v.rows(), s.v.rows())};
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
/// Why:     w ≥ 0 first, ascending, as S4D draws it; the S4 code keeps the conjugates, largest first. It also clips Im
///          B to ±2: that is clip_imaginary(), and another system.
/// Shapes:  low_rank [N, R]. nplr<modes::half>(hippo_legs<double>(64), low_rank_legs<double>(64)).lambda is [32].
/// Domain:  A + P₀P₀ᵀ = a I + skew, to rounding. For modes::half an even N.
/// Error:   computed in double at least; A is met again within some N ε ‖A‖.
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

/// The diagonal-plus-low-rank system that reads the memory by C, given in the coordinates of A: there it is C V.
///
///     h' = (Λ − P Pᴴ) h + B x,   y = C V h          (no skip: D = 0)
///
/// Paper:   S4, Theorem 1.
/// Shapes:  c [P, N]; half of the modes answer 2 Re, which is the whole answer where C is real: they take no other. All
///          modes take a complex C, too.
template <class T, std::size_t N, std::size_t R, modes Kept, class C>
[[nodiscard]] auto to_dplr(nplr_form<T, N, R, Kept> const& s, C const& c) {
  static_assert(
      Kept == modes::all || !is_complex<typename C::Scalar>,
      "to_dplr: half of the modes answers 2 Re, which is right for a real C only; a complex C needs all of them");
  constexpr std::size_t P = extent_of(C::RowsAtCompileTime);
  MAMBA_EXPECTS(c.cols() == s.v.rows(), "to_dplr: C must have a column per state", c.cols(), s.v.rows());
  return dplr_system<complex_of<T>, nplr_form<T, N, R, Kept>::K, R, 1, P, Kept>{
      {s.lambda, s.p, s.p}, s.b, c.template cast<complex_of<T>>() * s.v, matrix<T, P, 1>::Zero(c.rows(), 1)};
}
template <modes Kept = modes::half, class T, std::size_t N, class P, class C>
[[nodiscard]] auto to_dplr(transition<T, N> const& s, P const& low_rank, C const& c) {
  return to_dplr(nplr<Kept>(s, low_rank), c);
}

/// And back: the real matrices that the form came from.
///
///     A = V Λ Vᴴ − (V P)(V P)ᵀ,   B = V B        (half of the modes: 2 Re of each product with V)
template <class T, std::size_t N, std::size_t R, modes Kept>
[[nodiscard]] transition<T, N> to_transition(nplr_form<T, N, R, Kept> const& s) {
  matrix<T, N, R> const p = whole<Kept>(s.v * s.p).real();
  matrix<T, N> const normal = whole<Kept>(s.v * s.lambda.asDiagonal() * s.v.adjoint()).real();
  return {normal - p * p.transpose(), whole<Kept>(s.v * s.b).real()};
}

/// The imaginary parts of B cut off at ±bound, as the S4 code does with bound 2 before it trains.
///
/// Why:     only to repeat what others did. It is not the same system: for LegS at N = 64 the largest |Im B| is 40.75
///          and 11 of 32 modes are cut. And it depends on the phase of V, so that without fix_phases it is not even
///          defined.
template <class T, std::size_t N, std::size_t R, modes Kept>
[[nodiscard]] nplr_form<T, N, R, Kept> clip_imaginary(nplr_form<T, N, R, Kept> s, T bound = T(2)) {
  for (auto& b : s.b) b = {b.real(), std::clamp(b.imag(), -bound, bound)};
  return s;
}

}  // namespace mamba::inline MAMBA_ABI::ssm
