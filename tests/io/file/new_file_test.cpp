// SPDX-License-Identifier: MIT
#include <mamba/io/file/new_file.hpp>

#include <support/error_of.hpp>
#include <support/temporary_folder.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <filesystem>
#include <iterator>
#include <span>
#include <string>
#include <string_view>

using mamba::io::new_file;
using test::has;

namespace {

std::span<std::byte const> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

std::ptrdiff_t entries(std::filesystem::path const& folder) {
  return std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator());
}

}  // namespace

TEST_CASE("new_file: appears whole at commit, and replaces what was there") {
  test::temporary_folder const folder;
  for (std::string const text : {"first", "", "third, longer"}) {
    auto const before = std::filesystem::exists(folder / "f") ? test::read_text(folder / "f") : "";
    new_file file(folder / "f");
    file.append(bytes(text));
    CHECK(entries(folder.path()) == (text == "first" ? 1 : 2));
    if (text != "first") CHECK(test::read_text(folder / "f") == before);
    file.commit();
    CHECK(test::read_text(folder / "f") == text);
    CHECK(entries(folder.path()) == 1);
  }
}

TEST_CASE("new_file: without commit nothing remains and nothing changes") {
  test::temporary_folder const folder;
  test::write_text(folder / "f", "old");
  {
    new_file file(folder / "f"), second(folder / "f"), other(folder / "g");
    file.append(bytes("half"));
    CHECK(entries(folder.path()) == 4);
  }
  CHECK(test::read_text(folder / "f") == "old");
  CHECK(entries(folder.path()) == 1);
}

TEST_CASE("new_file: a link stays a link, and its target is replaced") {
  test::temporary_folder const folder;
  test::write_text(folder / "target", "old");
  std::filesystem::create_symlink("target", folder / "link");
  new_file file(folder / "link");
  file.append(bytes("new"));
  file.commit();
  CHECK(std::filesystem::is_symlink(folder / "link"));
  CHECK(test::read_text(folder / "target") == "new");
}

TEST_CASE("new_file: what cannot be written is named with the reason") {
  test::temporary_folder const folder;
  test::write_text(folder / "f", "x");
  auto const error = [](std::filesystem::path const& path) { return test::error_of([&] { new_file const f(path); }); };
  CHECK(error(folder / "none" / "f") ==
        (folder / "none" / "f").string() + ": cannot be written (No such file or directory)");
  CHECK(has(error(folder.path()), "cannot be written: it is a folder"));
  CHECK(has(error(folder / "f" / "g"), "cannot be written (Not a directory)"));
  CHECK(has(error(""), "names no file"));
  CHECK(has(error(folder / "none" / ""), "names no file"));
  CHECK(entries(folder.path()) == 1);
}

TEST_CASE("new_file: a full disk is an error, at append or at commit") {
  if (!std::filesystem::exists("/dev/full")) return;  // a device that Linux has for this very test
  auto const write = [](std::size_t size) {
    new_file file("/dev/full");
    file.append(bytes(std::string(size, 'x')));
    file.commit();
  };
  CHECK(test::error_of([&] { write(1); }) == "/dev/full: write failed (No space left on device)");
  CHECK(has(test::error_of([&] { write(1'000'000); }), "No space left on device"));
  CHECK(std::filesystem::is_character_file("/dev/full"));  // the device was written to, not replaced
}
