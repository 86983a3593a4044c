// SPDX-License-Identifier: MIT
// support/models.hpp — models in each format of the command line, compiled once for all programs (support/models/).
#pragma once

#include <mamba/io/checkpoint/checkpoint.hpp>
#include <mamba/io/formats.hpp>
#include <mamba/model/forward.hpp>

#include <span>

namespace examples {

template <class W>
using model_weights = mamba::model::weights<mamba::model::any, W>;
template <class W>
using model_scalar = typename model_weights<W>::scalar;
template <class W>
using model_state = mamba::model::state<mamba::model::any, model_scalar<W>>;

}  // namespace examples

/// What a program instantiates of a model with weights in the format W; `declared` is extern, or empty to define it.
#define EXAMPLES_MODEL(declared, W)                                                                        \
  declared template examples::model_weights<W> mamba::io::load_weights<W>(mamba::io::checkpoint const&,    \
                                                                          mamba::io::load_options const&); \
  declared template void mamba::model::forward(                                                            \
      examples::model_weights<W>::network_type const&, std::span<mamba::model::token const>,               \
      examples::model_state<W>&, mamba::model::workspace&, mamba::matrix_view<examples::model_scalar<W>>&&);

EXAMPLES_MODEL(extern, float)
EXAMPLES_MODEL(extern, double)
EXAMPLES_MODEL(extern, mamba::float16)
EXAMPLES_MODEL(extern, mamba::bfloat16)
EXAMPLES_MODEL(extern, mamba::q8)
EXAMPLES_MODEL(extern, mamba::q4)
EXAMPLES_MODEL(extern, mamba::ternary)
