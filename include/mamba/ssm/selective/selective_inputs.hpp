// SPDX-License-Identifier: MIT
// mamba/ssm/selective/selective_inputs.hpp — the Δ, B, C and outputs of a selective scan, in pieces.  [floor 3]
//
//     selective_recurrence(softplus_of(with_bias(raw, bias)), a, per_group(b, D), per_token(c), x, h,
//                          plus_skip(d, x, gated(z, into(y))));
//
// The scan calls delta(t, channel), b(t, channel, n) and c(t, channel, n), and passes each output to
// write(t, channel, value). The functions below make such callables, and compose. Lvalue arguments are stored by
// reference and must outlive the callable; temporaries (a view, another piece) are stored by value.
#pragma once

#include <mamba/core/contracts.hpp>
#include <mamba/math/sigmoid.hpp>
#include <mamba/math/softplus.hpp>
#include <mamba/ssm/discretize/rules.hpp>

#include <cmath>
#include <cstddef>
#include <utility>

namespace mamba::inline MAMBA_ABI::ssm {

/// x·σ(x), the gate, for any scalar: math::silu for float, double and batches; the formula for long double and complex
/// numbers.
///
/// Error:   that of math::silu; 3 ε in long double. Complex: unbounded near the zeros of 1 + e⁻ˣ.
template <class T>
[[nodiscard]] T silu(T x) noexcept {
  if constexpr (simd::real<T>) {
    return math::silu(x);
  } else {
    return x / (T(1) + exponential(-x));
  }
}

/// ln(1 + eˣ) up to 20 and x above, as PyTorch has it: math::softplus_thresholded, and the same in long double.
///
/// Error:   that of math::softplus_thresholded; 3 ε in long double.
template <class T>
[[nodiscard]] T softplus(T x) noexcept {
  if constexpr (simd::real<T>) {
    return math::softplus_thresholded(x);
  } else {
    return x > T(20) ? x : std::log1p(std::exp(x));
  }
}

namespace detail {

/// A reference to an lvalue, a copy of a temporary.
template <class M>
struct kept {
  M value;
};
template <class M>
[[nodiscard]] kept<M> keep(M&& m) {
  return {std::forward<M>(m)};
}

}  // namespace detail

/// B or C with a row for every token, the same for all channels: [L, N], as in Mamba-1.
template <class Matrix>
[[nodiscard]] auto per_token(Matrix&& m) {
  return
      [k = detail::keep(std::forward<Matrix>(m))](std::size_t t, std::size_t, std::size_t n) { return k.value(t, n); };
}

/// B or C with a row for every token and group of channels, [L, G, N]: channel d of D reads group ⌊d G/D⌋.
///
/// Domain:  D a multiple of G, the extent of axis 1 where m is a tensor; m may also be a function.
template <class Tensor>
[[nodiscard]] auto per_group(Tensor&& m, std::size_t groups, std::size_t channels) {
  MAMBA_EXPECTS(groups > 0 && channels % groups == 0, "per_group: the channels must be a multiple of the groups",
                channels, groups);
  if constexpr (requires { m.extent(1); }) {
    MAMBA_EXPECTS(m.extent(1) == groups, "per_group: the tensor must have a row for each group", m.extent(1), groups);
  }
  auto const size = channels / groups;
  return [k = detail::keep(std::forward<Tensor>(m)), size](std::size_t t, std::size_t channel, std::size_t n) {
    return k.value(t, channel / size, n);
  };
}

/// B or C that doesn't depend on the token: a row for every channel, [D, N]. With it and a constant Δ nothing is
/// selective: the system is S4D's.
template <class Matrix>
[[nodiscard]] auto per_channel(Matrix&& m) {
  return [k = detail::keep(std::forward<Matrix>(m))](std::size_t, std::size_t channel, std::size_t n) {
    return k.value(channel, n);
  };
}

/// Δ plus a bias for each channel: delta [L, D], bias [D].
///
/// Error:   one rounding.
template <class Step, class Bias>
[[nodiscard]] auto with_bias(Step&& delta, Bias&& bias) {
  return [k = detail::keep(std::forward<Step>(delta)), plus = detail::keep(std::forward<Bias>(bias))](
             std::size_t t, std::size_t channel) { return k.value(t, channel) + plus.value[channel]; };
}

/// Δ > 0: the softplus of the projection, [L, D].
///
/// Error:   that of softplus().
template <class Step>
[[nodiscard]] auto softplus_of(Step&& delta) {
  return [k = detail::keep(std::forward<Step>(delta))](std::size_t t, std::size_t channel) {
    return softplus(k.value(t, channel));
  };
}

/// Outputs written to a matrix, [L, D].
template <class Y>
[[nodiscard]] auto into(Y&& y) {
  return [k = detail::keep(std::forward<Y>(y))](std::size_t t, std::size_t channel, auto value) {
    k.value(t, channel) = value;
  };
}

/// Outputs with a skip: y + D x, d [D], x [L, D].
///
/// Error:   two roundings of |y| + |D x|.
template <class D, class X, class Write>
[[nodiscard]] auto plus_skip(D&& d, X&& x, Write write) {
  return [skip = detail::keep(std::forward<D>(d)), input = detail::keep(std::forward<X>(x)), write](
             std::size_t t, std::size_t channel, auto value) {
    write(t, channel, value + skip.value[channel] * input.value(t, channel));
  };
}

/// Outputs with a gate: y · silu(z), z [L, D].
///
/// Error:   that of silu(), and one rounding.
template <class Z, class Write>
[[nodiscard]] auto gated(Z&& z, Write write) {
  return [gate = detail::keep(std::forward<Z>(z)), write](std::size_t t, std::size_t channel, auto value) {
    write(t, channel, value * silu(gate.value(t, channel)));
  };
}

}  // namespace mamba::inline MAMBA_ABI::ssm
