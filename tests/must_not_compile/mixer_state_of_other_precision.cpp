// SPDX-License-Identifier: MIT
// EXPECT: nn::forward: the state must be the mixer.s
// A mixer that computes in float has a state in float.
#include <mamba/nn/forward.hpp>
#include <mamba/nn/mamba1.hpp>

#ifdef CORRECTED
using state = mamba::nn::mamba1<>::state;
#else
using state = mamba::nn::mamba1<mamba::nn::any_mamba1, double>::state;
#endif

void use(mamba::nn::mamba1<> const& m, state& s, mamba::nn::workspace& w, mamba::matrix_view<float> y) {
  mamba::nn::forward(m, y, s, w, y);
}
