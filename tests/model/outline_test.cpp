// SPDX-License-Identifier: MIT
#include <mamba/model/for_each_tensor.hpp>
#include <mamba/model/outline.hpp>
#include <support/allocations.hpp>
#include <support/random_model.hpp>

#include <doctest/doctest.h>

namespace model = mamba::model;

TEST_CASE("outline: the names, shapes and order of a real model, for every kind of configuration") {
  test::random rng(5);
  for (int i = 0; i < 50; ++i) {
    model::config const sizes = test::random_sizes(rng, 1);
    using entry = std::pair<std::string, std::vector<std::size_t>>;
    std::vector<entry> real;
    std::vector<entry> outlined;
    auto const keep_in = [](std::vector<entry>& list) {
      return [&list](std::string const& name, auto shape, auto&) {
        list.emplace_back(name, std::vector<std::size_t>(shape.begin(), shape.end()));
      };
    };
    model::weights<> const w(sizes);
    model::for_each_tensor(w, keep_in(real), model::naming::hugging_face);
    model::for_each_tensor(model::outline(sizes), keep_in(outlined), model::naming::hugging_face);
    CHECK(real == outlined);
  }
}

TEST_CASE("outline: absurd sizes cost nothing") {
  model::config const absurd{.d_model = std::size_t{1} << 40U, .n_layer = std::size_t{1} << 50U, .vocab_size = 7};
  std::size_t const before = test::allocations;
  model::outline const o(absurd);
  CHECK(o.sizes() == absurd);
  CHECK(o.layers.size() == std::size_t{1} << 50U);
  CHECK(test::allocations == before);
}
