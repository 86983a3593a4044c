// SPDX-License-Identifier: MIT
// mamba/parallel/thread_pool.hpp — workers that spin between many short jobs in a row.  [floor 1]
//
// Decoding runs about 100 short dependent jobs per token, and waking threads for each would cost as much as the job. So
// threads are woken once per parallel region and spin between its jobs, which begin and end by counting in shared
// memory: a fraction of a microsecond. A job is divided statically, so that a worker reads its own part of the
// weights in every call; pieces that a descheduled worker has not begun are stolen by the others.
#pragma once

#include <mamba/parallel/executor.hpp>

#if MAMBA_HAS_THREADS

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace mamba::inline MAMBA_ABI::parallel {

/// The jobs of one parallel region, and the workers that divide them.
///
///     main thread:  claim_main(i); run(count, job); run(count, job); …; close();          worker i:  work(i);
///
/// Why:     a job is over when its pieces are: no thread waits for a worker that has not begun one, and a worker that
///          starts late joins the current job. A waiting thread spins for some microseconds and then yields after every
///          check: on an idle machine it continues at once, on a busy one it frees the core.
/// Cost:    4 kB. For each job one store by the main thread that every worker reads, one atomic operation by a worker
///          for each piece and one for all its pieces together.
class thread_pool {
 public:
  static constexpr std::size_t max_workers = 256;

  /// For so many workers, the main thread among them: at least 1.
  explicit thread_pool(std::size_t workers) noexcept
      : workers_(std::clamp<std::size_t>(workers, 1, max_workers)),
        stride_(std::min(counters / workers_, line / sizeof(std::int32_t))) {}
  thread_pool(thread_pool const&) = delete;
  thread_pool& operator=(thread_pool const&) = delete;

  [[nodiscard]] std::size_t size() const noexcept { return workers_; }

  /// Makes the calling thread, as worker i, the main thread; false if there is one.
  [[nodiscard]] bool claim_main(std::size_t i) noexcept {
    if (claimed_.exchange(1, std::memory_order_relaxed) != 0) return false;
    main_ = i;
    return true;
  }

  /// Calls job(first, last) so that the pieces [first, last) cover [0, count), each once, and returns when all have
  /// returned. Every worker begins with its own even share, some pieces at a time, and continues with what others have
  /// not begun. The job must not throw.
  template <class F>
  void run(std::size_t count, F& job) noexcept {
    job_ = const_cast<void*>(static_cast<void const*>(std::addressof(job)));
    call_ = [](void* f, std::size_t first, std::size_t last) noexcept { (*static_cast<F*>(f))(first, last); };
    share_ = count / workers_;
    larger_ = count % workers_;
    remaining_.store(static_cast<std::int32_t>(std::min(count, workers_ * pieces_per_share)),
                     std::memory_order_relaxed);
    for (std::size_t i = 0; i < workers_; ++i) {
      auto const pieces = static_cast<std::int32_t>(std::min(share_size(i), pieces_per_share));
      counter(i).store(pieces, std::memory_order_release);
    }
    epoch_.store(epoch_.load(std::memory_order_relaxed) + 2, std::memory_order_release);
    std::int32_t const done = run_pieces(main_);
    wait([&] { return remaining_.load(std::memory_order_acquire) == done; });
  }

  /// Ends the region: workers leave, and those that come later leave at once.
  void close() noexcept { epoch_.fetch_or(closed, std::memory_order_release); }

  /// Does pieces of jobs, as worker i, until the region is closed.
  void work(std::size_t i) noexcept {
    std::uint32_t seen = 0;
    for (;;) {
      std::uint32_t now = seen;
      wait([&] { return (now = epoch_.load(std::memory_order_acquire)) != seen; });
      if ((now & closed) != 0) return;
      seen = now;
      if (std::int32_t const done = run_pieces(i); done > 0) remaining_.fetch_sub(done, std::memory_order_release);
    }
  }

 private:
  static constexpr std::uint32_t closed = 1;  // in epoch_, which counts jobs in twos
  static constexpr std::size_t line = 64, counters = 1024;
  /// Pieces of a share: what is left for others when a worker is descheduled.
  static constexpr std::size_t pieces_per_share = 4;

  /// How many pieces of worker i's share are not begun; each on a line of its own where there are at most 64 workers.
  [[nodiscard]] std::atomic<std::int32_t>& counter(std::size_t i) noexcept { return not_begun_[i * stride_]; }

  [[nodiscard]] std::size_t share_begin(std::size_t i) const noexcept { return share_ * i + std::min(i, larger_); }
  [[nodiscard]] std::size_t share_size(std::size_t i) const noexcept { return share_ + (i < larger_ ? 1 : 0); }

  /// All pieces of worker i's share that are not begun, then those of the next workers'; returns how many.
  ///
  /// Why:     the fields of a job are read only after a piece of it was claimed, and stay as they are until that piece
  ///          has been counted as done; so a worker may come from an earlier job or to a later one at any time.
  [[nodiscard]] std::int32_t run_pieces(std::size_t i) noexcept {
    std::int32_t done = 0;
    for (std::size_t k = 0; k < workers_; ++k) {
      std::size_t const owner = i + k < workers_ ? i + k : i + k - workers_;
      std::atomic<std::int32_t>& left = counter(owner);
      // The load keeps workers from writing to each other's lines when there is nothing left.
      while (left.load(std::memory_order_relaxed) > 0) {
        std::int32_t const claimed = left.fetch_sub(1, std::memory_order_acquire);
        if (claimed <= 0) break;
        run_piece(owner, static_cast<std::size_t>(claimed));
        ++done;
      }
    }
    return done;
  }

  /// The piece of a share that was claimed when so many were left.
  void run_piece(std::size_t owner, std::size_t left) noexcept {
    std::size_t const begin = share_begin(owner), size = share_size(owner);
    if (size < pieces_per_share) {  // pieces of one
      call_(job_, begin + size - left, begin + size - left + 1);
    } else {
      std::size_t const p = pieces_per_share - left;
      call_(job_, begin + size * p / pieces_per_share, begin + size * (p + 1) / pieces_per_share);
    }
  }

  template <class Condition>
  static void wait(Condition const& holds) noexcept {
    constexpr int checks = 200;  // 5 to 10 microseconds
    for (int i = 0; !holds(); ++i) {
      if (i < checks) {
        spin_hint();
      } else {
        std::this_thread::yield();
      }
    }
  }

  /// Lowers the priority of a spinning thread on its core (SMT).
  static void spin_hint() noexcept {
#if defined(__SSE2__)
    _mm_pause();
#elif defined(__aarch64__)
    asm volatile("isb" ::: "memory");
#endif
  }

  // Written by the main thread between jobs, or before the first.
  std::size_t workers_, stride_;
  std::size_t main_ = 0;
  std::size_t share_ = 0, larger_ = 0;  // pieces of every worker; how many of the first workers have one more
  void* job_ = nullptr;
  void (*call_)(void*, std::size_t, std::size_t) noexcept = nullptr;
  std::atomic<int> claimed_{0};  ///< a word: exchanging a byte takes libatomic on RISC-V

  alignas(line) std::atomic<std::uint32_t> epoch_{0};     // which job it is: all workers read it
  alignas(line) std::atomic<std::int32_t> remaining_{0};  // pieces of the job that are not done
  alignas(line) std::atomic<std::int32_t> not_begun_[counters]{};
};

}  // namespace mamba::inline MAMBA_ABI::parallel

#endif
