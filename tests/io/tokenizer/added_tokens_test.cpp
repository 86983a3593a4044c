// SPDX-License-Identifier: MIT
#include <mamba/io/tokenizer/added_tokens.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

using mamba::io::added_token;
using mamba::io::added_token_finder;

namespace {

/// Text in brackets, tokens by number.
std::string parts(added_token_finder const& finder, std::string_view text) {
  std::string all;
  finder.split(
      text, [&all](std::string_view part) { ((all += "[") += part) += "]"; },
      [&all](std::uint32_t id) { all += std::to_string(id); });
  return all;
}

void add(added_token_finder& finder, added_token const& token) { REQUIRE(finder.add(token, token.content)); }

added_token plain(std::string content, std::uint32_t id) {
  added_token token;
  token.content = std::move(content);
  token.id = id;
  return token;
}

}  // namespace

TEST_CASE("added tokens: leftmost first, then longest") {
  added_token_finder finder;
  CHECK(parts(finder, "") == "");
  CHECK(parts(finder, "text") == "[text]");
  add(finder, plain("ab", 1));
  add(finder, plain("abc", 2));
  add(finder, plain("bcde", 3));
  add(finder, plain("  ", 4));
  CHECK(parts(finder, "xabcdey") == "[x]2[dey]");
  CHECK(parts(finder, "abab") == "11");
  CHECK(parts(finder, "abbcde") == "13");
  CHECK(parts(finder, "a     b") == "[a]44[ b]");
  CHECK(parts(finder, "bcd") == "[bcd]");
}

TEST_CASE("added tokens: stripping takes white space along") {
  added_token_finder finder;
  auto left = plain("<L>", 1);
  left.lstrip = true;
  auto right = plain("<R>", 2);
  right.rstrip = true;
  add(finder, left);
  add(finder, right);
  add(finder, plain("  ", 3));
  CHECK(parts(finder, "a \u2003\n<L> b") == "[a]1[ b]");
  CHECK(parts(finder, "a <R> \u00A0b") == "[a ]2[b]");
  CHECK(parts(finder, "<R> <L>") == "21");
  CHECK(parts(finder, " <L>") == "1");
  // <R> has taken all four spaces; the pair behind its first two is found nevertheless, as tokenizers does.
  CHECK(parts(finder, "<R>   b") == "23[ b]");
}

TEST_CASE("added tokens: one pattern, one token") {
  added_token_finder finder;
  add(finder, plain("a", 1));
  CHECK(!finder.add(plain("b", 2), "a"));
  CHECK(parts(finder, "a") == "1");
}
