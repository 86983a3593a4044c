// SPDX-License-Identifier: MIT
// tests/support/largest.hpp — the largest entry of a matrix, the worst error: comparisons that no NaN may pass.
#pragma once

#include <Eigen/Core>

#include <cmath>
#include <complex>
#include <limits>

namespace test {

/// max |m_ij|, NaN if an entry is one: Eigen's maxCoeff() alone may drop it.
template <class Derived>
[[nodiscard]] auto largest(Eigen::DenseBase<Derived> const& m) {
  return m.derived().cwiseAbs().template maxCoeff<Eigen::PropagateNaN>();
}

/// The worst error of `found`, entry by entry, in units of `bound`: at most 1 where the bound of a card holds. A bound
/// of 0 is that of an exact entry, and NaN is never within a bound.
template <class Found, class Exact, class Bound>
[[nodiscard]] double share_of_bound(Found const& found, Exact const& exact, Bound const& bound) {
  double most = 0;
  for (Eigen::Index i = 0; i < exact.rows(); ++i) {
    for (Eigen::Index k = 0; k < exact.cols(); ++k) {
      using wide = typename Exact::Scalar;
      auto const error = static_cast<double>(std::abs(static_cast<wide>(found(i, k)) - exact(i, k)));
      double const share = error == 0 ? 0 : error / static_cast<double>(bound(i, k));
      if (!(share <= most)) most = share == share ? share : std::numeric_limits<double>::infinity();
    }
  }
  return most;
}

/// The same where the bound is relative, in units of float's ε: float against a wider type.
template <class Found, class Exact>
[[nodiscard]] double float_epsilons(Found const& found, Exact const& exact) {
  return share_of_bound(found, exact, (std::numeric_limits<float>::epsilon() * exact.cwiseAbs()).eval());
}

}  // namespace test
