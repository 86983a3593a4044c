// SPDX-License-Identifier: MIT
// support/models/f32.cpp — a model with weights in f32, for all programs.
#include <support/models.hpp>

EXAMPLES_MODEL(, float)
