// SPDX-License-Identifier: MIT
// mamba/core/version.hpp — which release this is, for the preprocessor and for programs.  [floor 0]
#pragma once

#define MAMBA_VERSION_MAJOR 0
#define MAMBA_VERSION_MINOR 3
#define MAMBA_VERSION_PATCH 0
#define MAMBA_VERSION_STRING "0.3.0"
