// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/nn/state_storage.hpp>
#include <mamba/tensor/tensor.hpp>

#include <vector>

template <class Rows>
constexpr bool can_be_set = requires(Rows r, std::span<float const> v) { r.set_row(0, v); };

TEST_CASE("state_rows: a part of a state, row by row, and read-only where the part is") {
  mamba::tensor<float, 2, 3> part;
  mamba::nn::state_rows rows(part);
  CHECK(rows.rows() == 2);
  CHECK(rows.row_size() == 3);
  rows.set_row(1, std::vector<float>{1, 2, 3});
  CHECK(part(1, 2) == 3);
  mamba::tensor<float, 2, 3> const& fixed = part;
  mamba::nn::state_rows const read(fixed);
  std::vector<float> row(3);
  read.get_row(1, row);
  CHECK(row == std::vector<float>{1, 2, 3});
  static_assert(can_be_set<decltype(rows)> && !can_be_set<decltype(read)>);
}
