// SPDX-License-Identifier: MIT
// EXPECT: sizeof\.\.\. ?\(Index\) == .*rank|no match for call|no matching function
#include <mamba/tensor/view.hpp>

float corner(mamba::view<float, 3, 5> matrix) {
#ifdef CORRECTED
  return matrix(0, 0);
#else
  return matrix(0);
#endif
}
