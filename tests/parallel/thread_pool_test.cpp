// SPDX-License-Identifier: MIT
#include <mamba/parallel/thread_pool.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <thread>
#include <vector>

namespace parallel = mamba::parallel;
using namespace std::chrono_literals;

namespace {

/// A pool with threads of its own as workers, whatever OpenMP does; the thread that made it is the main thread.
class running_pool {
 public:
  explicit running_pool(std::size_t workers) : pool(workers) {
    CHECK(pool.claim_main(0));
    for (std::size_t i = 1; i < workers; ++i) workers_.emplace_back([this, i] { pool.work(i); });
  }
  running_pool(running_pool const&) = delete;
  running_pool& operator=(running_pool const&) = delete;
  ~running_pool() {
    pool.close();
    for (std::thread& t : workers_) t.join();
  }
  parallel::thread_pool pool;

 private:
  std::vector<std::thread> workers_;
};

}  // namespace

TEST_CASE("thread_pool: every piece of every job is done once, and all are done when run returns") {
  for (std::size_t const workers : {1U, 2U, 3U, 5U, 8U, 70U}) {
    running_pool p(workers);
    CHECK(p.pool.size() == workers);
    std::vector<std::size_t> visits(workers > 8 ? 400 : 41, 0);
    std::size_t const jobs = workers > 8 ? 20 : 400;
    for (std::size_t job = 1; job <= jobs; ++job) {
      std::size_t const count = job * (workers > 8 ? 37 : 1) % (visits.size() + 1);
      // Plain integers, each written by one thread and read by another in the next job.
      auto const visit = [&](std::size_t first, std::size_t last) {
        CHECK(first < last);
        for (std::size_t i = first; i < last; ++i) visits[i] += job;
      };
      p.pool.run(count, visit);
      std::size_t wrong = 0;
      for (std::size_t i = 0; i < visits.size(); ++i) wrong += visits[i] != (i < count ? job : 0) ? 1U : 0U;
      CHECK(wrong == 0);
      visits.assign(visits.size(), 0);
    }
  }
}

TEST_CASE("thread_pool: the main thread does the work of workers that never start") {
  parallel::thread_pool pool(4);  // three workers that don't exist
  CHECK(pool.claim_main(2));
  std::vector<int> visits(10, 0);
  auto visit = [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) ++visits[i];
  };
  for (int job = 1; job <= 3; ++job) {
    pool.run(visits.size(), visit);
    for (int const v : visits) CHECK(v == job);
  }
  pool.close();
}

TEST_CASE("thread_pool: a worker that starts after some jobs shares in the later ones") {
  parallel::thread_pool pool(2);
  CHECK(pool.claim_main(0));
  std::vector<int> visits(16, 0);
  std::atomic<int> by_worker = 0;
  auto const visit = [&, main = std::this_thread::get_id()](std::size_t first, std::size_t last) {
    if (std::this_thread::get_id() == main) {
      std::this_thread::sleep_for(100us);  // leaves time, and something to do, for the other
    } else {
      ++by_worker;
    }
    for (std::size_t i = first; i < last; ++i) ++visits[i];
  };
  int jobs = 0;
  auto const run = [&] {
    pool.run(visits.size(), visit);
    ++jobs;
    std::size_t wrong = 0;
    for (int const v : visits) wrong += v != jobs ? 1U : 0U;
    CHECK(wrong == 0);
  };
  for (int i = 0; i < 5; ++i) run();
  CHECK(by_worker == 0);
  std::thread late([&] { pool.work(1); });
  int shared = 0;  // jobs that it did pieces of
  auto const deadline = std::chrono::steady_clock::now() + 10s;
  while (shared < 3 && std::chrono::steady_clock::now() < deadline) {
    int const before = by_worker;
    run();
    shared += by_worker > before ? 1 : 0;
  }
  pool.close();
  late.join();
  CHECK(shared == 3);
}

TEST_CASE("thread_pool: a slow worker keeps only the pieces it has begun") {
  running_pool p(2);
  std::vector<std::thread::id> by(64);
  auto const slow_worker = [&, main = std::this_thread::get_id()](std::size_t first, std::size_t last) {
    if (std::this_thread::get_id() != main) std::this_thread::sleep_for(100ms);
    for (std::size_t i = first; i < last; ++i) by[i] = std::this_thread::get_id();
  };
  p.pool.run(by.size(), slow_worker);
  std::size_t mine = 0;
  for (auto const id : by) mine += id == std::this_thread::get_id() ? 1U : 0U;
  CHECK(mine >= 48);  // all of its own half, and at least two of the other's four pieces
}

TEST_CASE("thread_pool: jobs that are over at once, with workers still arriving from earlier ones") {
  running_pool p(4);
  std::vector<unsigned> visits(7, 0);
  auto const visit = [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) ++visits[i];
  };
  std::vector<unsigned> expected(7, 0);
  for (unsigned job = 0; job < 20000; ++job) {
    std::size_t const count = job % 8;
    p.pool.run(count, visit);
    for (std::size_t i = 0; i < count; ++i) ++expected[i];
  }
  CHECK(visits == expected);
}

TEST_CASE("thread_pool: one main thread, bounded workers, and a closed pool lets late ones go") {
  parallel::thread_pool pool(100000);
  CHECK(pool.size() == parallel::thread_pool::max_workers);
  CHECK(parallel::thread_pool(0).size() == 1);
  CHECK(pool.claim_main(7));
  CHECK(!pool.claim_main(0));
  pool.close();
  pool.work(5);  // returns
}
