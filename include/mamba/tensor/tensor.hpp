// SPDX-License-Identifier: MIT
// mamba/tensor/tensor.hpp — an array that owns its numbers.  [floor 1]
#pragma once

#include <mamba/tensor/storage.hpp>
#include <mamba/tensor/view.hpp>

namespace mamba::inline MAMBA_ABI {

/// An owning, contiguous, row-major array, a regular value type.
///
/// Why:     static extents do not mean static storage: what is larger than inline_bytes lies on the heap, 64-byte
///          aligned, and stored_inline says which.
/// Shapes:  tensor<float, 4, 3>: static; tensor<float, dynamic, 3>(rows, 3): given to the constructor.
/// Domain:  a moved-from tensor has no numbers, whatever its shape: it may be assigned to or destroyed.
/// Throws:  std::bad_alloc.
template <class T, std::size_t... E>
class tensor {
 public:
  using value_type = T;
  using extents_type = extents<E...>;
  static constexpr std::size_t rank = sizeof...(E);
  static constexpr std::size_t static_size = extents_type::all_static ? extents_type{}.size() : 0;
  using storage_type = storage_for<T, extents_type::all_static ? static_size : dynamic>;
  static constexpr bool stored_inline = !storage_type::on_heap;

  tensor() : tensor(extents_type{}) {}
  explicit tensor(extents_type shape) : shape_(shape), storage_(shape.size()) {}

  /// One size for every axis, static ones included; all numbers are zero.
  template <std::convertible_to<std::size_t>... Size>
    requires one_per_axis<rank, Size...>
  explicit tensor(Size... sizes) : tensor(extents_type(static_cast<std::size_t>(sizes)...)) {}

  [[nodiscard]] T* data() noexcept { return storage_.data(); }
  [[nodiscard]] T const* data() const noexcept { return storage_.data(); }
  [[nodiscard]] extents_type const& shape() const noexcept { return shape_; }
  [[nodiscard]] std::size_t extent(std::size_t axis) const noexcept { return shape_.extent(axis); }
  [[nodiscard]] std::size_t size() const noexcept { return storage_.size(); }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }

  template <std::convertible_to<std::size_t>... Index>
    requires one_per_axis<rank, Index...>
  [[nodiscard]] T& operator()(Index... index) noexcept {
    return view()(index...);
  }
  template <std::convertible_to<std::size_t>... Index>
    requires one_per_axis<rank, Index...>
  [[nodiscard]] T const& operator()(Index... index) const noexcept {
    return view()(index...);
  }

  [[nodiscard]] mamba::view<T, E...> view() noexcept { return {data(), shape_}; }
  [[nodiscard]] mamba::view<T const, E...> view() const noexcept { return {data(), shape_}; }
  [[nodiscard]] std::span<T> span() noexcept { return {data(), size()}; }
  [[nodiscard]] std::span<T const> span() const noexcept { return {data(), size()}; }

  /// A tensor converts to a view: static extents become dynamic and T becomes T const where the target has them so.
  /// Temporaries become views of constants only.
  template <class U, std::size_t... F>
    requires std::convertible_to<mamba::view<T, E...>, mamba::view<U, F...>>
  operator mamba::view<U, F...>() & noexcept(!core::contracts_checked) {
    return view();
  }
  template <class U, std::size_t... F>
    requires std::convertible_to<mamba::view<T const, E...>, mamba::view<U, F...>>
  operator mamba::view<U, F...>() const& noexcept(!core::contracts_checked) {
    return view();
  }

  /// A tensor of rank 1 converts to a span.
  operator std::span<T>() & noexcept
    requires(rank == 1)
  {
    return span();
  }
  operator std::span<T const>() const& noexcept
    requires(rank == 1)
  {
    return span();
  }

  void fill(T value) noexcept { std::fill_n(data(), size(), value); }

  /// Equal shapes and equal numbers.
  friend bool operator==(tensor const& a, tensor const& b) noexcept {
    return a.shape_ == b.shape_ && std::equal(a.data(), a.data() + a.size(), b.data(), b.data() + b.size());
  }

 private:
  extents_type shape_;
  storage_type storage_;
};

}  // namespace mamba::inline MAMBA_ABI
