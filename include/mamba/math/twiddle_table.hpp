// SPDX-License-Identifier: MIT
// mamba/math/twiddle_table.hpp — the twiddle factors of a transform, as roots of polynomials.  [floor 2]
//
//     zⁿ − ρ = (z^{n/2} − ω)(z^{n/2} + ω),      ω² = ρ
//
// Each factor splits in the same way, down to z − root: a tree of moduli with n leaves, and a fast Fourier transform is
// the walk down that tree. Its nodes are numbered as in a heap: 1 is the top, and node h, whose ρ is ρ_h, has the
// halves 2h with ρ = ω_h and 2h + 1 with ρ = −ω_h.
#pragma once

#include <mamba/core/contracts.hpp>
#include <mamba/simd/real.hpp>
#include <mamba/tensor/storage.hpp>

#include <bit>
#include <cmath>
#include <concepts>
#include <numbers>

namespace mamba::inline MAMBA_ABI::math {

/// A complex number as two values: scalars, or batches with a number in each lane.
template <simd::real V>
struct complex {
  V re, im;
};

/// The modulus at the top of the tree.
enum class modulus {
  cyclic,      ///< zⁿ − 1: products are cyclic convolutions, residues are the discrete Fourier transform
  right_angle  ///< zⁿ + i: a product of real polynomials keeps its low half in its real part, its high half in −imag
};

/// ω_h, the twiddle factor of node h of the tree with n leaves.
///
///     ω_h = exp(−2πi a_h / 4n),    a_{2h} = a_h / 2,   a_{2h+1} = a_h / 2 + n,    a₁ = 0 (cyclic) or n/2 (right angle)
///
/// Why:     the angle is an exact integer and is folded into the first octant before its cosine is taken: every factor
///          is rounded once, and −1 and ±i come out exact.
/// Domain:  n a power of two, 1 ≤ h < n.
/// Error:   half an ulp in each part, or one where long double is no wider than T.
/// Cost:    a cosine and a sine in long double: for tables.
template <std::floating_point T>
[[nodiscard]] complex<T> twiddle_factor(std::size_t n, modulus top, std::size_t h) noexcept {
  std::size_t angle = top == modulus::cyclic ? 0 : n / 2;
  for (std::size_t bit = std::bit_floor(h) / 2; bit > 0; bit /= 2) angle = angle / 2 + ((h & bit) != 0 ? n : 0);
  std::size_t const rest = angle % n;  // quarters of a turn apart, angles have the same cosines
  bool const mirrored = 2 * rest > n;
  auto const share = static_cast<long double>(mirrored ? n - rest : rest) / static_cast<long double>(n);
  long double const phi = share * (std::numbers::pi_v<long double> / 2);
  auto const near = static_cast<T>(std::cos(phi));
  auto const far = 2 * rest == n ? near : static_cast<T>(std::sin(phi));
  T const c = mirrored ? far : near;
  T const s = mirrored ? near : far;
  return angle < n ? complex<T>{c, -s} : complex<T>{-s, -c};
}

/// ω_h for every node h that has 2·leaf coefficients or more, made once.
///
/// Domain:  n and leaf powers of two, leaf ≤ n.
/// Error:   that of twiddle_factor().
/// Cost:    n / leaf factors.
/// Throws:  std::bad_alloc.
template <std::floating_point T>
class twiddle_table {
 public:
  twiddle_table() = default;
  twiddle_table(std::size_t n, modulus top, std::size_t leaf = 1) : n_(n) {
    MAMBA_EXPECTS(std::has_single_bit(n), "twiddle_table: n must be a power of two", n, std::bit_ceil(n));
    MAMBA_EXPECTS(std::has_single_bit(leaf) && leaf <= n, "twiddle_table: a leaf is a power of two, at most n", leaf,
                  n);
    twiddles_ = heap_storage<complex<T>>(n / leaf);
    for (std::size_t h = 1; h < n / leaf; ++h) twiddles_.data()[h] = twiddle_factor<T>(n, top, h);
  }

  /// Coefficients at the top of the tree.
  [[nodiscard]] std::size_t size() const noexcept { return n_; }

  [[nodiscard]] complex<T> const& twiddle(std::size_t h) const noexcept { return twiddles_.data()[h]; }

 private:
  std::size_t n_ = 1;
  heap_storage<complex<T>> twiddles_;
};

}  // namespace mamba::inline MAMBA_ABI::math
