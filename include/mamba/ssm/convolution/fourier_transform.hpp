// SPDX-License-Identifier: MIT
// mamba/ssm/convolution/fourier_transform.hpp — the discrete Fourier transform of columns, and its inverse.  [floor 3]
//
//     x̂_ω = Σ_k x_k e^(−2πiωk/n)          x_k = 1/n Σ_ω x̂_ω e^(2πiωk/n)
//
// The only header that includes Eigen's FFT. math/fft.hpp is many times faster, but takes powers of two in float and
// double; a kernel of S4 has any length, and the tests use long double as well (where Eigen's angles have the precision
// of double).
#pragma once

#include <mamba/ssm/systems/matrix.hpp>

#include <unsupported/Eigen/FFT>

namespace mamba::inline MAMBA_ABI::ssm {

/// The Fourier transform of each column, padded with zeros to n points.
///
///     x̂_ω = Σ_k x_k e^(−2πiωk/n)
///
/// Shapes:  x [L, M], L ≤ n, 2 ≤ n → [n, M].
/// Error:   as from_spectra().
/// Cost:    M n log₂ n; where n has a large prime factor p, M n p.
template <class Input>
[[nodiscard]] auto spectra(Input const& x, std::size_t n) {
  using T = typename Input::Scalar;
  Eigen::FFT<real_of<T>> fft;
  matrix<complex_of<T>> out(index(n), x.cols());
  for (Eigen::Index m = 0; m < x.cols(); ++m) {
    vector<T> padded = vector<T>::Zero(index(n));
    padded.head(x.rows()) = x.col(m);
    vector<complex_of<T>> transformed(index(n));
    fft.fwd(transformed, padded);
    out.col(m) = transformed;
  }
  return out;
}

/// The sequence whose Fourier transform is given, column by column; T says whether its numbers are real.
///
///     x_k = 1/n Σ_ω x̂_ω e^(2πiωk/n)
///
/// Shapes:  [n, P] → [n, P]; for complex T any n, for real T an even one.
/// Error:   some ε log₂ n of the columns' norms; where n has a large prime factor p, p ε.
/// Cost:    P n log₂ n; where n has a large prime factor p, P n p.
template <scalar T>
[[nodiscard]] matrix<T> from_spectra(matrix<complex_of<T>> const& spectrum) {
  if constexpr (is_complex<T>) {
    if (spectrum.rows() < 2) return spectrum;  // Eigen has no transform of nothing, and none of one number
  }
  Eigen::FFT<real_of<T>> fft;
  matrix<T> out(spectrum.rows(), spectrum.cols());
  for (Eigen::Index p = 0; p < spectrum.cols(); ++p) {
    vector<complex_of<T>> const transformed = spectrum.col(p);
    vector<T> times(spectrum.rows());
    fft.inv(times, transformed);
    out.col(p) = times;
  }
  return out;
}

}  // namespace mamba::inline MAMBA_ABI::ssm
