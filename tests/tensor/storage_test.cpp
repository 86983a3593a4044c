// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/tensor/storage.hpp>

#include <support/resident.hpp>

#include <cstdint>
#include <limits>
#include <new>
#include <type_traits>
#include <utility>

namespace {

using mamba::heap_storage;
using mamba::inline_storage;

static_assert(std::is_trivially_copyable_v<inline_storage<float, 5>>);
static_assert(sizeof(inline_storage<float, 5>) == 64 && alignof(inline_storage<char, 1>) == 64);
static_assert(sizeof(inline_storage<double, 9>) == 128, "the layout does not depend on flags");
static_assert(std::is_nothrow_move_constructible_v<heap_storage<float>>);
static_assert(std::is_nothrow_move_assignable_v<heap_storage<float>>);
static_assert(inline_storage<int, 3>(3).data()[2] == 0 && inline_storage<int, 0>::size() == 0);

bool on_a_cache_line(void const* p) { return reinterpret_cast<std::uintptr_t>(p) % mamba::storage_alignment == 0; }

TEST_CASE("storage: zero at first, and 64-byte aligned") {
  for (std::size_t const count : {1U, 2U, 3U, 15U, 16U, 17U, 1000U, 16383U, 16384U, 16385U, 1U << 20U}) {
    heap_storage<float> const heap(count);
    CHECK(on_a_cache_line(heap.data()));
    CHECK(heap.size() == count);
    for (std::size_t i = 0; i < count; ++i) REQUIRE(heap.data()[i] == 0.0F);
  }
  inline_storage<char, 3> const inside[3];
  for (auto const& s : inside) CHECK(on_a_cache_line(s.data()));
}

TEST_CASE("storage: memory that was used before is zero again, in every size") {
  for (std::size_t const count : {1000U, 16383U, 16384U, 100000U}) {
    for (int i = 0; i < 4; ++i) {
      heap_storage<float> a(count), b(count);
      for (std::size_t k = 0; k < count; ++k) {
        REQUIRE(a.data()[k] == 0);
        REQUIRE(b.data()[k] == 0);
        a.data()[k] = b.data()[k] = 1;
      }
    }
  }
  struct large {
    char bytes[100000];
  };
  CHECK(heap_storage<large>(0).data() == nullptr);
  CHECK(heap_storage<large>(2).data()[1].bytes[99999] == 0);
}

TEST_CASE("storage: untouched pages do not become resident") {
  constexpr std::size_t mebibytes = 512;
  std::size_t const before = test::anonymous_memory();
  heap_storage<float> const untouched(mebibytes << 18U);
  CHECK(on_a_cache_line(untouched.data()));
  CHECK(untouched.data()[untouched.size() - 1] == 0);
  if (before > 0) CHECK(test::anonymous_memory() < before + (mebibytes << 18U));  // a quarter, whatever a page is
}

TEST_CASE("storage: an empty one allocates nothing") {
  CHECK(heap_storage<float>().data() == nullptr);
  CHECK(heap_storage<float>(0).data() == nullptr);
  heap_storage<float> const copy = heap_storage<float>(0);
  CHECK(copy.size() == 0);
}

TEST_CASE("storage: copies are deep, and assignment of an equal size reuses the memory") {
  heap_storage<int> a(4), b(4), c(5);
  for (int i = 0; i < 4; ++i) a.data()[i] = i + 1;
  int const* const before = b.data();
  b = a;
  CHECK(b.data() == before);
  CHECK(b.data() != a.data());
  CHECK(b.data()[3] == 4);
  c = a;
  CHECK(c.size() == 4);
  CHECK(c.data()[0] == 1);
  a.data()[0] = 99;
  CHECK(b.data()[0] == 1);
  heap_storage<int> const& same = a;
  a = same;
  CHECK(a.data()[0] == 99);
  CHECK(a.size() == 4);
}

TEST_CASE("storage: what was moved from is empty and can be assigned to") {
  heap_storage<int> a(4);
  a.data()[1] = 7;
  int const* const numbers = a.data();
  heap_storage<int> b = std::move(a);
  CHECK(b.data() == numbers);
  CHECK(a.size() == 0);  // NOLINT(bugprone-use-after-move)
  CHECK(a.data() == nullptr);
  heap_storage<int> c(9);
  c = std::move(b);
  CHECK(c.data() == numbers);
  CHECK(b.size() == 0);  // NOLINT(bugprone-use-after-move)
  heap_storage<int>& same = c;
  c = std::move(same);
  CHECK(c.size() == 4);
  CHECK(c.data()[1] == 7);
  b = c;
  CHECK(b.data()[1] == 7);
}

TEST_CASE("storage: too much memory is std::bad_alloc, also where count times size would wrap") {
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  for (std::size_t const count : {most, most / 2 + 1, most / 4 + 2, most / 8 + 2, most / 16, most / 16 - 7}) {
    CHECK_THROWS_AS(static_cast<void>(heap_storage<double>(count)), std::bad_alloc);
  }
}

}  // namespace
