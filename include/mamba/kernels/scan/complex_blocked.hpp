// SPDX-License-Identifier: MIT
// mamba/kernels/scan/complex_blocked.hpp — complex numbers, channels × N, as two blocked planes.  [floor 4]
#pragma once

#include <mamba/kernels/scan/channel_blocked.hpp>

#include <complex>

namespace mamba::inline MAMBA_ABI::kernels {

/// The layout of complex modes: real and imaginary parts apart, each as channel_blocked, so that a complex product is
/// four real ones of whole batches and no lane meets another.
///
///     m(d, n) = re(d, n) + i im(d, n)
///
/// Shapes:  D channels, N values each.
/// Throws:  std::bad_alloc.
template <class T, std::size_t D = dynamic, std::size_t N = dynamic>
struct complex_blocked {
  channel_blocked<T, D, N> re, im;

  complex_blocked() = default;
  complex_blocked(std::size_t channels, std::size_t n) : re(channels, n), im(channels, n) {}

  [[nodiscard]] std::size_t extent(std::size_t axis) const noexcept { return re.extent(axis); }
  [[nodiscard]] std::size_t channels() const noexcept { return re.channels(); }
  [[nodiscard]] std::size_t depth() const noexcept { return re.depth(); }
  [[nodiscard]] std::size_t blocks() const noexcept { return re.blocks(); }

  [[nodiscard]] std::complex<T> operator()(std::size_t d, std::size_t n) const noexcept { return {re(d, n), im(d, n)}; }
  void set(std::size_t d, std::size_t n, std::complex<T> value) noexcept {
    re(d, n) = value.real();
    im(d, n) = value.imag();
  }

  /// Equal shapes and equal numbers in every channel; padding does not count.
  friend bool operator==(complex_blocked const& a, complex_blocked const& b) noexcept = default;
};

}  // namespace mamba::inline MAMBA_ABI::kernels
