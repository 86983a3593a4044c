// SPDX-License-Identifier: MIT
// EXPECT: nn::forward: x and y must be views of the mixer.s arithmetic type
// A sequence is a view or a tensor. A matrix of Eigen's is column-major unless its options are RowMajor.
#include <mamba/nn/forward.hpp>
#include <mamba/nn/mamba1.hpp>

#include <Eigen/Core>

void use(mamba::nn::mamba1<> const& m, mamba::nn::mamba1<>::state& s, mamba::nn::workspace& w,
         mamba::matrix_view<float> y, Eigen::MatrixXf const& x) {
#ifdef CORRECTED
  mamba::nn::forward(m, {x.data(), 10, 64}, s, w, y);
#else
  mamba::nn::forward(m, x, s, w, y);
#endif
}
