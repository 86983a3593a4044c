// SPDX-License-Identifier: MIT
#include <mamba/core/error.hpp>

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

TEST_CASE("error: fail throws mamba::error with the sentence unchanged") {
  CHECK_THROWS_WITH_AS(mamba::core::fail("model.safetensors: tensor A has shape [2], expected [3]"),
                       "model.safetensors: tensor A has shape [2], expected [3]", mamba::error);
}

TEST_CASE("error: it is a runtime_error, so a program may catch it as such") {
  std::string what;
  try {
    mamba::core::fail("sentence");
  } catch (std::runtime_error const& e) {
    what = e.what();
  }
  CHECK(what == "sentence");
}
