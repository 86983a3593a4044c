// SPDX-License-Identifier: MIT
#include <mamba/core/version.hpp>

#include <doctest/doctest.h>

#include <string>

TEST_CASE("version: the string spells the numbers") {
  CHECK(std::string(MAMBA_VERSION_STRING) == std::to_string(MAMBA_VERSION_MAJOR) + "." +
                                                 std::to_string(MAMBA_VERSION_MINOR) + "." +
                                                 std::to_string(MAMBA_VERSION_PATCH));
}
