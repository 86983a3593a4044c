// SPDX-License-Identifier: MIT
// model/heap_meter.hpp — how many bytes of the heap are in use, and were at most. For one file of a program only: it
// replaces operator new.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace bench {

inline std::atomic<std::size_t> heap_now{0}, heap_peak{0};

/// The most bytes that were in use at once while f() ran, beyond those in use before.
template <class F>
std::size_t peak_of(F&& f) {
  std::size_t const before = heap_now;
  heap_peak = before;
  f();
  return heap_peak - before;
}

namespace detail {

/// Where a piece begins, behind the room in which its size stands.
inline std::size_t room_of(std::size_t alignment) { return std::max(alignment, alignof(std::max_align_t)); }

inline void* metered(std::size_t bytes, std::size_t alignment = 1) {
  std::size_t const room = room_of(alignment);
  std::size_t const whole = (bytes + room - 1) / room * room + room;
  auto* const start = static_cast<unsigned char*>(std::aligned_alloc(room, whole));
  if (start == nullptr) throw std::bad_alloc();
  ::new (start) std::size_t(bytes);
  std::size_t const now = heap_now += bytes;
  for (std::size_t peak = heap_peak; peak < now && !heap_peak.compare_exchange_weak(peak, now);) {
  }
  return start + room;
}

inline void give_back(void* p, std::size_t alignment = 1) noexcept {
  if (p == nullptr) return;
  auto* const start = static_cast<unsigned char*>(p) - room_of(alignment);
  heap_now -= *reinterpret_cast<std::size_t*>(start);
  std::free(start);
}

}  // namespace detail
}  // namespace bench

// NOLINTBEGIN
void* operator new(std::size_t n) { return bench::detail::metered(n); }
void* operator new[](std::size_t n) { return bench::detail::metered(n); }
void* operator new(std::size_t n, std::align_val_t a) { return bench::detail::metered(n, static_cast<std::size_t>(a)); }
void* operator new[](std::size_t n, std::align_val_t a) {
  return bench::detail::metered(n, static_cast<std::size_t>(a));
}
void operator delete(void* p) noexcept { bench::detail::give_back(p); }
void operator delete[](void* p) noexcept { bench::detail::give_back(p); }
void operator delete(void* p, std::size_t) noexcept { bench::detail::give_back(p); }
void operator delete[](void* p, std::size_t) noexcept { bench::detail::give_back(p); }
void operator delete(void* p, std::align_val_t a) noexcept { bench::detail::give_back(p, static_cast<std::size_t>(a)); }
void operator delete[](void* p, std::align_val_t a) noexcept {
  bench::detail::give_back(p, static_cast<std::size_t>(a));
}
void operator delete(void* p, std::size_t, std::align_val_t a) noexcept {
  bench::detail::give_back(p, static_cast<std::size_t>(a));
}
void operator delete[](void* p, std::size_t, std::align_val_t a) noexcept {
  bench::detail::give_back(p, static_cast<std::size_t>(a));
}
// NOLINTEND
