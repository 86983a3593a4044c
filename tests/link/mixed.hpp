// SPDX-License-Identifier: MIT
// tests/link/mixed.hpp — the results of a unit of the mixed program, without types of the library.
#pragma once

#include <cstddef>

struct mixed_report {
  char const* abi;           ///< mamba::core::abi_name, as compiled into this unit
  int compiled_lanes;        ///< floats in a register, by the macros of this unit
  int lanes;                 ///< floats in a batch of the library
  bool compiled_openmp;      ///< by the macros of this unit
  bool checks_contracts;     ///< whether the library found the contract broken that this unit breaks
  bool expects_checks;       ///< as compiled
  void const* function;      ///< address of one function template's instance
  void const* model_memory;  ///< address of forward() for one model
  float exps[64];            ///< exp of −31.5, …, 31.5 in steps of 1
  float logits[40];          ///< of a small model with fixed weights
};
