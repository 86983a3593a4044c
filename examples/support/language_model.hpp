// SPDX-License-Identifier: MIT
// support/language_model.hpp — a checkpoint, its tokenizer and the format of its weights, as the programs open them.
#pragma once

#include <mamba/core/error.hpp>
#include <mamba/io/checkpoint/checkpoint.hpp>
#include <mamba/io/formats.hpp>
#include <mamba/io/tokenizer/tokenizer.hpp>
#include <mamba/model/forward.hpp>
#include <support/command_line.hpp>
#include <support/models.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace examples {

using mamba::model::token;

/// A checkpoint and what turns its tokens into text.
struct language_model {
  mamba::io::checkpoint files;
  mamba::io::tokenizer tokenizer;

  [[nodiscard]] std::size_t vocabulary() const noexcept { return files.config.vocab_size; }

  /// Tokens that may be drawn: those that are a token of the tokenizer and have a logit.
  [[nodiscard]] std::size_t real_vocabulary() const noexcept { return std::min(tokenizer.size(), vocabulary()); }

  /// True where ids are bytes: there is no tokenizer.json, and no more ids than bytes.
  [[nodiscard]] bool is_bytes() const noexcept { return !files.tokenizer && vocabulary() <= 256; }

  /// True where text can be encoded: ids alone can be right of a model that has more tokens than bytes and no
  /// tokenizer.
  [[nodiscard]] bool reads_text() const noexcept { return files.tokenizer || is_bytes(); }

  /// Whether a token ends a text: eos_token_id of the checkpoint, or else the tokenizer's <|endoftext|>.
  [[nodiscard]] bool ends(token id) const noexcept {
    return files.special.end.empty() ? tokenizer.end_of_text() == id : files.special.ends(id);
  }

  /// What an empty prompt starts from: a new line where ids are bytes, else bos_token_id, else <|endoftext|>.
  [[nodiscard]] std::optional<token> start() const noexcept {
    if (is_bytes()) return '\n';
    return files.special.begin ? files.special.begin : tokenizer.end_of_text();
  }
};

/// Throws:  mamba::error, as open_checkpoint and tokenizer::load do.
[[nodiscard]] language_model open_language_model(std::filesystem::path const& path);

/// Throws:  mamba::error where the model has no tokenizer and more tokens than bytes. `instead` says what to give.
inline void expect_reads_text(language_model const& model, std::string const& instead) {
  if (model.reads_text()) return;
  mamba::core::fail(model.files.folder.string() + ": has no tokenizer.json, and " + std::to_string(model.vocabulary()) +
                    " tokens are no bytes, so text cannot be read; put the tokenizer.json there, or give " + instead);
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

/// Throws:  mamba::error where a logit is NaN or infinite: no token can be drawn or scored. `source` names the model.
template <class T>
void expect_finite(std::span<T const> logits, std::string const& source) {
  bool all = true;
  for (T const l : logits) all = all && std::isfinite(l);
  if (!all)
    mamba::core::fail(source + ": the model's logits are not finite (NaN or infinity), its weights are damaged");
}

/// The format of the weights: the one that is requested, or else the file's own, or else f32.
///
/// Throws:  mamba::error when the file's matrices are in blocks of another format than is requested.
[[nodiscard]] inline std::string weights_format(mamba::io::checkpoint const& files, std::string const& asked) {
  auto const& stored = files.blocks.format;
  if (stored.empty()) return asked.empty() ? "f32" : asked;
  if (!asked.empty() && asked != stored) {
    mamba::core::fail(files.tensors.path().string() + ": has its weights in " + stored + ", which --weights " + asked +
                      " cannot change; leave the option out, or quantize the original again");
  }
  return stored;
}

/// Calls f with the model in the requested format, which it may keep: a loaded_model<float> or loaded_model<double>.
template <class F>
void with_model(mamba::io::checkpoint const& files, std::string const& asked, F&& f) {
  mamba::io::visit_format(weights_format(files, asked),
                          [&]<class W>(std::type_identity<W>) { f(load_model<W>(files)); });
}

}  // namespace examples
