// SPDX-License-Identifier: MIT
// mamba/nn/storage.hpp — the same list of parameters in four kinds of storage.  [floor 5]
//
//     packed     as the kernels read it: panels of matrices, taps side by side, A beside A_log        inference
//     constant   the same layouts, read where they lie: flash, static arrays                      inference
//     dense      plain rows as the checkpoint has them                                             gradients, moments
//     meta       shapes only, no numbers (PyTorch's meta device)                                   checks, planning
//
// A layer names its parameters once, with the storage as a template parameter; weights, the shapes that a loader
// checks a file against, gradients and an optimiser's moments are that list in different storages.
#pragma once

#include <mamba/kernels/quantization/quantized_matrix.hpp>
#include <mamba/nn/constant_parameter.hpp>
#include <mamba/nn/parameter.hpp>

#include <concepts>
#include <span>

namespace mamba::inline MAMBA_ABI::nn {

/// A parameter without numbers: its shape, and the format that it would be stored in.
template <class Format>
class meta_parameter {
 public:
  using storage_format = Format;
  meta_parameter() = default;
  constexpr explicit meta_parameter(std::size_t rows, std::size_t row_size = 1) noexcept
      : rows_(rows), row_size_(row_size) {}
  [[nodiscard]] constexpr std::size_t rows() const noexcept { return rows_; }
  [[nodiscard]] constexpr std::size_t row_size() const noexcept { return row_size_; }
  [[nodiscard]] constexpr bool empty() const noexcept { return rows_ == 0; }

 private:
  std::size_t rows_ = 0;
  std::size_t row_size_ = 0;
};

/// A parameter in plain rows.
template <class T>
class dense_parameter {
 public:
  using storage_format = T;
  dense_parameter() = default;
  explicit dense_parameter(std::size_t rows, std::size_t row_size = 1) : values_(rows, row_size) {}
  [[nodiscard]] std::size_t rows() const noexcept { return values_.extent(0); }
  [[nodiscard]] std::size_t row_size() const noexcept { return values_.extent(1); }
  [[nodiscard]] bool empty() const noexcept { return values_.empty(); }
  void set_row(std::size_t i, std::span<T const> values) noexcept(!core::contracts_checked) {
    detail::expect_row(*this, i, values.size());
    std::copy(values.begin(), values.end(), values_.view().row(i).begin());
  }
  void get_row(std::size_t i, std::span<T> values) const noexcept(!core::contracts_checked) {
    detail::expect_row(*this, i, values.size());
    auto const row = values_.view().row(i);
    std::copy(row.begin(), row.end(), values.begin());
  }
  [[nodiscard]] matrix_view<T> view() noexcept { return values_.view(); }
  [[nodiscard]] matrix_view<T const> view() const noexcept { return values_.view(); }
  [[nodiscard]] std::span<T> span() noexcept { return values_.span(); }
  [[nodiscard]] std::span<T const> span() const noexcept { return values_.span(); }

 private:
  tensor<T, dynamic, dynamic> values_;
};

/// Inference: the layouts of the kernels, owned (or, matrix by matrix, borrowed).
struct packed {
  static constexpr bool computes = true;
  template <class W, std::size_t Out, std::size_t In>
  using matrix = kernels::packed_matrix<W, Out, In>;
  template <class T, std::size_t N>
  using vector = vector_parameter<T, N>;
  template <class T, std::size_t D, std::size_t K>
  using filter = filter_parameter<T, D, K>;
  template <class T, std::size_t D, std::size_t N>
  using decay = decay_parameter<T, D, N>;
};

/// Inference out of constant storage: nothing is copied and nothing can be set.
struct constant {
  static constexpr bool computes = true;
  template <class W, std::size_t Out, std::size_t In>
  using matrix = kernels::packed_matrix<W, Out, In, kernels::constant_memory>;
  template <class T, std::size_t N>
  using vector = constant_vector<T, N>;
  template <class T, std::size_t D, std::size_t K>
  using filter = constant_filter<T, D, K>;
  template <class T, std::size_t D, std::size_t N>
  using decay = constant_decay<T, D, N>;
};

/// Gradients and moments.
struct dense {
  static constexpr bool computes = false;
  template <class W, std::size_t, std::size_t>
  using matrix = dense_parameter<kernels::arithmetic<W>>;
  template <class T, std::size_t>
  using vector = dense_parameter<T>;
  template <class T, std::size_t, std::size_t>
  using filter = dense_parameter<T>;
  template <class T, std::size_t, std::size_t>
  using decay = dense_parameter<T>;
};

/// Shapes.
struct meta {
  static constexpr bool computes = false;
  template <class W, std::size_t, std::size_t>
  using matrix = meta_parameter<W>;
  template <class T, std::size_t>
  using vector = meta_parameter<T>;
  template <class T, std::size_t, std::size_t>
  using filter = meta_parameter<T>;
  template <class T, std::size_t, std::size_t>
  using decay = meta_parameter<T>;
};

/// A storage of the shape that a checkpoint's tensor has: shape[0] rows, each the product of the rest long.
///
/// Throws:  std::bad_alloc.
template <class S>
[[nodiscard]] constexpr S made(std::span<std::size_t const> shape) {
  std::size_t row_size = 1;
  for (std::size_t const extent : shape.subspan(1)) row_size = saturated_product(row_size, extent);
  if constexpr (std::constructible_from<S, std::size_t, std::size_t>) {
    return S(shape[0], row_size);
  } else {
    return S(shape[0]);
  }
}

/// Gives every parameter of a layer the size stated by its list: for constructors of layers.
///
/// Throws:  std::bad_alloc.
template <class L>
constexpr void allocate(L& layer) {
  L::for_each(layer, [](auto const&, auto const& shape, auto& storage, auto) {
    storage = made<std::remove_cvref_t<decltype(storage)>>(shape);
  });
}

}  // namespace mamba::inline MAMBA_ABI::nn
