// SPDX-License-Identifier: MIT
// support/interrupt.hpp — Ctrl-C makes a program stop at the next safe point; a second one ends it at once. So do the
// signals of a terminal that closes and of a system that shuts down.
#pragma once

#include <csignal>
#include <ctime>

namespace examples {

namespace detail {

inline volatile std::sig_atomic_t interrupted_by = 0;

#if defined(SIGHUP)
inline constexpr int interrupts[] = {SIGINT, SIGTERM, SIGHUP};
#else
inline constexpr int interrupts[] = {SIGINT, SIGTERM};
#endif

/// Milliseconds of some clock.
inline long long clock_now() noexcept {
#if defined(__unix__) || defined(__APPLE__)
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);  // may be called in a signal handler
  return 1000LL * now.tv_sec + now.tv_nsec / 1'000'000;
#else
  return 0;
#endif
}
inline volatile long long interrupted_at = 0;

/// timeout(1) signals the process and its group: two signals within so many milliseconds count as one.
inline constexpr long long same_request = 300;

extern "C" inline void note_interrupt(int signal) {
  long long const now = clock_now();
  if (interrupted_by != 0 && now - interrupted_at > same_request) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
    return;
  }
  if (interrupted_by == 0) {
    interrupted_at = now;
    interrupted_by = signal;
  }
  std::signal(signal, note_interrupt);  // on systems where a handler serves once
}

}  // namespace detail

/// From now on the first Ctrl-C is noted instead of ending the program.
inline void watch_interrupts() {
  for (int const signal : detail::interrupts) {
    bool const ignored = std::signal(signal, detail::note_interrupt) == SIG_IGN;
    if (ignored && signal != SIGINT) std::signal(signal, SIG_IGN);  // by nohup, for one
  }
}

/// Which signal it was; 0: none.
[[nodiscard]] inline int interrupted_by() noexcept { return detail::interrupted_by; }

/// Whether Ctrl-C was pressed, for long loops to check.
[[nodiscard]] inline bool interrupted() noexcept { return detail::interrupted_by != 0; }

/// While it lives, a Ctrl-C that watch_interrupts() notes also ends a system call that waits, a read from a terminal.
class interruptible {
 public:
  interruptible() noexcept { set(1); }
  ~interruptible() { set(0); }
  interruptible(interruptible const&) = delete;
  interruptible& operator=(interruptible const&) = delete;

 private:
  static void set([[maybe_unused]] int interrupts) noexcept {
#if defined(__unix__) || defined(__APPLE__)
    for (int const signal : detail::interrupts) {
      struct sigaction action {};
      if (::sigaction(signal, nullptr, &action) != 0) return;
      action.sa_flags = interrupts != 0 ? action.sa_flags & ~SA_RESTART : action.sa_flags | SA_RESTART;
      ::sigaction(signal, &action, nullptr);
    }
#endif
  }
};

/// Thrown out of work that Ctrl-C has stopped half done; run_program ends the process as the signal would have.
struct interruption {};

}  // namespace examples
