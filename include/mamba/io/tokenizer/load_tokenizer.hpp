// SPDX-License-Identifier: MIT
// mamba/io/tokenizer/load_tokenizer.hpp — the tokenizer of a checkpoint.  [floor 7]
#pragma once

#include <mamba/core/error.hpp>
#include <mamba/io/checkpoint/checkpoint.hpp>
#include <mamba/io/tokenizer/tokenizer.hpp>

#include <string>

namespace mamba::inline MAMBA_ABI::io {

/// The tokenizer.json beside a checkpoint, or bytes where there is none and the model has no more tokens than bytes.
///
/// Throws:  mamba::error where there is none and the model has more than 256 tokens; what tokenizer::load throws.
[[nodiscard]] inline tokenizer load_tokenizer(checkpoint const& from) {
  if (from.tokenizer) return tokenizer::load(*from.tokenizer);
  if (from.config.vocab_size <= 256) return tokenizer::bytes();
  core::fail(from.folder.string() + ": has no tokenizer.json, found a vocabulary of " +
             std::to_string(from.config.vocab_size) + " tokens, expected one, or at most 256 tokens, which are bytes");
}

}  // namespace mamba::inline MAMBA_ABI::io
