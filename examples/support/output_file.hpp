// SPDX-License-Identifier: MIT
// support/output_file.hpp — checks where a program may write: never over what it reads, over others with --force.
#pragma once

#include <mamba/core/error.hpp>
#include <support/language_model.hpp>

#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace examples {

/// A file that a program reads ("-" for standard input, empty for none), and what it is, for a message.
struct input_file {
  std::filesystem::path path;
  char const* what;
};

/// The file of `option` must be new, unless `force`; no file that is read may ever be replaced, whatever name it has:
/// an input, or a file of the model, which was opened at `model_path`.
///
/// Throws:  mamba::error, one sentence.
inline void check_output_file(std::string const& option, std::filesystem::path const& target, bool force,
                              std::filesystem::path const& model_path, language_model const& model,
                              std::vector<input_file> inputs) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(target, ignored)) return;  // new, or a device, which is written as it is
  inputs.push_back({model_path, "a file of the model"});
  for (auto const& part : model.files.tensors.parts()) inputs.push_back({part.file->path(), "a file of the model"});
  for (char const* const name :
       {"config.json", "generation_config.json", "tokenizer.json", "model.safetensors.index.json"})
    inputs.push_back({model.files.folder / name, "a file of the model"});
  for (auto const& [path, what] : inputs) {
    if (std::filesystem::equivalent(target, path == "-" ? "/dev/stdin" : path, ignored))
      mamba::core::fail(option + " " + target.string() + ": is " + what + ", and would be overwritten");
  }
  if (!force) mamba::core::fail(option + " " + target.string() + ": exists already; --force replaces it");
}

}  // namespace examples
