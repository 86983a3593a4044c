// SPDX-License-Identifier: MIT
// EXPECT: forward: out must be a writable matrix of the model.s arithmetic type
// ERRORS: 1
// A model in float writes rows of float: widening them is another pass, and the caller's.
#include <mamba/model/forward.hpp>
#include <mamba/model/weights.hpp>

#ifdef CORRECTED
using number = float;
#else
using number = double;
#endif

void use(mamba::model::weights<> const& w, std::span<mamba::model::token const> tokens, mamba::model::state<>& s,
         mamba::model::workspace& at, mamba::tensor<number, mamba::dynamic, mamba::dynamic>& logits) {
  mamba::model::forward(w, tokens, s, at, logits);
}
