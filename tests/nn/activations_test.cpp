// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/nn/activations.hpp>
#include <support/random.hpp>

#include <cstring>
#include <vector>

namespace {

using mamba::arena;
using mamba::matrix_view;
using mamba::nn::activation_format;
using mamba::nn::activations;

TEST_CASE("activations: plain ones take no memory and quantize() does nothing") {
  std::vector<float> x(6, 1);
  arena at;
  activations<float> const a(at, matrix_view<float const>(x.data(), 2, 3));
  a.quantize(0, 2);
  a.quantize_columns(0, 3);
  CHECK(at.used() == 0);
  CHECK(a.values(1, 2) == 1);
}

TEST_CASE("activations: int8 blocks by rows and by columns are those of the whole matrix") {
  constexpr std::size_t rows = 5, width = 100;
  std::vector<float> x(rows * width);
  test::random(1).fill(std::span(x), -3, 3);
  matrix_view<float const> const values(x.data(), rows, width);
  mamba::kernels::quantized_buffer whole(rows, width);
  whole.assign(values);
  mamba::heap_storage<std::byte> memory(2 << 14);
  arena at({memory.data(), memory.size()});
  using int8 = activations<float, activation_format::int8>;
  int8 const by_rows(at, values), by_columns(at, values);
  by_rows.quantize(3, 2);
  by_rows.quantize(0, 3);
  by_columns.quantize_columns(64, 36);
  by_columns.quantize_columns(0, 64);
  std::size_t const bytes = rows * 4 * sizeof(mamba::kernels::quantized_block);
  CHECK(std::memcmp(by_rows.blocks.row(0), whole.row(0), bytes) == 0);
  CHECK(std::memcmp(by_columns.blocks.row(0), whole.row(0), bytes) == 0);
  arena measuring;
  int8 const measured(measuring, values);
  CHECK(2 * measuring.used() == at.used());
}

}  // namespace
