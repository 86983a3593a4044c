// SPDX-License-Identifier: MIT
#include <mamba/io/tokenizer/load_tokenizer.hpp>

#include <support/error_of.hpp>

#include <doctest/doctest.h>

TEST_CASE("load_tokenizer: bytes for a byte model, and a sentence where there is no tokenizer") {
  auto from = mamba::io::open_checkpoint(MAMBA_DEFAULT_MODEL_DIR);
  CHECK(mamba::io::load_tokenizer(from).size() == 256);
  from.config.vocab_size = 257;
  CHECK(test::has(test::error_of([&] { (void)mamba::io::load_tokenizer(from); }),
                  "has no tokenizer.json, found a vocabulary of 257 tokens, expected one"));
  from.tokenizer = MAMBA_GOLDEN_DIR "/tokenizer/tiny_flags.json";
  CHECK(mamba::io::load_tokenizer(from).end_of_text() == mamba::io::tokenizer::load(*from.tokenizer).end_of_text());
}
