// SPDX-License-Identifier: MIT
// EXPECT: a step of two inputs needs a two_point_state
// A bare state does not contain the input before: its part of the step would be missing.
#include <mamba/ssm/scan/recurrence.hpp>

using system_of_two = mamba::ssm::two_point<mamba::ssm::discrete_diagonal<double, 2>>;

#ifdef CORRECTED
using state = mamba::ssm::two_point_state<double, 2>;
#else
using state = mamba::ssm::vector<double, 2>;
#endif

auto use(system_of_two const& s, state& h) { return step(s, h, mamba::ssm::vector<double, 1>{1.0}); }
