// SPDX-License-Identifier: MIT
// support/interrupt.hpp — Ctrl-C asks a program to finish what it is doing; a second one ends it at once. So do the
// signals of a terminal that closes and of a system that shuts down.
#pragma once

#include <csignal>

namespace examples {

namespace detail {

inline volatile std::sig_atomic_t interrupted_by = 0;

#if defined(SIGHUP)
inline constexpr int interrupts[] = {SIGINT, SIGTERM, SIGHUP};
#else
inline constexpr int interrupts[] = {SIGINT, SIGTERM};
#endif

extern "C" inline void note_interrupt(int signal) {
  interrupted_by = signal;
  std::signal(signal, SIG_DFL);
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

/// Whether Ctrl-C was pressed. Loops that may take long ask this.
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
