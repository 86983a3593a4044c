// SPDX-License-Identifier: MIT
// mamba/kernels/scan/channel_blocked.hpp — a channels × N matrix with SIMD lanes running over channels.  [floor 4]
//
//     m(d, n) = data[d / W][n][d % W],      W = lanes
#pragma once

#include <mamba/simd/real.hpp>
#include <mamba/tensor/tensor.hpp>

namespace mamba::inline MAMBA_ABI::kernels {

/// The layout of the scan's A and of its state h: N values per channel, W channels side by side.
///
/// Why:     exp(Δ A) and the recurrence become one vector operation per (n, block), with no sum across lanes, and the
///          state of one block stays in the first-level cache through all of time.
/// Shapes:  D channels, N values each; lanes past the last channel are padding, zero at first.
/// Throws:  std::bad_alloc.
template <class T, std::size_t D = dynamic, std::size_t N = dynamic>
class channel_blocked {
 public:
  using value_type = T;
  static constexpr std::size_t lanes = simd::lanes<T>;
  static constexpr std::size_t planes = 1;  ///< real numbers; complex_blocked has two planes

  channel_blocked() : channel_blocked(extents<D, N>{}) {}
  channel_blocked(std::size_t channels, std::size_t n) : channel_blocked(extents<D, N>(channels, n)) {}
  explicit channel_blocked(extents<D, N> shape)
      : shape_(shape),
        storage_(shape.extent(0) / lanes + (shape.extent(0) % lanes != 0 ? 1 : 0), shape.extent(1), lanes) {}

  /// The numbers of a row-major [D, N] matrix: an array as {data, D, N}, a tensor, an Eigen map's view.
  explicit channel_blocked(matrix_view<T const> rows) : channel_blocked(rows.extent(0), rows.extent(1)) {
    for (std::size_t d = 0; d < channels(); ++d) {
      for (std::size_t n = 0; n < depth(); ++n) (*this)(d, n) = rows(d, n);
    }
  }

  /// The same numbers back into a row-major [D, N] matrix.
  void copy_to(matrix_view<T> rows) const noexcept(!core::contracts_checked) {
    MAMBA_EXPECTS(rows.extent(0) == channels() && rows.extent(1) == depth(),
                  "channel_blocked: copy_to needs a matrix of the same shape", rows.extent(0), channels());
    for (std::size_t d = 0; d < channels(); ++d) {
      for (std::size_t n = 0; n < depth(); ++n) rows(d, n) = (*this)(d, n);
    }
  }

  [[nodiscard]] std::size_t extent(std::size_t axis) const noexcept { return shape_.extent(axis); }
  [[nodiscard]] std::size_t channels() const noexcept { return shape_.template get<0>(); }
  [[nodiscard]] std::size_t depth() const noexcept { return shape_.template get<1>(); }
  [[nodiscard]] std::size_t blocks() const noexcept { return storage_.extent(0); }

  [[nodiscard]] T& operator()(std::size_t d, std::size_t n) noexcept { return storage_(d / lanes, n, d % lanes); }
  [[nodiscard]] T const& operator()(std::size_t d, std::size_t n) const noexcept {
    return storage_(d / lanes, n, d % lanes);
  }

  /// Block b: depth() rows of `lanes` channels.
  [[nodiscard]] T* block(std::size_t b) noexcept { return storage_.data() + b * depth() * lanes; }
  [[nodiscard]] T const* block(std::size_t b) const noexcept { return storage_.data() + b * depth() * lanes; }

  /// The one plane of real numbers: the interface of complex_blocked.
  [[nodiscard]] channel_blocked& plane(std::size_t) noexcept { return *this; }
  [[nodiscard]] channel_blocked const& plane(std::size_t) const noexcept { return *this; }

  /// Every number, padding included: the bytes that the partition contract compares.
  [[nodiscard]] std::span<T const> span() const noexcept { return storage_.span(); }

  /// The same value for every channel; padding becomes zero.
  void fill(T value) noexcept {
    storage_.fill(T{0});
    for (std::size_t d = 0; d < channels(); ++d) {
      for (std::size_t n = 0; n < depth(); ++n) (*this)(d, n) = value;
    }
  }

  /// Equal shapes and equal numbers in every channel; padding does not count.
  friend bool operator==(channel_blocked const& a, channel_blocked const& b) noexcept {
    if (!(a.shape_ == b.shape_)) return false;
    for (std::size_t d = 0; d < a.channels(); ++d) {
      for (std::size_t n = 0; n < a.depth(); ++n) {
        if (!(a(d, n) == b(d, n))) return false;
      }
    }
    return true;
  }

 private:
  static constexpr std::size_t static_blocks = D == dynamic ? dynamic : D / lanes + (D % lanes != 0 ? 1 : 0);
  extents<D, N> shape_;
  tensor<T, static_blocks, N, lanes> storage_;
};

template <class T, std::size_t D, std::size_t N>
channel_blocked(view<T, D, N>) -> channel_blocked<std::remove_const_t<T>, D, N>;
template <class T, std::size_t D, std::size_t N>
channel_blocked(tensor<T, D, N>) -> channel_blocked<T, D, N>;

}  // namespace mamba::inline MAMBA_ABI::kernels
