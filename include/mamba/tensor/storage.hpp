// SPDX-License-Identifier: MIT
// mamba/tensor/storage.hpp — storage for tensors: in place if static and small, else on the heap.  [floor 1]
#pragma once

#include <mamba/core/abi.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace mamba::inline MAMBA_ABI {

/// Every tensor starts on a cache line, on every target: layouts never depend on compiler flags.
inline constexpr std::size_t storage_alignment = 64;

/// Static tensors, matrices and lists of layers of at most this many bytes are stored in place; larger ones go to the
/// heap, whatever their type says (the input projection of mamba-130m alone is 9.4 MB, and a stack usually 8).
/// -DMAMBA_INLINE_BYTES=n (a plain decimal literal) sets another bound: a model that is all static and below it uses no
/// heap. The bound is part of the ABI namespace.
#if defined(MAMBA_INLINE_BYTES)
inline constexpr std::size_t inline_bytes = MAMBA_INLINE_BYTES;
#else
inline constexpr std::size_t inline_bytes = 16 * 1024;
#endif

/// Count numbers inside the object itself.
template <class T, std::size_t Count>
class inline_storage {
 public:
  static constexpr bool on_heap = false;
  constexpr inline_storage() noexcept = default;
  constexpr explicit inline_storage(std::size_t) noexcept {}

  [[nodiscard]] constexpr T* data() noexcept { return values_; }
  [[nodiscard]] constexpr T const* data() const noexcept { return values_; }
  [[nodiscard]] static constexpr std::size_t size() noexcept { return Count; }

 private:
  alignas(storage_alignment) T values_[Count == 0 ? 1 : Count] = {};
};

namespace detail {

/// From so many bytes on, memory is allocated as zeros by the system: pages that are not touched do not become
/// resident, so that a matrix whose numbers are then borrowed costs no memory.
inline constexpr std::size_t lazy_bytes = 64 * 1024;

[[noreturn]] inline void fail_to_allocate() {
#if defined(__cpp_exceptions)
  throw std::bad_alloc();
#else
  std::abort();
#endif
}

/// Zeros on a cache line, preceded by the address that calloc returned.
[[nodiscard]] inline void* allocate_zeros(std::size_t bytes) {
  void* const block = std::calloc(bytes + storage_alignment, 1);
  if (block == nullptr) fail_to_allocate();
  std::size_t const over = reinterpret_cast<std::uintptr_t>(block) % storage_alignment;
  void* const zeros = static_cast<std::byte*>(block) + (storage_alignment - over);
  static_assert(alignof(std::max_align_t) >= sizeof(void*), "storage: no room in front of the numbers");
  std::construct_at(static_cast<void**>(zeros) - 1, block);
  return zeros;
}

// Not inlined: g++ 12 would warn of a path that frees here what operator new returned (-Warray-bounds), which no size
// takes.
[[gnu::noinline]] inline void free_zeros(void* zeros) noexcept { std::free(*(static_cast<void**>(zeros) - 1)); }

}  // namespace detail

/// Numbers on the heap, 64-byte aligned, zero at first. Copies are deep; assignment between equal sizes reuses memory.
///
/// Why:     64 KiB and more come from calloc, and the system zeroes each page when it is first touched.
/// Domain:  a T whose T{} is zero in every bit, as that of all plain numbers is.
/// Throws:  std::bad_alloc where memory, or the address space, is too small.
template <class T>
class heap_storage {
  static_assert(std::is_trivially_copyable_v<T>, "heap_storage: elements must be plain numbers");

 public:
  static constexpr bool on_heap = true;
  heap_storage() noexcept = default;
  explicit heap_storage(std::size_t count) : data_(allocate(count)), size_(count) {
    if (!lazy(count)) std::fill_n(data_, count, T{});
  }
  heap_storage(heap_storage const& other) : data_(allocate(other.size_)), size_(other.size_) {
    std::copy_n(other.data_, size_, data_);
  }
  heap_storage(heap_storage&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  heap_storage& operator=(heap_storage const& other) {
    if (this == &other) return *this;
    if (size_ != other.size_) *this = heap_storage(other.size_);
    std::copy_n(other.data_, size_, data_);
    return *this;
  }
  heap_storage& operator=(heap_storage&& other) noexcept {
    heap_storage taken(std::move(other));  // so that `other` is empty, as after a move construction
    std::swap(data_, taken.data_);
    std::swap(size_, taken.size_);
    return *this;
  }
  ~heap_storage() {
    if (lazy(size_)) {
      detail::free_zeros(data_);
    } else {
      ::operator delete(data_, std::align_val_t{storage_alignment});
    }
  }

  [[nodiscard]] T* data() noexcept { return data_; }
  [[nodiscard]] T const* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  static constexpr bool lazy(std::size_t count) noexcept { return count > (detail::lazy_bytes - 1) / sizeof(T); }

  static T* allocate(std::size_t count) {
    constexpr auto address_space = static_cast<std::size_t>(std::numeric_limits<std::ptrdiff_t>::max());
    constexpr std::size_t most = (address_space - storage_alignment) / sizeof(T);
    if (count == 0) return nullptr;
    if (count > most) detail::fail_to_allocate();
    if (lazy(count)) return static_cast<T*>(detail::allocate_zeros(count * sizeof(T)));
    return static_cast<T*>(::operator new(count * sizeof(T), std::align_val_t{storage_alignment}));
  }

  T* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Count elements in place where that is known and small, on the heap otherwise.
template <class T, std::size_t Count>
using storage_for = std::conditional_t<Count != static_cast<std::size_t>(-1) && (Count <= inline_bytes / sizeof(T)),
                                       inline_storage<T, Count>, heap_storage<T>>;

}  // namespace mamba::inline MAMBA_ABI
