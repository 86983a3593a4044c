// SPDX-License-Identifier: MIT
// EXPECT: parts of -ffast-math
// FLAGS: -ffinite-math-only
#include <mamba/core/abi.hpp>

int main() {}
