// SPDX-License-Identifier: MIT
#include <support/json_file.hpp>

#include <doctest/doctest.h>
#include <support/error_of.hpp>
#include <support/temporary_folder.hpp>

#include <filesystem>
#include <string>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/stat.h>
#endif

using examples::json_file;

namespace {

/// The sentence of the error that f() throws, without the path.
template <class F>
std::string sentence(F&& f) {
  auto const what = test::error_of(f);
  auto const path = what.find(".json: ");
  return path == std::string::npos ? what : what.substr(path + 7);
}

}  // namespace

TEST_CASE("json file: members by type") {
  test::temporary_folder const folder;
  test::write_text(folder / "a.json", R"({"o": {"t": "text", "b": true}, "a": [1, -2, 2.5], "n": null})");
  json_file const json(folder / "a.json");
  auto const& root = json.root();
  auto const& o = json.object(root, "o");
  auto const& a = json.array(root, "", "a");
  CHECK(json.text(o, "o", "t") == "text");
  CHECK(json.flag(o, "o", "b"));
  CHECK(json.index(a[0], "a[0]", 2) == 1);
  CHECK(json_file::has(root, "a"));
  CHECK(!json_file::has(root, "n"));
  CHECK(!json_file::has(root, "x"));
  json.expect_absent(root, "", "n");

  CHECK(sentence([&] { (void)json.text(o, "o", "b"); }) == "o.b is true, expected a string");
  CHECK(sentence([&] { (void)json.flag(o, "o", "t"); }) == "o.t is \"text\", expected true or false");
  CHECK(sentence([&] { (void)json.flag(o, "o", "x"); }) == "o.x is missing, expected true or false");
  CHECK(sentence([&] { (void)json.object(root, "a"); }) == "a is a list, expected an object");
  CHECK(sentence([&] { (void)json.array(root, "", "o"); }) == "o is an object, expected a list");
  CHECK(sentence([&] { (void)json.index(a[0], "a[0]", 1); }) == "a[0] is 1, expected a whole number below 1");
  CHECK(sentence([&] { (void)json.index(a[1], "a[1]", 9); }) == "a[1] is -2, expected a whole number below 9");
  CHECK(sentence([&] { (void)json.index(a[2], "a[2]", 9); }) == "a[2] is 2.5, expected a whole number below 9");
  CHECK(sentence([&] { json.expect_absent(root, "", "a"); }) == "a is a list, expected null");
}

TEST_CASE("json file: what is no JSON object is refused") {
  test::temporary_folder const folder;
  for (char const* const text : {"", "{", "{\"a\": 1", "[1, 2]", "3", "\"x\"", "{\"a\": 1, \"a\": 2}",
                                 "{\"a\": \"\\ud800\"}", "{\"a\": \"\xff\"}", "{\"a\": 1e999}", "{} x", "nul"}) {
    CAPTURE(text);
    test::write_text(folder / "a.json", text);
    CHECK(test::has(test::error_of([&] { json_file const json(folder / "a.json"); }), "a.json: "));
  }
  CHECK_THROWS_AS(json_file("no such file.json"), mamba::error);
}

TEST_CASE("json file: only regular files of some size are read") {
  test::temporary_folder const folder;
  auto const refusal = [](std::filesystem::path const& path) {
    return test::error_of([&] { json_file const json(path); });
  };
  CHECK(test::has(refusal(folder.path()), "is a folder, expected a file"));
#if defined(__unix__) || defined(__APPLE__)
  auto const pipe = folder / "pipe.json";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK(refusal(pipe) == pipe.string() + ": is not a regular file");  // at once: nobody will ever write into it
  std::filesystem::create_symlink("loop.json", folder / "loop.json");
  CHECK(test::has(refusal(folder / "loop.json"), "cannot be opened ("));
#endif
  if (std::filesystem::exists("/dev/zero")) {
    std::filesystem::create_symlink("/dev/zero", folder / "zero.json");
    CHECK(test::has(refusal(folder / "zero.json"), "is not a regular file"));
  }
  test::write_text(folder / "large.json", "{}");
  std::filesystem::resize_file(folder / "large.json", json_file::longest + 1);  // a hole, not 200 MB on the disk
  CHECK(test::has(refusal(folder / "large.json"), "has 200000001 bytes, expected a tokenizer.json"));
}

TEST_CASE("json file: excerpts are short and ASCII") {
  CHECK(json_file::excerpt("a\nb") == "\"a\\nb\"");
  CHECK(json_file::excerpt("ü") == "\"\\u00fc\"");
  CHECK(json_file::excerpt(std::string(100, 'a')).size() == 60);
}
