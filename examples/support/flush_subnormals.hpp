// SPDX-License-Identifier: MIT
// support/flush_subnormals.hpp — a thread's subnormal numbers as zero, as audio programs set it.
#pragma once

#include <cstdint>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace examples {

/// In its scope the calling thread's floating-point unit takes and returns zero for subnormal numbers.
///
/// Why:     the state of a filter decays after the last sound, down to numbers below 1e-38, with which many processors
///          compute a hundred times as slowly: a silent passage takes longest, and misses its deadline.
/// Domain:  x86 with SSE and 64-bit ARM; elsewhere it has no effect.
class flush_subnormals {
 public:
  flush_subnormals() noexcept : before_(get()) { set(before_ | bits); }
  flush_subnormals(flush_subnormals const&) = delete;
  flush_subnormals& operator=(flush_subnormals const&) = delete;
  ~flush_subnormals() { set(before_); }

 private:
#if defined(__SSE2__)
  static constexpr std::uint64_t bits = 0x8040;  // MXCSR: flush to zero, denormals are zero
  static std::uint64_t get() noexcept { return _mm_getcsr(); }
  static void set(std::uint64_t value) noexcept { _mm_setcsr(static_cast<unsigned>(value)); }
#elif defined(__aarch64__) && defined(__GNUC__)
  static constexpr std::uint64_t bits = std::uint64_t{1} << 24U;  // FPCR: flush to zero
  static std::uint64_t get() noexcept {
    std::uint64_t value = 0;
    asm volatile("mrs %0, fpcr" : "=r"(value));
    return value;
  }
  static void set(std::uint64_t value) noexcept { asm volatile("msr fpcr, %0" : : "r"(value)); }
#else
  static constexpr std::uint64_t bits = 0;
  static std::uint64_t get() noexcept { return 0; }
  static void set(std::uint64_t) noexcept {}
#endif

  std::uint64_t before_;
};

}  // namespace examples
