// SPDX-License-Identifier: MIT
// support/tokenizer_json.hpp — reads a tokenizer.json of the GPT-NeoX kind, and refuses every other with one sentence.
//
// What decides the tokens is either understood or refused; nothing is ignored that `tokenizers` would act upon.
#pragma once

#include <mamba/core/error.hpp>

#include <support/added_tokens.hpp>
#include <support/byte_pairs.hpp>
#include <support/json_file.hpp>
#include <support/nfc.hpp>
#include <support/utf8.hpp>

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

namespace examples {

/// A byte-level BPE tokenizer as its file describes it.
struct tokenizer_description {
  static constexpr std::uint32_t no_token = ~std::uint32_t{0};

  std::vector<std::string> bytes;                  ///< what each token stands for, by id
  std::array<std::uint32_t, 256> token_of_byte{};  ///< where merging begins; no_token for bytes without one
  std::vector<merge_rule> merges;                  ///< by rank
  std::vector<added_token> added_tokens;           ///< in the order of the file
  bool normalizes = false;                         ///< to NFC; otherwise not at all
  bool adds_prefix_space = false;                  ///< before each stretch of text that has none
  bool splits_words = true;                        ///< by the pattern of GPT-2; otherwise a stretch is one word
};

namespace detail {

/// The letter that stands for each byte in a vocabulary: itself where it is printable, else one from U+0100 on.
[[nodiscard]] inline std::array<char32_t, 256> byte_letters() noexcept {
  std::array<char32_t, 256> letters{};
  char32_t next = 0x100;
  for (char32_t b = 0; b < 256; ++b) {
    bool const printable = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
    letters[b] = printable ? b : next++;
  }
  return letters;
}

/// The bytes a token stands for. A token with any other letter, say a space, stands for itself.
[[nodiscard]] inline std::string bytes_of_token(std::string_view token) {
  static auto const byte_of_letter = [] {
    std::unordered_map<char32_t, char> map;
    auto const letters = byte_letters();
    for (std::size_t b = 0; b < 256; ++b) map.emplace(letters[b], static_cast<char>(static_cast<unsigned char>(b)));
    return map;
  }();
  std::string bytes;
  for (auto rest = token; !rest.empty();) {
    auto const found = byte_of_letter.find(utf8::take(rest));
    if (found == byte_of_letter.end()) return std::string(token);
    bytes.push_back(found->second);
  }
  return bytes;
}

/// Reads one file; each member function reads one part of it.
class tokenizer_reader {
  using json = nlohmann::json;

 public:
  explicit tokenizer_reader(json_file file) : file_(std::move(file)) {}

  [[nodiscard]] tokenizer_description read() {
    auto const& root = file_.root();
    auto const& model = file_.object(root, "model");
    expect_text(model, "model", "type", "BPE");
    if (root.contains("version")) expect_text(root, "", "version", "1.0");
    for (char const* const name : {"truncation", "padding"}) file_.expect_absent(root, "", name);
    read_normalizer(root);
    read_pre_tokenizer(root);
    check_post_processor(root);
    expect_text(file_.object(root, "decoder"), "decoder", "type", "ByteLevel");
    read_vocabulary(model);
    check_options(model);
    read_merges(model);
    read_added_tokens(root);
    return std::move(result_);
  }

 private:
  void expect_text(json const& object, std::string const& owner, char const* name, std::string_view expected) {
    auto const& found = file_.text(object, owner, name);
    if (found != expected) {
      file_.fail(json_file::join(owner, name) + " is " + quoted(found) + ", expected " + quoted(expected));
    }
  }

  void read_normalizer(json const& root) {
    if (!json_file::has(root, "normalizer")) return;
    expect_text(file_.object(root, "normalizer"), "normalizer", "type", "NFC");
    result_.normalizes = true;
  }

  void read_pre_tokenizer(json const& root) {
    auto const& pre = file_.object(root, "pre_tokenizer");
    expect_text(pre, "pre_tokenizer", "type", "ByteLevel");
    result_.adds_prefix_space = file_.flag(pre, "pre_tokenizer", "add_prefix_space");
    if (pre.contains("use_regex")) result_.splits_words = file_.flag(pre, "pre_tokenizer", "use_regex");
  }

  /// ByteLevel only moves offsets; a template must be the text alone, or it would add tokens.
  void check_post_processor(json const& root) {
    if (!json_file::has(root, "post_processor")) return;
    auto const& post = file_.object(root, "post_processor");
    auto const& type = file_.text(post, "post_processor", "type");
    if (type == "ByteLevel") return;
    if (type != "TemplateProcessing") {
      file_.fail("post_processor.type is " + quoted(type) + ", expected \"ByteLevel\" or \"TemplateProcessing\"");
    }
    auto const& single = file_.array(post, "post_processor", "single");
    if (single.size() != 1 || !single[0].is_object() || !single[0].contains("Sequence")) {
      file_.fail("post_processor.single adds tokens to the text, expected the text alone");
    }
  }

  void read_vocabulary(json const& model) {
    auto const& vocabulary = file_.object(model, "vocab", "model");
    if (vocabulary.empty()) file_.fail("model.vocab is empty, expected at least one token");
    std::vector<char const*> owner(vocabulary.size(), nullptr);
    result_.bytes.resize(vocabulary.size());
    ids_.reserve(vocabulary.size());
    for (auto const& [token, value] : vocabulary.items()) {
      auto const id = file_.index(value, "the id of vocabulary entry " + quoted(token), vocabulary.size());
      if (owner[id] != nullptr) {
        file_.fail("vocabulary entries " + quoted(owner[id]) + " and " + quoted(token) + " share the id " +
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
  void check_options(json const& model) {
    if (json_file::has(model, "dropout") && model["dropout"] != 0.0) file_.expect_absent(model, "model", "dropout");
    for (char const* const name : {"continuing_subword_prefix", "end_of_word_suffix"}) {
      if (json_file::has(model, name)) expect_text(model, "model", name, "");
    }
    for (char const* const name : {"byte_fallback", "ignore_merges"}) {
      if (json_file::has(model, name) && file_.flag(model, "model", name)) {
        file_.fail(json_file::join("model", name) + " is true, expected false");
      }
    }
    if (!json_file::has(model, "unk_token")) return;
    (void)file_.text(model, "model", "unk_token");
    for (std::size_t b = 0; b < 0xF5; ++b) {
      if (b != 0xC0 && b != 0xC1 && result_.token_of_byte[b] == tokenizer_description::no_token) {
        file_.fail("model.unk_token is set and byte " + std::to_string(b) +
                   " has no vocabulary entry, expected one for each byte of UTF-8");
      }
    }
  }

  void read_merges(json const& model) {
    auto const& merges = file_.array(model, "model", "merges");
    std::unordered_set<std::uint64_t> seen;
    for (std::size_t i = 0; i < merges.size(); ++i) {
      auto const name = "model.merges[" + std::to_string(i) + "]";
      auto const pair = split_merge(merges[i], name);
      if (!pair) continue;
      merge_rule const rule{id_of(pair->first, name), id_of(pair->second, name),
                            id_of(pair->first + pair->second, name)};
      if (!seen.insert((std::uint64_t{rule.left} << 32U) | rule.right).second) {
        file_.fail(name + " repeats the merge of " + quoted(pair->first) + " and " + quoted(pair->second) +
                   ", expected each once");
      }
      result_.merges.push_back(rule);
    }
  }

  /// A merge is ["a", "b"], or "a b" in older files, where a line "#version" may stand first.
  [[nodiscard]] std::optional<std::pair<std::string, std::string>> split_merge(json const& merge,
                                                                               std::string const& name) {
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
    file_.fail(name + " is " + json_file::excerpt(merge) + ", expected two vocabulary entries");
  }

  [[nodiscard]] std::uint32_t id_of(std::string const& token, std::string const& name) {
    auto const found = ids_.find(token);
    if (found == ids_.end()) file_.fail(name + " needs " + quoted(token) + ", expected it in model.vocab");
    return found->second;
  }

  void read_added_tokens(json const& root) {
    if (!json_file::has(root, "added_tokens")) return;
    auto const& list = file_.array(root, "", "added_tokens");
    std::unordered_set<std::string> seen;
    for (std::size_t i = 0; i < list.size(); ++i) {
      auto const name = "added_tokens[" + std::to_string(i) + "]";
      auto token = read_added_token(list[i], name);
      if (!seen.insert(token.content).second) {
        file_.fail(name + " repeats " + quoted(token.content) + ", expected each token once");
      }
      // A token that the model knows has the model's id; the others are numbered on behind the vocabulary.
      auto const known = ids_.find(token.content);
      auto const expected = known != ids_.end() ? known->second : static_cast<std::uint32_t>(result_.bytes.size());
      if (token.id != expected) {
        file_.fail(name + ".id is " + std::to_string(token.id) + ", expected " + std::to_string(expected));
      }
      if (expected == result_.bytes.size()) result_.bytes.emplace_back();
      result_.bytes[expected] = bytes_of_token(token.normalized ? normalized(token.content) : token.content);
      result_.added_tokens.push_back(std::move(token));
    }
  }

  [[nodiscard]] added_token read_added_token(json const& value, std::string const& name) {
    if (!value.is_object()) file_.fail(name + " is " + json_file::excerpt(value) + ", expected an object");
    added_token token;
    token.content = file_.text(value, name, "content");
    if (token.content.empty()) file_.fail(name + ".content is empty, expected a token");
    if (!value.contains("id")) file_.fail(name + ".id is missing, expected a token id");
    constexpr std::size_t ids = std::numeric_limits<std::int32_t>::max();
    token.id = static_cast<std::uint32_t>(file_.index(value["id"], name + ".id", ids));
    token.normalized = file_.flag(value, name, "normalized");
    (void)file_.flag(value, name, "special");  // a control token; encoding treats it like the others
    token.lstrip = file_.flag(value, name, "lstrip");
    token.rstrip = file_.flag(value, name, "rstrip");
    if (file_.flag(value, name, "single_word")) {
      file_.fail(name + ".single_word is true, expected false (whole-word tokens are not supported)");
    }
    return token;
  }

  [[nodiscard]] std::string normalized(std::string const& text) const { return result_.normalizes ? nfc(text) : text; }

  [[nodiscard]] static std::string quoted(std::string_view token) { return json_file::excerpt(json(token)); }

  json_file file_;
  tokenizer_description result_;
  std::unordered_map<std::string, std::uint32_t> ids_;
};

}  // namespace detail

/// Reads and checks a tokenizer.json.
///
/// Throws:  mamba::error with one sentence: the file, what was found and what was expected.
[[nodiscard]] inline tokenizer_description read_tokenizer_json(std::filesystem::path const& path) {
  return detail::tokenizer_reader(json_file(path)).read();
}

/// The same from the bytes of a file. `source` is its name for messages.
[[nodiscard]] inline tokenizer_description parse_tokenizer_json(std::span<std::byte const> bytes,
                                                                std::string const& source) {
  return detail::tokenizer_reader(json_file(bytes, source)).read();
}

}  // namespace examples
