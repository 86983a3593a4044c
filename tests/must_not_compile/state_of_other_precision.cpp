// SPDX-License-Identifier: MIT
// EXPECT: the state must be the model.s: the same static sizes, the same arithmetic
// Double weights have a double state: nothing is narrowed on the way.
#include <mamba/model/forward.hpp>
#include <mamba/model/weights.hpp>

using logits = mamba::view<double, mamba::dynamic, mamba::dynamic>;

#ifdef CORRECTED
using state = mamba::model::state<mamba::model::any, double>;
#else
using state = mamba::model::state<mamba::model::any, float>;
#endif

void use(mamba::model::weights<mamba::model::any, double> const& w, state& s, logits out) {
  mamba::model::token const next = 0;
  mamba::model::workspace workspace(w);
  mamba::model::forward(w, std::span<mamba::model::token const>(&next, 1), s, workspace, out);
}
