// SPDX-License-Identifier: MIT
#include <mamba/io/tensors/rows.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <numeric>
#include <span>
#include <vector>

TEST_CASE("rows: every row of a range is visited once with its numbers, in float and in double") {
  std::vector<float> values(7 * 2 * 3);
  std::iota(values.begin(), values.end(), 1.0F);
  mamba::io::stored_tensor const t{"t", mamba::io::dtype::f32, {7, 2, 3}, std::as_bytes(std::span(values))};
  for (std::size_t first = 0; first < 7; ++first) {
    for (std::size_t count = 0; count <= 7 - first; ++count) {
      std::vector<std::vector<double>> rows(count);
      mamba::io::for_each_row<double>(t, first, count, [&](std::size_t row, std::span<double const> numbers) {
        rows[row].insert(rows[row].end(), numbers.begin(), numbers.end());
      });
      for (std::size_t i = 0; i < count; ++i) {
        auto const from = values.begin() + static_cast<std::ptrdiff_t>((first + i) * 6);
        CHECK(rows[i] == std::vector<double>(from, from + 6));
      }
    }
  }
}
