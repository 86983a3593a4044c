// SPDX-License-Identifier: MIT
// support/models/bf16.cpp — a model with weights in bf16, for all programs.
#include <support/models.hpp>

EXAMPLES_MODEL(, mamba::bfloat16)
