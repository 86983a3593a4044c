// SPDX-License-Identifier: MIT
#include <mamba/io/text/printable.hpp>

#include <mamba/io/text/utf8.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>

using mamba::io::in_quotes;
using mamba::io::printable;
using mamba::io::shortened;

TEST_CASE("printable: nothing is left that steers a terminal or turns text round") {
  CHECK(printable("wörter, 言葉, 🐍") == "wörter, 言葉, 🐍");
  CHECK(printable("a\tb\x7f\x1b[2J\n") == "a?b??[2J?");
  CHECK(printable("\xC2\x80 \xC2\x9B \xC2\x9F \xC2\xA0") == "? ? ? \xC2\xA0");  // C1, then a no-break space
  CHECK(printable("a\xE2\x80\xAE"
                  "b") == "a?b");  // U+202E, right-to-left override
  CHECK(printable("\xD8\x9C\xE2\x80\x8E\xE2\x80\x8F\xE2\x81\xA6\xE2\x81\xA9\xE2\x80\xA8") == "??????");
  CHECK(printable("\xff"
                  "a\xC3") == "?a?");     // no UTF-8
  CHECK(printable("\x9b[2J") == "?[2J");  // a raw C1 byte
  CHECK(printable("").empty());
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    std::string text;
    mamba::io::utf8::append(text, c);
    REQUIRE((printable(text) == "?") == (mamba::io::is_control(c) || c == U'?'));
  }
}

TEST_CASE("printable: text is cut between characters") {
  std::string const text = "aü言🐍";  // 1 + 2 + 3 + 4 bytes
  char const* const expected[] = {"…", "a…", "a…", "aü…", "aü…", "aü…", "aü言…", "aü言…", "aü言…", "aü言…"};
  for (std::size_t n = 0; n < text.size(); ++n) CHECK(shortened(text, n) == expected[n]);
  CHECK(shortened(text, 10) == text);
  CHECK(shortened(text, 99) == text);
}

TEST_CASE("printable: quoted text is short and cannot steer a terminal") {
  CHECK(in_quotes("wörter") == "'wörter'");
  CHECK(in_quotes("a\x1b[2J\n") == "'a?[2J?'");
  CHECK(in_quotes(std::string(1000, 'x')) == "'" + std::string(120, 'x') + "…'");
  CHECK(in_quotes(std::string(119, 'x') + "ü") == "'" + std::string(119, 'x') + "…'");
}
