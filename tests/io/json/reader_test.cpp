// SPDX-License-Identifier: MIT
#include <mamba/io/json/reader.hpp>

#include <doctest/doctest.h>
#include <support/error_of.hpp>
#include <support/temporary_folder.hpp>

#include <cmath>
#include <filesystem>
#include <limits>
#include <string>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/stat.h>
#endif

using mamba::io::json_document;
using mamba::io::json_value;

namespace {

/// The sentence of the error that f() throws, without the path.
template <class F>
std::string sentence(F&& f) {
  auto const what = test::error_of(f);
  auto const path = what.find(".json: ");
  return path == std::string::npos ? what : what.substr(path + 7);
}

}  // namespace

TEST_CASE("json reader: members by type") {
  json_document const document(R"({"o": {"t": "text", "b": true, "s": 3}, "a": [1, -2, 2.5], "n": null})", "x.json");
  auto const root = document.root();
  auto const o = root.object("o");
  auto const a = root.array("a");
  CHECK(o.text("t") == "text");
  CHECK(o.flag("b"));
  CHECK(o.size("s") == 3);
  CHECK(o.size("none", 4) == 4);
  CHECK(root.size("n", 5) == 5);  // null counts as absent
  CHECK(o.flag("none", true));
  CHECK(o.positive("s", 1) == 3);
  CHECK(a.at(0).as_index(2) == 1);
  CHECK(root.has("a"));
  CHECK(!root.has("n"));
  CHECK(!root.has("x"));
  root.only("n", {3});
  o.only("s", {2, 3});
  o.only_text("t", "text");

  CHECK(sentence([&] { (void)o.text("b"); }) == "o.b is true, expected a string");
  CHECK(sentence([&] { (void)o.flag("t"); }) == "o.t is \"text\", expected true or false");
  CHECK(sentence([&] { (void)o.flag("x"); }) == "o.x is missing, expected true or false");
  CHECK(sentence([&] { (void)o.size("b"); }) == "o.b is true, expected a whole number from 1 to 2147483647");
  CHECK(sentence([&] { (void)root.object("a"); }) == "a is a list, expected an object");
  CHECK(sentence([&] { (void)root.object("n"); }) == "n is null, expected an object");
  CHECK(sentence([&] { (void)root.array("o"); }) == "o is an object, expected a list");
  CHECK(sentence([&] { (void)a.at(0).as_index(1); }) == "a[0] is 1, expected a whole number below 1");
  CHECK(sentence([&] { (void)a.at(1).as_index(9); }) == "a[1] is -2, expected a whole number below 9");
  CHECK(sentence([&] { (void)a.at(2).as_index(9); }) == "a[2] is 2.5, expected a whole number below 9");
  CHECK(sentence([&] { o.only("t", {"a", "b"}, " (why)"); }) == "o.t is \"text\", expected \"a\" (why)");
  CHECK(sentence([&] { o.only_text("t", "a"); }) == "o.t is \"text\", expected \"a\"");
}

TEST_CASE("json reader: numbers that JSON does not have, in three spellings") {
  json_document const document(R"({"a": [Infinity, -Infinity, NaN, "Infinity", {"__float__": "-Infinity"}, 2.5, "x"],
                                   "Infinity": "a \" Infinity", "b": 1})",
                               "x.json", mamba::io::json_dialect::python);
  auto const a = document.root().array("a");
  CHECK(a.at(0).as_number() == std::numeric_limits<double>::infinity());
  CHECK(a.at(1).as_number() == -std::numeric_limits<double>::infinity());
  CHECK(std::isnan(a.at(2).as_number()));
  CHECK(a.at(3).as_number() == std::numeric_limits<double>::infinity());
  CHECK(a.at(4).as_number() == -std::numeric_limits<double>::infinity());
  CHECK(a.at(5).as_number() == 2.5);
  CHECK(sentence([&] { (void)a.at(6).as_number(); }) == "a[6] is \"x\", expected a number");
  CHECK(document.root().text("Infinity") == "a \" Infinity");  // within strings nothing changes
}

TEST_CASE("json reader: what is no JSON object is refused") {
  test::temporary_folder const folder;
  auto const open = [&] { (void)json_document::open(folder / "a.json", 1000); };
  for (char const* const text :
       {"", "{", "{\"a\": 1", "[1, 2]", "3", "\"x\"", "{\"a\": 1, \"a\": 2}", "{\"a\": \"\\ud800\"}",
        "{\"a\": \"\xff\"}", "{\"a\": 1e999}", "{} x", "nul", "{\"a\": Infinity}", "{\"a\": NaN}"}) {
    CAPTURE(text);
    test::write_text(folder / "a.json", text);
    CHECK(test::has(test::error_of(open), "a.json: "));
  }
  CHECK_THROWS_AS((void)json_document::open("no such file.json", 1000), mamba::error);
}

TEST_CASE("json reader: only regular files of some size are read") {
  test::temporary_folder const folder;
  auto const refusal = [](std::filesystem::path const& path) {
    return test::error_of([&] { (void)json_document::open(path, 1000); });
  };
  CHECK(test::has(refusal(folder.path()), "is a folder, expected a file"));
#if defined(__unix__) || defined(__APPLE__)
  auto const pipe = folder / "pipe.json";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(refusal(pipe) == pipe.string() + ": is not a regular file");  // at once: the pipe has no writer
  std::filesystem::create_symlink("loop.json", folder / "loop.json");
  CHECK(test::has(refusal(folder / "loop.json"), "cannot be opened ("));
#endif
  if (std::filesystem::exists("/dev/zero")) {
    std::filesystem::create_symlink("/dev/zero", folder / "zero.json");
    CHECK(test::has(refusal(folder / "zero.json"), "is not a regular file"));
  }
  test::write_text(folder / "large.json", "{}");
  std::filesystem::resize_file(folder / "large.json", 1001);
  CHECK(test::has(refusal(folder / "large.json"), "has 1001 bytes, expected at most 1000"));
}

TEST_CASE("json reader: excerpts are short and ASCII") {
  CHECK(json_value::excerpt("a\nb") == "\"a\\nb\"");
  CHECK(json_value::excerpt("ü") == "\"\\u00fc\"");
  CHECK(json_value::excerpt(std::string(100, 'a')).size() == 60);
}
