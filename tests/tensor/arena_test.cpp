// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/tensor/arena.hpp>

#include <cstdint>
#include <limits>

namespace {

using mamba::arena;

/// Two buffers, as a kernel lays them out.
std::size_t lay_out(arena at, std::size_t rows) {
  auto const a = at.matrix<float>(rows, 3);
  auto const b = at.take<double>(rows);
  if (!at.measures()) {
    CHECK(reinterpret_cast<std::uintptr_t>(a.data()) % mamba::storage_alignment == 0);
    CHECK(reinterpret_cast<std::uintptr_t>(b.data()) % mamba::storage_alignment == 0);
    CHECK(static_cast<void const*>(a.data() + a.size()) <= static_cast<void const*>(b.data()));
    CHECK(b.size() == rows);
  }
  return at.used();
}

TEST_CASE("arena: measures what the same code takes, and gives it back when the scope ends") {
  static_assert([] {
    arena at;
    static_cast<void>(at.take<float>(17));
    return at.used();
  }() == 128);
  std::size_t const bytes = lay_out(arena(), 21);
  CHECK(bytes == 256 + 192);
  mamba::heap_storage<std::byte> memory(bytes);
  arena const at({memory.data(), bytes});
  CHECK(lay_out(at, 21) == bytes);
  CHECK(lay_out(at, 21) == bytes);  // by value: nothing was taken of `at` itself
  CHECK(at.used() == 0);
}

TEST_CASE("arena: memory that is too small is a broken contract, sizes that overflow saturate") {
  mamba::heap_storage<std::byte> memory(64);
  arena at({memory.data(), 64});
  static_cast<void>(at.take<std::byte>(64));
  CHECK_THROWS_AS(static_cast<void>(at.take<std::byte>(1)), mamba::contract_violation);
  arena measuring;
  static_cast<void>(measuring.matrix<double>(std::size_t{1} << 40U, std::size_t{1} << 40U));
  CHECK(measuring.used() >= std::numeric_limits<std::size_t>::max() - 64);
}

TEST_CASE("arena: over no memory nothing fits, and it does not measure") {
  arena nothing{std::span<std::byte>{}};
  CHECK_FALSE(nothing.measures());
  CHECK(nothing.take<float>(0).empty());
  CHECK_THROWS_AS(static_cast<void>(nothing.take<float>(1)), mamba::contract_violation);
  CHECK(arena().measures());
}

}  // namespace
