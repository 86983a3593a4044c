// SPDX-License-Identifier: MIT
// mamba/parallel/parallel_for.hpp — work shared out over threads: OpenMP where it is on, a plain loop where not.  [floor 1]
//
// Threads share out independent pieces (panels of outputs, blocks of channels), never a sum; so the number of threads
// changes no bit of any result.
#pragma once

#include <mamba/parallel/thread_pool.hpp>

#include <cstddef>
#include <exception>
#include <utility>

#if defined(_OPENMP)
#include <omp.h>
#endif

namespace mamba::inline MAMBA_ABI::parallel {

/// How many threads parallel_for may use now. With OpenMP this obeys OMP_NUM_THREADS and set_thread_count.
[[nodiscard]] inline int thread_count() noexcept {
#if defined(_OPENMP)
  if (leading() != nullptr) return static_cast<int>(leading()->size());
  return omp_in_parallel() != 0 ? 1 : omp_get_max_threads();
#else
  return 1;
#endif
}

/// Sets the number of threads for later calls from this thread. Without OpenMP there is one, whatever is asked for.
inline void set_thread_count([[maybe_unused]] int count) noexcept {
#if defined(_OPENMP)
  omp_set_num_threads(count < 1 ? 1 : count);
#endif
}

/// What a piece of work costs one thread, roughly: it decides whether a team is woken, and changes no result.
struct cost {
  double nanoseconds;
};

/// Work below this stays on the calling thread. Waking threads costs 2 to 50 microseconds on an idle machine and a time
/// slice of the scheduler where other programs want the same cores; so a piece must be worth several of the former.
inline double& parallel_threshold() noexcept {
  static double nanoseconds = 100e3;
  return nanoseconds;
}

/// The same where a team stands by: then sharing costs well below a microsecond.
[[nodiscard]] inline double region_threshold() noexcept { return parallel_threshold() / 32; }

/// Calls f(first, last) so that the pieces [first, last) cover [0, count), each piece once: one range per thread, or in
/// a team a few, which another thread may take over.
///
/// Why:     contiguous ranges keep each thread on its own stretch of the weights.
/// Domain:  f must not throw, and its pieces must not touch one another's results.
/// See:     parallel_threshold() for when threads are used at all; parallel_region() for many of these in a row.
template <class F>
void parallel_for(std::size_t count, [[maybe_unused]] cost total, F&& f) {
#if defined(_OPENMP)
  if (thread_pool* const crew = leading(); crew != nullptr) {
    if (count > 1 && total.nanoseconds >= region_threshold()) {
      leading() = nullptr;  // inside, work is not divided again
      crew->run(count, f);
      leading() = crew;
      return;
    }
  } else if (count > 1 && total.nanoseconds >= parallel_threshold() && thread_count() > 1) {
#pragma omp parallel
    {
      auto const n = static_cast<std::size_t>(omp_get_num_threads());
      auto const i = static_cast<std::size_t>(omp_get_thread_num());
      std::size_t const first = count * i / n;
      std::size_t const last = count * (i + 1) / n;
      if (first < last) f(first, last);
    }
    return;
  }
#endif
  if (count > 0) f(std::size_t{0}, count);
}

/// Calls f() on the calling thread while a team stands by: every parallel_for in it is shared out without waking a
/// thread. `cost` is that of all of f; below parallel_threshold(), or inside another team, f is just called.
///
/// Throws:  what f throws.
template <class F>
void parallel_region([[maybe_unused]] cost total, F&& f) {
#if defined(_OPENMP)
  if (leading() == nullptr && total.nanoseconds >= parallel_threshold() && thread_count() > 1) {
    thread_pool crew;
#if defined(__cpp_exceptions)
    std::exception_ptr thrown;  // nothing may leave a parallel region
#endif
#pragma omp parallel
    if (omp_get_thread_num() == 0) {
      crew.lead(static_cast<std::size_t>(omp_get_num_threads()));
      leading() = &crew;
#if defined(__cpp_exceptions)
      try {
        std::forward<F>(f)();
      } catch (...) {
        thrown = std::current_exception();
      }
#else
      std::forward<F>(f)();
#endif
      leading() = nullptr;
      crew.dismiss();
    } else {
      crew.follow(static_cast<std::size_t>(omp_get_thread_num()));
    }
#if defined(__cpp_exceptions)
    if (thrown) std::rethrow_exception(thrown);
#endif
    return;
  }
#endif
  std::forward<F>(f)();
}

}  // namespace mamba::inline MAMBA_ABI::parallel
