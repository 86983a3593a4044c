// SPDX-License-Identifier: MIT
#include <mamba/io/tensors/stored_tensor.hpp>

#include <support/error_of.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <span>
#include <vector>

using mamba::io::dtype;
using mamba::io::stored_tensor;
using test::has;

TEST_CASE("stored tensor: reading converts a range of elements and refuses what lies beyond them") {
  std::array<std::byte, 4> const ones{std::byte{1}, std::byte{1}, std::byte{1}, std::byte{1}};
  stored_tensor const t{"t", dtype::u8, {2, 2}, ones};
  CHECK(t.elements() == 4);
  std::vector<double> two(2);
  mamba::io::read_values<double>(t, 2, two);
  CHECK(two == std::vector<double>{1, 1});
  mamba::io::read_values<double>(t, 4, std::span<double>{});
  auto const of = [&](std::size_t first) {
    return test::error_of([&] { mamba::io::read_values<double>(t, first, two); });
  };
  CHECK(of(3) == "tensor 't' has 4 elements, expected at least 3 + 2");
  CHECK(has(of(5), "has 4 elements"));
  CHECK(has(of(static_cast<std::size_t>(-1)), "has 4 elements"));
  std::array<std::byte, 8> const zeros{};
  stored_tensor const c{"c", dtype::c64, {1}, zeros};
  CHECK(has(test::error_of([&] { mamba::io::read_values<double>(c, 0, std::span(two).first(1)); }), "dtype C64"));
}

TEST_CASE("stored tensor: sizes that overflow have no element count") {
  constexpr std::size_t most = static_cast<std::size_t>(-1);
  CHECK(mamba::io::element_count(std::array<std::size_t, 0>{}) == 1);
  CHECK(mamba::io::element_count(std::array<std::size_t, 2>{3, 0}) == 0);
  CHECK(mamba::io::element_count(std::array<std::size_t, 2>{1, most}) == most);
  CHECK(!mamba::io::element_count(std::array<std::size_t, 2>{2, most - 1}));
  CHECK(!mamba::io::element_count(std::array<std::size_t, 2>{most / 2, 3}));
  CHECK(mamba::io::to_string(std::array<std::size_t, 2>{3, 4}) == "[3, 4]");
}
