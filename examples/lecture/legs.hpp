// SPDX-License-Identifier: MIT
// lecture/legs.hpp — LegS in the coordinates of S4, compiled once for the lessons that need it.
#pragma once

#include <mamba/ssm/hippo/legendre.hpp>
#include <mamba/ssm/hippo/nplr.hpp>

#include <cstddef>

namespace lecture {

using legs_form = mamba::ssm::nplr_form<double, mamba::dynamic, 1, mamba::ssm::modes::half>;

/// nplr<modes::half>(hippo_legs<double>(N), low_rank_legs<double>(N)): the eigenvalue problem is what takes a compiler
/// its time.
[[nodiscard]] legs_form legs_as_nplr(std::size_t N);

}  // namespace lecture
