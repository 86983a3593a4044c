// SPDX-License-Identifier: MIT
// mamba/kernels/gemm/weight_storage.hpp — packed weights: owned, in a mapped file, or constant.  [floor 4]
//
//     writable_memory   owned (in place where small and static, else on the heap), or borrowed with a shared owner
//     constant_memory   a pointer: flash, a static array; nothing is owned or written
#pragma once

#include <mamba/core/contracts.hpp>
#include <mamba/tensor/extents.hpp>
#include <mamba/tensor/storage.hpp>

#include <bit>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

namespace mamba::inline MAMBA_ABI::kernels {

namespace detail {

template <class T>
constexpr void check_borrowed([[maybe_unused]] std::span<T const> from,
                              [[maybe_unused]] std::size_t count) noexcept(!core::contracts_checked) {
  MAMBA_EXPECTS(from.size() == count, "packed_matrix: borrowed blocks must be all of the matrix", from.size(), count);
  if (std::is_constant_evaluated()) return;  // an address has no integer value there
  MAMBA_EXPECTS(reinterpret_cast<std::uintptr_t>(from.data()) % storage_alignment == 0,
                "packed_matrix: borrowed blocks must be 64-byte aligned");
}

}  // namespace detail

/// Elements that are owned until they are borrowed.
///
/// Why:     borrowed elements are read where they lie, without a copy. A copy of the storage is deep where it owns its
///          elements; where they are borrowed it shares them and their owner, so that no copy, of a layer or of a whole
///          model, outlives what it reads.
/// Throws:  std::bad_alloc.
template <class T, std::size_t Count = dynamic>
class writable_storage {
 public:
  writable_storage() = default;
  explicit writable_storage(std::size_t count) : size_(count), owned_(count) {}

  /// Zero after a move.
  [[nodiscard]] std::size_t size() const noexcept { return borrowed_ ? size_ : owned_.size(); }
  [[nodiscard]] T const* data() const noexcept { return borrowed_ ? borrowed_.get() : owned_.data(); }
  /// For writing: null where the elements are borrowed.
  [[nodiscard]] T* writable() noexcept { return borrowed_ ? nullptr : owned_.data(); }
  [[nodiscard]] bool borrowed() const noexcept { return borrowed_ != nullptr; }

  /// Reads the elements where they lie from now on; memory on the heap is freed.
  ///
  /// Domain:  size() elements on a 64-byte boundary, that stay unchanged while `owner` exists, or, without an owner, as
  ///          long as the storage or a copy is used.
  void borrow(std::span<T const> from, std::shared_ptr<void const> owner = nullptr) noexcept(!core::contracts_checked) {
    detail::check_borrowed(from, size_);
    borrowed_ = std::shared_ptr<T const>(std::move(owner), from.data());
    if constexpr (storage_for<T, Count>::on_heap) owned_ = {};
  }

 private:
  std::size_t size_ = 0;
  storage_for<T, Count> owned_;
  std::shared_ptr<T const> borrowed_;
};

/// Elements that lie in constant storage: none until borrow() says where.
template <class T>
class constant_storage {
 public:
  constant_storage() = default;
  constexpr explicit constant_storage(std::size_t count) noexcept : size_(count) {}

  [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }
  [[nodiscard]] constexpr T const* data() const noexcept { return data_; }
  [[nodiscard]] static constexpr bool borrowed() noexcept { return true; }

  /// Domain:  size() elements on a 64-byte boundary, that stay unchanged as long as the storage or a copy is used.
  constexpr void borrow(std::span<T const> from) noexcept(!core::contracts_checked) {
    detail::check_borrowed(from, size_);
    data_ = from.data();
  }

 private:
  std::size_t size_ = 0;
  T const* data_ = nullptr;
};

/// Weights in memory of their own, or borrowed.
struct writable_memory {
  template <class T, std::size_t Count>
  using storage = writable_storage<T, Count>;
};

/// Weights in constant storage.
struct constant_memory {
  template <class T, std::size_t Count>
  using storage = constant_storage<T>;
};

}  // namespace mamba::inline MAMBA_ABI::kernels
