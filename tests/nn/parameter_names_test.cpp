// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/model/weights.hpp>
#include <mamba/nn/parameter_names.hpp>
#include <support/allocations.hpp>

#include <string>
#include <vector>

namespace {

using namespace mamba::nn;

TEST_CASE("parameter_names: a prefix stands before each name, and what comes with the name goes through") {
  std::vector<std::string> seen;
  auto const keep = [&](std::string const& name, int shape, int& storage, auto... role) {
    seen.push_back(name + std::to_string(shape + storage) + std::to_string(sizeof...(role)));
  };
  int storage = 1;
  prefixed("mixer.", keep)("D", 2, storage);
  prefixed(std::string("layers.0."), keep)(std::string("norm"), 3, storage, 'r');
  CHECK(seen == std::vector<std::string>{"mixer.D30", "layers.0.norm41"});
}

TEST_CASE("parameter_names: a nameless visitor sees the same parameters in the same order, without a heap") {
  namespace model = mamba::model;
  constexpr model::config sizes{.d_model = 16, .n_layer = 2, .vocab_size = 97};
  model::manifest<> const named(sizes);
  std::vector<std::size_t> expected, found;
  model::for_each_tensor(named,
                         [&](std::string const&, auto const& shape, auto const&) { expected.push_back(shape[0]); });
  found.reserve(expected.size());
  std::size_t const before = test::allocations;
  auto const visit = [&](auto const& shape, auto const&, auto) { found.push_back(shape[0]); };
  model::manifest<>::for_each(named, nameless(visit));
  CHECK(test::allocations == before);
  CHECK(found == expected);
}

}  // namespace
