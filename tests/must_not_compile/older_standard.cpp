// SPDX-License-Identifier: MIT
// EXPECT: mamba needs C\+\+20: compile with -std=c\+\+20
// FLAGS: -std=c++17
#include <mamba/mamba.hpp>

int main() {}
