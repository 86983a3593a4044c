# SPDX-License-Identifier: MIT
# Flags of our own tests, benchmarks and examples; users of the library get none of them.
#
#   mamba_warnings   what our code must be clean of
#   mamba_flags      warnings, the machine's instruction set, sanitizers
include_guard(GLOBAL)
include(CheckCXXCompilerFlag)
include(CheckCXXSourceRuns)

option(MAMBA_WARNINGS_AS_ERRORS "Treat warnings in our own targets as errors" OFF)
set(MAMBA_MARCH "native" CACHE STRING "-march of our own targets; empty for the compiler's default")
set(MAMBA_SANITIZE "" CACHE STRING "-fsanitize= of our own targets, for instance address,undefined")
set(MAMBA_DEFAULT_MODEL_DIR "${PROJECT_SOURCE_DIR}/examples/default_model" CACHE PATH
    "Where the programs look for a model when none is named")

add_library(mamba_warnings INTERFACE)
target_compile_options(mamba_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
                                                -Wold-style-cast)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False alarms inside the standard library once g++ 12 has inlined it: std::string's operator+ (GCC bug 105329) and
  # std::fill with a size that it could not bound. And inside the AVX-512 intrinsics that Eigen calls, whose undefined
  # vectors it reports as uninitialised (GCC bug 105593). clang has none of these false alarms, and keeps the warnings.
  target_compile_options(mamba_warnings INTERFACE -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread
                                                  -Wno-array-bounds -Wno-uninitialized -Wno-maybe-uninitialized)
endif()
if(MAMBA_WARNINGS_AS_ERRORS)
  target_compile_options(mamba_warnings INTERFACE -Werror)
endif()

add_library(mamba_sanitizers INTERFACE)
if(MAMBA_SANITIZE)
  set(sanitizers -fsanitize=${MAMBA_SANITIZE} -fno-sanitize-recover=all)
  target_compile_options(mamba_sanitizers INTERFACE ${sanitizers} -fno-omit-frame-pointer)
  target_link_options(mamba_sanitizers INTERFACE ${sanitizers})
  target_compile_definitions(mamba_sanitizers INTERFACE MAMBA_SANITIZED)  # g++ and clang have no name for it in common
endif()

add_library(mamba_flags INTERFACE)
target_link_libraries(mamba_flags INTERFACE mamba_warnings mamba_sanitizers)
if(MAMBA_MARCH)
  check_cxx_compiler_flag("-march=${MAMBA_MARCH}" mamba_march_accepted)
  if(mamba_march_accepted)
    target_compile_options(mamba_flags INTERFACE "-march=${MAMBA_MARCH}")
  endif()
endif()

# True where this machine runs x86-64-v3 code, so that tests may compare it with the baseline.
set(CMAKE_REQUIRED_FLAGS "")
check_cxx_source_runs(
  "int main() { return __builtin_cpu_supports(\"avx2\") && __builtin_cpu_supports(\"fma\") ? 0 : 1; }"
  mamba_host_runs_avx2)
