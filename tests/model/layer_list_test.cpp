// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/model/layer_list.hpp>
#include <support/allocations.hpp>

#include <type_traits>

namespace {

using namespace mamba::model;
struct large {
  char bytes[mamba::inline_bytes];
};
static_assert(std::is_same_v<layer_list<int, 3>, inline_list<int, 3>>);
static_assert(std::is_same_v<layer_list<int, mamba::dynamic>, vector_list<int>>);
static_assert(std::is_same_v<layer_list<large, 2>, vector_list<large>>);

template <class List>
void check() {
  int next = 0;
  List list(3, [&] { return next++; });
  CHECK(list.size() == 3);
  CHECK(list[2] == 2);
  int sum = 0;
  for (int const v : list) sum += v;
  CHECK(sum == 3);
  List const copy = list;
  CHECK(copy == list);
  list[0] = 9;
  CHECK_FALSE(copy == list);
}

TEST_CASE("layer_list: in place or on the heap, the same list") {
  check<inline_list<int, 3>>();
  check<vector_list<int>>();
  std::size_t const before = test::allocations;
  layer_list<int, 3> const list(3, [] { return 1; });
  CHECK(list.size() == 3);
  CHECK(test::allocations == before);
}

TEST_CASE("layer_list: one element in place of many") {
  repeated_list<int> const list(std::size_t{1} << 50U, [] { return 4; });
  CHECK(list.size() == std::size_t{1} << 50U);
  CHECK(list[77] == 4);
}

}  // namespace
