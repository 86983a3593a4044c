// SPDX-License-Identifier: MIT
// mamba/ssm/convolution/fft_convolution.hpp — the causal convolution by Fourier transform, in L log L.  [floor 3]
//
//     K * x  ⟷  K̂_ω x̂_ω          a convolution in time is a product at each frequency
//
// A transform of n points gives a cyclic convolution of length n: both sides are padded with zeros, so that nothing
// wraps around.
#pragma once

#include <mamba/core/contracts.hpp>
#include <mamba/ssm/convolution/convolution.hpp>
#include <mamba/ssm/convolution/fourier_transform.hpp>

#include <algorithm>
#include <bit>

namespace mamba::inline MAMBA_ABI::ssm {

/// The length of the linear convolution of a kernel and an input, L_K + L − 1 or more: a power of two.
///
/// Why:     with fewer points the end of the result wraps around. Powers of two because Eigen's transform slows
///          down with the largest prime factor.
[[nodiscard]] constexpr std::size_t padded_length(std::size_t kernel_length, std::size_t input_length) noexcept {
  auto const both = std::max<std::size_t>(kernel_length, 1) + std::max<std::size_t>(input_length, 1) - 1;
  return std::bit_ceil(std::max<std::size_t>(both, 2));
}

/// ŷ_ω = K̂_ω x̂_ω at each frequency, a P × M matrix times a vector where there are several.
///
/// Shapes:  kernel [n, P·M], x [n, M] → [n, P].
/// Error:   (M + 2) ε Σ_m |K̂||x̂| at each frequency.
template <class C>
[[nodiscard]] matrix<C> product_of_spectra(matrix<C> const& kernel, matrix<C> const& x) {
  auto const M = x.cols();
  matrix<C> y = matrix<C>::Zero(x.rows(), kernel.cols() / M);
  for (Eigen::Index i = 0; i < kernel.cols(); ++i) y.col(i / M) += kernel.col(i).cwiseProduct(x.col(i % M));
  return y;
}

/// The causal convolution by Fourier transform; the same as convolve(), but for rounding errors.
///
///     y = F⁻¹(F K · F x), cut to the length of x
///
/// Paper:   S4, section 2.4; the transform's error as in Higham, Accuracy and Stability, Theorem 24.2.
/// Why:     L log L instead of L².
/// Shapes:  kernel [L_K, P·M], x [L, M] → y [L, P].
/// Domain:  finite numbers: a NaN anywhere is a NaN everywhere, in the past as well. Causal only up to the error.
/// Error:   12 ε (log₂ n + 1) ‖K‖₁ ‖x‖₂ for each pair of an input and an output, n the padded length: a transform errs
///          by at most 4 ε a level relative to the whole vector, and there are three of them. Small outputs after large
///          ones have a larger relative error than in the direct sum. In long double no better than double (Eigen's
///          angles are).
/// Cost:    (M + P M + P) n log₂ n.
/// See:     convolve(), the definition; overlap_add.hpp for input that never ends.
template <class Kernel, class Input>
[[nodiscard]] auto fft_convolve(Kernel const& kernel, Input const& x) {
  using output = convolution_output<Kernel, Input>;
  using T = typename output::Scalar;
  MAMBA_EXPECTS(x.cols() > 0 && kernel.cols() % x.cols() == 0, "fft_convolve: a kernel row must hold P x M numbers",
                kernel.cols(), x.cols());
  auto const n = padded_length(size(kernel.rows()), size(x.rows()));
  auto const y = from_spectra<T>(product_of_spectra(spectra(kernel, n), spectra(x, n)));
  return output(y.topRows(x.rows()));
}

}  // namespace mamba::inline MAMBA_ABI::ssm
