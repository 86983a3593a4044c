// SPDX-License-Identifier: MIT
// EXPECT: deleted function
// As a system of one input it would lose the effect of the input before.
#include <mamba/ssm/convolution/generating_function.hpp>

using one = mamba::ssm::discrete_dense<double, 2>;

#ifdef CORRECTED
using system_of = one;
#else
using system_of = mamba::ssm::two_point<one>;
#endif

auto use(system_of const& s) { return generating_function(s, std::complex<double>(1)); }
auto absorbed(system_of const& s) { return absorb_power(s, 8); }
auto recovered(system_of const& s) { return recover_c(s, 8); }
