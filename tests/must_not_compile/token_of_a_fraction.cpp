// SPDX-License-Identifier: MIT
// EXPECT: session: a token is an integer
#include <mamba/model/session.hpp>
#include <mamba/model/weights.hpp>

#ifdef CORRECTED
using item = unsigned char;
#else
using item = double;
#endif

void use(mamba::model::session<mamba::model::weights<>>& session) { session.step(item{3}); }
