// SPDX-License-Identifier: MIT
// mamba/kernels/quantization/least_squares.hpp — the least-squares quantiser: scale and offset of a block.  [floor 4]
//
//     minimise  Σ_k (w_k − (s·c_k + m))²   over the codes c, and over s and m as bfloat16 stores them
//
// For given s and m the best codes are the nearest ones; for given codes the best s and m are those of a linear
// regression. The searches below start from a few s and m and refit each. Errors are computed with s and m as they
// are stored, and plain rounding is among the candidates, so that no result is worse.
//
// A V is one block, or one block in each lane.
#pragma once

#include <mamba/kernels/quantization/formats.hpp>
#include <mamba/simd/compat.hpp>
#include <mamba/simd/load_store.hpp>

#include <initializer_list>

namespace mamba::inline MAMBA_ABI::kernels {

/// The parameters of a block: w ≈ scale·c + offset.
template <simd::real V>
struct scale_and_offset {
  V scale, offset;
};

namespace detail {

/// The nearest bfloat16, ties to even, of finite numbers.
template <simd::real V>
[[nodiscard]] inline V stored(V x) noexcept {
  using U = simd::uint_like<V>;
  U const word = simd::bit_cast<std::uint32_t>(x);
  return simd::bit_cast<float>((word + U(0x7fffU) + ((word >> 16) & U(1U))) & U(0xffff0000U));
}

/// The nearest integer, ties to even, of |x| < 2²², where x is no product that could be merged with the addition.
template <simd::real V>
[[nodiscard]] inline V nearest(V x) noexcept {
  return simd::kept(V(x + V(0x1.8p23F))) - V(0x1.8p23F);
}

/// The nearest of low, low + 1, … , high.
template <simd::real V>
[[nodiscard]] inline V nearest_within(V x, float low, float high) noexcept {
  return nearest(simd::minimum(simd::maximum(x, V(low)), V(high)));
}

/// 1/x, or 0 where |x| is too small for it.
template <simd::real V>
[[nodiscard]] inline V inverse_or_zero(V x) noexcept {
  return simd::select(simd::abs(x) < V(0x1p-120F), V(0), V(1) / x);
}

/// The best of the candidates so far.
template <simd::real V>
struct best_candidate {
  scale_and_offset<V> parameters;
  V error;

  void offer(scale_and_offset<V> const& candidate, V candidate_error) noexcept {
    auto const better = candidate_error < error;
    parameters.scale = simd::select(better, candidate.scale, parameters.scale);
    parameters.offset = simd::select(better, candidate.offset, parameters.offset);
    error = simd::select(better, candidate_error, error);
  }
};

}  // namespace detail

/// The code of w: the nearest one within the format's range.
///
/// Domain:  a scale below 2⁻¹²⁰ counts as 0.
/// Error:   (w − offset)/scale has three roundings: within 2⁻¹⁵ of the middle between two codes either may result.
template <block_format W, simd::real V>
[[nodiscard]] inline V code_of(V w, scale_and_offset<V> const& parameters) noexcept {
  V const steps = simd::mul_unfused(w - parameters.offset, detail::inverse_or_zero(parameters.scale));
  return detail::nearest_within(steps, static_cast<float>(W::lowest), static_cast<float>(W::highest));
}

/// The squared error: Σ (w − (s·c + m))² with the nearest codes.
///
/// Error:   each difference is off by ε/2 of |s·c| + |s·c + m| + |w − (s·c + m)| at most, and their sum of squares by
///          (block_size + 1)/2 ε of itself.
template <block_format W, simd::real V>
[[nodiscard]] inline V squared_error(V const (&w)[W::block_size], scale_and_offset<V> const& parameters) noexcept {
  V sum(0);
  for (V const x : w) {
    V const off = x - simd::fma(parameters.scale, code_of<W>(x, parameters), parameters.offset);
    sum = simd::fma(off, off, sum);
  }
  return sum;
}

namespace detail {

/// Scale and offset by linear regression on the codes that `from` gives. Codes are counted from the middle of their
/// range, where the sums don't cancel.
template <block_format W, simd::real V>
[[nodiscard]] inline scale_and_offset<V> refitted(V const (&w)[W::block_size],
                                                  scale_and_offset<V> const& from) noexcept {
  constexpr float middle = static_cast<float>(W::lowest + W::highest) / 2;
  V const n(static_cast<float>(W::block_size));
  V c1(0);
  V c2(0);
  V w1(0);
  V cw(0);
  for (V const x : w) {
    V const c = code_of<W>(x, from) - V(middle);
    c1 = c1 + c;
    c2 = simd::fma(c, c, c2);
    w1 = w1 + x;
    cw = simd::fma(c, x, cw);
  }
  V const spread = simd::fms(n, c2, simd::mul_unfused(c1, c1));
  V const slope = simd::mul_unfused(simd::fms(n, cw, simd::mul_unfused(c1, w1)), inverse_or_zero(spread));
  V const mean = simd::mul_unfused(simd::fnma(slope, c1, w1), V(1.0F / W::block_size));
  return {stored(slope), stored(simd::fnma(slope, V(middle), mean))};
}

}  // namespace detail

namespace detail {

/// Without an offset: s = max|w| / highest. With 8 bits a search gains nothing.
template <block_format W, simd::real V>
[[nodiscard]] inline scale_and_offset<V> fit_scale(V const (&w)[W::block_size]) noexcept {
  constexpr int largest_of_both_signs = W::lowest < 0 && -W::lowest < W::highest ? -W::lowest : W::highest;
  V largest(0);
  for (V const x : w) largest = simd::maximum(largest, simd::abs(x));
  return {stored(largest * V(1.0F / largest_of_both_signs)), V(0)};
}

/// −1, 0, 1: for each of some thresholds, magnitudes above it become ±s, s their mean; the best threshold is taken.
template <block_format W, simd::real V>
[[nodiscard]] inline scale_and_offset<V> fit_ternary(V const (&w)[W::block_size]) noexcept {
  constexpr int thresholds = 24;
  V largest(0);
  for (V const x : w) largest = simd::maximum(largest, simd::abs(x));
  auto const above = [&](V threshold) {
    V sum(0);
    V count(0);
    for (V const x : w) {
      auto const kept = threshold < simd::abs(x);
      sum = sum + simd::select(kept, simd::abs(x), V(0));
      count = count + simd::select(kept, V(1), V(0));
    }
    return scale_and_offset<V>{stored(simd::mul_unfused(sum, inverse_or_zero(count))), V(0)};
  };
  scale_and_offset<V> const all{stored(largest), V(0)};  // plain rounding
  best_candidate<V> best{all, squared_error<W>(w, all)};
  for (int i = 0; i < thresholds; ++i) {
    scale_and_offset<V> const parameters = above(simd::mul_unfused(largest, V(static_cast<float>(i) / thresholds)));
    best.offer(parameters, squared_error<W>(w, parameters));
  }
  return best.parameters;
}

/// With an offset: from smallest to largest in highest − lowest steps, and in a few more or fewer; each time codes and
/// regression alternate, five times (Lloyd's iteration).
template <block_format W, simd::real V>
[[nodiscard]] inline scale_and_offset<V> fit_scale_and_offset(V const (&w)[W::block_size]) noexcept {
  constexpr auto count = static_cast<float>(W::highest - W::lowest);
  constexpr float middle_code = static_cast<float>(W::lowest + W::highest) / 2;
  constexpr int iterations = 5;
  V low = w[0];
  V high = w[0];
  for (V const x : w) {
    low = simd::minimum(low, x);
    high = simd::maximum(high, x);
  }
  V const range = high - low;
  V const middle = simd::mul_unfused(low + high, V(0.5F));
  V const equal_step = stored(simd::mul_unfused(range, V(1.0F / count)));
  V at_zero = low;
  if constexpr (W::lowest != 0) at_zero = simd::fnma(equal_step, V(static_cast<float>(W::lowest)), low);
  scale_and_offset<V> const plain{equal_step, stored(at_zero)};
  best_candidate<V> best{plain, squared_error<W>(w, plain)};
  for (float const fifteenths : {11.0F, 12.0F, 13.0F, 13.75F, 14.5F, 15.0F, 15.75F}) {
    V const step = simd::mul_unfused(range, V(1 / (fifteenths * count / 15)));
    scale_and_offset<V> parameters{step, simd::fnma(step, V(middle_code), middle)};
    for (int i = 0; i < iterations; ++i) parameters = refitted<W>(w, parameters);
    best.offer(parameters, squared_error<W>(w, parameters));
  }
  return best.parameters;
}

}  // namespace detail

/// The scale, and the offset, of a block: by the format's own quantiser (a static member W::fit(w)), if it has one, or
/// else by its members.
///
/// Domain:  |w| ≤ 2¹⁰⁰.
/// Error:   not the minimum, but by squared_error() no larger than that of equal steps over the range of w: a search
///          over a few candidates. A W::fit(w) states its own. tests/kernels/quantization/least_squares_test.cpp
///          verifies it.
template <block_format W, simd::real V>
[[nodiscard]] inline scale_and_offset<V> fit(V const (&w)[W::block_size]) noexcept {
  if constexpr (requires { W::fit(w); }) {
    return W::fit(w);
  } else if constexpr (W::has_offset) {
    return detail::fit_scale_and_offset<W>(w);
  } else if constexpr (W::lowest == -1 && W::highest == 1) {
    return detail::fit_ternary<W>(w);
  } else {
    return detail::fit_scale<W>(w);
  }
}

}  // namespace mamba::inline MAMBA_ABI::kernels
