// SPDX-License-Identifier: MIT
// mamba/io/tokenizer/tokenizer_json.hpp — reads tokenizer.json of the GPT-NeoX kind.  [floor 7]
//
// Settings that change the tokens are either implemented or an error. Truncation and padding are ignored, as in
// transformers; a Sequence is the list of its parts.
#pragma once

#include <mamba/core/error.hpp>
#include <mamba/io/json/reader.hpp>
#include <mamba/io/text/utf8.hpp>
#include <mamba/io/tokenizer/added_tokens.hpp>
#include <mamba/io/tokenizer/byte_letters.hpp>
#include <mamba/io/tokenizer/byte_pairs.hpp>
#include <mamba/io/tokenizer/nfc.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace mamba::inline MAMBA_ABI::io {

/// A byte-level BPE tokenizer as its file describes it.
struct tokenizer_description {
  static constexpr std::uint32_t no_token = ~std::uint32_t{0};

  std::vector<std::string> bytes;                  ///< what each token stands for, by id
  std::array<std::uint32_t, 256> token_of_byte{};  ///< where merging begins; no_token for bytes without one
  std::vector<merge_rule> merges;                  ///< by rank
  std::vector<added_token> added_tokens;           ///< in the order of the file
  bool normalizes = false;                         ///< to NFC; otherwise not at all
  bool adds_prefix_space = false;                  ///< before each part of the text that has none
  bool splits_words = true;                        ///< by the pattern of GPT-2; otherwise a part is one word
};

/// Reads and checks a tokenizer.json.
///
/// Throws:  mamba::error with one sentence: the file, what was found and what was expected.
[[nodiscard]] inline tokenizer_description read_tokenizer_json(std::filesystem::path const& path);

/// The same from the bytes of a file. `source` is its name for messages.
[[nodiscard]] inline tokenizer_description parse_tokenizer_json(std::span<std::byte const> bytes,
                                                                std::string const& source);

namespace detail {

/// The parts of a normalizer, pre-tokenizer, post-processor or decoder: itself, or those of a Sequence, however nested.
inline void flatten(json_value const& part, char const* list, std::vector<json_value>& out) {
  auto const object = part.as_object();
  if (object.text("type") != "Sequence") {
    out.push_back(object);
    return;
  }
  auto const parts = object.array(list);
  for (std::size_t i = 0; i < parts.node().size(); ++i) flatten(parts.at(i), list, out);
}

/// Reads one document; each member function reads one part of it.
class tokenizer_reader {
  using json = nlohmann::json;

 public:
  explicit tokenizer_reader(json_document const& file) : root_(file.root()) {}

  [[nodiscard]] tokenizer_description read() {
    auto const model = root_.object("model");
    model.only_text("type", "BPE");
    if (root_.node().contains("version")) root_.only_text("version", "1.0");
    read_normalizer();
    read_pre_tokenizer();
    check_post_processor();
    check_decoder();
    read_vocabulary(model);
    check_options(model);
    read_merges(model);
    read_added_tokens();
    return std::move(result_);
  }

 private:
  [[nodiscard]] std::vector<json_value> parts(char const* name, char const* list) const {
    std::vector<json_value> out;
    if (auto const part = root_.find(name)) flatten(*part, list, out);
    return out;
  }

  void read_normalizer() {
    for (auto const& part : parts("normalizer", "normalizers")) {
      part.only_text("type", "NFC");
      result_.normalizes = true;
    }
  }

  void read_pre_tokenizer() {
    static_cast<void>(root_.object("pre_tokenizer"));
    auto const all = parts("pre_tokenizer", "pretokenizers");
    if (all.size() != 1) {
      root_.fail("pre_tokenizer has " + std::to_string(all.size()) + " parts, expected one of type \"ByteLevel\"");
    }
    all[0].only_text("type", "ByteLevel");
    result_.adds_prefix_space = all[0].flag("add_prefix_space");
    if (all[0].node().contains("use_regex")) result_.splits_words = all[0].flag("use_regex");
  }

  /// ByteLevel only moves offsets; a template must be the text alone, or it would add tokens.
  void check_post_processor() const {
    for (auto const& post : parts("post_processor", "processors")) {
      auto const& type = post.text("type");
      if (type == "ByteLevel") continue;
      if (type != "TemplateProcessing") {
        root_.fail(post.join("type") + " is " + json_value::quoted(type) +
                   ", expected \"ByteLevel\" or \"TemplateProcessing\"");
      }
      auto const single = post.array("single");
      auto const& text = single.node();
      if (text.size() != 1 || !text[0].is_object() || !text[0].contains("Sequence")) {
        root_.fail(post.join("single") + " adds tokens to the text, expected the text alone");
      }
    }
  }

  /// Without a decoder the tokens' bytes are the text all the same; Fuse only joins.
  void check_decoder() const {
    for (auto const& part : parts("decoder", "decoders")) {
      if (part.text("type") != "Fuse") part.only_text("type", "ByteLevel");
    }
  }

  void read_vocabulary(json_value const& model) {
    auto const entries = model.object("vocab");
    auto const& vocabulary = entries.node();
    if (vocabulary.empty()) root_.fail("model.vocab is empty, expected at least one token");
    std::vector<char const*> owner(vocabulary.size(), nullptr);
    result_.bytes.resize(vocabulary.size());
    ids_.reserve(vocabulary.size());
    for (auto const& [token, value] : vocabulary.items()) {
      bool const fits = value.is_number_unsigned() && value.get<std::uint64_t>() < vocabulary.size();
      if (!fits) {
        root_.fail("the id of vocabulary entry " + quoted(token) + " is " + json_value::excerpt(value) +
                   ", expected a whole number below " + std::to_string(vocabulary.size()));
      }
      auto const id = value.get<std::size_t>();
      if (owner[id] != nullptr) {
        root_.fail("vocabulary entries " + quoted(owner[id]) + " and " + quoted(token) + " share the id " +
                   std::to_string(id) + ", expected unique ids");
      }
      auto const place = ids_.emplace(token, static_cast<std::uint32_t>(id)).first;
      owner[id] = place->first.c_str();
      result_.bytes[id] = bytes_of_token(token);
    }
    auto const letters = byte_letters();
    for (std::size_t b = 0; b < 256; ++b) {
      std::string letter;
      utf8::append(letter, letters[b]);
      auto const found = ids_.find(letter);
      result_.token_of_byte[b] = found == ids_.end() ? tokenizer_description::no_token : found->second;
    }
  }

  /// Options of BPE that would change the tokens. An empty prefix or suffix changes nothing, and an unknown token is
  /// never used where each byte that occurs in UTF-8 has its own.
  void check_options(json_value const& model) const {
    if (auto const dropout = model.find("dropout"); dropout && dropout->node() != 0.0) dropout->expected("null");
    for (char const* const name : {"continuing_subword_prefix", "end_of_word_suffix"}) {
      if (model.has(name)) model.only_text(name, "");
    }
    for (char const* const name : {"byte_fallback", "ignore_merges"}) {
      if (model.flag(name, false)) root_.fail(model.join(name) + " is true, expected false");
    }
    if (!model.has("unk_token")) return;
    (void)model.text("unk_token");
    for (std::size_t b = 0; b < 0xF5; ++b) {
      if (b != 0xC0 && b != 0xC1 && result_.token_of_byte[b] == tokenizer_description::no_token) {
        root_.fail("model.unk_token is set and byte " + std::to_string(b) +
                   " has no vocabulary entry, expected one for each byte of UTF-8");
      }
    }
  }

  void read_merges(json_value const& model) {
    auto const list = model.array("merges");
    std::unordered_set<std::uint64_t> seen;
    for (std::size_t i = 0; i < list.node().size(); ++i) {
      auto const pair = split_merge(list.node()[i], i);
      if (!pair) continue;
      merge_rule const rule{id_of(pair->first, i), id_of(pair->second, i), id_of(pair->first + pair->second, i)};
      if (!seen.insert((std::uint64_t{rule.left} << 32U) | rule.right).second) {
        root_.fail(merge_name(i) + " repeats the merge of " + quoted(pair->first) + " and " + quoted(pair->second) +
                   ", expected each once");
      }
      result_.merges.push_back(rule);
    }
  }

  [[nodiscard]] static std::string merge_name(std::size_t i) { return "model.merges[" + std::to_string(i) + "]"; }

  /// A merge is ["a", "b"], or "a b" in older files, where a line "#version" may stand first.
  [[nodiscard]] std::optional<std::pair<std::string, std::string>> split_merge(json const& merge, std::size_t i) const {
    if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      return std::pair{merge[0].get<std::string>(), merge[1].get<std::string>()};
    }
    if (merge.is_string()) {
      auto const& both = merge.get_ref<std::string const&>();
      if (both.rfind("#version", 0) == 0) return std::nullopt;
      auto const space = both.find(' ');
      if (space != std::string::npos && both.find(' ', space + 1) == std::string::npos) {
        return std::pair{both.substr(0, space), both.substr(space + 1)};
      }
    }
    root_.fail(merge_name(i) + " is " + json_value::excerpt(merge) + ", expected two vocabulary entries");
  }

  [[nodiscard]] std::uint32_t id_of(std::string const& token, std::size_t merge) const {
    auto const found = ids_.find(token);
    if (found == ids_.end()) root_.fail(merge_name(merge) + " needs " + quoted(token) + ", expected it in model.vocab");
    return found->second;
  }

  void read_added_tokens() {
    if (!root_.has("added_tokens")) return;
    auto const list = root_.array("added_tokens");
    std::unordered_set<std::string> seen;
    for (std::size_t i = 0; i < list.node().size(); ++i) {
      auto const entry = list.at(i).as_object();
      auto const name = "added_tokens[" + std::to_string(i) + "]";
      auto token = read_added_token(entry);
      if (!seen.insert(token.content).second) {
        root_.fail(name + " repeats " + quoted(token.content) + ", expected each token once");
      }
      // A token of the vocabulary has its id there; the others are numbered after the vocabulary.
      auto const known = ids_.find(token.content);
      auto const expected = known != ids_.end() ? known->second : static_cast<std::uint32_t>(result_.bytes.size());
      if (token.id != expected) {
        root_.fail(name + ".id is " + std::to_string(token.id) + ", expected " + std::to_string(expected));
      }
      if (expected == result_.bytes.size()) result_.bytes.emplace_back();
      result_.bytes[expected] = bytes_of_token(token.normalized ? normalized(token.content) : token.content);
      result_.added_tokens.push_back(std::move(token));
    }
  }

  [[nodiscard]] added_token read_added_token(json_value const& value) const {
    added_token token;
    token.content = value.text("content");
    if (token.content.empty()) root_.fail(value.join("content") + " is empty, expected a token");
    token.id = static_cast<std::uint32_t>(value.index("id", std::numeric_limits<std::int32_t>::max()));
    token.normalized = value.flag("normalized");
    (void)value.flag("special");  // a control token; encoding treats it like the others
    token.lstrip = value.flag("lstrip");
    token.rstrip = value.flag("rstrip");
    if (value.flag("single_word")) {
      root_.fail(value.join("single_word") + " is true, expected false (whole-word tokens are not supported)");
    }
    return token;
  }

  [[nodiscard]] std::string normalized(std::string const& text) const { return result_.normalizes ? nfc(text) : text; }

  [[nodiscard]] static std::string quoted(std::string_view token) { return json_value::quoted(token); }

  json_value root_;
  tokenizer_description result_;
  std::unordered_map<std::string, std::uint32_t> ids_;
};

/// The largest accepted file; the largest published tokenizers have some 30 MB.
inline constexpr std::size_t longest_tokenizer = 200'000'000;

}  // namespace detail

inline tokenizer_description read_tokenizer_json(std::filesystem::path const& path) {
  auto const file = json_document::open(path, detail::longest_tokenizer);
  return detail::tokenizer_reader(file).read();
}

inline tokenizer_description parse_tokenizer_json(std::span<std::byte const> bytes, std::string const& source) {
  json_document const file(bytes, source);
  return detail::tokenizer_reader(file).read();
}

}  // namespace mamba::inline MAMBA_ABI::io
