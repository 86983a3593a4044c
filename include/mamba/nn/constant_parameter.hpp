// SPDX-License-Identifier: MIT
// mamba/nn/constant_parameter.hpp — vectors, filters and A in constant storage.  [floor 5]
//
// They have the layouts of nn/parameter.hpp: span() of one model is the argument of borrow() of another. Each states
// its type of number, element, and how many it borrows, size(). All functions are constexpr.
#pragma once

#include <mamba/core/contracts.hpp>
#include <mamba/kernels/scan/channel_blocked_view.hpp>
#include <mamba/nn/state_storage.hpp>
#include <mamba/tensor/view.hpp>

#include <span>

namespace mamba::inline MAMBA_ABI::nn {

/// Numbers in constant storage: none until borrow().
template <class T>
class constant_numbers {
 public:
  using storage_format = T;
  using element = T;

  /// All of them, for the layer.
  [[nodiscard]] constexpr std::span<T const> span() const noexcept(!core::contracts_checked) {
    MAMBA_EXPECTS(values_.size() == size_, "constant parameter: nothing is borrowed yet", values_.size(), size_);
    return values_;
  }
  [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }
  [[nodiscard]] constexpr bool empty() const noexcept { return size_ == 0; }

  /// Domain:  size() numbers that stay unchanged while they are used, on a 64-byte boundary where they are A.
  constexpr void borrow(std::span<T const> values) noexcept(!core::contracts_checked) {
    MAMBA_EXPECTS(values.size() == size_, "constant parameter: borrowed numbers must be all of it", values.size(),
                  size_);
    values_ = values;
  }

 protected:
  constexpr constant_numbers() = default;
  constexpr explicit constant_numbers(std::size_t size) noexcept : size_(size) {}

 private:
  std::size_t size_ = 0;
  std::span<T const> values_;
};

/// A vector parameter in constant storage.
template <class T, std::size_t N = dynamic>
class constant_vector : public constant_numbers<T> {
 public:
  constexpr constant_vector() noexcept : constant_vector(extents<N>{}.extent(0)) {}
  constexpr explicit constant_vector(std::size_t size) noexcept(!core::contracts_checked)
      : constant_numbers<T>(extents<N>(size).extent(0)) {}

  [[nodiscard]] constexpr std::size_t rows() const noexcept { return this->size(); }
  [[nodiscard]] static constexpr std::size_t row_size() noexcept { return 1; }
  void get_row(std::size_t i, std::span<T> value) const noexcept(!core::contracts_checked) {
    detail::expect_row(*this, i, value.size());
    value[0] = this->span()[i];
  }
};

/// conv1d.weight in constant storage, tap-major: [K, D].
template <class T, std::size_t D = dynamic, std::size_t K = dynamic>
class constant_filter : public constant_numbers<T> {
 public:
  constexpr constant_filter() noexcept : constant_filter(extents<D, K>{}) {}
  constexpr constant_filter(std::size_t channels, std::size_t taps) noexcept(!core::contracts_checked)
      : constant_filter(extents<D, K>(channels, taps)) {}
  constexpr explicit constant_filter(extents<D, K> shape) noexcept : constant_numbers<T>(shape.size()), shape_(shape) {}

  [[nodiscard]] constexpr std::size_t rows() const noexcept { return shape_.template get<0>(); }
  [[nodiscard]] constexpr std::size_t row_size() const noexcept { return shape_.template get<1>(); }
  void get_row(std::size_t d, std::span<T> filter) const noexcept(!core::contracts_checked) {
    detail::expect_row(*this, d, filter.size());
    for (std::size_t k = 0; k < row_size(); ++k) filter[k] = this->span()[k * rows() + d];
  }

  [[nodiscard]] view<T const, K, D> taps() const noexcept(!core::contracts_checked) {
    return {this->span().data(), extents<K, D>(row_size(), rows())};
  }

 private:
  extents<D, K> shape_;
};

/// A in the scan's layout, in constant storage. A_log isn't stored: such a model is not saved.
template <class T, std::size_t D = dynamic, std::size_t N = dynamic>
class constant_decay : public constant_numbers<T> {
 public:
  constexpr constant_decay() noexcept : constant_decay(extents<D, N>{}) {}
  constexpr constant_decay(std::size_t channels, std::size_t n) noexcept(!core::contracts_checked)
      : constant_decay(extents<D, N>(channels, n)) {}
  constexpr explicit constant_decay(extents<D, N> shape) noexcept
      : constant_numbers<T>(kernels::channel_blocked_view<T const>(nullptr, shape.extent(0), shape.extent(1)).size()),
        shape_(shape) {}

  [[nodiscard]] constexpr std::size_t rows() const noexcept { return shape_.template get<0>(); }
  [[nodiscard]] constexpr std::size_t row_size() const noexcept { return shape_.template get<1>(); }

  [[nodiscard]] kernels::channel_blocked_view<T const> a() const noexcept(!core::contracts_checked) {
    return {this->span().data(), rows(), row_size()};
  }

 private:
  extents<D, N> shape_;
};

/// Planes of modes in the recurrence's layout, one after the other, in constant storage, in the place of a
/// tensor of S4D's kernel, which isn't stored.
///
/// Shapes:  Planes times D channels of N modes; of no planes there are no numbers.
template <class T, std::size_t D, std::size_t N, std::size_t Planes>
class constant_planes : public constant_numbers<T> {
  using plane_view = kernels::channel_blocked_view<T const>;

 public:
  constexpr constant_planes() noexcept : constant_planes(extents<D, N>{}) {}
  constexpr constant_planes(std::size_t channels, std::size_t modes) noexcept(!core::contracts_checked)
      : constant_planes(extents<D, N>(channels, modes)) {}
  constexpr explicit constant_planes(extents<D, N> shape) noexcept
      : constant_numbers<T>(Planes * plane_view(nullptr, shape.extent(0), shape.extent(1)).size()), shape_(shape) {}

  /// Those of the tensor.
  [[nodiscard]] constexpr std::size_t rows() const noexcept { return shape_.template get<0>(); }
  [[nodiscard]] constexpr std::size_t row_size() const noexcept {
    return Planes == 0 ? 1 : Planes * shape_.template get<1>();
  }

  [[nodiscard]] plane_view plane(std::size_t p) const noexcept(!core::contracts_checked) {
    MAMBA_EXPECTS(p < Planes, "constant parameter: no such plane", p, Planes);
    std::size_t const modes = shape_.template get<1>();
    return {this->span().data() + p * (this->size() / Planes), rows(), modes};
  }

 private:
  extents<D, N> shape_;
};

}  // namespace mamba::inline MAMBA_ABI::nn
