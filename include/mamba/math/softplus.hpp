// SPDX-License-Identifier: MIT
// mamba/math/softplus.hpp — ln(1 + eˣ), which makes step sizes positive.  [floor 2]
#pragma once

#include <mamba/math/log.hpp>

namespace mamba::inline MAMBA_ABI::math {

/// ln(1 + eˣ) = max(x, 0) + log1p(e⁻|ˣ|).
///
/// Why:     eˣ overflows for large x, and ln(1 + eˣ) is 0 for small ones where the answer is eˣ.
/// Domain:  all x; softplus(−∞) = 0, softplus(∞) = ∞, gradual where the result is subnormal. NaN in, NaN out.
/// Error:   1.75 ulp.
template <simd::real V>
[[nodiscard]] inline V softplus(V x) noexcept {
  using T = simd::scalar_of<V>;
  return simd::at_least(x, V(T(0))) + math::log1p(math::exp(-simd::abs(x)));
}

/// softplus as PyTorch has it, and so the models: x itself for x > 20, ln(1 + eˣ) up to there.
///
/// Why:     in float the two are one function, bit for bit: e⁻²⁰ is a thousandth of an ulp of 20. In double they differ
///          by up to 2.1e-9, and a model trained with the threshold is compared with a model that has it.
/// Domain:  as softplus.
/// Error:   1.75 ulp of PyTorch's function.
template <simd::real V>
[[nodiscard]] inline V softplus_thresholded(V x) noexcept {
  using T = simd::scalar_of<V>;
  return simd::select(x > V(T(20)), x, math::softplus(x));
}

}  // namespace mamba::inline MAMBA_ABI::math
