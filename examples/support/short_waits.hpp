// SPDX-License-Identifier: MIT
// support/short_waits.hpp — OpenMP's threads spin briefly, then sleep.
//
// libgomp's threads spin for milliseconds at the end of each parallel piece, libomp's for a fifth of a second. On a
// machine that is busy with other work, a spinning thread occupies the core that the thread it waits for needs,
// and two threads are then slower than one. Both libraries read their environment before main()
// begins, so a program that wants other settings must start itself again.
#pragma once

#if defined(_OPENMP) && defined(__linux__)
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>
#endif

namespace examples {

/// Starts this program again with short waits, unless its environment already says how OpenMP's threads should wait.
/// To be called first in main(). Where it can't be done, nothing changes.
inline void wait_shortly() {
#if defined(_OPENMP) && defined(__linux__)
  for (char const* const set : {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"}) {
    if (std::getenv(set) != nullptr) return;
  }
  std::string line;
  {  // closed before the restart: the program must not inherit it, least of all as a standard stream
    std::ifstream file("/proc/self/cmdline", std::ios::binary);
    line.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  std::vector<char*> arguments;
  for (std::size_t i = 0; i < line.size(); i = line.find('\0', i) + 1) arguments.push_back(&line[i]);
  if (arguments.empty() || line.back() != '\0') return;
  arguments.push_back(nullptr);
  setenv("GOMP_SPINCOUNT", "1000", 1);  // some 50 microseconds
  setenv("KMP_BLOCKTIME", "0", 1);
  execv("/proc/self/exe", arguments.data());
#endif
}

}  // namespace examples
