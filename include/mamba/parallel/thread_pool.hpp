// SPDX-License-Identifier: MIT
// mamba/parallel/thread_pool.hpp — threads that stand by for one job after another, without sleeping in between.  [floor 1]
//
// One token of a model is a hundred small jobs, each needing the one before: waking a thread for each costs as much as
// the work. A team is woken once per call instead, and meets after each job by counting in shared memory, which takes a
// fraction of a microsecond. On a busy machine a follower may be elsewhere when a job comes: its pieces are then done
// by whoever is there, and nobody waits for one that has not begun.
#pragma once

#include <mamba/core/abi.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <type_traits>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace mamba::inline MAMBA_ABI::parallel {

/// One leader, who hands out jobs, and followers, who take part in them.
///
///     leader:  lead(n); run(count, job); run(count, job); …; dismiss();        follower i:  follow(i);
///
/// Why:     who waits spins for some microseconds and then offers its core to others at every look: on an idle machine
///          it goes on at once, on a busy one it does not hold the core that the thread it waits for needs.
class thread_pool {
 public:
  static constexpr std::size_t most_threads = 256;

  /// Says how many threads there are, the leader among them: at least 1. Before the first run().
  void lead(std::size_t threads) noexcept { size_ = threads < most_threads ? threads : most_threads; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// Calls job(first, last) so that the pieces [first, last) cover [0, count), each once, and returns when all have
  /// returned. Every thread begins with its own even share, some pieces at a time, and goes on with what others have
  /// not begun. The job must not throw.
  template <class F>
  void run(std::size_t count, F& job) noexcept {
    job_ = const_cast<std::remove_const_t<F>*>(&job);
    call_ = [](void* j, std::size_t first, std::size_t last) noexcept { (*static_cast<F*>(j))(first, last); };
    count_ = count;
    for (std::size_t i = 0; i < size_; ++i) begun_[i].pieces.store(0, std::memory_order_relaxed);
    std::uint64_t const number = (gate_.load(std::memory_order_relaxed) >> number_bit) + 1;
    gate_.store((number << number_bit) | open, std::memory_order_release);
    take_part(0);
    gate_.fetch_and(~open, std::memory_order_relaxed);
    wait([this] { return (gate_.load(std::memory_order_acquire) & inside) == 0; });
  }

  /// Sends the followers home.
  void dismiss() noexcept { gate_.store(home, std::memory_order_release); }

  /// Takes part in jobs, as thread i, until the team is dismissed.
  void follow(std::size_t i) noexcept {
    std::uint64_t last = 0;  // the number of the job that this thread took part in
    while (enter(last)) {
      if (i < size_) take_part(i);
      gate_.fetch_sub(1, std::memory_order_release);
    }
  }

 private:
  // The gate: how many followers are at the current job, whether others may enter, and the job's number.
  static constexpr std::uint64_t inside = 0xffff, open = 0x10000, home = 0x20000;
  static constexpr unsigned number_bit = 24;
  /// Parts of a share: what is left for others when a thread is held up.
  static constexpr std::size_t parts = 4;

  /// Waits for a job later than `last` and enters it; false when there will be none.
  [[nodiscard]] bool enter(std::uint64_t& last) noexcept {
    for (;;) {
      std::uint64_t seen = 0;
      wait([&] {
        seen = gate_.load(std::memory_order_relaxed);
        return (seen & home) != 0 || ((seen & open) != 0 && seen >> number_bit != last);
      });
      if ((seen & home) != 0) return false;
      if (gate_.compare_exchange_weak(seen, seen + 1, std::memory_order_acquire, std::memory_order_relaxed)) {
        last = seen >> number_bit;
        return true;
      }
    }
  }

  /// All parts of thread i's share that nobody has begun, then those of the next threads.
  void take_part(std::size_t i) noexcept {
    for (std::size_t k = 0; k < size_; ++k) {
      std::size_t const owner = i + k < size_ ? i + k : i + k - size_;
      std::size_t const start = bound(count_, owner, size_);
      std::size_t const size = bound(count_, owner + 1, size_) - start;
      std::size_t const pieces = size < parts ? size : parts;
      for (std::size_t p = 0; (p = begun_[owner].pieces.fetch_add(1, std::memory_order_relaxed)) < pieces;) {
        call_(job_, start + bound(size, p, pieces), start + bound(size, p + 1, pieces));
      }
    }
  }

  /// Where the i-th of n even parts begins.
  [[nodiscard]] static std::size_t bound(std::size_t count, std::size_t i, std::size_t n) noexcept {
    return count * i / n;
  }

  template <class Condition>
  static void wait(Condition const& met) noexcept {
    constexpr int looks = 200;  // 5 to 10 microseconds
    for (int i = 0; !met(); ++i) {
      if (i < looks) {
        relax();
      } else {
        std::this_thread::yield();
      }
    }
  }

  /// Tells the processor that this is a loop that waits.
  static void relax() noexcept {
#if defined(__SSE2__)
    _mm_pause();
#elif defined(__aarch64__)
    asm volatile("isb" ::: "memory");
#endif
  }

  std::size_t size_ = 1;
  std::size_t count_ = 0;
  void* job_ = nullptr;
  void (*call_)(void*, std::size_t, std::size_t) noexcept = nullptr;
  alignas(64) std::atomic<std::uint64_t> gate_{0};
  struct alignas(64) share {
    std::atomic<std::uint32_t> pieces;
  };
  share begun_[most_threads];
};

/// The team that the calling thread leads, while it is not at a job itself; null where there is none.
[[nodiscard]] inline thread_pool*& leading() noexcept {
  static thread_local thread_pool* now = nullptr;
  return now;
}

}  // namespace mamba::inline MAMBA_ABI::parallel
