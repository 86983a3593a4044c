// SPDX-License-Identifier: MIT
#include <mamba/io/tokenizer/pre_tokenizer.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace {

/// The words with a bar between them.
std::string words(std::string_view text) {
  std::string all;
  mamba::io::for_each_word(text, [&all](std::string_view word) { (all += all.empty() ? "" : "|") += word; });
  return all;
}

}  // namespace

TEST_CASE("pre-tokenizer: the words of the pattern of GPT-2") {
  CHECK(words("") == "");
  CHECK(words("Hello my friend, how's it?") == "Hello| my| friend|,| how|'s| it|?");
  CHECK(words("don't I'll WE'RE we're o'clock") == "don|'t| I|'ll| WE|'|RE| we|'re| o|'|clock");
  CHECK(words(" 's ''s '") == " '|s| ''|s| '");
  CHECK(words("12 34a5,_") == "12| 34|a|5|,_");
  CHECK(words("a  b") == "a| | b");
  CHECK(words("a \n\tb") == "a| \n|\t|b");
  CHECK(words("a\n b") == "a|\n| b");
  CHECK(words("a \n ") == "a| \n ");
  CHECK(words("\n") == "\n");
  CHECK(words(" ") == " ");
  CHECK(words("\u00A0a") == "\u00A0|a");
  CHECK(words(" \u00A0a") == " |\u00A0|a");
  CHECK(words("e\u0301a") == "e|\u0301|a");
  CHECK(words(" 世界３") == " 世界|３");
}

TEST_CASE("pre-tokenizer: a million characters of one kind are one word, in linear time") {
  for (char const* const unit : {"a", " ", "9", "!", "\n", "é"}) {
    std::string text;
    for (int i = 0; i < 1'000'000; ++i) text += unit;
    std::size_t count = 0;
    mamba::io::for_each_word(text, [&](std::string_view word) { count += word.size() == text.size() ? 1U : 1000U; });
    CHECK(count == 1);
  }
}
