// SPDX-License-Identifier: MIT
// support/language_model.hpp — a checkpoint, its tokenizer and the format of its weights, as the programs open them.
#pragma once

#include <mamba/core/bfloat16.hpp>
#include <mamba/core/error.hpp>
#include <mamba/core/float16.hpp>
#include <mamba/kernels/quantization/formats.hpp>
#include <mamba/model/forward.hpp>
#include <support/checkpoint.hpp>
#include <support/command_line.hpp>
#include <support/tokenizer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace examples {

using mamba::model::token;

/// A checkpoint and what turns its tokens into text.
struct language_model {
  checkpoint files;
  examples::tokenizer tokenizer;

  [[nodiscard]] std::size_t vocabulary() const noexcept { return files.config.vocab_size; }

  /// Tokens that may be drawn: those that are a token of the tokenizer and have a logit.
  [[nodiscard]] std::size_t real_vocabulary() const noexcept { return std::min(tokenizer.size(), vocabulary()); }

  /// True where ids are bytes: there is no tokenizer.json, and no more ids than bytes.
  [[nodiscard]] bool is_bytes() const noexcept { return !files.tokenizer && vocabulary() <= 256; }
};

/// Throws:  mamba::error, as open_checkpoint and tokenizer::load do.
[[nodiscard]] inline language_model open_language_model(std::filesystem::path const& path) {
  auto files = open_checkpoint(path);
  auto words = files.tokenizer ? tokenizer::load(*files.tokenizer) : tokenizer::bytes();
  language_model model{std::move(files), std::move(words)};
  if (model.real_vocabulary() == 0)
    mamba::core::fail(path.string() + ": the tokenizer has no token that the model knows, expected at least one");
  return model;
}

/// Refuses ids that the model has no embedding for. `what` names their source.
///
/// Throws:  mamba::error that names the first of them.
inline void check_ids(std::span<token const> ids, std::size_t vocabulary, std::string const& what) {
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] >= 0 && static_cast<std::size_t>(ids[i]) < vocabulary) continue;
    mamba::core::fail(what + ": token " + std::to_string(i + 1) + " has the id " + std::to_string(ids[i]) +
                      ", which is outside the model's vocabulary of " + std::to_string(vocabulary));
  }
}

/// The format of the weights: the one that was asked for, or else the file's own, or else f32.
///
/// Throws:  mamba::error when the file's matrices are in blocks of another format than was asked for.
[[nodiscard]] inline std::string weights_format(checkpoint const& files, std::string const& asked) {
  auto const& stored = files.blocks.format;
  if (stored.empty()) return asked.empty() ? "f32" : asked;
  if (!asked.empty() && asked != stored) {
    mamba::core::fail(files.tensors.path().string() + ": has its weights in " + stored + ", which --weights " + asked +
                      " cannot change; leave the option out, or quantize the original again");
  }
  return stored;
}

/// Calls f with the weights in the format that was asked for, if one was; inside f everything is compiled for it.
template <class F>
void with_weights(checkpoint const& files, std::string const& asked, F&& f) {
  auto const format = weights_format(files, asked);
  if (format == "f16") {
    f(load_weights<mamba::float16>(files));
  } else if (format == "bf16") {
    f(load_weights<mamba::bfloat16>(files));
  } else if (format == "q8") {
    f(load_weights<mamba::q8>(files));
  } else if (format == "q4") {
    f(load_weights<mamba::q4>(files));
  } else if (format == "ternary") {
    f(load_weights<mamba::ternary>(files));
  } else if (format == "f64") {
    f(load_weights<double>(files));
  } else {
    f(load_weights<float>(files));
  }
}

}  // namespace examples
