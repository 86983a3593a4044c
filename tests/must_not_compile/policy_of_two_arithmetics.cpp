// SPDX-License-Identifier: MIT
// EXPECT: matrices in double and others cannot be mixed
// A model computes in one type: its layers pass their numbers on to one another.
#include <mamba/model/weights.hpp>

using mamba::nn::role;

struct mixed {
#ifdef CORRECTED
  template <role>
  using format = double;
#else
  template <role R>
  using format = std::conditional_t<R == role::output, mamba::bfloat16, double>;
#endif
};

mamba::model::weights<mamba::model::any, mixed> use(mamba::model::config const& sizes) {
  return mamba::model::weights<mamba::model::any, mixed>(sizes);
}
