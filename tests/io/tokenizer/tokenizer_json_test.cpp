// SPDX-License-Identifier: MIT
#include <mamba/io/tokenizer/tokenizer_json.hpp>

#include <doctest/doctest.h>
#include <support/error_of.hpp>
#include <support/random.hpp>
#include <support/temporary_folder.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using json = nlohmann::json;

namespace {

/// The sentence with which a text is refused, without the path; "no error" when it is accepted.
std::string refusal(std::string_view text) {
  static test::temporary_folder const folder;
  test::write_text(folder / "tokenizer.json", text);
  auto const what = test::error_of([] { (void)mamba::io::read_tokenizer_json(folder / "tokenizer.json"); });
  CHECK(what.find('\n') == std::string::npos);
  auto const path = what.find(".json: ");
  return path == std::string::npos ? what : what.substr(path + 7);
}

/// The smallest tokenizer that has everything.
json small() {
  return json::parse(R"({
    "version": "1.0", "truncation": null, "padding": null,
    "added_tokens": [{"id": 3, "content": "<x>", "single_word": false, "lstrip": false, "rstrip": true,
                      "normalized": false, "special": true}],
    "normalizer": {"type": "NFC"},
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true},
    "post_processor": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true},
    "decoder": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true},
    "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
              "end_of_word_suffix": null, "fuse_unk": false, "vocab": {"a": 0, "Ġ": 1, "Ġa": 2}, "merges": ["Ġ a"]}})");
}

}  // namespace

TEST_CASE("tokenizer.json: a small one is read in full") {
  test::temporary_folder const folder;
  test::write_text(folder / "tokenizer.json", small().dump());
  auto const d = mamba::io::read_tokenizer_json(folder / "tokenizer.json");
  CHECK(d.bytes == std::vector<std::string>{"a", " ", " a", "<x>"});
  CHECK(d.token_of_byte['a'] == 0);
  CHECK(d.token_of_byte[' '] == 1);
  CHECK(d.token_of_byte['b'] == mamba::io::tokenizer_description::no_token);
  REQUIRE(d.merges.size() == 1);
  CHECK(d.merges[0].left == 1);
  CHECK(d.merges[0].right == 0);
  CHECK(d.merges[0].result == 2);
  REQUIRE(d.added_tokens.size() == 1);
  CHECK(d.added_tokens[0].content == "<x>");
  CHECK(d.added_tokens[0].rstrip);
  CHECK(!d.added_tokens[0].lstrip);
  CHECK(d.normalizes);
  CHECK(!d.adds_prefix_space);
  CHECK(d.splits_words);
}

TEST_CASE("tokenizer.json: every other kind is refused with one sentence") {
  std::pair<char const*, std::pair<json, char const*>> const changes[] = {
      {"/version", {"2.0", "version is \"2.0\", expected \"1.0\""}},
      {"/normalizer/type", {"NFKC", "normalizer.type is \"NFKC\", expected \"NFC\""}},
      {"/normalizer", {3, "normalizer is 3, expected an object"}},
      {"/pre_tokenizer", {nullptr, "pre_tokenizer is null, expected an object"}},
      {"/pre_tokenizer/type", {"Metaspace", "pre_tokenizer.type is \"Metaspace\", expected \"ByteLevel\""}},
      {"/pre_tokenizer/add_prefix_space", {1, "pre_tokenizer.add_prefix_space is 1, expected true or false"}},
      {"/pre_tokenizer/use_regex", {"no", "pre_tokenizer.use_regex is \"no\", expected true or false"}},
      {"/post_processor/type",
       {"BertProcessing",
        "post_processor.type is \"BertProcessing\", expected \"ByteLevel\" or \"TemplateProcessing\""}},
      {"/post_processor",
       {json::parse(R"({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<x>"}}, {"Sequence": {}}]})"),
        "post_processor.single adds tokens to the text, expected the text alone"}},
      {"/decoder/type", {"WordPiece", "decoder.type is \"WordPiece\", expected \"ByteLevel\""}},
      {"/decoder", {3, "decoder is 3, expected an object"}},
      {"/model/type", {"Unigram", "model.type is \"Unigram\", expected \"BPE\""}},
      {"/model", {json::array(), "model is a list, expected an object"}},
      {"/model/dropout", {0.1, "model.dropout is 0.1, expected null"}},
      {"/model/unk_token",
       {"<unk>", "model.unk_token is set and byte 0 has no vocabulary entry, expected one for each byte of UTF-8"}},
      {"/model/unk_token", {5, "model.unk_token is 5, expected a string"}},
      {"/model/continuing_subword_prefix", {"##", "model.continuing_subword_prefix is \"##\", expected \"\""}},
      {"/model/end_of_word_suffix", {"</w>", "model.end_of_word_suffix is \"</w>\", expected \"\""}},
      {"/model/byte_fallback", {true, "model.byte_fallback is true, expected false"}},
      {"/model/ignore_merges", {true, "model.ignore_merges is true, expected false"}},
      {"/model/vocab", {json::array(), "model.vocab is a list, expected an object"}},
      {"/model/vocab", {json::object(), "model.vocab is empty, expected at least one token"}},
      {"/model/vocab/a", {1, "vocabulary entries \"a\" and \"\\u0120\" share the id 1, expected unique ids"}},
      {"/model/vocab/a", {-1, "the id of vocabulary entry \"a\" is -1, expected a whole number below 3"}},
      {"/model/vocab/a", {3, "the id of vocabulary entry \"a\" is 3, expected a whole number below 3"}},
      {"/model/vocab/a",
       {18446744073709551615U,
        "the id of vocabulary entry \"a\" is 18446744073709551615, expected a whole number below 3"}},
      {"/model/vocab/a", {0.0, "the id of vocabulary entry \"a\" is 0.0, expected a whole number below 3"}},
      {"/model/vocab/a", {"0", "the id of vocabulary entry \"a\" is \"0\", expected a whole number below 3"}},
      {"/model/merges", {nullptr, "model.merges is null, expected a list"}},
      {"/model/merges/0", {"Ġa", "model.merges[0] is \"\\u0120a\", expected two vocabulary entries"}},
      {"/model/merges/0", {"Ġ a a", "model.merges[0] is \"\\u0120 a a\", expected two vocabulary entries"}},
      {"/model/merges/0", {{"a"}, "model.merges[0] is a list, expected two vocabulary entries"}},
      {"/model/merges/0", {"a b", "model.merges[0] needs \"b\", expected it in model.vocab"}},
      {"/model/merges/0", {"a a", "model.merges[0] needs \"aa\", expected it in model.vocab"}},
      {"/model/merges/1",
       {{"Ġ", "a"}, "model.merges[1] repeats the merge of \"\\u0120\" and \"a\", expected each once"}},
      {"/added_tokens", {{{"id", 3}}, "added_tokens is an object, expected a list"}},
      {"/added_tokens/0", {"<x>", "added_tokens[0] is \"<x>\", expected an object"}},
      {"/added_tokens/0/content", {"", "added_tokens[0].content is empty, expected a token"}},
      {"/added_tokens/0/content", {"a", "added_tokens[0].id is 3, expected 0"}},
      {"/added_tokens/0/id", {7, "added_tokens[0].id is 7, expected 3"}},
      {"/added_tokens/0/id", {-1, "added_tokens[0].id is -1, expected a whole number below 2147483647"}},
      {"/added_tokens/0/id",
       {4294967299U, "added_tokens[0].id is 4294967299, expected a whole number below 2147483647"}},
      {"/added_tokens/0/lstrip", {nullptr, "added_tokens[0].lstrip is null, expected true or false"}},
      {"/added_tokens/0/single_word",
       {true, "added_tokens[0].single_word is true, expected false (whole-word tokens are not supported)"}},
      {"/added_tokens/1", {small()["added_tokens"][0], "added_tokens[1] repeats \"<x>\", expected each token once"}},
  };
  CHECK(refusal(small().dump()) == "no error");
  for (auto const& [place, change] : changes) {
    auto changed = small();
    changed[json::json_pointer(place)] = change.first;
    CHECK(refusal(changed.dump()) == change.second);
  }
}

TEST_CASE("tokenizer.json: what does not change the tokens is accepted") {
  auto const in_sequence = [](char const* list, json part, int depth) {
    for (int i = 0; i < depth; ++i) part = json{{"type", "Sequence"}, {list, json::array({part})}};
    return part;
  };
  std::pair<char const*, json> const changes[] = {
      {"/truncation", {{"max_length", 5}, {"strategy", "LongestFirst"}, {"stride", 0}, {"direction", "Right"}}},
      {"/padding", {{"strategy", "BatchLongest"}, {"pad_id", 0}}},
      {"/normalizer", in_sequence("normalizers", small()["normalizer"], 1)},
      {"/pre_tokenizer", in_sequence("pretokenizers", small()["pre_tokenizer"], 2)},
      {"/post_processor", in_sequence("processors", small()["post_processor"], 1)},
      {"/post_processor", {{"type", "Sequence"}, {"processors", json::array()}}},
      {"/decoder", in_sequence("decoders", small()["decoder"], 1)},
      {"/decoder", {{"type", "Sequence"}, {"decoders", json::array()}}},
      {"/decoder", nullptr},
  };
  auto const description = [](json const& file) {
    auto const text = file.dump();
    return mamba::io::parse_tokenizer_json(std::as_bytes(std::span(text)), "t.json");
  };
  auto const plain = description(small());
  for (auto const& one : changes) {
    char const* const place = one.first;
    json const& change = one.second;
    CAPTURE(place);
    auto changed = small();
    changed[json::json_pointer(place)] = change;
    REQUIRE(refusal(changed.dump()) == "no error");
    auto const read = description(changed);
    CHECK(read.bytes == plain.bytes);
    CHECK(read.normalizes == plain.normalizes);
    CHECK(read.splits_words == plain.splits_words);
  }
  auto changed = small();
  changed["normalizer"] = {{"type", "Sequence"}, {"normalizers", json::array()}};
  CHECK_FALSE(description(changed).normalizes);
}

TEST_CASE("tokenizer.json: a Sequence whose parts have an effect is refused by the part") {
  auto changed = small();
  changed["normalizer"] = {{"type", "Sequence"}, {"normalizers", {{{"type", "NFC"}}, {{"type", "Lowercase"}}}}};
  CHECK(refusal(changed.dump()) == "normalizer.normalizers[1].type is \"Lowercase\", expected \"NFC\"");
  changed = small();
  changed["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", json::array()}};
  CHECK(refusal(changed.dump()) == "pre_tokenizer has 0 parts, expected one of type \"ByteLevel\"");
  changed["pre_tokenizer"]["pretokenizers"] = {{{"type", "Digits"}}, small()["pre_tokenizer"]};
  CHECK(refusal(changed.dump()) == "pre_tokenizer has 2 parts, expected one of type \"ByteLevel\"");
}

TEST_CASE("tokenizer.json: messages stay short, with any text in the file") {
  std::string const large(900'000, 'x');
  for (char const* const place : {"/version", "/normalizer/type", "/pre_tokenizer/type", "/post_processor/type",
                                  "/decoder/type", "/model/type", "/model/continuing_subword_prefix",
                                  "/model/end_of_word_suffix", "/model/merges/0", "/added_tokens/0/content"}) {
    CAPTURE(place);
    auto changed = small();
    changed[json::json_pointer(place)] = large;
    auto const sentence = refusal(changed.dump());
    bool const accepted = sentence == "no error";  // an added token may be long
    CHECK(accepted == (std::string_view(place) == "/added_tokens/0/content"));
    CHECK(sentence.size() < 200);
  }
}

TEST_CASE("tokenizer.json: members that matter must be there") {
  for (char const* const place :
       {"/model", "/model/type", "/model/vocab", "/model/merges", "/pre_tokenizer", "/pre_tokenizer/add_prefix_space",
        "/added_tokens/0/id", "/added_tokens/0/content", "/added_tokens/0/normalized"}) {
    auto const whole = json::json_pointer(place);
    auto changed = small();
    auto& owner = changed[whole.parent_pointer()];
    owner.erase(whole.back());
    CHECK(refusal(changed.dump()).find("is missing") != std::string::npos);
  }
  for (char const* const place :
       {"/version", "/normalizer", "/post_processor", "/decoder", "/added_tokens", "/model/dropout"}) {
    auto const whole = json::json_pointer(place);
    auto changed = small();
    changed[whole.parent_pointer()].erase(whole.back());
    CHECK(refusal(changed.dump()) == "no error");
  }
}

TEST_CASE("tokenizer.json: damage is refused or harmless, never a crash") {
  auto const text = small().dump();
  for (std::size_t n = 0; n < text.size(); ++n) CHECK(refusal(text.substr(0, n)) != "no error");
  test::random rng(3);
  for (int round = 0; round < 3000; ++round) {
    auto damaged = text;
    for (auto n = 1 + rng.below(3); n > 0; --n) {
      auto& c = damaged[rng.below(damaged.size())];
      c = rng.below(2) == 0 ? "0:,[]{}\"-9tn"[rng.below(12)]
                            : static_cast<char>(static_cast<unsigned char>(rng.below(256)));
    }
    (void)refusal(damaged);
  }
}
