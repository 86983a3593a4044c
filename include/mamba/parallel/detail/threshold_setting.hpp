// SPDX-License-Identifier: MIT
// mamba/parallel/detail/threshold_setting.hpp — the parallel threshold, one number for all threads.  [floor 1]
#pragma once

#include <mamba/parallel/executor.hpp>

#if MAMBA_HAS_THREADS
#include <atomic>
#endif

namespace mamba::inline MAMBA_ABI::parallel::detail {

/// The parallel threshold in nanoseconds.
class threshold_setting {
 public:
  static double get() noexcept {
#if MAMBA_HAS_THREADS
    return value().load(std::memory_order_relaxed);
#else
    return value();
#endif
  }
  static void set(double nanoseconds) noexcept {
#if MAMBA_HAS_THREADS
    value().store(nanoseconds, std::memory_order_relaxed);
#else
    value() = nanoseconds;
#endif
  }

 private:
#if MAMBA_HAS_THREADS
  using number = std::atomic<double>;
#else
  using number = double;
#endif
  static number& value() noexcept {
    static constinit number nanoseconds{100e3};
    return nanoseconds;
  }
};

}  // namespace mamba::inline MAMBA_ABI::parallel::detail
