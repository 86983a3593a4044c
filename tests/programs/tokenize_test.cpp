// SPDX-License-Identifier: MIT
#include <support/run_program.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace {

std::string const tokenize = MAMBA_TOKENIZE;
std::string const neox = MAMBA_GOLDEN_DIR "/tokenizer/20B_tokenizer.json";

test::ended run(std::vector<std::string> const& arguments, std::string const& input = "") {
  std::vector<std::string> all{tokenize};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return test::run_reading(all, input);
}

}  // namespace

TEST_CASE("tokenize: text to ids with their pieces") {
  auto const ended = run({"--tokenizer", neox, "Hello\n\n  \xc3\xa9\xf0\x9f\x90\x8d"});
  CHECK(ended.status == 0);
  CHECK(ended.err.empty());
  CHECK(ended.out.starts_with("12092\t\"Hello\"\n535\t\"\\n\\n\"\n"));
  CHECK(ended.out.find("\\x") != std::string::npos);  // the snake is more than one token, of which none is a character
  CHECK(run({"--tokenizer", neox, "--only-ids", "Hello  world"}).out == "12092 50276 10186\n");
  CHECK(run({"--tokenizer", neox, "--only-ids"}, "Hello  world").out == "12092 50276 10186\n");
  CHECK(run({"--tokenizer", neox, "--only-ids", ""}).out == "\n");
}

TEST_CASE("tokenize: ids to text, and back to the same text") {
  CHECK(run({"--tokenizer", neox, "--ids", "12092 50276 10186"}).out == "Hello  world");
  CHECK(run({"--ids", "72 105"}).out == "Hi");  // bytes, as the default model has no tokenizer
  std::string const text = "A\ttab, \xe4\xbd\xa0\xe5\xa5\xbd, \"quotes\" \\ and   spaces\n";
  CHECK(run({"--tokenizer", neox, "--ids", "-"}, run({"--tokenizer", neox, "--only-ids"}, text).out).out == text);
}

TEST_CASE("tokenize: what cannot be done is one sentence") {
  test::temporary_folder const folder;
  test::write_text(folder / "config.json", R"({"d_model": 8, "n_layer": 1, "vocab_size": 257})");
  for (auto const& [arguments, part] : std::vector<std::pair<std::vector<std::string>, char const*>>{
           {{"--ids", "256"}, "id 256 is outside the vocabulary of 256"},
           {{"--ids", "x"}, "is not a token id"},
           {{"--tokenizer", "no/such.json", "x"}, "no/such.json"},
           {{"--model", "no/such/folder", "x"}, "no/such/folder: no such file or folder"},
           {{"--tokenizer", neox, "--model", ".", "x"}, "excludes"},
           {{"--model", folder.path().string(), "x"}, "has no tokenizer.json, and 257 tokens are no bytes"},
           {{"--ids", "72", "--only-ids"}, "--ids excludes --only-ids"}}) {
    auto const ended = run(arguments);
    CHECK(ended.refused("tokenize"));
    CHECK_MESSAGE(ended.err.find(part) != std::string::npos, ended.err);
  }
}
