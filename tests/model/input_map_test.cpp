// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/model/input_map.hpp>
#include <mamba/nn/reference/plain.hpp>
#include <mamba/nn/workspace.hpp>
#include <support/parameters.hpp>

#include <vector>

namespace {

namespace model = mamba::model;

template <class Map>
void fill(Map& map) {
  test::random rng(1);
  Map::for_each(map, [&](auto const&, auto const&, auto& storage, auto) {
    test::fill_rows<typename Map::scalar>(storage, rng, -1, 1);
  });
}

TEST_CASE("input_map: tokens are rows of the table") {
  model::token_embedding<float> map({7, 5});
  fill(map);
  std::vector<model::token> const tokens{6, 0, 3};
  std::vector<float> r(15);
  map(tokens, {r.data(), 3, 5}, {});
  auto const rows = test::rows_of<float>(map.weight());
  CHECK(std::equal(r.begin() + 5, r.begin() + 10, rows.begin()));
  CHECK(map.size(tokens) == 3);
  CHECK(map.part(tokens, 1, 2)[1] == 3);
}

template <class W>
void check_features(double tolerance) {
  model::feature_projection<W> map({40, 12});
  fill(map);
  std::vector<float> x(3 * 40), r(3 * 12);
  test::random(2).fill(std::span(x), -1, 1);
  mamba::nn::workspace memory(map.workspace({40, 12}, 3));
  mamba::matrix_view<float const> const items(x.data(), 3, 40);
  map(items, {r.data(), 3, 12}, memory.memory());
  mamba::nn::reference::parameters<double> const p(map);
  for (std::size_t t = 0; t < 3; ++t) {
    auto const row = items.row(t);
    auto const exact = mamba::nn::reference::product<double>(p["input.weight"], p["input.bias"],
                                                             std::vector<double>(row.begin(), row.end()));
    for (std::size_t i = 0; i < 12; ++i) {
      CHECK(std::fabs(static_cast<double>(r[12 * t + i]) - exact[i]) <= tolerance);
    }
  }
  CHECK(map.size(items) == 3);
  CHECK(map.part(items, 2, 1)(0, 0) == x[80]);
}

// Float: 40 terms of at most 1 and a bias: 41·41·ε/2 in the worst case. q8 rounds x to half a step of 1/127 in each of
// 40 products of at most 1: 40/254 in the worst case.
TEST_CASE("input_map: features are projected, in any format by one call") {
  check_features<float>(41 * 41 * 1.2e-7 / 2);
  check_features<mamba::q8>(40.0 / 254);
}

}  // namespace
