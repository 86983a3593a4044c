// SPDX-License-Identifier: MIT
// EXPECT: mode_value
// rules.hpp has the rules for numbers; those for matrices are in dense_rules.hpp, and discretize.hpp has both.
#ifdef CORRECTED
#include <mamba/ssm/discretize/dense_rules.hpp>
#endif
#include <mamba/ssm/discretize/rules.hpp>
#include <mamba/ssm/systems/matrix.hpp>

auto use(mamba::ssm::matrix<double> const& a, mamba::ssm::matrix<double> const& b) {
  return mamba::ssm::zero_order_hold(0.1, a, b);
}
