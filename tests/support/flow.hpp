// SPDX-License-Identifier: MIT
// tests/support/flow.hpp — exp(A t) h by Taylor's series in short steps: what the formulas of HiPPO are held against.
#pragma once

#include <mamba/ssm/systems/matrix.hpp>

#include <cmath>
#include <limits>

namespace test {

/// exp(A t) h, in steps of ‖A‖₁ s ≤ 1 with 20 terms, so that only roundings are left: of ‖h‖, N ε for each term and
/// step, if the flow does not stretch.
template <class T>
[[nodiscard]] mamba::ssm::vector<T> flow(mamba::ssm::matrix<T> const& a, T t, mamba::ssm::vector<T> h) {
  T const length = a.cwiseAbs().colwise().sum().maxCoeff() * std::fabs(t);
  int const steps = 1 + static_cast<int>(length);
  for (int i = 0; i < steps; ++i) {
    mamba::ssm::vector<T> term = h;
    for (int k = 1; k <= 20; ++k) {
      term = (t / static_cast<T>(steps * k) * (a * term)).eval();
      h += term;
    }
  }
  return h;
}

/// The largest error of flow for a flow that does not stretch: 21 terms and their sum in each step, each N + 3
/// roundings of at most e ‖h‖.
template <class T>
[[nodiscard]] double flow_error(mamba::ssm::matrix<T> const& a, double t, double size) {
  double const steps = 1 + static_cast<double>(a.cwiseAbs().colwise().sum().maxCoeff()) * std::fabs(t);
  double const roundings = steps * 2.72 * (static_cast<double>(a.rows()) + 24);
  return roundings * static_cast<double>(std::numeric_limits<T>::epsilon()) * size;
}

}  // namespace test
