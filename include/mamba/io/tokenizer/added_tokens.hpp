// SPDX-License-Identifier: MIT
// mamba/io/tokenizer/added_tokens.hpp — tokens that are split off before pre-tokenisation.  [floor 7]
#pragma once

#include <mamba/core/abi.hpp>
#include <mamba/io/text/utf8.hpp>
#include <mamba/io/tokenizer/pre_tokenizer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace mamba::inline MAMBA_ABI::io {

/// One entry of "added_tokens" in tokenizer.json.
struct added_token {
  std::string content;
  std::uint32_t id = 0;
  bool normalized = false;  ///< is looked for in the normalised text, in normalised form; else in the original text
  bool lstrip = false;      ///< includes the white space before it
  bool rstrip = false;      ///< includes the white space after it
};

/// Finds added tokens in a text: the leftmost, of several the longest; then from its end on.
class added_token_finder {
 public:
  /// Adds a token, to be found where `pattern` stands. False, and nothing added, when the pattern is there already.
  [[nodiscard]] bool add(added_token const& token, std::string_view pattern) {
    std::size_t at = 0;
    for (char const c : pattern) {
      auto const [place, is_new] = nodes_[at].next.try_emplace(c, nodes_.size());
      at = place->second;
      if (is_new) nodes_.emplace_back();
    }
    if (nodes_[at].token != none) return false;
    nodes_[at].token = tokens_.size();
    tokens_.push_back(token);
    return true;
  }

  /// Calls on_text(string_view) and on_token(id) for the parts of valid text, in order.
  ///
  /// A token that strips may reach into the next one; that one is reported nevertheless, and the text continues after
  /// it, as in `tokenizers`.
  template <class OnText, class OnToken>
  void split(std::string_view text, OnText&& on_text, OnToken&& on_token) const {
    std::size_t done = 0;
    for (std::size_t at = 0; at < text.size();) {
      auto const [token, length] = longest(text.substr(at));
      if (length == 0) {
        ++at;
        continue;
      }
      std::size_t begin = at;
      at += length;
      std::size_t end = at;
      if (token->lstrip) begin = std::max(done, trailing_space(text.substr(0, begin)));
      if (token->rstrip) end = run_end(text, end, character_class::space);
      if (done < begin) on_text(text.substr(done, begin - done));
      on_token(token->id);
      done = end;
    }
    if (done < text.size()) on_text(text.substr(done));
  }

 private:
  static constexpr std::size_t none = ~std::size_t{0};

  struct node {
    std::map<char, std::size_t> next;
    std::size_t token = none;
  };

  struct found {
    added_token const* token;
    std::size_t length;  ///< 0: nothing begins here
  };

  [[nodiscard]] found longest(std::string_view text) const {
    found best{nullptr, 0};
    std::size_t at = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      auto const step = nodes_[at].next.find(text[i]);
      if (step == nodes_[at].next.end()) break;
      at = step->second;
      if (nodes_[at].token != none) best = {&tokens_[nodes_[at].token], i + 1};
    }
    return best;
  }

  /// Where the white space at the end of the text begins.
  [[nodiscard]] static std::size_t trailing_space(std::string_view text) {
    std::size_t end = text.size();
    while (end > 0) {
      std::size_t start = end - 1;
      while ((static_cast<unsigned char>(text[start]) & 0xC0U) == 0x80U) --start;
      if (classify_front(text.substr(start)).what != character_class::space) break;
      end = start;
    }
    return end;
  }

  std::vector<added_token> tokens_;
  std::vector<node> nodes_ = std::vector<node>(1);
};

}  // namespace mamba::inline MAMBA_ABI::io
