// SPDX-License-Identifier: MIT
#include <support/short_waits.hpp>

#include <cstdlib>

#include <doctest/doctest.h>

// That arguments survive the second start is held by tests/programs, whose programs all begin with it.
TEST_CASE("short waits: what the environment says already is left alone, and the program goes on") {
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
