// SPDX-License-Identifier: MIT
#include <mamba/io/json/parse.hpp>

#include <support/error_of.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

using test::has;

namespace {

std::string error(std::string_view text) {
  return test::error_of([&] { static_cast<void>(mamba::io::parse_json(text, "x.json")); });
}

}  // namespace

TEST_CASE("strict_json: valid documents are read") {
  auto const found = mamba::io::parse_json(R"( {"a":{"k":1},"b":{"k":[1,2.5,"ü",null,true]},"k":-1} )", "x.json");
  CHECK(found["a"]["k"] == 1);
  CHECK(found["b"]["k"][2] == "ü");
  CHECK(found["k"] == -1);
  CHECK(mamba::io::parse_json("[]", "x.json").is_array());
}

TEST_CASE("strict_json: duplicate keys, deep nesting, damage and leftovers are refused") {
  CHECK(error(R"({"a":1,"a":1})") == "x.json: key 'a' appears twice");
  CHECK(has(error(R"([{"b":{"c":{},"a":1,"c":2}}])"), "key 'c' appears twice"));
  CHECK(error(R"({"a":{"k":1},"b":{"k":1},"k":[{"k":1},{"k":1}]})") == "no error");
  CHECK(error(std::string(128, '[') + std::string(128, ']')) == "no error");
  CHECK(has(error(std::string(200, '[') + std::string(200, ']')), "nests deeper than 128 levels"));
  CHECK(has(error(std::string(1'000'000, '[')), "nests deeper than 128 levels"));
  for (std::string const text :
       {"", " ", "{", "{} {}", "{}x", "\xff", "\"\xff\"", "{\"a\":01}", "{a:1}", "nan", "//"}) {
    CAPTURE(text);
    CHECK(has(error(text), "x.json: not valid JSON in UTF-8 (at byte "));
  }
  CHECK(has(error("1e999"), "not valid JSON"));
  CHECK(has(error("\xef\xbb\xbf{}"), "byte order mark"));
  CHECK(has(error(std::string("{}\0", 3)), "NUL"));
}

TEST_CASE("json: Python's words for numbers are accepted in Python's dialect, and errors keep their places") {
  using mamba::io::json_dialect;
  auto const error = [](char const* text, json_dialect dialect) {
    return test::error_of([&] { (void)mamba::io::parse_json(text, "x", dialect); });
  };
  for (char const* const text : {"[Infinity]", "[-Infinity]", "[NaN]"}) {
    CHECK(test::has(error(text, json_dialect::standard), "x: not valid JSON"));
    CHECK(error(text, json_dialect::python) == "no error");
  }
  CHECK(mamba::io::parse_json(R"(["NaN", "\\", NaN])", "x", json_dialect::python)[2] == "NaN");
  for (char const* const text : {"[Infinit]", "[nan]", "[--Infinity]", "[NaNNaN]", "[\"\\"}) {
    CHECK(test::has(error(text, json_dialect::python), "x: not valid JSON"));
  }
  CHECK(test::has(error("[Infinity, NaN, x]", json_dialect::python), "(at byte 17)"));
  CHECK(test::has(error("[1, 2, x]", json_dialect::python), "(at byte 8)"));
}
