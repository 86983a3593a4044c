// SPDX-License-Identifier: MIT
// The partition contract of products with weights in every format: a token has the same bits alone, in any company
// and with any number of threads. Compared by memcmp. This file is compiled many times, under different flags.
#include <mamba/kernels/quantization/quantized_matmul.hpp>
#include <mamba/tensor/tensor.hpp>
#include <support/random.hpp>
#include <support/threads.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

namespace {

using mamba::dynamic;
using mamba::matrix_view;
using mamba::kernels::packed_matrix;
using mamba::kernels::quantized_buffer;
using matrix = mamba::tensor<float, dynamic, dynamic>;

template <class W>
void multiply(matrix_view<float const> x, packed_matrix<W> const& w, std::vector<float> const& bias,
              matrix_view<float> y) {
  if constexpr (mamba::block_format<W>) {
    quantized_buffer q(x.extent(0), x.extent(1));
    q.assign(x);
    mamba::kernels::matmul(q, w, std::span<float const>(bias), y);
  } else {
    mamba::kernels::matmul(x, w, std::span<float const>(bias), y);
  }
}

// Unoptimised code is fifty times slower.
#if defined(__OPTIMIZE__) && !defined(MAMBA_SANITIZED)
constexpr int cases = 60;
#else
constexpr int cases = 20;
#endif

/// `most` columns: some of the products have more of them than are taken at a time, and more tokens.
template <class W>
void check(std::size_t most) {
  test::random rng(sizeof(W));
  test::all_work_shared const shared;
  for (int round = 0; round <= cases; ++round) {
    bool const large = round == cases;
    std::size_t const tokens = large ? 270 : 1 + rng.below(30);
    std::size_t const in = large ? most : 1 + rng.below(150);
    std::size_t const out = large ? 40 : 1 + rng.below(120);
    packed_matrix<W> w(out, in);
    std::vector<float> row(in), bias(rng.below(2) * out);
    for (std::size_t r = 0; r < out; ++r) {
      for (float& v : row) v = static_cast<float>(rng.normal() * std::exp2(rng.uniform(-8, 2)));
      w.set_row(r, row);
    }
    rng.fill(std::span(bias), -1, 1);
    matrix x(tokens, in), whole(tokens, out), parts(tokens, out);
    for (float& v : x.span()) v = static_cast<float>(rng.normal());
    mamba::parallel::set_thread_count(1);
    multiply(matrix_view<float const>(x.view()), w, bias, matrix_view<float>(whole.view()));
    for (int const threads : {1, 2, 3}) {
      mamba::parallel::set_thread_count(threads);
      for (std::size_t first = 0; first < tokens;) {
        std::size_t const count = std::min(tokens - first, 1 + rng.below(9));
        multiply(matrix_view<float const>(x.view().rows(first, count)), w, bias,
                 matrix_view<float>(parts.view().rows(first, count)));
        first += count;
      }
      REQUIRE(std::memcmp(parts.data(), whole.data(), tokens * out * sizeof(float)) == 0);
    }
  }
}

}  // namespace

TEST_CASE("contract: products with 16-bit weights") {
  check<mamba::float16>(769);
  check<mamba::bfloat16>(769);
}
TEST_CASE("contract: products with float weights") { check<float>(2049); }
TEST_CASE("contract: products with 8-bit weights") { check<mamba::q8>(200); }
TEST_CASE("contract: products with 4-bit weights") { check<mamba::q4>(200); }
TEST_CASE("contract: products with ternary weights") { check<mamba::ternary>(200); }
