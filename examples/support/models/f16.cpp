// SPDX-License-Identifier: MIT
// support/models/f16.cpp — a model with weights in f16, for all programs.
#include <support/models.hpp>

EXAMPLES_MODEL(, mamba::float16)
