// SPDX-License-Identifier: MIT
// mamba/math/rms_norm.hpp — a vector divided by its root mean square.  [floor 2]
#pragma once

#include <mamba/simd/reduce.hpp>
#include <mamba/simd/transform.hpp>

#include <span>

namespace mamba::inline MAMBA_ABI::math {

/// RMS norm of one vector of activations.
///
///     out_i = x_i / √(Σ_j x_j² / n + ε) · w_i
///
/// Why:     a division per element, because the reciprocal square root of the machine has 12 bits and a product with
///          1/√… rounds once more. The order of the sum is fixed (simd/reduce.hpp).
/// Shapes:  x, weight and out have n elements; out may be x.
/// Domain:  epsilon > 0, Σ x² finite. A NaN in x makes every output NaN.
/// Error:   (n/W + log₂ W)/2 + 3 roundings relative at most, W lanes: half the error of the sum, then one each for
///          the root, the quotient and the product, and half each for the mean and ε.
template <class T>
inline void rms_norm(std::span<T const> x, std::span<T const> weight, T epsilon,
                     std::span<T> out) noexcept(!core::contracts_checked) {
  MAMBA_EXPECTS(x.size() == out.size(), "rms_norm: x must be as long as out", x.size(), out.size());
  MAMBA_EXPECTS(weight.size() == out.size(), "rms_norm: weight must be as long as out", weight.size(), out.size());
  if (out.empty()) return;
  using V = simd::batch<T>;
  T const mean = simd::sum_of_squares(x) / static_cast<T>(x.size());
  V const root(simd::sqrt(mean + epsilon));
  simd::transform(
      out, [root](V v, V w) { return simd::mul_unfused(v / root, w); }, x, weight);
}

}  // namespace mamba::inline MAMBA_ABI::math
