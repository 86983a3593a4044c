// SPDX-License-Identifier: MIT
#include <mamba/io/tokenizer/byte_letters.hpp>

#include <doctest/doctest.h>

#include <set>
#include <string>

TEST_CASE("byte_letters: 256 letters, printable ASCII as itself, the space and the control characters from U+0100 on") {
  auto const letters = mamba::io::byte_letters();
  CHECK(std::set<char32_t>(letters.begin(), letters.end()).size() == 256);
  CHECK(letters['A'] == U'A');
  CHECK(letters['~'] == U'~');
  CHECK(letters[0xE9] == U'\u00e9');
  CHECK(letters[0] == U'\u0100');
  CHECK(letters['\n'] == U'\u010a');
  CHECK(letters[' '] == U'\u0120');
  CHECK(letters[0xAD] == U'\u0143');
}

TEST_CASE("byte_letters: tokens are the bytes of their letters; another letter makes a token stand for itself") {
  using mamba::io::bytes_of_token;
  CHECK(bytes_of_token("\u0120the") == " the");
  CHECK(bytes_of_token("\u010a") == "\n");
  CHECK(bytes_of_token("\u00c3\u00a9") == "\xc3\xa9");
  CHECK(bytes_of_token("a b") == "a b");
  CHECK(bytes_of_token("\u4e2d") == "\u4e2d");
  CHECK(bytes_of_token("").empty());
}
