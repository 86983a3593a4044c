// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/nn/embedding.hpp>
#include <mamba/nn/linear.hpp>
#include <support/bits.hpp>
#include <support/guarded.hpp>
#include <support/parameters.hpp>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace {

using mamba::bfloat16;
using mamba::matrix_view;
using mamba::nn::embedding;
using test::guarded;

template <class W>
void check_lookup_and_logits() {
  using T = typename embedding<W>::scalar;
  test::random rng(sizeof(W));
  for (int run = 0; run < 30; ++run) {
    std::size_t const vocab = 1 + rng.below(100), width = 1 + rng.below(40), L = rng.below(12);
    embedding<W> table(vocab, width);
    test::fill_rows<T>(table.weight(), rng, -2, 2);
    auto const rows = test::rows_of<T>(table.weight());
    std::vector<std::int32_t> tokens(L);
    for (auto& t : tokens) t = static_cast<std::int32_t>(rng.below(vocab));
    guarded<T> y(L, width, rng.below(9));
    table(tokens, y.view());
    REQUIRE(y.intact());
    for (std::size_t t = 0; t < L; ++t) {
      auto const id = static_cast<std::size_t>(tokens[t]);
      REQUIRE(test::same_bits(y.view().row(t), std::span<T const>(rows).subspan(id * width, width)));
    }

    // The tied head is the linear layer with the same weights, and the padding of the vocabulary is never looked at.
    mamba::nn::linear<W> head(vocab, width, mamba::nn::bias::none);
    for (std::size_t i = 0; i < vocab; ++i) {
      head.weight().set_row(i, std::span<T const>(rows).subspan(i * width, width));
    }
    std::size_t const columns = 1 + rng.below(vocab);
    guarded<T> logits(L, columns), expected(L, columns);
    table.head()(y.view(), logits.view());
    head(y.view(), expected.view());
    REQUIRE(logits.intact());
    REQUIRE(test::same_rows(logits.view(), expected.view()));
  }
}

TEST_CASE("embedding: looks up rows exactly, and gives logits with the same table") {
  check_lookup_and_logits<float>();
  check_lookup_and_logits<double>();
  check_lookup_and_logits<bfloat16>();
  check_lookup_and_logits<mamba::float16>();
}

TEST_CASE("embedding: logits by hand") {
  embedding<float> table(3, 2);
  table.weight().set_row(0, std::vector<float>{1, 2});
  table.weight().set_row(1, std::vector<float>{0, -1});
  table.weight().set_row(2, std::vector<float>{3, 0.5F});
  float const x[] = {2, 4};
  float y[3];
  table.head()(matrix_view<float const>(x, 1, 2), matrix_view<float>(y, 1, 3));
  CHECK(y[0] == 10);
  CHECK(y[1] == -4);
  CHECK(y[2] == 8);
}

TEST_CASE("embedding: a token outside the vocabulary is a broken contract") {
  embedding<float> const table(3, 2);
  guarded<float> y(1, 2);
  for (std::int32_t const id : {3, -1, 1 << 30}) {
    std::int32_t const tokens[] = {id};
    CHECK_THROWS_AS(table(tokens, y.view()), mamba::contract_violation);
  }
  std::int32_t const tokens[] = {2};
  CHECK_NOTHROW(table(tokens, y.view()));
}

}  // namespace
