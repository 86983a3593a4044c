// SPDX-License-Identifier: MIT
#include <mamba/io/file/lfs_pointer.hpp>

#include <support/error_of.hpp>

#include <doctest/doctest.h>

TEST_CASE("lfs pointer: the pointer's text is refused, everything else passes") {
  auto const error = [](char const* bytes) {
    return test::error_of([&] { mamba::io::refuse_lfs_pointer(bytes, "model.safetensors"); });
  };
  CHECK(error("version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 9\n") ==
        "model.safetensors: is a Git LFS pointer in place of the file; fetch the file itself with git lfs pull");
  for (char const* const other : {"", "version", "{}", " version https://git-lfs.github.com/spec/v1"}) {
    CHECK(error(other) == "no error");
  }
}
