// SPDX-License-Identifier: MIT
#include <mamba/parallel/thread_pool.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <thread>
#include <vector>

namespace parallel = mamba::parallel;

namespace {

/// A team of threads of its own, whatever OpenMP does.
class crew {
 public:
  explicit crew(std::size_t threads) {
    team.lead(threads);
    for (std::size_t i = 1; i < threads; ++i) followers_.emplace_back([this, i] { team.follow(i); });
  }
  crew(crew const&) = delete;
  crew& operator=(crew const&) = delete;
  ~crew() {
    team.dismiss();
    for (std::thread& t : followers_) t.join();
  }
  parallel::thread_pool team;

 private:
  std::vector<std::thread> followers_;
};

}  // namespace

TEST_CASE("team: every piece of every job is done once, and all are done when run returns") {
  for (std::size_t const threads : {1U, 2U, 3U, 5U, 8U}) {
    crew c(threads);
    CHECK(c.team.size() == threads);
    std::vector<std::size_t> visits(41, 0);
    for (std::size_t job = 1; job <= 400; ++job) {
      std::size_t const count = job % (visits.size() + 1);
      // Plain integers, each written by one thread and read by another in the next job.
      auto const visit = [&](std::size_t first, std::size_t last) {
        CHECK(first < last);
        for (std::size_t i = first; i < last; ++i) visits[i] += job;
      };
      c.team.run(count, visit);
      std::size_t wrong = 0;
      for (std::size_t i = 0; i < visits.size(); ++i) wrong += visits[i] != (i < count ? job : 0) ? 1U : 0U;
      CHECK(wrong == 0);
      visits.assign(visits.size(), 0);
    }
  }
}

TEST_CASE("team: nobody waits for a thread that never comes") {
  parallel::thread_pool team;
  team.lead(4);  // three followers that don't exist
  std::vector<int> visits(10, 0);
  auto visit = [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) ++visits[i];
  };
  for (int job = 1; job <= 3; ++job) {
    team.run(visits.size(), visit);
    for (int const v : visits) CHECK(v == job);
  }
  team.dismiss();
}

TEST_CASE("team: one that comes after some jobs takes part in the later ones") {
  using namespace std::chrono_literals;
  parallel::thread_pool team;
  team.lead(2);
  std::vector<int> visits(16, 0);
  std::atomic<int> by_follower = 0;
  auto const visit = [&, leader = std::this_thread::get_id()](std::size_t first, std::size_t last) {
    if (std::this_thread::get_id() == leader) {
      std::this_thread::sleep_for(100us);  // leaves time, and something to do, for the other
    } else {
      ++by_follower;
    }
    for (std::size_t i = first; i < last; ++i) ++visits[i];
  };
  int jobs = 0;
  auto const run = [&] {
    team.run(visits.size(), visit);
    ++jobs;
    std::size_t wrong = 0;
    for (int const v : visits) wrong += v != jobs ? 1U : 0U;
    CHECK(wrong == 0);
  };
  for (int i = 0; i < 5; ++i) run();
  CHECK(by_follower == 0);
  std::thread late([&] { team.follow(1); });
  int joined = 0;  // jobs that it took part in
  auto const deadline = std::chrono::steady_clock::now() + 10s;
  while (joined < 3 && std::chrono::steady_clock::now() < deadline) {
    int const before = by_follower;
    run();
    joined += by_follower > before ? 1 : 0;
  }
  team.dismiss();
  late.join();
  CHECK(joined == 3);
}

TEST_CASE("team: one that is held up keeps only the pieces it has begun") {
  crew c(2);
  using namespace std::chrono_literals;
  std::vector<std::thread::id> by(64);
  auto const slow_follower = [&, leader = std::this_thread::get_id()](std::size_t first, std::size_t last) {
    if (std::this_thread::get_id() != leader) std::this_thread::sleep_for(100ms);
    for (std::size_t i = first; i < last; ++i) by[i] = std::this_thread::get_id();
  };
  c.team.run(by.size(), slow_follower);
  std::size_t leaders = 0;
  for (auto const id : by) leaders += id == std::this_thread::get_id() ? 1U : 0U;
  CHECK(leaders >= 48);  // of its own half all, of the other's four parts at least two
}

TEST_CASE("team: more threads than it can count are as many as it can") {
  parallel::thread_pool team;
  team.lead(100000);
  CHECK(team.size() == parallel::thread_pool::most_threads);
  team.dismiss();
  team.follow(5);  // comes too late for anything, and goes home
}

TEST_CASE("team: a thread leads none at first") { CHECK(parallel::leading() == nullptr); }
