// SPDX-License-Identifier: MIT
// tests/support/threads.hpp — makes even the smallest work go to several threads, so that tests of threads test them.
#pragma once

#include <mamba/parallel/parallel_for.hpp>

namespace test {

/// While it exists, no work is too small for threads; the destructor restores their number.
class all_work_shared {
 public:
  all_work_shared() { mamba::parallel::set_parallel_threshold({}); }
  ~all_work_shared() {
    mamba::parallel::set_parallel_threshold(smallest_);
    mamba::parallel::set_thread_count(threads_);
  }
  all_work_shared(all_work_shared const&) = delete;
  all_work_shared& operator=(all_work_shared const&) = delete;

 private:
  mamba::parallel::cost smallest_ = mamba::parallel::parallel_threshold();
  int threads_ = mamba::parallel::thread_count();
};

}  // namespace test
