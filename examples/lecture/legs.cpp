// SPDX-License-Identifier: MIT
#include <lecture/legs.hpp>

#include <mamba/ssm/hippo/low_rank.hpp>

namespace lecture {

legs_form legs_as_nplr(std::size_t N) {
  return mamba::ssm::nplr<mamba::ssm::modes::half>(mamba::ssm::hippo_legs<double>(N),
                                                   mamba::ssm::low_rank_legs<double>(N));
}

}  // namespace lecture
