// SPDX-License-Identifier: MIT
// support/models/q4.cpp — a model with weights in q4, for all programs.
#include <support/models.hpp>

EXAMPLES_MODEL(, mamba::q4)
