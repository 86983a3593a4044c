// SPDX-License-Identifier: MIT
// mamba/ssm/convolution/cauchy_kernel.hpp — the S4 kernel, from its values at the roots of unity.  [floor 3]
//
//     K̂(ω) = C̃ (I − Ā ω)⁻¹ B̄                       at ω = e^{−2πik/L}, with the Ā, B̄ of the bilinear rule, is
//          = 2/(1+ω) · C̃ (g − ΔA)⁻¹ ΔB             where g = 2 (1−ω)/(1+ω); and with A = Λ − P Qᴴ (Woodbury)
//          = 2/(1+ω) · (r₀₀ − r₀₁ (I + r₁₁)⁻¹ r₁₀)
//
//     ⎡r₀₀ r₀₁⎤   ⎡C̃ ⎤
//     ⎣r₁₀ r₁₁⎦ = ⎣Qᴴ⎦ R Δ (B  P),        R = diag 1/(g − Δλ_n)
//
// No power of Ā is left, and each r is a product with a Cauchy matrix. K is the inverse Fourier transform of K̂.
#pragma once

#include <mamba/ssm/convolution/fourier_transform.hpp>
#include <mamba/ssm/convolution/generating_function.hpp>
#include <mamba/ssm/convolution/krylov_kernel.hpp>
#include <mamba/ssm/discretize/discretize.hpp>

#include <Eigen/LU>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace mamba::inline MAMBA_ABI::ssm {

/// A product with one row of a Cauchy matrix.
///
///     Σ_n v_n/(g − λ_n)
///
/// Paper:   S4, Definition 2.
/// Shapes:  v, lambda [N], g a number → a number.
/// Domain:  g none of the λ_n.
/// Error:   (N + 4) ε Σ_n |v_n/(g − λ_n)|, and where g is near λ_n the rounding of their difference.
template <class V, class Lambda>
[[nodiscard]] auto cauchy(V const& v, complex_of<typename V::Scalar> g, Lambda const& lambda) {
  using complex = complex_of<typename V::Scalar>;
  return (v.template cast<complex>().array() / (g - lambda.template cast<complex>().array())).sum();
}

/// The same for all pairs of a row of x and a column of y; for half of the modes with the conjugates' terms.
///
///     X R(g) Y,   half: X R(g) Y + conj(X R(conj g) Y),        R(g) = diag 1/(g − λ_n)
///
/// Why:     conj(x) conj(y)/(g − conj λ) = conj(x y/(conj g − λ)). It is not 2 Re: g is complex.
/// Shapes:  x [I, N], y [N, J], lambda [N] → [I, J], complex.
/// Error:   as above, entry by entry.
template <modes Kept = modes::all, class X>
[[nodiscard]] matrix<complex_of<typename X::Scalar>> cauchy(X const& x, X const& y, complex_of<typename X::Scalar> g,
                                                            vector<typename X::Scalar> const& lambda) {
  using complex = complex_of<typename X::Scalar>;
  auto const sum = [&](complex at) -> matrix<complex> {
    auto const r = (at - lambda.template cast<complex>().array()).inverse().matrix().eval();
    return x.template cast<complex>() * r.asDiagonal() * y.template cast<complex>();
  };
  if constexpr (Kept == modes::half) {
    return sum(g) + sum(std::conj(g)).conjugate();
  } else {
    return sum(g);
  }
}

/// Whether R(g), or its conjugates' term, is so large that r₀₀ and r₀₁(…)r₁₀ would mostly cancel.
///
///     |g − Δλ_n| < 2^{−12} Δ |P_n| |Q_n|   for some n
///
/// Why:     near the pole r₀₀ = c b/d and r₀₁ (1 + r₁₁)⁻¹ r₁₀ = c b/d · q p/(d + q p) leave c b/(d + q p), d = g −
///          Δλ_n: |q p/d| times smaller than either. Modes that don't decay have their poles at or near roots of
///          unity; Fourier's λ = 0 is exactly that of k = 0.
template <low_rank A, std::size_t M, std::size_t P>
[[nodiscard]] bool near_a_pole(continuous_system<A, M, P> const& s, real_of<number_of<A>> delta,
                               complex_of<number_of<A>> g) {
  auto const size = (delta / 4096 * s.a.p.rowwise().norm().cwiseProduct(s.a.q.rowwise().norm())).array().eval();
  auto const near = [&](auto at) { return ((delta * s.a.lambda.array() - at).abs() < size).any(); };
  return near(g) || (A::kept == modes::half && near(std::conj(g)));
}

/// The product with the resolvent of Λ − P Qᴴ, from four products with that of Λ.
///
///     C (R⁻¹ + P Qᴴ)⁻¹ B = r₀₀ − r₀₁ (I + r₁₁)⁻¹ r₁₀
///
/// Paper:   S4, appendix C.3 (the Woodbury identity).
/// Shapes:  r [outputs + R, inputs + R] → [outputs, inputs].
/// Error:   that of r, and some R ε of |r₀₁||(I + r₁₁)⁻¹||r₁₀| times the condition number of I + r₁₁, and what cancels
///          in the difference.
template <class Matrix>
[[nodiscard]] Matrix woodbury(Matrix const& r, Eigen::Index outputs, Eigen::Index inputs) {
  auto const rank = r.rows() - outputs;
  Matrix const inner = Matrix::Identity(rank, rank) + r.bottomRightCorner(rank, rank);
  return r.topLeftCorner(outputs, inputs) -
         r.topRightCorner(outputs, rank) * inner.partialPivLu().solve(r.bottomLeftCorner(rank, inputs));
}

namespace detail {

/// ⎡C ⎤
/// ⎣Qᴴ⎦ R(g) Δ (B  P)
template <class A, std::size_t M, std::size_t P>
[[nodiscard]] auto cauchy_products(continuous_system<A, M, P> const& s, real_of<number_of<A>> delta,
                                   complex_of<number_of<A>> g) {
  using T = number_of<A>;
  matrix<T> rows(s.c.rows() + s.a.q.cols(), s.c.cols()), columns(s.b.rows(), s.b.cols() + s.a.p.cols());
  rows << s.c, s.a.q.adjoint();
  columns << delta * s.b, delta * s.a.p;
  return cauchy<A::kept>(rows, columns, g, vector<T>(delta * s.a.lambda));
}

}  // namespace detail

/// K̂ at the k-th of L roots of unity, of a continuous system with C̃ in place of C.
///
///     ω = e^{−2iθ}, θ = πk/L:        g = 2i tan θ,        2/(1+ω) = 1 + i tan θ
///     ω = −1:                        K̂ = ½ Δ C̃ B
///
/// Paper:   S4, Algorithm 1, lines 2 to 4, for any rank, any number of inputs and outputs.
/// Why:     the tangents are 2 (1−ω)/(1+ω) and 2/(1+ω) without their cancellation, near θ = π/2 above all. At ω = −1
///          both are infinite; in the limit (1 + i tan θ)/(2i tan θ) = ½ and the low rank is of lower order. Near a
///          pole of R generating_function() is used instead.
/// Shapes:  k < L → [P, M], complex.
/// Units:   delta [s], lambda [1/s].
/// Domain:  delta > 0, no eigenvalue of A at g/Δ; sure when all have negative real parts. Fourier's A has one at k = 0:
///          the eigenvalue 0 of its missing sine, where I − Ā is singular. Its entries of B and of C̃ = C (1 − 1^L)
///          are 0: LU divides one rounding error by another, and C̃ drops the result. If the pivot is exactly 0, the
///          result is NaN, and so is recover_c's, since C̃ does not determine C there.
/// Error:   the errors of r magnified by what cancels between r₀₀ and r₀₁(…)r₁₀; near a pole that of
///          generating_function().
/// Cost:    O(N (P + R)(M + R) + R³); near a pole O(N³).
template <low_rank A, std::size_t M, std::size_t P>
[[nodiscard]] matrix<complex_of<number_of<A>>, P, M> cauchy_at_root(continuous_system<A, M, P> const& s,
                                                                    real_of<number_of<A>> delta, std::size_t k,
                                                                    std::size_t L) {
  using real = real_of<number_of<A>>;
  using complex = std::complex<real>;
  if (2 * k == L) return (delta / 2 * whole<A::kept>(s.c * s.b)).template cast<complex>();
  auto const side = static_cast<real>(k) - static_cast<real>(2 * k > L ? L : 0);
  auto const tan = std::tan(std::numbers::pi_v<real> * side / static_cast<real>(L));
  complex const g(0, 2 * tan), omega = complex(1, -tan) / complex(1, tan);
  if (near_a_pole(s, delta, g)) return generating_function(bilinear(delta, s), omega);
  return complex(1, tan) * woodbury(detail::cauchy_products(s, delta, g), s.c.rows(), s.b.cols());
}

/// The S4 kernel of a system that has C̃ in place of C.
///
///     K = F⁻¹ (K̂(ω_0), …, K̂(ω_{L−1}))
///
/// Paper:   S4, Algorithm 1.
/// Why:     a real kernel (half of the modes, or a real system) follows from K̂ at k ≤ L/2: K̂(ω̄) = conj
///          K̂(ω).
/// Shapes:  s.c = C̃ [P, N] → [L, P·M]: row k is K_k row by row.
/// Domain:  as of cauchy_at_root.
/// Error:   relative to the largest |K̂|, the errors of r magnified by what cancels between r₀₀ and r₀₁(…)r₁₀.
/// Cost:    O(L N (P + R)(M + R)) here, with fast Cauchy products it would be O((N + L) log²(N + L)).
template <low_rank A, std::size_t M, std::size_t P>
[[nodiscard]] auto cauchy_kernel_of_c_tilde(continuous_system<A, M, P> const& s, real_of<number_of<A>> delta,
                                            std::size_t L) {
  using kernel = kernel_of<continuous_system<A, M, P>>;
  constexpr bool real_kernel = !is_complex<typename kernel::Scalar>;
  std::size_t const computed = real_kernel ? std::min(L, L / 2 + 1) : L;
  matrix<complex_of<number_of<A>>> spectrum(index(L), s.d.size());
  for (std::size_t k = 0; k < computed; ++k) spectrum.row(index(k)) = kernel_row(cauchy_at_root(s, delta, k, L));
  for (std::size_t k = computed; k < L; ++k) spectrum.row(index(k)) = spectrum.row(index(L - k)).conjugate();
  auto const K = from_spectra<complex_of<number_of<A>>>(spectrum);
  if constexpr (real_kernel) {
    return kernel(K.real());
  } else {
    return kernel(K);
  }
}

/// From C to the C̃ of a kernel of L steps of Δ under the bilinear rule, and the inverse.
///
///     C̃ = C (I − Ā^L),        C = C̃ (I − Ā^L)⁻¹
///
/// Paper:   S4, Algorithm 1, line 1, and appendix C.3.
/// See:     absorb_power, recover_c of discrete systems, for domain and error.
template <low_rank A, std::size_t M, std::size_t P>
[[nodiscard]] auto absorb_power(continuous_system<A, M, P> s, real_of<number_of<A>> delta, std::size_t L) {
  s.c = absorb_power(bilinear(delta, s), L).c;
  return s;
}
template <low_rank A, std::size_t M, std::size_t P>
[[nodiscard]] auto recover_c(continuous_system<A, M, P> s, real_of<number_of<A>> delta, std::size_t L) {
  s.c = recover_c(bilinear(delta, s), L).c;
  return s;
}

/// The S4 kernel of a continuous diagonal-plus-low-rank system under the bilinear rule: the K of its recurrence.
///
///     K_k = C Ā^k B̄,   k = 0 … L−1,        by way of C̃ = C (I − Ā^L)
///
/// Paper:   S4, Algorithm 1.
/// Shapes:  → [L, P·M]: row k is K_k row by row; real for half of the modes. Any L, odd and even, 0 and 1.
/// Units:   delta [s], lambda [1/s].
/// Domain:  delta > 0. Where K̂ is NaN, at an eigenvalue of A that is exactly g/Δ, krylov_kernel() is used instead.
/// Error:   within 1e-9 of the largest |K_k| of krylov_kernel(bilinear(delta, s), L), and usually of 1e-13, as long as
///          the slowest eigenvalue α of A that B reaches has Δ|α| ≥ 1e-4. C̃ is C (I − Ā^L), and 1/(I − Ā)
///          magnifies its rounding: in general some N ε/(Δ|α|) more.
/// Cost:    that of cauchy_kernel_of_c_tilde and one Ā^L, O(N³ log L).
template <low_rank A, std::size_t M, std::size_t P>
[[nodiscard]] auto cauchy_kernel(continuous_system<A, M, P> const& s, real_of<number_of<A>> delta, std::size_t L) {
  auto K = cauchy_kernel_of_c_tilde(absorb_power(s, delta, L), delta, L);
  if (!K.allFinite()) K = krylov_kernel(bilinear(delta, s), L);
  return K;
}

}  // namespace mamba::inline MAMBA_ABI::ssm
