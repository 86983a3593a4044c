// SPDX-License-Identifier: MIT
// support/models.hpp — models in each format of the command line, compiled once for all programs (support/models/).
#pragma once

#include <mamba/io/checkpoint/checkpoint.hpp>
#include <mamba/io/formats.hpp>
#include <mamba/io/state/fingerprint.hpp>
#include <mamba/model/forward.hpp>

#include <functional>
#include <memory>
#include <span>
#include <utility>

namespace examples {

/// A model with weights in some format, by its scalar alone: what takes one is compiled for two scalars, not for seven
/// formats.
template <class T>
struct loaded_model {
  using scalar = T;
  using state = mamba::model::state<mamba::model::any, T>;

  state initial;  ///< before the first token
  /// model::forward(): reads tokens, continuing from a state, and writes the logits behind the last ones.
  std::function<void(std::span<mamba::model::token const>, state&, mamba::matrix_view<T>)> forward;
  std::function<mamba::io::model_fingerprint()> fingerprint;
};

template <class W>
using scalar_of_format = typename mamba::model::weights<mamba::model::any, W>::scalar;

/// Throws:  as io::load_weights().
template <class W>
[[nodiscard]] loaded_model<scalar_of_format<W>> load_model(mamba::io::checkpoint const& files) {
  using T = scalar_of_format<W>;
  struct model_memory {
    mamba::model::weights<mamba::model::any, W> weights;
    mamba::model::workspace workspace;
    explicit model_memory(mamba::io::checkpoint const& from)
        : weights(mamba::io::load_weights<W>(from)), workspace(weights) {}
  };
  auto const own = std::make_shared<model_memory>(files);
  return {.initial = typename loaded_model<T>::state(own->weights.sizes()),
          .forward =
              [own](std::span<mamba::model::token const> tokens, typename loaded_model<T>::state& state,
                    mamba::matrix_view<T> logits) {
                mamba::model::forward(own->weights, tokens, state, own->workspace, std::move(logits));
              },
          .fingerprint = [own] { return mamba::io::fingerprint(own->weights); }};
}

}  // namespace examples

/// What programs instantiate of a model with weights in the format W; `declared` is extern, or empty to define it.
#define EXAMPLES_MODEL(declared, W)                                                                \
  declared template mamba::model::weights<mamba::model::any, W> mamba::io::load_weights<W>(        \
      mamba::io::checkpoint const&, mamba::io::load_options const&);                               \
  declared template examples::loaded_model<examples::scalar_of_format<W>> examples::load_model<W>( \
      mamba::io::checkpoint const&);

EXAMPLES_MODEL(extern, float)
EXAMPLES_MODEL(extern, double)
EXAMPLES_MODEL(extern, mamba::float16)
EXAMPLES_MODEL(extern, mamba::bfloat16)
EXAMPLES_MODEL(extern, mamba::q8)
EXAMPLES_MODEL(extern, mamba::q4)
EXAMPLES_MODEL(extern, mamba::ternary)
