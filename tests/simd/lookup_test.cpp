// SPDX-License-Identifier: MIT
#include <mamba/simd/lookup.hpp>

#include <doctest/doctest.h>

namespace simd = mamba::simd;

TEST_CASE("lookup: every lane takes the entry of its own index, whatever the bits above the lowest three") {
  using V = simd::batch<float>;
  constexpr std::size_t W = simd::lanes<float>;
  simd::table_of_eight table{};
  for (std::uint32_t k = 0; k < 8; ++k) table.bits[k] = simd::bit_cast<std::uint32_t>(1.5F + static_cast<float>(k));
  for (std::uint32_t first = 0; first < 16; ++first) {
    alignas(64) float index[W];
    alignas(64) float found[W];
    auto const at = [first](std::size_t i) { return 0x4b400000U + first + 5 * static_cast<std::uint32_t>(i); };
    for (std::size_t i = 0; i < W; ++i) index[i] = simd::bit_cast<float>(at(i));
    simd::store<V>(found, simd::lookup<V>(table, simd::bit_cast<std::uint32_t>(simd::load<V>(index))));
    for (std::size_t i = 0; i < W; ++i) {
      CHECK(found[i] == 1.5F + static_cast<float>(at(i) % 8));
      CHECK(found[i] == simd::lookup<float>(table, at(i)));
    }
  }
}
