// SPDX-License-Identifier: MIT
// mamba/kernels/scan/complex_blocked_view.hpp — a non-owning complex-blocked matrix.  [floor 4]
#pragma once

#include <mamba/kernels/scan/channel_blocked_view.hpp>
#include <mamba/kernels/scan/complex_blocked.hpp>

#include <complex>
#include <concepts>
#include <cstddef>
#include <type_traits>

namespace mamba::inline MAMBA_ABI::kernels {

/// A view of the numbers of a complex_blocked [channels, depth], in a layer or in flash. Its planes need not be
/// contiguous.
///
/// Shapes:  re and im of one shape.
template <class T>
struct complex_blocked_view {
  using value_type = std::remove_const_t<T>;
  static constexpr std::size_t lanes = simd::lanes<value_type>;
  static constexpr std::size_t planes = 2;

  channel_blocked_view<T> re, im;

  constexpr complex_blocked_view() noexcept = default;
  constexpr complex_blocked_view(channel_blocked_view<T> real, channel_blocked_view<T> imaginary) noexcept
      : re(real), im(imaginary) {}

  template <std::size_t D, std::size_t N>
  complex_blocked_view(complex_blocked<value_type, D, N> const& from) noexcept
    requires(std::is_const_v<T>)
      : re(from.re), im(from.im) {}

  [[nodiscard]] constexpr std::size_t channels() const noexcept { return re.channels(); }
  [[nodiscard]] constexpr std::size_t depth() const noexcept { return re.depth(); }
  [[nodiscard]] constexpr std::size_t blocks() const noexcept { return re.blocks(); }

  [[nodiscard]] constexpr std::complex<value_type> operator()(std::size_t d, std::size_t n) const noexcept {
    return {re(d, n), im(d, n)};
  }

  /// Real parts for p = 0, imaginary parts for p = 1.
  [[nodiscard]] constexpr channel_blocked_view<T> const& plane(std::size_t p) const noexcept {
    return p == 0 ? re : im;
  }
};

}  // namespace mamba::inline MAMBA_ABI::kernels
