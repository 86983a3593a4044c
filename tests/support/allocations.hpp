// SPDX-License-Identifier: MIT
// tests/support/allocations.hpp — counts the allocations of operator new, for tests that there are none; and
// calloc, where tensors of 64 KiB and more come from, with glibc and without sanitizers.
//
// The replacements are weak, so that several test files of one executable may include this header.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace test {

/// How often operator new or calloc was called in this program so far. Compare two readings between which no thread
/// starts: its local storage counts.
inline std::atomic<std::size_t> allocations{0};
/// The bytes allocated.
inline std::atomic<std::size_t> allocated_bytes{0};

namespace detail {

inline void* counted(std::size_t bytes, std::size_t alignment) {
  ++allocations;
  allocated_bytes += bytes;
  std::size_t const whole = (bytes + alignment - 1) / alignment * alignment;
  void* const p = alignment > alignof(std::max_align_t) ? std::aligned_alloc(alignment, whole == 0 ? alignment : whole)
                                                        : std::malloc(bytes == 0 ? 1 : bytes);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}

}  // namespace detail
}  // namespace test

// NOLINTBEGIN
#if defined(__GLIBC__) && !defined(__UCLIBC__) && !defined(MAMBA_SANITIZED) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define MAMBA_TEST_COUNTS_CALLOC
extern "C" void* __libc_calloc(std::size_t, std::size_t);
extern "C" [[gnu::weak]] void* calloc(std::size_t count, std::size_t size) noexcept {
  ++test::allocations;
  test::allocated_bytes += count * size;
  return __libc_calloc(count, size);
}
#endif
[[gnu::weak]] void* operator new(std::size_t n) { return test::detail::counted(n, 1); }
[[gnu::weak]] void* operator new[](std::size_t n) { return test::detail::counted(n, 1); }
[[gnu::weak]] void* operator new(std::size_t n, std::align_val_t a) {
  return test::detail::counted(n, static_cast<std::size_t>(a));
}
[[gnu::weak]] void* operator new[](std::size_t n, std::align_val_t a) {
  return test::detail::counted(n, static_cast<std::size_t>(a));
}
[[gnu::weak]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::weak]] void operator delete[](void* p) noexcept { std::free(p); }
[[gnu::weak]] void operator delete(void* p, std::size_t) noexcept { std::free(p); }
[[gnu::weak]] void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
[[gnu::weak]] void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
[[gnu::weak]] void operator delete[](void* p, std::align_val_t) noexcept { std::free(p); }
[[gnu::weak]] void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
[[gnu::weak]] void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
// NOLINTEND
