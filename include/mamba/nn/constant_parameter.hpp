// SPDX-License-Identifier: MIT
// mamba/nn/constant_parameter.hpp — parameters that are no matrices, read where they lie in constant storage.  [floor 5]
//
// They have the layouts of nn/parameter.hpp: what one model's span() gives, another model's borrow() takes.
#pragma once

#include <mamba/core/contracts.hpp>
#include <mamba/kernels/scan/channel_blocked_view.hpp>
#include <mamba/tensor/view.hpp>

#include <span>

namespace mamba::inline MAMBA_ABI::nn {

/// A vector parameter in constant storage.
template <class T>
class constant_vector {
 public:
  using storage_format = T;
  constant_vector() = default;
  explicit constant_vector(std::size_t size) noexcept : size_(size) {}

  [[nodiscard]] std::size_t rows() const noexcept { return size_; }
  [[nodiscard]] static constexpr std::size_t row_size() noexcept { return 1; }
  void get_row(std::size_t i, std::span<T> value) const noexcept { value[0] = values_[i]; }

  [[nodiscard]] std::span<T const> span() const noexcept { return values_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

  /// Domain:  rows() numbers that stay as they are for good.
  void borrow(std::span<T const> values) noexcept(!core::contracts_checked) {
    MAMBA_EXPECTS(values.size() == size_, "constant_vector: borrowed numbers must be all of it", values.size(), size_);
    values_ = values;
  }

 private:
  std::size_t size_ = 0;
  std::span<T const> values_;
};

/// conv1d.weight in constant storage, tap-major: [K, D].
template <class T>
class constant_filter {
 public:
  using storage_format = T;
  constant_filter() = default;
  constant_filter(std::size_t channels, std::size_t taps) noexcept : channels_(channels), taps_(taps) {}

  [[nodiscard]] std::size_t rows() const noexcept { return channels_; }
  [[nodiscard]] std::size_t row_size() const noexcept { return taps_; }
  void get_row(std::size_t d, std::span<T> filter) const noexcept {
    for (std::size_t k = 0; k < taps_; ++k) filter[k] = values_[k * channels_ + d];
  }

  [[nodiscard]] matrix_view<T const> taps() const noexcept {
    return matrix_view<T const>(values_.data(), taps_, channels_);
  }

  /// Domain:  row_size() · rows() numbers that stay as they are for good.
  void borrow(std::span<T const> values) noexcept(!core::contracts_checked) {
    MAMBA_EXPECTS(values.size() == channels_ * taps_, "constant_filter: borrowed numbers must be all of it",
                  values.size(), channels_ * taps_);
    values_ = values;
  }

 private:
  std::size_t channels_ = 0;
  std::size_t taps_ = 0;
  std::span<T const> values_;
};

/// A in the scan's layout, in constant storage. A_log isn't kept: such a model is never saved again.
template <class T, std::size_t D, std::size_t N>
class constant_decay {
 public:
  using storage_format = T;
  constant_decay() = default;
  constant_decay(std::size_t channels, std::size_t n) noexcept : channels_(channels), depth_(n) {}

  [[nodiscard]] std::size_t rows() const noexcept { return channels_; }
  [[nodiscard]] std::size_t row_size() const noexcept { return depth_; }

  [[nodiscard]] kernels::channel_blocked_view<T const> a() const noexcept {
    return {values_.data(), channels_, depth_};
  }

  /// Domain:  the numbers of a kernels::channel_blocked [rows(), row_size()], padding included, on a 64-byte boundary.
  void borrow(std::span<T const> values) noexcept(!core::contracts_checked) {
    [[maybe_unused]] std::size_t const expected =
        kernels::channel_blocked_view<T const>(nullptr, channels_, depth_).size();
    MAMBA_EXPECTS(values.size() == expected, "constant_decay: borrowed numbers must be all of it", values.size(),
                  expected);
    values_ = values;
  }

 private:
  std::size_t channels_ = 0;
  std::size_t depth_ = 0;
  std::span<T const> values_;
};

}  // namespace mamba::inline MAMBA_ABI::nn
