// SPDX-License-Identifier: MIT
#include <mamba/io/file/new_names.hpp>

#include <support/error_of.hpp>
#include <support/temporary_folder.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <optional>

using test::has;

TEST_CASE("new names: what was made is removed, unless it is kept") {
  test::temporary_folder const folder;
  auto const deep = folder / "a" / "b" / "c";
  for (bool const keep : {false, true}) {
    std::optional<mamba::io::new_names> made(std::in_place);
    made->make_folder(deep);
    test::write_text(deep / "file", "text");
    made->add(deep / "file");
    if (keep) made->keep();
    made.reset();
    CHECK(std::filesystem::exists(deep / "file") == keep);
    CHECK(std::filesystem::exists(folder / "a") == keep);
  }
}

TEST_CASE("new names: files of other programs stay") {
  test::temporary_folder const folder;
  std::filesystem::create_directory(folder / "a");
  {
    mamba::io::new_names made;
    made.make_folder(folder / "a");
    made.make_folder(folder / "a" / "b");
    made.make_folder(folder / "c");
    test::write_text(folder / "c" / "theirs", "text");
  }
  CHECK(std::filesystem::exists(folder / "a"));
  CHECK_FALSE(std::filesystem::exists(folder / "a" / "b"));
  CHECK(std::filesystem::exists(folder / "c" / "theirs"));
}

TEST_CASE("new names: a file is no folder, and what is there is not new") {
  test::temporary_folder const folder;
  test::write_text(folder / "file", "text");
  std::filesystem::create_symlink("nowhere", folder / "link");
  mamba::io::new_names made;
  for (auto const& path : {folder / "file", folder / "file/below", folder / "link"})
    CHECK(has(test::error_of([&] { made.make_folder(path); }), "the folder cannot be made ("));
  for (auto const& path : {folder / "file", folder / "link", folder.path()})
    CHECK(has(test::error_of([&] { mamba::io::expect_new(path); }), path.string() + ": is there already"));
  CHECK(test::error_of([&] { mamba::io::expect_new(folder / "other"); }) == "no error");
}
