// SPDX-License-Identifier: MIT
// mamba/core/version.hpp — which release this is, for the preprocessor and for programs.  [floor 0]
#pragma once

// Every other header includes this one first, so that an older language standard is one error message.
#if (defined(_MSVC_LANG) && _MSVC_LANG < 202002L) || (!defined(_MSVC_LANG) && __cplusplus < 202002L)
#error "mamba needs C++20: compile with -std=c++20 (MSVC: /std:c++20)"
#include <mamba_needs_cpp20>  // there is no such file: the compiler stops here, before thousands of errors that follow
#endif

#define MAMBA_VERSION_MAJOR 0
#define MAMBA_VERSION_MINOR 4
#define MAMBA_VERSION_PATCH 0
#define MAMBA_VERSION_STRING "0.4.0"
