// SPDX-License-Identifier: MIT
// EXPECT: overlap_add: a complex kernel has complex outputs
// The imaginary part of what comes out isn't dropped on the way.
#include <mamba/ssm/convolution/overlap_add.hpp>

#ifdef CORRECTED
using answer = std::complex<double>;
#else
using answer = double;
#endif

mamba::ssm::overlap_add<answer> use(mamba::ssm::sequence<std::complex<double>> const& kernel) {
  return mamba::ssm::overlap_add<answer>(kernel);
}
