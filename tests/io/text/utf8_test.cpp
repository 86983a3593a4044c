// SPDX-License-Identifier: MIT
#include <mamba/io/text/utf8.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace utf8 = mamba::io::utf8;

TEST_CASE("utf8: every code point is written and read back") {
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c == 0xD800) c = 0xE000;
    std::string text;
    utf8::append(text, c);
    auto const first = utf8::front(text);
    REQUIRE(first.kind == utf8::kind::valid);
    REQUIRE(first.length == text.size());
    std::string_view rest = text;
    REQUIRE(utf8::take(rest) == c);
    REQUIRE(rest.empty());
    // Each proper prefix is the beginning of a character.
    for (std::size_t n = 1; n < text.size(); ++n) {
      REQUIRE(utf8::front(text.substr(0, n)).kind == utf8::kind::incomplete);
      REQUIRE(utf8::incomplete_tail("é" + text.substr(0, n)) == n);
    }
    REQUIRE(utf8::incomplete_tail(text) == 0);
  }
}

TEST_CASE("utf8: invalid parts become one replacement each, as in table 3-8 of the Unicode standard") {
  // The right column is Python's bytes.decode("utf-8", "replace"), with ? for U+FFFD.
  struct {
    std::string_view bytes, expected;
  } const cases[] = {
      {"", ""},
      {"plain \xC3\xA9", "plain \xC3\xA9"},
      {"\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41", "????????A"},
      {"\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41", "????????A"},
      {"\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42", "?????A??B"},
      {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", "????A"},
      {"\xE2\x82", "?"},
      {"a\xF0\x9F\x98", "a?"},
      {"\xF5\x80", "??"},
  };
  for (auto const& [bytes, marks] : cases) {
    std::string expected;
    for (char const c : marks) expected += c == '?' ? utf8::replacement : std::string_view(&c, 1);
    CHECK(utf8::replace_invalid(bytes) == expected);
  }
}

TEST_CASE("utf8: a tail that can become nothing is not held back") {
  CHECK(utf8::incomplete_tail("") == 0);
  CHECK(utf8::incomplete_tail("\xED\xA0") == 0);  // a surrogate
  CHECK(utf8::incomplete_tail("\xF4\x90") == 0);  // beyond U+10FFFF
  CHECK(utf8::incomplete_tail("\xC0") == 0);      // overlong
  CHECK(utf8::incomplete_tail("\x80\x80") == 0);  // no lead
  CHECK(utf8::incomplete_tail("\xF0\x9F\x98") == 3);
  CHECK(utf8::incomplete_tail("\xE2\x82\xF0") == 1);
}
