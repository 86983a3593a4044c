// SPDX-License-Identifier: MIT
// EXPECT: invalid initialization of reference|no matching function
// Double weights have a double state: nothing is narrowed on the way.
#include <mamba/model/forward.hpp>

using logits = mamba::view<double, mamba::dynamic, mamba::dynamic>;

#ifdef CORRECTED
using state = mamba::model::state<mamba::model::any, double>;
#else
using state = mamba::model::state<mamba::model::any, float>;
#endif

void use(mamba::model::weights<mamba::model::any, double> const& w, state& s, logits out) {
  mamba::model::token const next = 0;
  mamba::model::forward(w, std::span<mamba::model::token const>(&next, 1), s, out);
}
