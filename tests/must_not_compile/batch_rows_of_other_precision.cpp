// SPDX-License-Identifier: MIT
// EXPECT: forward: out must be a writable matrix of the model.s arithmetic type
// ERRORS: 1
// The rows of a batch are of the model's arithmetic type, as those of one sequence are.
#include <mamba/model/forward.hpp>
#include <mamba/model/weights.hpp>

#ifdef CORRECTED
using number = float;
#else
using number = double;
#endif

void use(mamba::model::weights<> const& w, std::span<mamba::model::sequence<mamba::model::weights<>> const> batch,
         mamba::model::workspace& at, mamba::matrix_view<number> logits) {
  mamba::model::forward(w, batch, at, logits);
}
