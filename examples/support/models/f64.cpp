// SPDX-License-Identifier: MIT
// support/models/f64.cpp — a model with weights in f64, for all programs.
#include <support/models.hpp>

EXAMPLES_MODEL(, double)
