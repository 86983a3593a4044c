// SPDX-License-Identifier: MIT
// support/models/ternary.cpp — a model with weights in ternary, for all programs.
#include <support/models.hpp>

EXAMPLES_MODEL(, mamba::ternary)
