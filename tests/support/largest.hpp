// SPDX-License-Identifier: MIT
// tests/support/largest.hpp — the largest entry of a matrix, for comparisons that a NaN must not pass.
#pragma once

#include <Eigen/Core>

namespace test {

/// max |m_ij|, NaN if an entry is one: Eigen's maxCoeff() alone may drop it.
template <class Derived>
[[nodiscard]] auto largest(Eigen::DenseBase<Derived> const& m) {
  return m.derived().cwiseAbs().template maxCoeff<Eigen::PropagateNaN>();
}

}  // namespace test
