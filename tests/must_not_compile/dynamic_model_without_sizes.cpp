// SPDX-License-Identifier: MIT
// EXPECT: no matching (function|constructor)
// A model of dynamic sizes needs them as an argument.
#include <mamba/model/weights.hpp>

#ifdef CORRECTED
mamba::model::weights<> make() {
  return mamba::model::weights<>(mamba::model::config{.d_model = 8, .n_layer = 1, .vocab_size = 16});
}
#else
mamba::model::weights<> make() {
  mamba::model::weights<> w;
  return w;
}
#endif
