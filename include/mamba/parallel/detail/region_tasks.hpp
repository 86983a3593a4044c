// SPDX-License-Identifier: MIT
// mamba/parallel/detail/region_tasks.hpp — the tasks that parallel_for and parallel_region run.  [floor 1]
#pragma once

#include <mamba/parallel/executor.hpp>
#include <mamba/parallel/thread_pool.hpp>

#if MAMBA_HAS_THREADS
#include <cstddef>
#include <exception>
#include <memory>

namespace mamba::inline MAMBA_ABI::parallel::detail {

/// [0, count) in as many contiguous ranges as there are tasks.
template <class F>
struct static_partition {
  F* f;
  std::size_t count, tasks;

  static void run(void* self, std::size_t i) noexcept {
    auto const& [f, count, tasks] = *static_cast<static_partition const*>(self);
    context_scope const scope({nullptr, nullptr, true});
    std::size_t const first = count * i / tasks, last = count * (i + 1) / tasks;
    if (first < last) (*f)(first, last);
  }
};

/// A parallel region as tasks: the first one to begin is the main thread and calls f, the others are its workers.
template <class F>
struct region {
  F* f;
  thread_pool pool;
#if defined(__cpp_exceptions)
  std::exception_ptr thrown{};  // no task may throw
#endif

  region(F& function, std::size_t workers) noexcept : f(std::addressof(function)), pool(workers) {}

  static void run(void* self, std::size_t i) noexcept {
    region& r = *static_cast<region*>(self);
    if (r.pool.claim_main(i)) {
      r.run_main();
      r.pool.close();
    } else {
      context_scope const scope({nullptr, nullptr, true});
      r.pool.work(i);
    }
  }

  void run_main() noexcept {
    context_scope const scope({nullptr, &pool, false});
#if defined(__cpp_exceptions)
    try {
      (*f)();
    } catch (...) {
      thrown = std::current_exception();
    }
#else
    (*f)();
#endif
  }
};

}  // namespace mamba::inline MAMBA_ABI::parallel::detail
#endif
