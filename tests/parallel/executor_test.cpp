// SPDX-License-Identifier: MIT
#include <mamba/parallel/executor.hpp>

#include <mamba/kernels/gemm/matmul.hpp>
#include <mamba/kernels/quantization/quantized_matmul.hpp>
#include <mamba/parallel/parallel_for.hpp>

#include <support/bits.hpp>
#include <support/guarded.hpp>
#include <support/random.hpp>
#include <support/threads.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <initializer_list>
#include <mutex>
#include <span>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace parallel = mamba::parallel;
using parallel::cost;
using namespace std::chrono_literals;

namespace {

/// Runs the tasks one after another on the calling thread, the last one first on request.
struct sequential_executor final : parallel::executor {
  explicit sequential_executor(bool last_first = false) : last_first_(last_first) {}
  [[nodiscard]] std::size_t concurrency() const noexcept override { return 4; }
  void run(std::size_t tasks, parallel::task_function task, void* context) noexcept override {
    for (std::size_t i = 0; i < tasks; ++i) task(context, last_first_ ? tasks - 1 - i : i);
    tasks_run += tasks;
  }
  std::size_t tasks_run = 0;

 private:
  bool last_first_;
};

/// A pool as an application may have it: a queue, threads that take from it, and a caller that only waits. It may say
/// that it has more threads than there are, and begin tasks after the first one late.
class queue_executor final : public parallel::executor {
 public:
  explicit queue_executor(std::size_t threads, std::size_t claimed, std::chrono::microseconds delay = 0us)
      : claimed_(claimed), delay_(delay) {
    for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { serve(); });
  }
  queue_executor(queue_executor const&) = delete;
  queue_executor& operator=(queue_executor const&) = delete;
  ~queue_executor() {
    {
      std::lock_guard const lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
    for (std::thread& t : threads_) t.join();
  }

  [[nodiscard]] std::size_t concurrency() const noexcept override { return claimed_; }
  void run(std::size_t tasks, parallel::task_function task, void* context) noexcept override {
    std::unique_lock lock(mutex_);
    std::size_t left = tasks;
    for (std::size_t i = 0; i < tasks; ++i) {
      queue_.emplace_back([&, i] {
        if (i > 0 && delay_ > 0us) std::this_thread::sleep_for(delay_);
        task(context, i);
        std::lock_guard const inner(mutex_);
        if (--left == 0) changed_.notify_all();
      });
    }
    changed_.notify_all();
    changed_.wait(lock, [&] { return left == 0; });
  }

 private:
  void serve() {
    for (;;) {
      std::function<void()> task;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return ended_ || !queue_.empty(); });
        if (queue_.empty()) return;
        task = std::move(queue_.front());
        queue_.pop_front();
      }
      task();
    }
  }

  std::size_t claimed_;
  std::chrono::microseconds delay_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;
  bool ended_ = false;
  std::vector<std::thread> threads_;  // last: they use the others
};

/// Calls f(executor) with every kind of pool.
template <class F>
void with_every_executor(F&& f) {
  sequential_executor forwards, backwards(true);
  queue_executor real(3, 3), fewer(1, 4), more(5, 2), late(3, 3, 2ms), late_and_fewer(2, 5, 500us);
  for (parallel::executor* e : std::initializer_list<parallel::executor*>{&forwards, &backwards, &real, &fewer, &more,
                                                                          &late, &late_and_fewer}) {
    parallel::use_executor const use(*e);
    f(*e);
  }
}

constexpr cost large = cost::seconds(1);

/// A region of jobs, each of which reads what the one before wrote; false if a piece was not done exactly once.
bool chain_of_jobs(std::size_t count, std::size_t jobs) {
  std::vector<std::size_t> before(count, 0), after(count, 0);
  parallel::parallel_region(large, [&] {
    for (std::size_t job = 0; job < jobs; ++job) {
      parallel::parallel_for(count, large, [&](std::size_t first, std::size_t last) {
        for (std::size_t i = first; i < last; ++i) after[i] += before[count - 1 - i] + 1;
      });
      parallel::parallel_for(count, large, [&](std::size_t first, std::size_t last) {
        for (std::size_t i = first; i < last; ++i) before[i] = std::exchange(after[i], 0);
      });
    }
  });
  std::size_t wrong = 0;
  for (std::size_t const v : before) wrong += v != jobs ? 1U : 0U;
  return wrong == 0;
}

}  // namespace

TEST_CASE("executor: installed for a scope, in the thread that installed it") {
  int const before = parallel::thread_count();
  sequential_executor outer, inner;
  {
    parallel::use_executor const use(outer);
    CHECK(parallel::thread_count() == 4);
    parallel::parallel_for(8, large, [](std::size_t, std::size_t) {});
    CHECK(outer.tasks_run == 4);
    {
      parallel::use_executor const nested(inner);
      parallel::parallel_region(large, [] {});
    }
    CHECK(inner.tasks_run == 4);
    parallel::parallel_for(8, 0.99 * parallel::parallel_threshold(), [](std::size_t, std::size_t) {});
    CHECK(outer.tasks_run == 4);
    std::thread([] { parallel::parallel_for(8, large, [](std::size_t, std::size_t) {}); }).join();
    CHECK(outer.tasks_run == 4);  // another thread has its own
  }
  CHECK(parallel::thread_count() == before);
}

TEST_CASE("executor: one that claims no concurrency is one thread") {
  struct none final : parallel::executor {
    [[nodiscard]] std::size_t concurrency() const noexcept override { return 0; }
    void run(std::size_t, parallel::task_function, void*) noexcept override { called = true; }
    bool called = false;
  } e;
  parallel::use_executor const use(e);
  CHECK(parallel::thread_count() == 1);
  CHECK(chain_of_jobs(5, 3));
  CHECK(!e.called);
}

TEST_CASE("executor: parallel_for covers every piece once on pools of any kind") {
  with_every_executor([](parallel::executor& e) {
    CHECK(parallel::thread_count() == static_cast<int>(e.concurrency()));
    for (std::size_t const count : {0U, 1U, 2U, 3U, 7U, 64U}) {
      std::vector<int> visits(count, 0);
      std::atomic<int> divided_again = 0;
      parallel::parallel_for(count, large, [&](std::size_t first, std::size_t last) {
        if (count > 1 && parallel::thread_count() != 1) ++divided_again;
        for (std::size_t i = first; i < last; ++i) ++visits[i];
      });
      for (int const v : visits) CHECK(v == 1);
      CHECK(divided_again == 0);
    }
  });
}

TEST_CASE("executor: jobs of a region come one after the other on pools of any kind") {
  with_every_executor([](parallel::executor& e) {
    for (int round = 0; round < 5; ++round) CHECK(chain_of_jobs(37, 100));
    CHECK(parallel::thread_count() == static_cast<int>(e.concurrency()));
  });
}

TEST_CASE("executor: several threads of a pool share the jobs of a region") {
  queue_executor pool(2, 2);
  parallel::use_executor const use(pool);
  std::atomic<int> others = 0;
  parallel::parallel_region(large, [&] {
    auto const main = std::this_thread::get_id();
    auto const deadline = std::chrono::steady_clock::now() + 10s;
    while (others == 0 && std::chrono::steady_clock::now() < deadline) {
      parallel::parallel_for(16, large, [&](std::size_t, std::size_t) {
        if (std::this_thread::get_id() != main) ++others;
        std::this_thread::sleep_for(100us);
      });
    }
  });
  CHECK(others > 0);
}

TEST_CASE("executor: two threads with regions at once on one pool, and with fewer threads than they would use") {
  for (std::size_t const threads : {1U, 2U, 4U}) {
    queue_executor pool(threads, 3);
    std::atomic<int> right = 0;
    auto const host = [&] {
      parallel::use_executor const use(pool);
      for (int round = 0; round < 20; ++round) right += chain_of_jobs(23, 20) ? 1 : 0;
    };
    std::thread other(host);
    host();
    other.join();
    CHECK(right == 40);
  }
}

TEST_CASE("executor: an exception of a region arrives in the thread that opened it, after its jobs") {
  with_every_executor([](parallel::executor& e) {
    for (int round = 0; round < 3; ++round) {
      std::atomic<std::size_t> sum = 0;
      auto const add = [&](std::size_t first, std::size_t last) { sum += last - first; };
      CHECK_THROWS_WITH_AS(parallel::parallel_region(large,
                                                     [&] {
                                                       parallel::parallel_for(9, large, add);
                                                       throw std::runtime_error("from the region");
                                                     }),
                           "from the region", std::runtime_error);
      CHECK(sum == 9);
      CHECK(parallel::thread_count() == static_cast<int>(e.concurrency()));
      parallel::parallel_region(large, [&] { parallel::parallel_for(11, large, add); });
      CHECK(sum == 20);
    }
  });
}

TEST_CASE("executor: regions and loops within regions and loops are not divided again") {
  with_every_executor([](parallel::executor&) {
    std::atomic<std::size_t> wrong = 0, pieces = 0;
    auto const inner = [&] {
      parallel::parallel_region(large, [&] {
        if (parallel::thread_count() != 1) ++wrong;
        parallel::parallel_for(8, large, [&](std::size_t first, std::size_t last) {
          if (first != 0 || last != 8) ++wrong;
        });
      });
    };
    auto const outer = [&](std::size_t first, std::size_t last) {
      pieces += last - first;
      inner();
    };
    parallel::parallel_for(6, large, outer);
    parallel::parallel_region(large, [&] {
      parallel::parallel_region(large, [&] { parallel::parallel_for(6, large, outer); });
      parallel::parallel_for(6, large, outer);
    });
    CHECK(wrong == 0);
    CHECK(pieces == 18);
  });
}

TEST_CASE("executor: products have the bits of one thread on pools of any kind, in a region and outside") {
  using namespace mamba;
  using kernels::matmul;
  constexpr std::size_t in = 96, out = 77;
  test::random rng(5);
  std::vector<float> row(in);
  kernels::packed_matrix<float> w(out, in);
  kernels::packed_matrix<q8> w8(out, in);
  for (std::size_t r = 0; r < out; ++r) {
    rng.fill(std::span(row), -2, 2);
    w.set_row(r, row);
    w8.set_row(r, row);
  }
  for (std::size_t const tokens : {std::size_t{1}, std::size_t{5}}) {
    test::guarded<float> x(tokens, in), y(tokens, out), y8(tokens, out), alone(tokens, out), alone8(tokens, out);
    x.fill(rng, -2, 2);
    auto const multiply = [&](test::guarded<float>& to, test::guarded<float>& to8) {
      kernels::quantized_buffer x8(tokens, in);
      x8.assign(matrix_view<float const>(x.view()));
      matmul(matrix_view<float const>(x.view()), w, std::span<float const>{}, to.view());
      matmul(x8, w8, std::span<float const>{}, to8.view());
    };
    multiply(alone, alone8);
    test::all_work_shared const shared;
    with_every_executor([&](parallel::executor&) {
      for (int const region : {0, 1}) {
        y.fill(rng, 5, 6);
        y8.fill(rng, 5, 6);
        if (region == 1) {
          parallel::parallel_region(large, [&] { multiply(y, y8); });
        } else {
          multiply(y, y8);
        }
        CHECK(test::same_rows(y.view(), alone.view()));
        CHECK(test::same_rows(y8.view(), alone8.view()));
        CHECK(y.intact());
        CHECK(y8.intact());
      }
    });
  }
}
