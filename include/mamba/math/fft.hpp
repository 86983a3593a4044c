// SPDX-License-Identifier: MIT
// mamba/math/fft.hpp — the fast Fourier transform as division of polynomials.  [floor 2]
//
//     X_k = Σ_j x_j e^{−2πi jk/n}  =  x(z) mod (z − e^{−2πi k/n})
//
// With a and b the low and the high half of x, x mod (z^{n/2} − ω) is a + ωb and x mod (z^{n/2} + ω) is a − ωb: one
// butterfly per pair of coefficients. Repeated on both halves, it leaves n numbers, in the order of the tree's leaves.
// A pass has radix 4 or 8, as registers permit, and recurses: a block is finished before the next one is begun, so that
// below the first passes all work happens in the nearest cache that holds a block, whatever its size.
#pragma once

#include <mamba/math/twiddle_table.hpp>

#include <span>
#include <utility>

namespace mamba::inline MAMBA_ABI::math {

/// (a, b) ← (a + ωb, a − ωb).
///
/// Why:     the second result is 2a − (a + ωb): six fused multiply-adds in all; the textbook takes ten operations.
/// Error:   u(2|b| + |a + ωb|) in each part of the first result at most, and u|a − ωb| more in the second; u = ε/2.
template <simd::real V>
inline void butterfly(complex<V>& a, complex<V>& b, complex<V> const& w) noexcept {
  complex<V> const sum{simd::fnma(w.im, b.im, simd::fma(w.re, b.re, a.re)),
                       simd::fma(w.im, b.re, simd::fma(w.re, b.im, a.im))};
  b = {simd::fms(V(2), a.re, sum.re), simd::fms(V(2), a.im, sum.im)};
  a = sum;
}

/// (a, b) ← (a + b, (a − b)/ω) with |ω| = 1: the inverse of butterfly(), but for a factor of 2.
///
/// Error:   u|a + b| in each part of the first result at most, 3u|a − b| in the second: a difference, a product and a
///          sum; u = ε/2.
template <simd::real V>
inline void inverse_butterfly(complex<V>& a, complex<V>& b, complex<V> const& w) noexcept {
  V const re = a.re - b.re;
  V const im = a.im - b.im;
  a = {a.re + b.re, a.im + b.im};
  b = {simd::fma(w.im, im, simd::mul_unfused(w.re, re)), simd::fnma(w.im, re, simd::mul_unfused(w.re, im))};
}

/// A radix-R butterfly: the log₂ R levels of the tree below node h, for R coefficients that lie n/R apart.
///
/// Error:   that of log₂ R butterflies, one after the other.
template <std::size_t R, simd::real V>
class radix_butterfly {
 public:
  template <class T>
  radix_butterfly(twiddle_table<T> const& tree, std::size_t h) noexcept {
    twiddle_[0] = {V(0), V(0)};  // never used: nodes count from 1
    for (std::size_t level = 1; level < R; level *= 2) {
      for (std::size_t i = 0; i < level; ++i) {
        complex<T> const& w = tree.twiddle(level * h + i);
        twiddle_[level + i] = {V(w.re), V(w.im)};
      }
    }
  }

  /// With the twiddle factors of nodes 1 … R−1 given, of another part of the tree for each lane; twiddles[0] is not
  /// used.
  explicit radix_butterfly(complex<V> const* twiddles) noexcept {
    for (std::size_t i = 0; i < R; ++i) twiddle_[i] = twiddles[i];
  }

  /// Coefficients of one polynomial → coefficients of its residues modulo the R nodes below, in their order.
  void forward(complex<V> (&x)[R]) const noexcept { down<1, 0, R>(x); }
  /// The inverse of forward(), but for a factor of R.
  void inverse(complex<V> (&x)[R]) const noexcept { up<1, 0, R>(x); }

  /// forward() of real coefficients: the first level costs half.
  void forward(V const (&real)[R], complex<V> (&x)[R]) const noexcept {
    if constexpr (R == 1) {
      x[0] = {real[0], V(0)};
    } else {
      auto const unroll_m = [&]<std::size_t... M>(std::index_sequence<M...>) __attribute__((always_inline)) {
        ((x[M] = real_butterfly(real[M], real[M + R / 2])), ...);
        ((x[M + R / 2] = {simd::fms(V(2), real[M], x[M].re), -x[M].im}), ...);
      };
      unroll_m(std::make_index_sequence<R / 2>{});
      down<2, 0, R / 2>(x);
      down<3, R / 2, R / 2>(x);
    }
  }

 private:
  [[gnu::always_inline]] complex<V> real_butterfly(V a, V b) const noexcept {
    return {simd::fma(twiddle_[1].re, b, a), simd::mul_unfused(twiddle_[1].im, b)};
  }

  template <std::size_t Node, std::size_t First, std::size_t Count>
  [[gnu::always_inline]] void down(complex<V> (&x)[R]) const noexcept {
    if constexpr (Count > 1) {
      auto const unroll_m = [&]<std::size_t... M>(std::index_sequence<M...>) __attribute__((always_inline)) {
        (math::butterfly(x[First + M], x[First + M + Count / 2], twiddle_[Node]), ...);
      };
      unroll_m(std::make_index_sequence<Count / 2>{});
      down<2 * Node, First, Count / 2>(x);
      down<2 * Node + 1, First + Count / 2, Count / 2>(x);
    }
  }

  template <std::size_t Node, std::size_t First, std::size_t Count>
  [[gnu::always_inline]] void up(complex<V> (&x)[R]) const noexcept {
    if constexpr (Count > 1) {
      up<2 * Node, First, Count / 2>(x);
      up<2 * Node + 1, First + Count / 2, Count / 2>(x);
      auto const unroll_m = [&]<std::size_t... M>(std::index_sequence<M...>) __attribute__((always_inline)) {
        (math::inverse_butterfly(x[First + M], x[First + M + Count / 2], twiddle_[Node]), ...);
      };
      unroll_m(std::make_index_sequence<Count / 2>{});
    }
  }

  complex<V> twiddle_[R];
};

/// The largest radix, as its log₂: 2³ complex coefficients fill half of 32 registers, 2² half of 16.
#if defined(__AVX512F__) || defined(__aarch64__)
inline constexpr std::size_t largest_log2_radix = 3;
#else
inline constexpr std::size_t largest_log2_radix = 2;
#endif

/// log₂ of the radix of the next pass, `levels` levels above the leaves: the largest, but radix 4 and 4 for the last
/// four levels.
[[nodiscard]] constexpr std::size_t log2_radix(std::size_t levels) noexcept {
  if (levels == 4) return 2;
  return levels < largest_log2_radix ? levels : largest_log2_radix;
}

/// Calls f with log2_radix(levels) as a constant.
///
/// Error:   none, only f computes.
template <class F>
inline void with_log2_radix(std::size_t levels, F&& f) {
  switch (math::log2_radix(levels)) {
    case 0:
      return f(std::integral_constant<std::size_t, 0>{});
    case 1:
      return f(std::integral_constant<std::size_t, 1>{});
    case 2:
      return f(std::integral_constant<std::size_t, 2>{});
    default:
      return f(std::integral_constant<std::size_t, 3>{});
  }
}

/// One radix-R pass: R·stride coefficients of one node become those of its R children, in place.
///
/// Error:   that of radix_butterfly::forward().
template <std::size_t R, simd::real V>
inline void radix_pass(radix_butterfly<R, V> const& levels, complex<V>* x, std::size_t stride) noexcept {
  for (std::size_t j = 0; j < stride; ++j) {
    auto const unroll_m = [&]<std::size_t... M>(std::index_sequence<M...>) __attribute__((always_inline)) {
      complex<V> v[R] = {x[j + M * stride]...};
      levels.forward(v);
      ((x[j + M * stride] = v[M]), ...);
    };
    unroll_m(std::make_index_sequence<R>{});
  }
}

/// The inverse of radix_pass(), but for a factor of R.
///
/// Error:   that of radix_butterfly::inverse().
template <std::size_t R, simd::real V>
inline void inverse_radix_pass(radix_butterfly<R, V> const& levels, complex<V>* x, std::size_t stride) noexcept {
  for (std::size_t j = 0; j < stride; ++j) {
    auto const unroll_m = [&]<std::size_t... M>(std::index_sequence<M...>) __attribute__((always_inline)) {
      complex<V> v[R] = {x[j + M * stride]...};
      levels.inverse(v);
      ((x[j + M * stride] = v[M]), ...);
    };
    unroll_m(std::make_index_sequence<R>{});
  }
}

/// `levels` levels below node h, in place: the coefficients of all nodes there, each block in the order of the tree.
///
/// Shapes:  x [size], a multiple of 2^levels; size = 2^levels goes down to single numbers.
/// Error:   ‖error‖₂ ≤ 2.5 ε levels ‖result‖₂; tests/math/fft_test.cpp derives and verifies it.
/// Cost:    three multiply-adds per number and level.
template <simd::real V, class T>
void forward_passes(twiddle_table<T> const& tree, std::size_t h, complex<V>* x, std::size_t size,
                    std::size_t levels) noexcept {
  if (levels == 0) return;
  math::with_log2_radix(levels, [&](auto count) {
    constexpr std::size_t R = std::size_t{1} << decltype(count)::value;
    std::size_t const stride = size / R;
    math::radix_pass(radix_butterfly<R, V>(tree, h), x, stride);
    for (std::size_t r = 0; r < R; ++r) math::forward_passes(tree, R * h + r, x + r * stride, stride, levels - count);
  });
}

/// The inverse of forward_passes(), but for a factor of 2^levels.
///
/// Error:   ‖error‖₂ ≤ 2.5 ε levels ‖result‖₂, as there.
template <simd::real V, class T>
void inverse_passes(twiddle_table<T> const& tree, std::size_t h, complex<V>* x, std::size_t size,
                    std::size_t levels) noexcept {
  if (levels == 0) return;
  math::with_log2_radix(levels, [&](auto count) {
    constexpr std::size_t R = std::size_t{1} << decltype(count)::value;
    std::size_t const stride = size / R;
    for (std::size_t r = 0; r < R; ++r) math::inverse_passes(tree, R * h + r, x + r * stride, stride, levels - count);
    math::inverse_radix_pass(radix_butterfly<R, V>(tree, h), x, stride);
  });
}

namespace detail {

/// The bit-reversal permutation: the order of the tree ↔ the order of frequencies.
template <class E>
void reverse_bits(std::span<E> x) noexcept {
  std::size_t reversed = 0;
  for (std::size_t k = 1; k < x.size(); ++k) {
    std::size_t bit = x.size() / 2;
    for (; (reversed & bit) != 0; bit /= 2) reversed ^= bit;
    reversed ^= bit;
    if (k < reversed) std::swap(x[k], x[reversed]);
  }
}

}  // namespace detail

/// The discrete Fourier transform of n complex numbers, in place and in the order of frequencies.
///
///     forward:  X_k = Σ_j x_j e^{−2πi jk/n}            inverse:  x_j = 1/n Σ_k X_k e^{+2πi jk/n}
///
/// Paper:   Cooley & Tukey 1965, Gentleman & Sande 1966; as division of polynomials, Fiduccia 1972.
/// Why:     S4 turns generating functions into kernels with it, and long convolutions are products of transforms.
/// Shapes:  x [n], n a power of two; V = T is one sequence, V = batch<T> is one sequence per lane. A lane has the bits
///          that the scalar has.
/// Domain:  Σ|x_j| in the range of T. NaN in, NaN out, in every X_k of its own lane.
/// Error:   ‖error‖₂ ≤ 2.5 ε log₂n ‖X‖₂ (of x for the inverse) — tests/math/fft_test.cpp verifies it.
/// Cost:    3 n log₂n multiply-adds forward, 4 n log₂n operations back; n twiddle factors are made once.
/// Throws:  std::bad_alloc, by the constructor.
template <class T>
class fft {
 public:
  explicit fft(std::size_t n) : twiddles_(n, modulus::cyclic) {}

  [[nodiscard]] std::size_t size() const noexcept { return twiddles_.size(); }

  template <simd::real V>
  void forward(std::span<complex<V>> x) const noexcept(!core::contracts_checked) {
    MAMBA_EXPECTS(x.size() == size(), "fft: as many numbers as the transform was made for", x.size(), size());
    math::forward_passes(twiddles_, 1, x.data(), size(), levels());
    detail::reverse_bits(x);
  }

  template <simd::real V>
  void inverse(std::span<complex<V>> x) const noexcept(!core::contracts_checked) {
    MAMBA_EXPECTS(x.size() == size(), "fft: as many numbers as the transform was made for", x.size(), size());
    detail::reverse_bits(x);
    math::inverse_passes(twiddles_, 1, x.data(), size(), levels());
    V const scale(T(1) / static_cast<T>(size()));  // exact: a power of two
    for (complex<V>& v : x) v = {v.re * scale, v.im * scale};
  }

 private:
  [[nodiscard]] std::size_t levels() const noexcept { return static_cast<std::size_t>(std::bit_width(size())) - 1; }

  twiddle_table<T> twiddles_;
};

}  // namespace mamba::inline MAMBA_ABI::math
