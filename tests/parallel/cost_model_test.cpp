// SPDX-License-Identifier: MIT
#include <mamba/parallel/cost_model.hpp>

#include <mamba/core/bfloat16.hpp>
#include <mamba/parallel/parallel_for.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>

using mamba::parallel::cost;

TEST_CASE("cost_model: costs add, scale and compare, at compile time") {
  static_assert(cost{} == cost::bytes(0));
  static_assert(cost::bytes(24) + cost::bytes(12) == cost::bytes(36));
  static_assert(3 * cost::exponentials(5) == cost::exponentials(15));
  static_assert(max(cost::bytes(1), cost::bytes(2)) == cost::bytes(2));
  static_assert(max(cost::bytes(2), cost::bytes(1)) == cost::bytes(2));
  static_assert(cost::seconds(2).nanoseconds == 2e9);
  static_assert(cost::elementwise(std::size_t{1} << 40) > cost::elementwise(1));
}

TEST_CASE("cost_model: narrower products are never dearer, and counted operations take the time of the table") {
  CHECK(cost::multiply_adds<double>(1) > cost::multiply_adds<float>(1));
  CHECK(cost::multiply_adds<mamba::bfloat16>(1) >= cost::multiply_adds<float>(1));
  CHECK(cost::multiply_adds<std::int8_t>(1) < cost::multiply_adds<float>(1));
  CHECK(cost::multiply_adds(80).nanoseconds == 80 / mamba::parallel::rates.multiply_adds_f32);
  CHECK(cost::scalar_operations(7).nanoseconds == 7 / mamba::parallel::rates.scalar_operations);
}

// The decision, in the sizes of a model: a step of two layers of 64 channels (d_inner 128, N 16) runs on one thread, a
// layer of mamba-130m (d_model 768) on several.
TEST_CASE("cost_model: a step of a small model stays on one thread, one of 130m does not") {
  auto const layer = [](std::size_t model, std::size_t inner) {
    std::size_t const weights = 3 * model * inner + inner * (2 * 16 + 2 * model / 16);
    return max(cost::multiply_adds(weights), cost::bytes(4 * weights)) + cost::exponentials(16 * inner);
  };
  CHECK(2.0 * layer(64, 128) < mamba::parallel::parallel_threshold());
  CHECK(layer(768, 1536) > mamba::parallel::parallel_threshold());
}
