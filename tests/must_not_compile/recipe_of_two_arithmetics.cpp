// SPDX-License-Identifier: MIT
// EXPECT: matrices in double and others cannot be mixed
// A model computes in one type: its layers pass their numbers on to one another.
#include <mamba/model/weights.hpp>

struct mixed : mamba::uniform_recipe<double> {
#ifndef CORRECTED
  using out_proj = mamba::bfloat16;
#endif
};

mamba::model::weights<mamba::model::any, mixed> use(mamba::model::config const& sizes) {
  return mamba::model::weights<mamba::model::any, mixed>(sizes);
}
