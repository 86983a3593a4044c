// SPDX-License-Identifier: MIT
// EXPECT: no matching function
// A mode of integers would be halved to other integers: the rules take real and complex numbers.
#include <mamba/ssm/discretize/rules.hpp>

#ifdef CORRECTED
double use() { return mamba::ssm::bilinear(1, -2.0, 1.0).a_bar; }
#else
double use() { return mamba::ssm::bilinear(1, -2, 1).a_bar; }
#endif
