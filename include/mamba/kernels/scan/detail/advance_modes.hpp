// SPDX-License-Identifier: MIT
// mamba/kernels/scan/detail/advance_modes.hpp — batches of modes through some steps, state in registers.  [floor 4]
#pragma once

#include <mamba/simd/load_store.hpp>

#include <cstddef>
#include <utility>

namespace mamba::inline MAMBA_ABI::kernels::detail {

/// How x enters a mode: times b̄, or as it is (unit_b).
enum class input_map { scaled, unit };

/// Where ā, b̄, c and h of consecutive batches of modes lie: batch m of plane p at a[p] + m·W, and so on. One plane of
/// real modes, two of complex ones.
template <class T, std::size_t Planes>
struct mode_batches {
  T const *a[Planes], *b[Planes], *c[Planes];
  T* h[Planes];

  [[nodiscard]] mode_batches from(std::size_t batch) const noexcept {
    mode_batches out = *this;
    for (std::size_t p = 0; p < Planes; ++p) {
      out.a[p] += batch * simd::lanes<T>;
      if (out.b[p] != nullptr) out.b[p] += batch * simd::lanes<T>;
      out.c[p] += batch * simd::lanes<T>;
      out.h[p] += batch * simd::lanes<T>;
    }
    return out;
  }
};

#if defined(__AVX512F__) || defined(__aarch64__)
inline constexpr std::size_t register_budget = 8;  // batches of real state that fit in registers with their ā and b̄
#else
inline constexpr std::size_t register_budget = 4;
#endif

/// Bytes of a tile of x, and of its sums, that lie on the stack.
inline constexpr std::size_t stack_of_inputs = std::size_t{6} * 1024;

/// The initial sums of a tile: zero, or the sums over earlier modes.
template <class T>
struct sums_before {
  alignas(64) static constexpr T zero[simd::lanes<T>] = {};
  T const* at = zero;
  std::size_t step = 0;
};

/// M batches of modes through `rows` steps: sums[r] = before[r] + Σ_m c_m h_m. Constant indices only, as in matmul.
template <std::size_t M, input_map Input, class T>
inline void advance_modes(mode_batches<T, 1> const& at, T const* x, sums_before<T> before, T* sums,
                          std::size_t rows) noexcept {
  using V = simd::batch<T>;
  constexpr std::size_t W = simd::lanes<T>;
  auto const unroll_i = [&]<std::size_t... I>(std::index_sequence<I...>) __attribute__((always_inline)) {
    V const a[] = {simd::load<V>(at.a[0] + I * W)...};
    V b[M];
    if constexpr (Input == input_map::scaled) ((b[I] = simd::load<V>(at.b[0] + I * W)), ...);
    auto const scaled = [&](std::size_t i, V input) __attribute__((always_inline)) {
      return Input == input_map::scaled ? b[i] * input : input;
    };
    V h[] = {simd::load<V>(at.h[0] + I * W)...};
    T const* const c = at.c[0];
    for (std::size_t r = 0; r < rows; ++r) {
      V const input = simd::load<V>(x + r * W);
      V sum = simd::load<V>(before.at + r * before.step);
      ((h[I] = simd::fma(a[I], h[I], scaled(I, input)), sum = simd::fma(simd::load<V>(c + I * W), h[I], sum)), ...);
      simd::store<V>(sums + r * W, sum);
    }
    (simd::store<V>(at.h[0] + I * W, h[I]), ...);
  };
  unroll_i(std::make_index_sequence<M>{});
}

/// The same of complex modes, the real part of c h.
template <std::size_t M, input_map Input, class T>
inline void advance_modes(mode_batches<T, 2> const& at, T const* x, sums_before<T> before, T* sums,
                          std::size_t rows) noexcept {
  using V = simd::batch<T>;
  constexpr std::size_t W = simd::lanes<T>;
  auto const unroll_i = [&]<std::size_t... I>(std::index_sequence<I...>) __attribute__((always_inline)) {
    V const a_re[] = {simd::load<V>(at.a[0] + I * W)...};
    V const a_im[] = {simd::load<V>(at.a[1] + I * W)...};
    T const *const c_re = at.c[0], *const c_im = at.c[1];
    T const *const b_re = at.b[0], *const b_im = at.b[1];  // read only where x is scaled
    auto const into_re = [&](std::size_t i, V input) __attribute__((always_inline)) {
      return Input == input_map::scaled ? simd::load<V>(b_re + i * W) * input : input;
    };
    auto const into_im = [&](std::size_t i, V re, V input) __attribute__((always_inline)) {
      return Input == input_map::scaled ? simd::fma(a_im[i], re, simd::load<V>(b_im + i * W) * input)
                                        : simd::mul_unfused(a_im[i], re);
    };
    V re[] = {simd::load<V>(at.h[0] + I * W)...};
    V im[] = {simd::load<V>(at.h[1] + I * W)...};
    for (std::size_t r = 0; r < rows; ++r) {
      V const input = simd::load<V>(x + r * W);
      V sum = simd::load<V>(before.at + r * before.step);
      V last[M];
      ((last[I] = re[I], re[I] = simd::fma(a_re[I], re[I], simd::fnma(a_im[I], im[I], into_re(I, input))),
        im[I] = simd::fma(a_re[I], im[I], into_im(I, last[I], input)),
        sum = simd::fma(simd::load<V>(c_re + I * W), re[I], simd::fnma(simd::load<V>(c_im + I * W), im[I], sum))),
       ...);
      simd::store<V>(sums + r * W, sum);
    }
    ((simd::store<V>(at.h[0] + I * W, re[I]), simd::store<V>(at.h[1] + I * W, im[I])), ...);
  };
  unroll_i(std::make_index_sequence<M>{});
}

/// All of `count` batches, M at a time; the sum over them is in ascending order whatever M is.
template <std::size_t M, input_map Input, class T, std::size_t Planes>
inline void advance_all(mode_batches<T, Planes> const& at, std::size_t count, T const* x, sums_before<T> before,
                        T* sums, std::size_t rows) noexcept {
  std::size_t i = 0;
  for (; i + M <= count; i += M) {
    advance_modes<M, Input>(at.from(i), x, before, sums, rows);
    before = {sums, simd::lanes<T>};
  }
  if constexpr (M > 1) advance_all<M / 2, Input>(at.from(i), count - i, x, before, sums, rows);
}

}  // namespace mamba::inline MAMBA_ABI::kernels::detail
