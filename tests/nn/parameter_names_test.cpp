// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/model/weights.hpp>
#include <mamba/nn/parameter_names.hpp>
#include <support/allocations.hpp>

#include <array>
#include <span>
#include <string>
#include <string_view>
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
  prefixed(numbered_name("layers", 10), keep)(std::string("norm"), 3, storage, 'r');
  CHECK(seen == std::vector<std::string>{"mixer.D30", "layers.10.norm41"});
}

TEST_CASE("parameter_names: one that does not fit is refused, and none is cut off") {
  int storage = 0;
  std::size_t length = 0;
  auto const keep = [&](std::string_view name, int, int&) { length = name.size(); };
  std::string const most(parameter_name::capacity - 2, 'm');
  prefixed("a.", keep)(most, 0, storage);
  CHECK(length == parameter_name::capacity);
  CHECK_THROWS_WITH_AS(prefixed("ab.", keep)(most, 0, storage),
                       ("the name of a parameter has more than 248 characters: ab." + most).c_str(), mamba::error);
}

TEST_CASE("parameter_names: numbers as text") {
  CHECK(numbered_name("layers", 0) == "layers.0.");
  CHECK(numbered_name("layers", static_cast<std::size_t>(-1)) ==
        "layers." + std::to_string(static_cast<std::size_t>(-1)) + ".");
}

TEST_CASE("parameter_names: a model is filled without a heap") {
  namespace model = mamba::model;
  constexpr model::config sizes{.d_model = 4, .n_layer = 2, .vocab_size = 5, .d_state = 4};
  static model::weights<sizes> w;
  std::size_t letters = 0;
  std::size_t const before = test::allocations;
  std::array<float, 64> const row{};
  model::for_each_tensor(w, [&](std::string_view name, auto, auto& storage) {
    letters += name.size();
    for (std::size_t i = 0; i < storage.rows(); ++i)
      storage.set_row(i, std::span<float const>(row).first(storage.row_size()));
  });
  CHECK(test::allocations == before);
  CHECK(letters > 100);
}

TEST_CASE("parameter_names: a nameless visitor gets the same parameters in the same order, without a heap") {
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
