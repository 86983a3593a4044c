// SPDX-License-Identifier: MIT
#include <mamba/parallel/parallel_for.hpp>

#include <support/threads.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <cstddef>
#include <stdexcept>
#include <vector>

namespace parallel = mamba::parallel;
using parallel::cost;

namespace {

/// Restores the number of threads, as other tests of this program use it.
class restored_threads {
 public:
  restored_threads() = default;
  restored_threads(restored_threads const&) = delete;
  restored_threads& operator=(restored_threads const&) = delete;
  ~restored_threads() { parallel::set_thread_count(before_); }

 private:
  int before_ = parallel::thread_count();
};

constexpr cost large = cost::seconds(1);

/// Whether parallel_for divides work of this cost now.
bool divided(cost c) {
  std::atomic<int> ranges{0};
  parallel::parallel_for(64, c, [&](std::size_t, std::size_t) { ++ranges; });
  return ranges > 1;
}

#if defined(_OPENMP)
constexpr bool threads_available = true;
#else
constexpr bool threads_available = false;
#endif

}  // namespace

TEST_CASE("parallel_for: the ranges cover every piece once, for any count and number of threads") {
  restored_threads const restored;
  for (int threads = 1; threads <= 5; ++threads) {
    parallel::set_thread_count(threads);
    for (std::size_t const count : {0U, 1U, 2U, 3U, 4U, 5U, 6U, 11U, 23U}) {
      for (bool const worthwhile : {false, true}) {
        std::vector<int> visits(count, 0);  // each piece belongs to one thread, so plain integers will do
        std::atomic<int> ranges{0};
        parallel::parallel_for(count, (worthwhile ? 1.0 : 0.99) * parallel::parallel_threshold(),
                               [&](std::size_t first, std::size_t last) {
                                 ++ranges;
                                 for (std::size_t i = first; i < last; ++i) ++visits[i];
                               });
        for (int const v : visits) CHECK(v == 1);
        CHECK(ranges <= (worthwhile ? threads : 1));
        CHECK((ranges == 0) == (count == 0));
      }
    }
  }
}

TEST_CASE("parallel_for: the number of threads can be set, and is never below one") {
  restored_threads const restored;
  parallel::set_thread_count(3);
  CHECK(parallel::thread_count() == (threads_available ? 3 : 1));
  parallel::set_thread_count(0);
  CHECK(parallel::thread_count() == 1);
  parallel::set_thread_count(-4);
  CHECK(parallel::thread_count() == 1);
}

TEST_CASE("parallel_for: the threshold can be set; inside a region it is a fraction of it") {
  restored_threads const restored;
  parallel::set_thread_count(2);
  cost const before = parallel::parallel_threshold();
  CHECK(before.nanoseconds > 1e4);
  CHECK(parallel::region_threshold() < before);
  CHECK(divided(before) == threads_available);
  CHECK(!divided(0.99 * before));
  parallel::parallel_region(large, [&] {
    CHECK(divided(parallel::region_threshold()) == threads_available);
    CHECK(!divided(0.99 * parallel::region_threshold()));
  });
  {
    test::all_work_shared const shared;
    CHECK(parallel::parallel_threshold() == cost{});
    CHECK(divided({}) == threads_available);
  }
  CHECK(parallel::parallel_threshold() == before);
}

TEST_CASE("parallel_for: inside a range the work is not divided again") {
  restored_threads const restored;
  parallel::set_thread_count(2);
  std::atomic<int> inner{0};
  std::atomic<int> outer{0};
  parallel::parallel_for(2, large, [&](std::size_t, std::size_t) {
    ++outer;
    if (threads_available) CHECK(parallel::thread_count() == 1);
    parallel::parallel_for(8, large, [&](std::size_t first, std::size_t last) {
      if (first == 0 && last == 8) ++inner;
    });
  });
  CHECK(inner == outer);
}

TEST_CASE("parallel_region: every piece of every job is done once, in turn, and the workers leave at the end") {
  restored_threads const restored;
  for (int threads = 1; threads <= 5; ++threads) {
    parallel::set_thread_count(threads);
    int const count_before = parallel::thread_count();
    std::vector<int> visits(23, 0);
    int rounds = 0;
    parallel::parallel_region(large, [&] {
      CHECK(parallel::thread_count() == count_before);
      for (std::size_t job = 0; job < 300; ++job) {
        std::size_t const count = job % (visits.size() + 1);
        parallel::parallel_for(count, job % 3 == 0 ? cost{} : large, [&](std::size_t first, std::size_t last) {
          for (std::size_t i = first; i < last; ++i) visits[i] += rounds + 1;  // reads what the main thread wrote
        });
        for (std::size_t i = 0; i < visits.size(); ++i) CHECK(visits[i] == (i < count ? rounds + 1 : 0));
        visits.assign(visits.size(), 0);
        rounds = static_cast<int>(job);
      }
    });
    CHECK(parallel::thread_count() == count_before);
  }
}

TEST_CASE("parallel_region: inside a job the work is not divided again, and a region in a region is the same one") {
  restored_threads const restored;
  parallel::set_thread_count(3);
  int const threads = parallel::thread_count();
  std::atomic<int> inner{0};
  std::atomic<int> outer{0};
  parallel::parallel_region(large, [&] {
    parallel::parallel_region(large, [&] { CHECK(parallel::thread_count() == threads); });
    parallel::parallel_for(3, large, [&](std::size_t, std::size_t) {
      ++outer;
      parallel::parallel_region(large, [&] {
        parallel::parallel_for(8, large, [&](std::size_t first, std::size_t last) {
          if (first == 0 && last == 8) ++inner;
        });
      });
    });
    CHECK(parallel::thread_count() == threads);
  });
  CHECK(outer >= 1);
  CHECK(inner == outer);
}

TEST_CASE("parallel_region: an exception arrives after some work, and the next region works") {
  restored_threads const restored;
  parallel::set_thread_count(2);
  for (int round = 0; round < 3; ++round) {
    std::atomic<int> sum{0};
    auto const add = [&](std::size_t first, std::size_t last) { sum += static_cast<int>(last - first); };
    CHECK_THROWS_AS(parallel::parallel_region(large,
                                              [&] {
                                                parallel::parallel_for(9, large, add);
                                                throw std::runtime_error("no");
                                              }),
                    std::runtime_error);
    CHECK(sum == 9);
    parallel::parallel_region(large, [&] { parallel::parallel_for(11, large, add); });
    CHECK(sum == 20);
  }
}

TEST_CASE("parallel_region: small work opens none") {
  restored_threads const restored;
  parallel::set_thread_count(2);
  parallel::parallel_region(0.99 * parallel::parallel_threshold(),
                            [] { CHECK(!divided(parallel::region_threshold())); });
}
