// SPDX-License-Identifier: MIT
#include <support/short_waits.hpp>

#include <cstdlib>

#include <doctest/doctest.h>

// tests/programs verifies that arguments reach the second start: all its programs begin with it.
TEST_CASE("short waits: settings in the environment are not overwritten, and the program continues") {
#if defined(_OPENMP) && defined(__linux__)
  for (char const* const name : {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"}) unsetenv(name);
  setenv("OMP_WAIT_POLICY", "passive", 1);
#endif
  examples::wait_shortly();
#if defined(_OPENMP) && defined(__linux__)
  CHECK(std::getenv("GOMP_SPINCOUNT") == nullptr);
  CHECK(std::getenv("KMP_BLOCKTIME") == nullptr);
#endif
}
