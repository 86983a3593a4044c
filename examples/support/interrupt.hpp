// SPDX-License-Identifier: MIT
// support/interrupt.hpp — Ctrl-C asks a program to finish what it is doing; a second one ends it at once.
#pragma once

#include <csignal>

namespace examples {

namespace detail {

inline volatile std::sig_atomic_t interrupted_by = 0;

extern "C" inline void note_interrupt(int signal) {
  interrupted_by = signal;
  std::signal(signal, SIG_DFL);
}

}  // namespace detail

/// From now on the first Ctrl-C is noted instead of ending the program.
inline void watch_interrupts() { std::signal(SIGINT, detail::note_interrupt); }

/// Whether Ctrl-C was pressed. Loops that may take long ask this.
[[nodiscard]] inline bool interrupted() noexcept { return detail::interrupted_by != 0; }

/// Thrown out of work that Ctrl-C has stopped half done; run_program ends the process as the signal would have.
struct interruption {};

}  // namespace examples
