// SPDX-License-Identifier: MIT
// EXPECT: four_lanes: written for 4 float\(s\) in a register of the target; write it again with this one's lanes
// FLAGS: -DMAMBA_SIMD_PORTABLE=1
// ERRORS: 1
#include <four_lanes.hpp>  // by quantize --header --lanes 4: SSE and NEON have as many, a portable build has one

static_assert(four_lanes::weights.layers.size() == 2);
