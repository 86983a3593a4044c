// SPDX-License-Identifier: MIT
// mamba/tensor/arena.hpp — consecutive buffers out of one piece of memory.  [floor 1]
//
//     void buffers(arena at, std::size_t rows) {          // by value: what it takes is free again when it returns
//       matrix_view<float> const u = at.matrix<float>(rows, 64);
//       matrix_view<float> const v = at.matrix<float>(rows, 128);
//
// The same function measures: with an arena without memory its views have no data, and used() is the number of bytes
// needed. So the sizes of a workspace are stated once, where they are used.
#pragma once

#include <mamba/core/contracts.hpp>
#include <mamba/tensor/storage.hpp>
#include <mamba/tensor/view.hpp>

#include <limits>
#include <span>

namespace mamba::inline MAMBA_ABI {

/// A bump allocator over borrowed memory: a value of three words, copied to open a scope.
///
/// Why:     a layer's intermediate values live as long as its call. Passing the arena by value gives every callee
///          the rest of the memory, and frees it on return without a destructor, a free list or a heap.
/// Domain:  memory that begins on a 64-byte boundary (heap_storage and inline_storage do). Elements are trivially
///          copyable; they are not initialised.
/// Throws:  contract_violation where contracts are checked and the memory is too small.
class arena {
 public:
  /// Measures only: everything fits, and nothing has an address. (In an arena over an empty span nothing fits.)
  constexpr arena() noexcept = default;
  explicit arena(std::span<std::byte> memory) noexcept : base_(memory.data()), size_(memory.size()) {}

  /// True where views have no data.
  [[nodiscard]] constexpr bool measures() const noexcept { return size_ == unbounded; }

  /// Bytes taken so far, padding to cache lines included.
  [[nodiscard]] constexpr std::size_t used() const noexcept { return used_; }

  /// The next `count` elements, on a cache line of their own.
  template <class T>
  [[nodiscard]] constexpr std::span<T> take(std::size_t count) noexcept(!core::contracts_checked) {
    std::size_t const bytes = saturated_product(count, sizeof(T));
    std::size_t const lines = bytes / storage_alignment + (bytes % storage_alignment != 0 ? 1 : 0);
    std::size_t const first = used_;
    used_ = saturated_sum(used_, saturated_product(lines, storage_alignment));
    if (measures()) return {};
    MAMBA_EXPECTS(used_ <= size_, "arena: the workspace is too small", size_, used_);
    return {static_cast<T*>(static_cast<void*>(base_ + first)), count};
  }

  /// The next rows × columns elements as a contiguous matrix.
  template <class T>
  [[nodiscard]] constexpr matrix_view<T> matrix(std::size_t rows,
                                                std::size_t columns) noexcept(!core::contracts_checked) {
    return matrix_view<T>(take<T>(saturated_product(rows, columns)).data(), rows, columns);
  }

 private:
  static constexpr std::size_t unbounded = std::numeric_limits<std::size_t>::max();
  std::byte* base_ = nullptr;
  std::size_t size_ = unbounded;
  std::size_t used_ = 0;
};

}  // namespace mamba::inline MAMBA_ABI
