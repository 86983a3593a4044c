// SPDX-License-Identifier: MIT
// EXPECT: step: outputs must be a span of the model.s arithmetic type
// A model in float has outputs in float.
#include <mamba/model/forward.hpp>
#include <mamba/model/weights.hpp>

#include <vector>

#ifdef CORRECTED
using number = float;
#else
using number = double;
#endif

void use(mamba::model::weights<> const& w, mamba::model::state<>& s, mamba::model::workspace& at,
         std::vector<number>& y) {
  mamba::model::step(w, 1, s, at, y);
}
