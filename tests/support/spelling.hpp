// SPDX-License-Identifier: MIT
// tests/support/spelling.hpp — the tensors of a model by the names that checkpoints give them.
#pragma once

#include <mamba/model/weights.hpp>

#include <span>
#include <string>
#include <utility>

namespace test {

/// The two spellings of checkpoints: backbone.embedding.weight and backbone.embeddings.weight; all else is the same.
enum class naming { original, hugging_face };

/// model::for_each_tensor with the names of a spelling. Written here by hand: io's own table is what is tested with it.
template <class Weights, class F>
void for_each_tensor(Weights&& weights, F&& f, naming spelling = naming::original) {
  mamba::model::for_each_tensor(
      weights, [&](std::string const& name, std::span<std::size_t const> shape, auto& storage) {
        bool const plural = spelling == naming::hugging_face && name == "backbone.embedding.weight";
        f(plural ? std::string("backbone.embeddings.weight") : name, shape, storage);
      });
}

}  // namespace test
