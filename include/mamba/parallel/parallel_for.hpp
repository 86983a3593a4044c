// SPDX-License-Identifier: MIT
// mamba/parallel/parallel_for.hpp — loops divided over threads: OpenMP's, an executor's, or the calling one.  [floor 1]
//
// Threads divide independent pieces (panels of outputs, blocks of channels), never a sum, so that results have the same
// bits for every number of threads.
#pragma once

#include <mamba/parallel/cost_model.hpp>
#include <mamba/parallel/detail/region_tasks.hpp>
#include <mamba/parallel/detail/threshold_setting.hpp>
#include <mamba/parallel/executor.hpp>
#include <mamba/parallel/thread_pool.hpp>

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

#if MAMBA_HAS_THREADS
#include <exception>
#endif

namespace mamba::inline MAMBA_ABI::parallel {

/// Work below this stays on the calling thread.
///
/// Why:     waking threads costs 2 to 50 microseconds on an idle machine and a time slice of the scheduler where other
///          programs use the same cores; so a piece must be worth several of the former.
[[nodiscard]] inline cost parallel_threshold() noexcept { return {detail::threshold_setting::get()}; }

/// Sets it, for all threads.
inline void set_parallel_threshold(cost smallest) noexcept { detail::threshold_setting::set(smallest.nanoseconds); }

/// The same inside a parallel region, where dividing a job costs well below a microsecond.
[[nodiscard]] inline cost region_threshold() noexcept { return 1.0 / 32 * parallel_threshold(); }

/// How many threads parallel_for may use now: the installed executor's concurrency(), else OpenMP's threads, else 1; in
/// a parallel region the number of its workers; and 1 inside a task.
[[nodiscard]] inline int thread_count() noexcept {
#if MAMBA_HAS_THREADS
  auto const context = detail::context_scope::current();
  if (context.region != nullptr) return static_cast<int>(context.region->size());
  if (context.in_task) return 1;
  return static_cast<int>(detail::concurrency());
#else
  return 1;
#endif
}

/// Sets the number of OpenMP's threads for later calls from this thread. Without OpenMP, and for an installed executor,
/// it has no effect.
inline void set_thread_count([[maybe_unused]] int count) noexcept {
#if defined(_OPENMP)
  omp_set_num_threads(count < 1 ? 1 : count);
#endif
}

/// Calls f(first, last) so that the pieces [first, last) cover [0, count), each piece once: one range per thread, or in
/// a parallel region a few, which another thread may steal.
///
/// Why:     with contiguous ranges each thread reads its own part of the weights in every call.
/// Domain:  f must not throw, and its pieces must not touch one another's results. Inside f work is not divided again.
/// Determinism: where f gives each piece the same result in any range, no number of threads changes a bit.
/// Cost:    below the threshold a call of f; else that of executor::run, or of thread_pool::run in a region.
/// See:     parallel_threshold() for when threads are used at all; parallel_region() for many of these in a row;
///          openmp_executor about fork().
template <class F>
void parallel_for(std::size_t count, [[maybe_unused]] cost total, F&& f) {
#if MAMBA_HAS_THREADS
  if (count > 1 && total >= region_threshold()) {
    if (thread_pool* const pool = detail::context_scope::current().region; pool != nullptr) {
      detail::context_scope const scope({nullptr, nullptr, true});
      pool->run(count, f);
      return;
    }
    if (total >= parallel_threshold()) {
      if (auto const threads = static_cast<std::size_t>(thread_count()); threads > 1) {
        detail::static_partition<std::remove_reference_t<F>> partition{std::addressof(f), count, threads};
        detail::run_tasks(threads, partition);
        return;
      }
    }
  }
#endif
  if (count > 0) f(std::size_t{0}, count);
}

/// Calls f() while workers spin between the jobs: every parallel_for in it is divided without waking a thread. `total`
/// is the cost of all of f; below parallel_threshold(), or inside another region or task, f is just called.
///
/// Domain:  f runs on one thread of the executor, which need not be the calling one.
/// Determinism: as parallel_for.
/// Cost:    executor::run once, and 4 kB of stack; the workers keep their cores until f returns.
/// Throws:  what f throws.
template <class F>
void parallel_region([[maybe_unused]] cost total, F&& f) {
#if MAMBA_HAS_THREADS
  if (total >= parallel_threshold() && detail::context_scope::current().region == nullptr) {
    if (auto const threads = static_cast<std::size_t>(thread_count()); threads > 1) {
      detail::region<std::remove_reference_t<F>> region(f, threads);
      detail::run_tasks(region.pool.size(), region);
#if defined(__cpp_exceptions)
      if (region.thrown) std::rethrow_exception(region.thrown);
#endif
      return;
    }
  }
#endif
  std::forward<F>(f)();
}

}  // namespace mamba::inline MAMBA_ABI::parallel
