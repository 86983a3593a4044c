// SPDX-License-Identifier: MIT
#include <mamba/io/formats.hpp>

#include <support/error_of.hpp>

#include <doctest/doctest.h>

#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>

namespace {

// A format of the program's own.
struct nibbles {};

}  // namespace

template <>
inline constexpr std::string_view mamba::io::format_name<nibbles> = "nibbles";

TEST_CASE("formats: every name leads to its type, and no other name to any") {
  auto const name_of_type = [](std::string_view name) {
    return mamba::io::visit_format(
        name, []<class W>(std::type_identity<W>) { return std::string(mamba::io::format_name<W>); });
  };
  for (char const* const name : {"f32", "f16", "bf16", "q8", "q4", "ternary", "f64"}) {
    CHECK(name_of_type(name) == name);
    CHECK(mamba::io::has_format(name));
  }
  CHECK(mamba::io::visit_format("q8", []<class W>(std::type_identity<W>) { return std::same_as<W, mamba::q8>; }));
  CHECK(mamba::io::visit_format("f64", []<class W>(std::type_identity<W>) { return std::same_as<W, double>; }));
  for (char const* const name : {"", "Q4", "q5", "f32 ", "f3"}) {
    CHECK_FALSE(mamba::io::has_format(name));
    CHECK(test::has(test::error_of([&] { (void)name_of_type(name); }),
                    "is no weight format, expected one of f32, f16, bf16, q8, q4, ternary, f64"));
  }
}

TEST_CASE("formats: a list restricts the names, and takes formats of a caller's own") {
  using own = mamba::io::format_list<float, nibbles>;
  CHECK_FALSE(mamba::io::has_format<mamba::io::block_formats>("f32"));
  CHECK(mamba::io::has_format<own>("nibbles"));
  CHECK(
      mamba::io::visit_format<own>("nibbles", []<class W>(std::type_identity<W>) { return std::same_as<W, nibbles>; }));
  CHECK(test::error_of([] { mamba::io::visit_format<own>("q4", [](auto) {}); }) ==
        "'q4' is no weight format, expected one of f32, nibbles");
}
