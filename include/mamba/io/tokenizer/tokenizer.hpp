// SPDX-License-Identifier: MIT
// mamba/io/tokenizer/tokenizer.hpp — text to tokens and back: byte-level BPE, or plain bytes.  [floor 7]
#pragma once

#include <mamba/core/error.hpp>
#include <mamba/io/text/utf8.hpp>
#include <mamba/io/tokenizer/added_tokens.hpp>
#include <mamba/io/tokenizer/byte_pairs.hpp>
#include <mamba/io/tokenizer/nfc.hpp>
#include <mamba/io/tokenizer/pre_tokenizer.hpp>
#include <mamba/io/tokenizer/tokenizer_json.hpp>
#include <mamba/model/config.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mamba::inline MAMBA_ABI::io {

using model::token;

/// Text to tokens and back. Immutable, so that threads can share it.
///
/// Each invalid part of UTF-8 is read as U+FFFD, except by bytes().
///
/// See:     stream_decoder, to print tokens one by one.
class tokenizer {
 public:
  /// Reads a tokenizer.json.
  ///
  /// Throws:  mamba::error that names the file when it is missing, broken or of another kind.
  [[nodiscard]] static tokenizer load(std::filesystem::path const& path) {
    return tokenizer(read_tokenizer_json(path), path.string());
  }

  /// The same from the bytes of a tokenizer.json. `source` is its name for messages.
  [[nodiscard]] static tokenizer parse(std::span<std::byte const> bytes, std::string const& source) {
    return tokenizer(parse_tokenizer_json(bytes, source), source);
  }

  /// One token for each byte, for models without a vocabulary.
  [[nodiscard]] static tokenizer bytes() {
    tokenizer plain;
    for (std::size_t b = 0; b < 256; ++b)
      plain.bytes_.emplace_back(1, static_cast<char>(static_cast<unsigned char>(b)));
    return plain;
  }

  /// The tokens of a text.
  ///
  /// Cost:    n log n in the length of the longest word, linear in the number of words.
  [[nodiscard]] std::vector<token> encode(std::string_view utf8) const {
    std::vector<token> tokens;
    if (!bpe_) {
      for (char const c : utf8) tokens.push_back(static_cast<unsigned char>(c));
      return tokens;
    }
    auto const text = utf8::replace_invalid(utf8);
    word_merger merger(bpe_->merges);
    auto const add = [&tokens](std::uint32_t id) { tokens.push_back(static_cast<token>(id)); };
    bpe_->raw.split(
        text,
        [&](std::string_view piece) {
          auto const normal = bpe_->normalizes ? nfc(piece) : std::string(piece);
          bpe_->normalized.split(
              normal, [&](std::string_view part) { encode_part(part, merger, add); }, add);
        },
        add);
    return tokens;
  }

  /// The text of some tokens. Ids without a token are skipped.
  ///
  /// Invalid UTF-8 becomes U+FFFD, as in `tokenizers`; those of bytes() are returned unchanged.
  [[nodiscard]] std::string decode(std::span<token const> tokens) const {
    std::string all;
    for (auto const id : tokens) all += bytes_of(id);
    return bpe_ ? utf8::replace_invalid(all) : all;
  }

  /// The bytes of one token, which need not be whole characters; empty for an id without a token.
  [[nodiscard]] std::string_view bytes_of(token id) const noexcept {
    if (id < 0 || static_cast<std::size_t>(id) >= bytes_.size()) return {};
    return bytes_[static_cast<std::size_t>(id)];
  }

  /// The number of tokens. A model may have more rows; they are padding and must not be sampled.
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }

  /// The token that ends a text, "<|endoftext|>", where there is one.
  [[nodiscard]] std::optional<token> end_of_text() const noexcept { return end_of_text_; }

 private:
  /// The parts of a BPE tokenizer.
  struct byte_level_bpe {
    merge_table merges;
    std::array<std::uint32_t, 256> token_of_byte;
    added_token_finder raw, normalized;  ///< searched for before and after normalisation
    bool normalizes, adds_prefix_space, splits_words;
  };

  tokenizer() = default;

  tokenizer(tokenizer_description&& d, std::string const& source)
      : bytes_(std::move(d.bytes)),
        bpe_(byte_level_bpe{
            merge_table(d.merges), d.token_of_byte, {}, {}, d.normalizes, d.adds_prefix_space, d.splits_words}) {
    for (auto const& t : d.added_tokens) {
      bool const normal = t.normalized && d.normalizes;
      bool const is_new = (t.normalized ? bpe_->normalized : bpe_->raw).add(t, normal ? nfc(t.content) : t.content);
      if (!is_new) {
        core::fail(source + ": added token " + std::to_string(t.id) +
                   " normalises to the same text as another, expected distinct texts");
      }
      if (t.content == "<|endoftext|>") end_of_text_ = static_cast<token>(t.id);
    }
  }

  /// Encodes text that holds no added token.
  template <class F>
  void encode_part(std::string_view part, word_merger& merger, F&& add) const {
    auto const encode_word = [&](std::string_view word) {
      merger.clear();
      for (char const c : word) {
        auto const id = bpe_->token_of_byte[static_cast<unsigned char>(c)];
        if (id != tokenizer_description::no_token) merger.add(id);
      }
      merger.finish(add);
    };
    std::string spaced;
    if (bpe_->adds_prefix_space && part.front() != ' ') part = spaced.append(" ").append(part);
    if (bpe_->splits_words) {
      for_each_word(part, encode_word);
    } else {
      encode_word(part);
    }
  }

  std::vector<std::string> bytes_;
  std::optional<byte_level_bpe> bpe_;
  std::optional<token> end_of_text_;
};

/// Decodes tokens one by one, in whole characters.
///
/// The results of the pushes and of finish(), concatenated, are utf8::replace_invalid(decode(all tokens)): valid UTF-8
/// for any tokens, so that it can be printed or put into JSON.
class stream_decoder {
 public:
  /// The tokenizer must outlive the decoder.
  explicit stream_decoder(tokenizer const& t) noexcept : tokenizer_(&t) {}

  /// The characters that are complete with this token; perhaps none.
  [[nodiscard]] std::string push(token id) {
    pending_ += tokenizer_->bytes_of(id);
    auto const complete = pending_.size() - utf8::incomplete_tail(pending_);
    auto text = utf8::replace_invalid(std::string_view(pending_).substr(0, complete));
    pending_.erase(0, complete);
    return text;
  }

  /// The rest at the end: U+FFFD for an unfinished character, else nothing.
  [[nodiscard]] std::string finish() { return utf8::replace_invalid(std::exchange(pending_, {})); }

 private:
  tokenizer const* tokenizer_;
  std::string pending_;
};

}  // namespace mamba::inline MAMBA_ABI::io
