// SPDX-License-Identifier: MIT
// EXPECT: -ffast-math breaks NaN propagation
// FLAGS: -ffast-math
#include <mamba/core/abi.hpp>

int main() {}
