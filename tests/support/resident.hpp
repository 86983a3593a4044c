// SPDX-License-Identifier: MIT
// tests/support/resident.hpp — memory that belongs to this process alone, for tests of what is never copied.
#pragma once

#include <cstddef>
#include <cstdio>
#include <fstream>
#include <string>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace test {

/// Returns free memory of the heap to the system, so that what is allocated next counts as new.
inline void give_back_memory() {
#if defined(__GLIBC__)
  ::malloc_trim(0);
#endif
}

/// Bytes of anonymous memory that are resident now: the heap and the stacks, not the pages of mapped files. 0 where the
/// system does not report it.
[[nodiscard]] inline std::size_t anonymous_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    unsigned long long kibibytes = 0;
    if (std::sscanf(line.c_str(), "RssAnon: %llu kB", &kibibytes) == 1)
      return static_cast<std::size_t>(kibibytes) * 1024;
  }
  return 0;
}

}  // namespace test
