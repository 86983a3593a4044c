// SPDX-License-Identifier: MIT
// EXPECT: no matching function
// Formulas take float, double or a batch of them; an integer is a mistake, not a number to be rounded.
#include <mamba/math/exp.hpp>

#ifdef CORRECTED
float use() { return mamba::math::exp(1.0F); }
#else
float use() { return mamba::math::exp(1); }
#endif
