// SPDX-License-Identifier: MIT
// EXPECT: deleted
// A session keeps the address of its weights: they must outlive it.
#include <mamba/model/session.hpp>
#include <mamba/model/weights.hpp>

float use(mamba::model::config const& sizes) {
#ifdef CORRECTED
  mamba::model::weights<> const weights{sizes};
  mamba::model::session session(weights);
#else
  mamba::model::session session(mamba::model::weights<>{sizes});
#endif
  return session.step(1)[0];
}
