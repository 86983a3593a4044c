// SPDX-License-Identifier: MIT
// EXPECT: A must be a square matrix; a column of modes is diagonal_matrix.column.
// A column has two readings: an N × 1 matrix, and the modes of a diagonal one. Only the type distinguishes them.
#include <mamba/ssm/discretize/discretize.hpp>

namespace ssm = mamba::ssm;

#ifdef CORRECTED
auto use(ssm::vector<double> const& a, ssm::vector<double> const& b) {
  return zero_order_hold(0.1, ssm::diagonal_system<double>{ssm::diagonal_matrix<double>(a), b, b.transpose(), {}});
}
#else
auto use(ssm::vector<double> const& a, ssm::vector<double> const& b) { return ssm::zero_order_hold(0.1, a, b); }
#endif
