// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/nn/constant_pools.hpp>
#include <mamba/nn/linear.hpp>

#include <array>

namespace {

using namespace mamba::nn;

/// A list of a matrix and two vectors, in any storage.
template <class Storage>
struct list {
  using storage = Storage;
  linear<float, 3, 2, Storage, 3> map;
  typename Storage::template vector<float, 5> scale;

  template <class Self, class F>
  static constexpr void for_each(Self& self, F&& f) {
    f("weight", std::array<std::size_t, 2>{3, 2}, self.map.weight());
    f("bias", std::array<std::size_t, 1>{3}, self.map.bias());
    f("scale", std::array<std::size_t, 1>{5}, self.scale);
  }
};

constexpr std::size_t matrix = pooled<float>(mamba::kernels::packed_matrix<float>::panel * 2);
alignas(64) constexpr std::array<float, matrix + 32> numbers = [] {
  std::array<float, matrix + 32> all{};
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<float>(i);
  return all;
}();
constexpr auto read = borrowed<list<constant>>(constant_pools(numbers));

// The compiler itself has borrowed them: each from a cache line on, in the order of the list, static sizes given once.
static_assert(read.map.weight().storage().data() == numbers.data() && read.map.weight().rows() == 3);
static_assert(read.map.bias().span().data() == numbers.data() + matrix && read.map.bias().rows() == 3);
static_assert(read.scale.span().data() == numbers.data() + matrix + 16 && read.scale.rows() == 5);
static_assert(pooled<float>(0) == 0 && pooled<float>(16) == 16 && pooled<float>(17) == 32 && pooled<double>(9) == 16);
static_assert(pooled<mamba::kernels::weight_block<mamba::q4>>(3) == 3);

TEST_CASE("constant_pools: pools of another size are refused by name") {
  auto const of_size = [](std::size_t n) { return constant_pools<float>(std::span<float const>(numbers).first(n)); };
  CHECK_THROWS_AS(static_cast<void>(borrowed<list<constant>>(of_size(matrix + 31))), mamba::error);
  CHECK_THROWS_AS(static_cast<void>(borrowed<list<constant>>(of_size(0))), mamba::error);
  CHECK_NOTHROW(static_cast<void>(borrowed<list<constant>>(of_size(matrix + 32))));
  std::array<double, 8> const unused{};
  CHECK_THROWS_AS(static_cast<void>(borrowed<list<constant>>(
                      constant_pools<float, double>(std::span<float const>(numbers), std::span<double const>(unused)))),
                  mamba::error);
}

TEST_CASE("constant_pools: what borrows nothing yet is refused where contracts are checked, not read as no bias") {
  list<constant> const empty{};
  CHECK(empty.map.bias().rows() == 3);
  CHECK_THROWS_AS(static_cast<void>(empty.map.bias().span()), mamba::contract_violation);
}

}  // namespace
