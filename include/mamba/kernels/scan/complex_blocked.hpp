// SPDX-License-Identifier: MIT
// mamba/kernels/scan/complex_blocked.hpp — complex numbers, channels × N, as two blocked planes.  [floor 4]
#pragma once

#include <mamba/kernels/scan/channel_blocked.hpp>

#include <complex>

namespace mamba::inline MAMBA_ABI::kernels {

/// The layout of complex modes: real and imaginary parts apart, each as channel_blocked, so that a complex product is
/// four real ones of whole batches, without shuffles.
///
///     m(d, n) = re(d, n) + i im(d, n)
///
/// Shapes:  D channels, N values each.
/// Throws:  std::bad_alloc.
template <class T, std::size_t D = dynamic, std::size_t N = dynamic>
struct complex_blocked {
  using value_type = T;
  static constexpr std::size_t lanes = simd::lanes<T>;
  static constexpr std::size_t planes = 2;

  channel_blocked<T, D, N> re, im;

  complex_blocked() = default;
  complex_blocked(std::size_t channels, std::size_t n) : re(channels, n), im(channels, n) {}

  /// The numbers of a row-major [D, N] matrix: an array as {data, D, N}, a tensor, an Eigen map's view.
  explicit complex_blocked(matrix_view<std::complex<T> const> rows) : complex_blocked(rows.extent(0), rows.extent(1)) {
    for (std::size_t d = 0; d < channels(); ++d) {
      for (std::size_t n = 0; n < depth(); ++n) set(d, n, rows(d, n));
    }
  }

  /// The same numbers back into a row-major [D, N] matrix.
  void copy_to(matrix_view<std::complex<T>> rows) const noexcept(!core::contracts_checked) {
    MAMBA_EXPECTS(rows.extent(0) == channels() && rows.extent(1) == depth(),
                  "complex_blocked: copy_to needs a matrix of the same shape", rows.extent(0), channels());
    for (std::size_t d = 0; d < channels(); ++d) {
      for (std::size_t n = 0; n < depth(); ++n) rows(d, n) = (*this)(d, n);
    }
  }

  [[nodiscard]] std::size_t extent(std::size_t axis) const noexcept { return re.extent(axis); }
  [[nodiscard]] std::size_t channels() const noexcept { return re.channels(); }
  [[nodiscard]] std::size_t depth() const noexcept { return re.depth(); }
  [[nodiscard]] std::size_t blocks() const noexcept { return re.blocks(); }

  [[nodiscard]] std::complex<T> operator()(std::size_t d, std::size_t n) const noexcept { return {re(d, n), im(d, n)}; }
  void set(std::size_t d, std::size_t n, std::complex<T> value) noexcept {
    re(d, n) = value.real();
    im(d, n) = value.imag();
  }

  /// Real parts for p = 0, imaginary parts for p = 1.
  [[nodiscard]] channel_blocked<T, D, N>& plane(std::size_t p) noexcept { return p == 0 ? re : im; }
  [[nodiscard]] channel_blocked<T, D, N> const& plane(std::size_t p) const noexcept { return p == 0 ? re : im; }

  /// The same value for every channel; padding becomes zero.
  void fill(std::complex<T> value) noexcept {
    re.fill(value.real());
    im.fill(value.imag());
  }

  /// Equal shapes and equal numbers in every channel; padding does not count.
  friend bool operator==(complex_blocked const& a, complex_blocked const& b) noexcept = default;
};

template <class T, std::size_t D, std::size_t N>
complex_blocked(view<std::complex<T>, D, N>) -> complex_blocked<T, D, N>;
template <class T, std::size_t D, std::size_t N>
complex_blocked(view<std::complex<T> const, D, N>) -> complex_blocked<T, D, N>;
template <class T, std::size_t D, std::size_t N>
complex_blocked(tensor<std::complex<T>, D, N>) -> complex_blocked<T, D, N>;

}  // namespace mamba::inline MAMBA_ABI::kernels
