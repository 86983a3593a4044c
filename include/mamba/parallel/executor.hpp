// SPDX-License-Identifier: MIT
// mamba/parallel/executor.hpp — where threads come from: OpenMP, or a pool of the application's own.  [floor 1]
//
// The library starts no thread by itself. It runs on the calling thread, with OpenMP on OpenMP's threads, or on those
// of an executor: two functions that an application implements for the pool it has, and installs with use_executor.
#pragma once

#include <mamba/core/abi.hpp>

#include <algorithm>
#include <cstddef>

#if defined(_OPENMP)
#include <omp.h>
#endif

// Whether the standard library has threads. Without them only the serial path is compiled: neither std::atomic nor
// thread_local is used then.
#if (defined(__STDC_HOSTED__) && __STDC_HOSTED__ == 0) || (defined(__GLIBCXX__) && !defined(_GLIBCXX_HAS_GTHREADS)) || \
    defined(_LIBCPP_HAS_NO_THREADS)
#define MAMBA_HAS_THREADS 0
#elif defined(_LIBCPP_HAS_THREADS)
#define MAMBA_HAS_THREADS _LIBCPP_HAS_THREADS
#else
#define MAMBA_HAS_THREADS 1
#endif

namespace mamba::inline MAMBA_ABI::parallel {

/// One task of several: called with the context it was submitted with and its number.
using task_function = void (*)(void* context, std::size_t i) noexcept;

/// The interface of a thread pool.
///
///     struct my_executor final : mamba::parallel::executor {
///       std::size_t concurrency() const noexcept override { return pool.size(); }
///       void run(std::size_t tasks, task_function task, void* context) noexcept override {
///         pool.submit_and_wait(tasks, [=](std::size_t i) { task(context, i); });
///       }
///     };
///
/// Domain:  any pool gives right results: one that runs the tasks one after another, in any order, on fewer threads
///          than concurrency() or long after the others began, with or without the calling thread among them. A task
///          never waits for one that has not begun. It must stay on the thread that it began on.
/// Cost:    tasks that run at once share the work; between the jobs of a parallel_region they spin, then yield.
class executor {
 public:
  /// How many tasks run at once: at least 1.
  [[nodiscard]] virtual std::size_t concurrency() const noexcept = 0;

  /// Calls task(context, i) once for every i < tasks, at the same time as far as it can, and returns when all have
  /// returned. Writes before the call are visible to the tasks, and theirs to the caller. Several threads may call
  /// run() at once if the executor is installed in several.
  virtual void run(std::size_t tasks, task_function task, void* context) noexcept = 0;

 protected:
  executor() = default;
  executor(executor const&) = default;
  executor& operator=(executor const&) = default;
  ~executor() = default;
};

#if defined(_OPENMP)
/// OpenMP's threads, as many as OMP_NUM_THREADS and set_thread_count say; one inside a parallel region of OpenMP.
///
/// Domain:  the threads of GNU's OpenMP runtime do not survive fork(): a child of a process that has used them must not
///          call it again, or it hangs. Fork before the first parallel call, or keep to one thread in either process.
class openmp_executor final : public executor {
 public:
  [[nodiscard]] std::size_t concurrency() const noexcept override {
    return omp_in_parallel() != 0 ? 1 : static_cast<std::size_t>(omp_get_max_threads());
  }
  void run(std::size_t tasks, task_function task, void* context) noexcept override {
    for_each_task(tasks, [=](std::size_t i) noexcept { task(context, i); });
  }

  /// run(i) for every i < tasks, inlined; run must not throw.
  template <class Task>
  static void for_each_task(std::size_t tasks, Task run) noexcept {
    // As many threads as OpenMP has by default: a team of another size would start and end threads.
#pragma omp parallel firstprivate(tasks, run)
    {
      auto const threads = static_cast<std::size_t>(omp_get_num_threads());
      for (auto i = static_cast<std::size_t>(omp_get_thread_num()); i < tasks; i += threads) run(i);
    }
  }
};
#endif

#if MAMBA_HAS_THREADS

class thread_pool;

namespace detail {

/// What the library keeps for each thread.
struct thread_context {
  executor* installed = nullptr;  ///< by use_executor; null: OpenMP's threads, or none
  thread_pool* region = nullptr;  ///< the parallel region whose main thread this is
  bool in_task = false;           ///< work is not divided again
};

/// Sets the calling thread's context, and restores it at the end.
class context_scope {
 public:
  explicit context_scope(thread_context const& next) noexcept : before_(slot()) { slot() = next; }
  ~context_scope() { slot() = before_; }
  context_scope(context_scope const&) = delete;
  context_scope& operator=(context_scope const&) = delete;

  [[nodiscard]] static thread_context current() noexcept { return slot(); }

 private:
  [[nodiscard]] static thread_context& slot() noexcept {
    static thread_local thread_context context;
    return context;
  }
  thread_context before_;
};

/// The concurrency of the calling thread's executor: the installed one, else OpenMP's, else 1.
[[nodiscard]] inline std::size_t concurrency() noexcept {
  if (executor const* const installed = context_scope::current().installed; installed != nullptr) {
    return std::max<std::size_t>(installed->concurrency(), 1);
  }
#if defined(_OPENMP)
  return openmp_executor{}.concurrency();
#else
  return 1;
#endif
}

/// Calls Work::run(&work, i) for every i < tasks on it; OpenMP's is called by its type.
template <class Work>
void run_tasks(std::size_t tasks, Work& work) noexcept {
  if (executor* const installed = context_scope::current().installed; installed != nullptr) {
    installed->run(tasks, Work::run, &work);
    return;
  }
#if defined(_OPENMP)
  openmp_executor::for_each_task(tasks, [&work](std::size_t i) noexcept { Work::run(&work, i); });
#else
  for (std::size_t i = 0; i < tasks; ++i) Work::run(&work, i);
#endif
}

}  // namespace detail

/// While it lives, parallel work of the thread that made it runs on an executor's threads.
///
/// Domain:  the executor must outlive it; not to be made inside parallel_for or parallel_region.
/// See:     a thread that is to keep an executor holds one of these in its outermost function.
class use_executor {
 public:
  [[nodiscard]] explicit use_executor(executor& e) noexcept : scope_({&e, nullptr, false}) {}

 private:
  detail::context_scope scope_;
};

#endif

}  // namespace mamba::inline MAMBA_ABI::parallel
