// SPDX-License-Identifier: MIT
// EXPECT: parts of -ffast-math
// FLAGS: -funsafe-math-optimizations
// COMPILER: GNU
#include <mamba/core/abi.hpp>

int main() {}
