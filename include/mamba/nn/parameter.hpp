// SPDX-License-Identifier: MIT
// mamba/nn/parameter.hpp — a layer's tensors as rows, independent of their layout.  [floor 5]
//
// Every tensor of a checkpoint is a list of rows: shape[0] rows, each as long as the product of the other extents. A
// storage reads and writes rows as in the checkpoint; it packs, transposes and derives values itself:
//
//     storage.rows()   storage.row_size()   storage.set_row(i, values)   storage.get_row(i, values)
#pragma once

#include <mamba/core/contracts.hpp>
#include <mamba/kernels/gemm/packed_matrix.hpp>
#include <mamba/kernels/scan/channel_blocked.hpp>
#include <mamba/math/exp.hpp>
#include <mamba/nn/state_storage.hpp>
#include <mamba/tensor/tensor.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>

namespace mamba::inline MAMBA_ABI::nn {

/// A storage with rows in and rows out, in the arithmetic type T.
template <class S, class T>
concept parameter_storage =
    requires(S& storage, S const& stored, std::size_t i, std::span<T const> in, std::span<T> out) {
      { stored.rows() } -> std::convertible_to<std::size_t>;
      { stored.row_size() } -> std::convertible_to<std::size_t>;
      storage.set_row(i, in);
      stored.get_row(i, out);
    };

/// A vector parameter (norm weight, bias, D): one number per row.
template <class T, std::size_t N = dynamic>
class vector_parameter {
 public:
  using storage_format = T;
  vector_parameter() = default;
  explicit vector_parameter(std::size_t size) : values_(size) {}

  [[nodiscard]] std::size_t rows() const noexcept { return values_.size(); }
  [[nodiscard]] static constexpr std::size_t row_size() noexcept { return 1; }
  void set_row(std::size_t i, std::span<T const> value) noexcept(!core::contracts_checked) {
    detail::expect_row(*this, i, value.size());
    values_(i) = value[0];
  }
  void get_row(std::size_t i, std::span<T> value) const noexcept(!core::contracts_checked) {
    detail::expect_row(*this, i, value.size());
    value[0] = values_(i);
  }

  [[nodiscard]] std::span<T> span() noexcept { return values_.span(); }
  [[nodiscard]] std::span<T const> span() const noexcept { return values_.span(); }
  [[nodiscard]] bool empty() const noexcept { return values_.empty(); }

 private:
  tensor<T, N> values_;
};

/// conv1d.weight: the checkpoint has [D, 1, K], a filter per row; the convolution reads [K, D], tap by tap.
template <class T, std::size_t D = dynamic, std::size_t K = dynamic>
class filter_parameter {
 public:
  using storage_format = T;
  filter_parameter() = default;
  filter_parameter(std::size_t channels, std::size_t taps) : taps_(taps, channels) {}

  [[nodiscard]] std::size_t rows() const noexcept { return taps_.extent(1); }
  [[nodiscard]] std::size_t row_size() const noexcept { return taps_.extent(0); }
  void set_row(std::size_t d, std::span<T const> filter) noexcept(!core::contracts_checked) {
    detail::expect_row(*this, d, filter.size());
    for (std::size_t k = 0; k < filter.size(); ++k) taps_(k, d) = filter[k];
  }
  void get_row(std::size_t d, std::span<T> filter) const noexcept(!core::contracts_checked) {
    detail::expect_row(*this, d, filter.size());
    for (std::size_t k = 0; k < filter.size(); ++k) filter[k] = taps_(k, d);
  }

  [[nodiscard]] view<T const, K, D> taps() const noexcept { return taps_.view(); }

 private:
  tensor<T, K, D> taps_;
};

/// A_log [D, N] as the checkpoint has it, beside A = −exp(A_log) in the scan's layout.
///
/// Why:     ln∘exp does not round-trip, so A_log is stored too, for saving; A is formed once, in double,
///          and then rounded.
template <class T, std::size_t D = dynamic, std::size_t N = dynamic>
class decay_parameter {
 public:
  using storage_format = T;
  decay_parameter() { refresh(); }
  decay_parameter(std::size_t channels, std::size_t n) : a_log_(channels, n), a_(channels, n) { refresh(); }

  [[nodiscard]] std::size_t rows() const noexcept { return a_log_.extent(0); }
  [[nodiscard]] std::size_t row_size() const noexcept { return a_log_.extent(1); }
  void set_row(std::size_t d, std::span<T const> a_log) noexcept(!core::contracts_checked) {
    detail::expect_row(*this, d, a_log.size());
    std::copy(a_log.begin(), a_log.end(), &a_log_(d, 0));
    refresh(d);
  }
  void get_row(std::size_t d, std::span<T> a_log) const noexcept(!core::contracts_checked) {
    detail::expect_row(*this, d, a_log.size());
    std::copy_n(&a_log_(d, 0), a_log.size(), a_log.begin());
  }

  [[nodiscard]] kernels::channel_blocked<T, D, N> const& a() const noexcept { return a_; }

 private:
  void refresh() noexcept {
    for (std::size_t d = 0; d < rows(); ++d) refresh(d);
  }
  void refresh(std::size_t d) noexcept {
    for (std::size_t n = 0; n < row_size(); ++n) {
      a_(d, n) = static_cast<T>(-exp_in_double(static_cast<double>(a_log_(d, n))));
    }
  }

  /// The last bit of std::exp is the C library's; builds that are to have equal bits on every machine use our own.
  [[nodiscard]] static double exp_in_double(double x) noexcept {
    if constexpr (MAMBA_SIMD_PORTABLE != 0) {
      return math::exp(x);
    } else {
      return std::exp(x);
    }
  }

  tensor<T, D, N> a_log_;
  kernels::channel_blocked<T, D, N> a_;
};

}  // namespace mamba::inline MAMBA_ABI::nn
