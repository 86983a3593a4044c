// SPDX-License-Identifier: MIT
// EXPECT: hidden: out must be a writable matrix of the model.s arithmetic type
// ERRORS: 1
// Hidden vectors are written, so they are a matrix that can be.
#include <mamba/model/forward.hpp>
#include <mamba/model/weights.hpp>

#ifdef CORRECTED
using number = float;
#else
using number = float const;
#endif

void use(mamba::model::weights<> const& w, std::span<mamba::model::token const> tokens, mamba::model::state<>& s,
         mamba::model::workspace& at, mamba::matrix_view<number> rows) {
  mamba::model::hidden(w, tokens, s, at, rows);
}
