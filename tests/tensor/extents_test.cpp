// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/tensor/extents.hpp>

#include <limits>
#include <string>
#include <type_traits>

namespace {

using mamba::dynamic;
using mamba::extents;

static_assert(std::is_trivially_copyable_v<extents<2, dynamic>>);
static_assert(extents<2, 3>::all_static && !extents<2, dynamic>::all_static && extents<>::all_static);
static_assert(extents<2, 3>{}.size() == 6 && extents<2, dynamic>{}.size() == 0 && extents<>{}.size() == 1);
static_assert(extents<dynamic, 3>(5, 3).get<0>() == 5 && extents<dynamic, 3>(5, 3).get<1>() == 3);
static_assert(extents<dynamic, 3>(5, 3).extent(0) == 5 && extents<dynamic, 3>(5, 3).values()[1] == 3);
static_assert(extents<dynamic, 3>(5, 3) == extents<dynamic, 3>(5, 3) &&
              extents<dynamic, 3>(5, 3) != extents<dynamic, 3>(4, 3));
static_assert(extents<7, dynamic, 9>::rank == 3 && extents<7, dynamic, 9>::declared[1] == dynamic);
static_assert(!std::is_constructible_v<extents<2, 3>, std::size_t>, "one size for every axis");

static_assert(mamba::static_product(3, 4) == 12 && mamba::static_product(dynamic, 4) == dynamic &&
              mamba::static_product(3, dynamic) == dynamic);
static_assert(mamba::static_sum(3, 4) == 7 && mamba::static_sum(dynamic, 4) == dynamic &&
              mamba::static_sum(3, dynamic) == dynamic);

TEST_CASE("extents: static and dynamic shapes behave alike") {
  extents<4, 3> const fixed;
  extents<4, 3> const given(4, 3);
  extents<dynamic, dynamic> const run(4, 3);
  extents<4, dynamic> const mixed(4, 3);
  CHECK(fixed == given);
  for (std::size_t axis = 0; axis < 2; ++axis) {
    CHECK(run.extent(axis) == fixed.extent(axis));
    CHECK(mixed.extent(axis) == fixed.extent(axis));
  }
  CHECK(run.size() == 12);
  CHECK(mixed.size() == 12);
  CHECK(run.values() == fixed.values());
}

TEST_CASE("extents: a wrong size for a static axis is a broken contract, and the message has both numbers") {
  CHECK_THROWS_AS((extents<4, dynamic>(5, 3)), mamba::contract_violation);
  CHECK_NOTHROW((extents<4, dynamic>(4, 3)));
  try {
    static_cast<void>(extents<4, dynamic>(5, 3));
    FAIL("no contract_violation");
  } catch (mamba::contract_violation const& e) {
    CHECK(std::string(e.what()).find("got 5, expected 4") != std::string::npos);
  }
}

TEST_CASE("extents: a product too large for the address space saturates and never wraps to something small") {
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  static_assert(mamba::saturated_product(most, 1) == most && mamba::saturated_product(most, 2) == most &&
                mamba::saturated_product(most, 0) == 0);
  constexpr std::size_t half_word = std::size_t{1} << (sizeof(std::size_t) * 4);
  CHECK(extents<dynamic, dynamic>(half_word, half_word).size() == most);
  CHECK(extents<dynamic, dynamic, dynamic>(half_word, half_word, 2).size() == most);
  CHECK(extents<dynamic, dynamic, dynamic>(half_word, half_word, 0).size() == 0);
  CHECK(extents<dynamic, dynamic>(half_word, half_word - 1).size() == half_word * (half_word - 1));
}

}  // namespace
