// SPDX-License-Identifier: MIT
// support/verify.hpp — no figure is printed for a wrong result.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace bench {

/// Ends the program unless |found − expected| ≤ bound (NaN included). `what` names the operation and its size.
inline void require_near(std::string const& what, std::size_t index, double found, double expected, double bound) {
  if (std::fabs(found - expected) <= bound) return;
  std::fprintf(stderr, "%s is wrong, so it is not timed: number %zu is %.9g, the reference %.17g, allowed %.3g\n",
               what.c_str(), index, found, expected, bound);
  std::exit(EXIT_FAILURE);
}

/// Ends the program unless two results have equal bits, where the partition contract promises them.
inline void require_equal(std::string const& what, bool equal) {
  if (equal) return;
  std::fprintf(stderr, "%s: bits differ, so it is not timed\n", what.c_str());
  std::exit(EXIT_FAILURE);
}

/// The unit roundoff of float: one operation is off by at most this share of its result.
inline constexpr double unit = 0x1p-24;

}  // namespace bench
