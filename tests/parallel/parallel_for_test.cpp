// SPDX-License-Identifier: MIT
#include <mamba/parallel/parallel_for.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <cstddef>
#include <stdexcept>
#include <vector>

namespace parallel = mamba::parallel;

namespace {

/// Puts the number of threads back, as other tests of this program use it.
class restored_threads {
 public:
  restored_threads() = default;
  restored_threads(restored_threads const&) = delete;
  restored_threads& operator=(restored_threads const&) = delete;
  ~restored_threads() { parallel::set_thread_count(before_); }

 private:
  int before_ = parallel::thread_count();
};

}  // namespace

TEST_CASE("threads: the ranges cover every piece once, for any count and team") {
  restored_threads const restored;
  for (int team = 1; team <= 5; ++team) {
    parallel::set_thread_count(team);
    for (std::size_t const count : {0U, 1U, 2U, 3U, 4U, 5U, 6U, 11U, 23U}) {
      for (bool const worthwhile : {false, true}) {
        std::vector<int> visits(count, 0);  // each piece belongs to one thread, so plain integers will do
        std::atomic<int> ranges{0};
        parallel::cost const cost{parallel::parallel_threshold() * (worthwhile ? 1.0 : 0.99)};
        parallel::parallel_for(count, cost, [&](std::size_t first, std::size_t last) {
          ++ranges;
          for (std::size_t i = first; i < last; ++i) ++visits[i];
        });
        for (int const v : visits) CHECK(v == 1);
        CHECK(ranges <= (worthwhile ? team : 1));
        CHECK((ranges == 0) == (count == 0));
      }
    }
  }
}

TEST_CASE("threads: the count can be set, and is never below one") {
  restored_threads const restored;
  parallel::set_thread_count(3);
#if defined(_OPENMP)
  CHECK(parallel::thread_count() == 3);
#else
  CHECK(parallel::thread_count() == 1);
#endif
  parallel::set_thread_count(0);
  CHECK(parallel::thread_count() == 1);
  parallel::set_thread_count(-4);
  CHECK(parallel::thread_count() == 1);
}

TEST_CASE("threads: inside a range the work is not divided again") {
  restored_threads const restored;
  parallel::set_thread_count(2);
  std::atomic<int> inner{0};
  std::atomic<int> outer{0};
  parallel::parallel_for(2, parallel::cost{1e9}, [&](std::size_t, std::size_t) {
    ++outer;
    parallel::parallel_for(8, parallel::cost{1e9}, [&](std::size_t first, std::size_t last) {
      if (first == 0 && last == 8) ++inner;
    });
  });
  CHECK(inner == outer);
}

TEST_CASE("threads: a team covers every piece of every job once, in turn, and is gone afterwards") {
  restored_threads const restored;
  for (int threads = 1; threads <= 5; ++threads) {
    parallel::set_thread_count(threads);
    std::vector<int> visits(23, 0);
    int rounds = 0;
    parallel::parallel_region(parallel::cost{1e9}, [&] {
      parallel::thread_pool const* const crew = parallel::leading();
      CHECK(parallel::thread_count() == (crew == nullptr ? 1 : static_cast<int>(crew->size())));
      for (std::size_t job = 0; job < 300; ++job) {
        std::size_t const count = job % (visits.size() + 1);
        parallel::parallel_for(count, parallel::cost{job % 3 == 0 ? 0.0 : 1e9},
                               [&](std::size_t first, std::size_t last) {
                                 for (std::size_t i = first; i < last; ++i)
                                   visits[i] += rounds + 1;  // reads what the leader wrote
                               });
        for (std::size_t i = 0; i < visits.size(); ++i) CHECK(visits[i] == (i < count ? rounds + 1 : 0));
        visits.assign(visits.size(), 0);
        rounds = static_cast<int>(job);
      }
    });
    CHECK(parallel::leading() == nullptr);
  }
}

TEST_CASE("threads: inside a team's job the work is not divided again, and a team in a team is the same one") {
  restored_threads const restored;
  parallel::set_thread_count(3);
  std::atomic<int> inner{0};
  std::atomic<int> outer{0};
  parallel::parallel_region(parallel::cost{1e9}, [&] {
    parallel::thread_pool* const crew = parallel::leading();
    parallel::parallel_region(parallel::cost{1e9}, [&] { CHECK(parallel::leading() == crew); });
    parallel::parallel_for(3, parallel::cost{1e9}, [&](std::size_t, std::size_t) {
      ++outer;
      parallel::parallel_region(parallel::cost{1e9}, [&] {
        parallel::parallel_for(8, parallel::cost{1e9}, [&](std::size_t first, std::size_t last) {
          if (first == 0 && last == 8) ++inner;
        });
      });
    });
    CHECK(parallel::leading() == crew);
  });
  CHECK(outer >= 1);
  CHECK(inner == outer);
}

TEST_CASE("threads: what is thrown before a team's work arrives, and the next team works") {
  restored_threads const restored;
  parallel::set_thread_count(2);
  for (int round = 0; round < 3; ++round) {
    CHECK_THROWS_AS(parallel::parallel_region(parallel::cost{1e9}, [] { throw std::runtime_error("no"); }),
                    std::runtime_error);
    CHECK(parallel::leading() == nullptr);
    int sum = 0;
    parallel::parallel_region(parallel::cost{1e9}, [&] { sum = round; });
    CHECK(sum == round);
  }
}

TEST_CASE("threads: small work wakes no team") {
  restored_threads const restored;
  parallel::set_thread_count(2);
  parallel::parallel_region(parallel::cost{parallel::parallel_threshold() * 0.99},
                            [] { CHECK(parallel::leading() == nullptr); });
}
