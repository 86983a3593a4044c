// SPDX-License-Identifier: MIT
#include <mamba/io/tokenizer/tokenizer.hpp>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <support/error_of.hpp>
#include <support/random.hpp>
#include <support/temporary_folder.hpp>

#include <chrono>
#include <cstddef>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

using mamba::io::stream_decoder;
using mamba::io::tokenizer;
using mamba::model::token;
using json = nlohmann::json;
using tokens = std::vector<token>;

namespace {

std::string golden(std::string const& name) { return MAMBA_GOLDEN_DIR "/tokenizer/" + name; }

tokenizer const& neox() {
  static auto const t = tokenizer::load(golden("20B_tokenizer.json"));
  return t;
}

std::string bytes_of_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(
        static_cast<char>(static_cast<unsigned char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16))));
  }
  return bytes;
}

std::string streamed(tokenizer const& t, tokens const& ids) {
  stream_decoder decoder(t);
  std::string text;
  for (auto const id : ids) {
    auto const piece = decoder.push(id);
    CHECK(mamba::io::utf8::replace_invalid(piece) == piece);
    text += piece;
  }
  return text + decoder.finish();
}

/// Runs the cases that `tokenizers` answered, and returns how many strings were encoded.
std::size_t check_cases(tokenizer const& t, std::string const& file) {
  std::ifstream in(golden(file));
  REQUIRE(in.good());
  std::size_t strings = 0;
  for (std::string line; std::getline(in, line);) {
    CAPTURE(line);
    auto const c = json::parse(line);
    if (c.contains("decode")) {
      auto const ids = c["decode"].get<tokens>();
      CHECK(t.decode(ids) == c["text"].get<std::string>());
      CHECK(streamed(t, ids) == c["text"].get<std::string>());
      continue;
    }
    ++strings;
    auto const text = c.contains("hex") ? bytes_of_hex(c["hex"].get<std::string>()) : c["text"].get<std::string>();
    CHECK(t.encode(text) == c["ids"].get<tokens>());
  }
  return strings;
}

std::string repeated(std::string_view unit, std::size_t bytes) {
  std::string text;
  while (text.size() < bytes) text += unit;
  return text;
}

}  // namespace

TEST_CASE("tokenizer: equal to tokenizers on GPT-NeoX") {
  auto const strings = check_cases(neox(), "20B_tokenizer.cases.jsonl");
  CHECK(strings >= 2500);
  MESSAGE(strings << " strings");
  CHECK(neox().size() == 50277);
  CHECK(neox().end_of_text() == 0);
}

TEST_CASE("tokenizer: equal to tokenizers on what GPT-NeoX does not use") {
  for (std::string const name : {"tiny_arrays", "tiny_prefix", "tiny_whole", "tiny_flags"}) {
    CAPTURE(name);
    auto const t = tokenizer::load(golden(name + ".json"));
    CHECK(check_cases(t, name + ".cases.jsonl") > 200);
    CHECK(t.end_of_text().has_value() == (name == "tiny_prefix"));
  }
}

TEST_CASE("tokenizer: known edges of GPT-NeoX") {
  CHECK(neox().encode("").empty());
  CHECK(neox().encode("    Hello") == tokens{50274, 12092});
  CHECK(neox().encode("e\u0301") == neox().encode("é"));
  CHECK(neox().encode("\n\n") == tokens{535});
  CHECK(neox().encode("\n\n\n") == tokens{2756});
  CHECK(neox().encode("\t\n") == tokens{186, 187});
  CHECK(neox().encode("33333333") == tokens{26409, 26409});
  CHECK(neox().encode("333333333") == tokens{26409, 1610, 20084});
  CHECK(neox().encode("a<|endoftext|>") == tokens{66, 0});
  CHECK(neox().decode(tokens{0, -1, 50277, 50279, 66}) == "<|endoftext|>a");  // padding rows stand for nothing
}

TEST_CASE("tokenizer: decoding what was encoded gives the text in form C back") {
  std::ifstream in(golden("20B_tokenizer.cases.jsonl"));
  std::size_t compared = 0;
  for (std::string line; std::getline(in, line);) {
    auto const c = json::parse(line);
    if (c.contains("decode") || c.contains("hex")) continue;
    auto const text = c["text"].get<std::string>();
    if (mamba::io::nfc(text) == text) ++compared;
    CHECK(neox().decode(neox().encode(text)) == mamba::io::nfc(text));
  }
  CHECK(compared > 2000);
}

TEST_CASE("tokenizer: a stream of any tokens is the text of the whole, in valid pieces") {
  test::random rng(5);
  for (int round = 0; round < 2000; ++round) {
    tokens ids;
    for (auto n = rng.below(20); n > 0; --n) {
      // Mostly single bytes (ids 2 to 245), which rarely fit together.
      auto const limit = rng.below(3) == 0 ? neox().size() + 3 : 246;
      ids.push_back(static_cast<token>(rng.below(limit)));
    }
    CHECK(streamed(neox(), ids) == neox().decode(ids));
  }
}

TEST_CASE("tokenizer: a stream holds a character back until it is whole") {
  auto const t = tokenizer::bytes();
  stream_decoder decoder(t);
  CHECK(decoder.push(0xF0) == "");
  CHECK(decoder.push(0x9F) == "");
  CHECK(decoder.push(0x98) == "");
  CHECK(decoder.push(0x80) == "😀");
  CHECK(decoder.push('a') == "a");
  CHECK(decoder.push(0xE2) == "");
  CHECK(decoder.push('b') == "\uFFFDb");
  CHECK(decoder.push(0xC3) == "");
  CHECK(decoder.finish() == "\uFFFD");
  CHECK(decoder.finish() == "");
}

TEST_CASE("tokenizer: plain bytes are taken and given as they are") {
  auto const t = tokenizer::bytes();
  CHECK(t.size() == 256);
  CHECK(!t.end_of_text());
  std::string all;
  for (int b = 0; b < 256; ++b) all.push_back(static_cast<char>(static_cast<unsigned char>(b)));
  auto const ids = t.encode(all);
  REQUIRE(ids.size() == 256);
  for (std::size_t b = 0; b < 256; ++b) CHECK(ids[b] == static_cast<token>(b));
  CHECK(t.decode(ids) == all);
  CHECK(t.decode(tokens{-1, 256, 65}) == "A");
  CHECK(streamed(t, ids) == mamba::io::utf8::replace_invalid(all));
  CHECK(t.encode("e\u0301") == tokens{'e', 0xCC, 0x81});
}

TEST_CASE("tokenizer: a megabyte of anything takes seconds at most") {
  constexpr std::size_t megabyte = 1'000'000;
  test::random rng(9);
  std::string letters;
  while (letters.size() < megabyte) letters.push_back(static_cast<char>('a' + static_cast<int>(rng.below(26))));
  std::string const texts[] = {repeated("a", megabyte),
                               repeated(" ", megabyte),
                               repeated("\n", megabyte),
                               letters,
                               repeated("The quick  brown fox's 12 jumps, über\n\n    世界 😀. ", megabyte),
                               repeated("\u0301\u0316", megabyte),
                               repeated("\xF0\x9F", megabyte)};
  for (auto const& text : texts) {
    auto const start = std::chrono::steady_clock::now();
    auto const ids = neox().encode(text);
    std::chrono::duration<double> const seconds = std::chrono::steady_clock::now() - start;
    MESSAGE(text.substr(0, 4) << "...: " << static_cast<double>(text.size()) / seconds.count() / 1e6 << " MB/s");
    CHECK(neox().decode(ids) == mamba::io::nfc(mamba::io::utf8::replace_invalid(text)));
    CHECK(seconds.count() < 30);  // quadratic time would be hours; sanitizers and loaded machines are slow
  }
}

TEST_CASE("tokenizer: two added tokens must not normalise to one text") {
  auto file = json::parse(std::ifstream(golden("tiny_flags.json")));
  auto& added = file["added_tokens"];
  auto twin = added.back();
  twin["id"] = added.back()["id"].get<int>() + 1;
  twin["content"] = "\u00E9x";  // another spelling of one that is there
  twin["normalized"] = true;
  added.push_back(twin);
  test::temporary_folder const folder;
  test::write_text(folder / "tokenizer.json", file.dump());
  CHECK(test::has(test::error_of([&] { (void)tokenizer::load(folder / "tokenizer.json"); }),
                  "normalises to the same text"));
}

TEST_CASE("tokenizer: a missing file is one sentence") {
  CHECK(test::has(test::error_of([] { (void)tokenizer::load("nowhere/tokenizer.json"); }), "nowhere/tokenizer.json: "));
}
