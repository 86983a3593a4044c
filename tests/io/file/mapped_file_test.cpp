// SPDX-License-Identifier: MIT
#include <mamba/io/file/mapped_file.hpp>

#include <support/error_of.hpp>
#include <support/temporary_folder.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

using mamba::io::mapped_file;
using test::has;

namespace {

std::string_view text_of(mapped_file const& file) {
  return {reinterpret_cast<char const*>(file.bytes().data()), file.bytes().size()};
}

std::string error(std::filesystem::path const& path) {
  return test::error_of([&] { mapped_file const file(path); });
}

}  // namespace

TEST_CASE("mapped_file: the bytes of a file, whatever its length") {
  test::temporary_folder const folder;
  for (std::size_t const size : {0U, 1U, 4095U, 4096U, 4097U, 100'000U}) {
    std::string text(size, 'x');
    if (size > 0) text.back() = 'y';
    test::write_text(folder / "f", text);
    mapped_file const file(folder / "f");
    CHECK(text_of(file) == text);
    CHECK(file.path() == folder / "f");
  }
}

TEST_CASE("mapped_file: moving keeps the bytes where they are") {
  static_assert(!std::is_copy_constructible_v<mapped_file> && std::is_nothrow_move_constructible_v<mapped_file>);
  test::temporary_folder const folder;
  test::write_text(folder / "a", "first");
  test::write_text(folder / "b", "second");
  mapped_file a(folder / "a");
  mapped_file b(folder / "b");
  auto const* const address = a.bytes().data();
  mapped_file moved(std::move(a));
  CHECK(moved.bytes().data() == address);
  b = std::move(moved);
  CHECK(text_of(b) == "first");
  CHECK(b.bytes().data() == address);
  CHECK(b.path() == folder / "a");
}

TEST_CASE("mapped_file: what cannot be read is named with the reason") {
  test::temporary_folder const folder;
  CHECK(error(folder / "none") == (folder / "none").string() + ": no such file");
  CHECK(error("") == ": no such file");
  CHECK(has(error(folder.path()), "is a folder, expected a file"));
  test::write_text(folder / "f", "x");
  CHECK(has(error(folder / "f" / "below"), "below: "));
  std::filesystem::create_symlink(folder / "loop", folder / "loop");
  CHECK(has(error(folder / "loop"), "cannot be opened ("));
  if (std::filesystem::exists("/dev/zero")) CHECK(error("/dev/zero") == "/dev/zero: is not a regular file");
  // Permissions do not apply to root; for others the file is an error.
  std::filesystem::permissions(folder / "f", std::filesystem::perms::none);
  auto const sentence = error(folder / "f");
  CHECK((sentence == "no error" || has(sentence, "f: cannot be read (Permission denied)").ok));
}
