// SPDX-License-Identifier: MIT
#include <support/error_of.hpp>
#include <support/read_input.hpp>
#include <support/temporary_folder.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

using ids = std::vector<mamba::model::token>;

TEST_CASE("read_input: ids between any white space") {
  CHECK(examples::parse_ids("1 2 3", 10, "f") == ids{1, 2, 3});
  CHECK(examples::parse_ids("  1\t2\r\n\n9\n", 10, "f") == ids{1, 2, 9});
  CHECK(examples::parse_ids("007", 10, "f") == ids{7});
  CHECK(examples::parse_ids("", 10, "f").empty());
  CHECK(examples::parse_ids(" \n ", 10, "f").empty());
}

TEST_CASE("read_input: what is no id of the vocabulary is refused, with its place") {
  auto const refused = [](std::string const& text) {
    return test::error_of([&] { static_cast<void>(examples::parse_ids(text, 10, "ids.txt")); });
  };
  CHECK(refused("1 2\n3 12x") == "ids.txt, line 2, token 4: \"12x\" is not a token id");
  CHECK(refused("1,2") == "ids.txt, line 1, token 1: \"1,2\" is not a token id");
  CHECK(refused("1\n10") == "ids.txt, line 2, token 2: id 10 is outside the vocabulary of 10");
  CHECK(refused("-1") == "ids.txt, line 1, token 1: id -1 is outside the vocabulary of 10");
  CHECK(refused("99999999999999999999999") ==
        "ids.txt, line 1, token 1: id 99999999999999999999999 is outside the vocabulary of 10");
  for (char const* const wrong : {"+1", "1.0", "0x1", "1e0", "-", "--1", "nan", "\xff"})
    CHECK(refused(wrong).find("is not a token id") != std::string::npos);
  CHECK(refused(std::string(10000, '9')).size() < 200);
  CHECK(refused(std::string("1 \0 2", 5)).find("is not a token id") != std::string::npos);
}

TEST_CASE("read_input: files are read whole, byte for byte") {
  test::temporary_folder const folder;
  std::string text(100000, 'x');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 7);
  test::write_text(folder.path() / "some", text);
  CHECK(examples::read_file(folder.path() / "some") == text);
  CHECK(test::error_of([&] {
          static_cast<void>(examples::read_file(folder.path() / "none"));
        }).find("none: cannot be opened") != std::string::npos);
  CHECK(test::error_of([&] { static_cast<void>(examples::read_file(folder.path())); }).find("is a folder") !=
        std::string::npos);
}
