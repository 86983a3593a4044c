// SPDX-License-Identifier: MIT
// support/models/q8.cpp — a model with weights in q8, for all programs.
#include <support/models.hpp>

EXAMPLES_MODEL(, mamba::q8)
