// SPDX-License-Identifier: MIT
// EXPECT: could not convert|no matching function
// A matrix of three rows and four columns is not one of five columns: an error where both are static.
#include <mamba/tensor/view.hpp>

float corner(mamba::view<float, 3, 5> matrix) { return matrix(2, 4); }

#ifdef CORRECTED
float use(mamba::view<float, 3, mamba::dynamic> matrix) { return corner(matrix); }
#else
float use(mamba::view<float, 3, 4> matrix) { return corner(matrix); }
#endif
