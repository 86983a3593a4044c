// SPDX-License-Identifier: MIT
// mamba/simd/transform.hpp — y[i] = f(x[i], …): loop and tail, written once.  [floor 1]
#pragma once

#include <mamba/core/contracts.hpp>
#include <mamba/simd/load_store.hpp>

#include <span>

namespace mamba::inline MAMBA_ABI::simd {

/// Applies f to batches of the inputs, element by element.
///
///     out[i] = f(in[i]…)
///
/// Why:     f is called with batches in the body and in the tail (padded with zeros), so that the result of an element
///          does not depend on its place in the span.
/// Shapes:  all spans have out.size() elements; out may be one of the inputs, but must not overlap them otherwise.
/// Domain:  f(batch…) → batch, and f(0…) must be harmless: padding lanes are discarded.
template <class T, class F, class... In>
void transform(std::span<T> out, F&& f, In const&... in) noexcept(!core::contracts_checked) {
  using V = batch<T>;
  MAMBA_EXPECTS(((std::size(in) == out.size()) && ...), "transform: every span must be as long as the output");
  std::size_t i = 0;
  for (; i + lanes<T> <= out.size(); i += lanes<T>) store<V>(out.data() + i, f(load<V>(std::data(in) + i)...));
  if (std::size_t const rest = out.size() - i; rest != 0) {
    store_first<V>(out.data() + i, f(load_first<V>(std::data(in) + i, rest)...), rest);
  }
}

}  // namespace mamba::inline MAMBA_ABI::simd
