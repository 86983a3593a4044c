// SPDX-License-Identifier: MIT
// support/output_file.hpp — checks where a program may write: never over what it reads, over others with --force.
#pragma once

#include <mamba/core/error.hpp>
#include <support/language_model.hpp>

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

namespace examples {

/// Refuses to write to a file of the model, to one of `inputs` (empty names and "-" are none), and, without `force`, to
/// one that exists. `option` is named in the message, and `input` says what the inputs are.
///
/// Throws:  mamba::error, one sentence.
inline void check_output_file(std::string const& option, std::filesystem::path const& target,
                              language_model const& model, std::vector<std::string> const& inputs,
                              std::string const& input, bool force) {
  std::error_code ignored;
  auto const refuse = [&](std::string const& what) { mamba::core::fail(option + " " + target.string() + ": " + what); };
  for (std::string const& read : inputs) {
    if (std::filesystem::equivalent(target, read, ignored)) refuse("is " + input + ", and would be overwritten");
  }
  for (auto const& part : model.files.tensors.parts()) {
    if (std::filesystem::equivalent(target, part.file->path(), ignored))
      refuse("is a file of the model, and would be overwritten");
  }
  for (char const* const name :
       {"config.json", "generation_config.json", "tokenizer.json", "model.safetensors.index.json"}) {
    if (std::filesystem::equivalent(target, model.files.folder / name, ignored))
      refuse("is a file of the model, and would be overwritten");
  }
  if (std::filesystem::is_regular_file(std::filesystem::status(target, ignored)) && !force)
    refuse("exists already; --force replaces it");
}

}  // namespace examples
