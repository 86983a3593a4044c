// SPDX-License-Identifier: MIT
// EXPECT: to_dplr: half of the modes gives 2 Re, which is right for a real C only
// A complex C doesn't give conjugate pairs, and half of its modes would be another system.
#include <mamba/ssm/hippo/legendre.hpp>
#include <mamba/ssm/hippo/low_rank.hpp>
#include <mamba/ssm/hippo/nplr.hpp>

#ifdef CORRECTED
using number = double;
#else
using number = std::complex<double>;
#endif

auto use(mamba::ssm::matrix<number, 1, 4> const& c) {
  return to_dplr(mamba::ssm::hippo_legs<double, 4>(), mamba::ssm::low_rank_legs<double, 4>(), c);
}
