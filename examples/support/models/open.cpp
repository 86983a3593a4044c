// SPDX-License-Identifier: MIT
// support/models/open.cpp — a checkpoint and its tokenizer, for all programs.
#include <support/language_model.hpp>

namespace examples {

language_model open_language_model(std::filesystem::path const& path) {
  auto files = mamba::io::open_checkpoint(path);
  auto words = files.tokenizer ? mamba::io::tokenizer::load(*files.tokenizer) : mamba::io::tokenizer::bytes();
  language_model model{std::move(files), std::move(words)};
  if (model.real_vocabulary() == 0)
    mamba::core::fail(path.string() +
                      ": no token of the tokenizer has an embedding in the model, expected at least one");
  return model;
}

}  // namespace examples
