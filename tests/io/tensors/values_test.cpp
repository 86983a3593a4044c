// SPDX-License-Identifier: MIT
#include <mamba/io/tensors/values.hpp>

#include <support/error_of.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <span>
#include <string>
#include <vector>

namespace {

// The message of a check of a [2, 3] tensor.
template <class Format>
std::string verdict(std::vector<float> const& values, bool allow_non_finite = false) {
  mamba::io::stored_tensor const t{"t", mamba::io::dtype::f32, {2, 3}, std::as_bytes(std::span(values))};
  mamba::io::value_check<Format> check(allow_non_finite);
  check.row(3, std::span<float const>(values).subspan(3, 3));  // in any order
  check.row(0, std::span<float const>(values).first(3));
  return test::error_of([&] { check.report("f", t); });
}

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

}  // namespace

TEST_CASE("values: the first element that is not finite or too large is reported") {
  CHECK(verdict<float>({0, 1, 2, 3, 4, 3e38F}) == "no error");
  CHECK(verdict<float>({0, 1, not_a_number, 3, infinity, 5}) ==
        "f: tensor 't' has the value nan at [0, 2], expected a finite number");
  CHECK(verdict<float>({0, 1, 2, -infinity, 4, 5}) ==
        "f: tensor 't' has the value -inf at [1, 0], expected a finite number");
  CHECK(verdict<mamba::float16>({0, 1, 2, 3, -1e5F, 5}) ==
        "f: tensor 't' has the value -100000 at [1, 1], which is too large for f16");
  CHECK(verdict<mamba::q4>({0, 1, 2, 3, 4, 2e18F}) ==
        "f: tensor 't' has the value 2e+18 at [1, 2], which is too large for q4");
}

TEST_CASE("values: where NaN and infinity are allowed, a finite number must still fit") {
  CHECK(verdict<float>({0, not_a_number, 2, 3, infinity, 5}, true) == "no error");
  CHECK(verdict<mamba::float16>({0, not_a_number, 2, 3, infinity, 5}, true) == "no error");
  CHECK(verdict<mamba::float16>({0, not_a_number, 2, 3, infinity, 1e5F}, true) ==
        "f: tensor 't' has the value 100000 at [1, 2], which is too large for f16");
}
