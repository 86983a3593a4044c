// SPDX-License-Identifier: MIT
#include <mamba/io/checkpoint/weights.hpp>
#include <mamba/model/weights.hpp>

#include <support/error_of.hpp>
#include <support/random.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

using mamba::io::stored_as;

namespace {

constexpr mamba::model::config sizes{.d_model = 6, .n_layer = 2, .vocab_size = 7, .d_state = 3, .dt_rank = 2};

// A container of the test's own, with names and values of another kind: the loader needs no change for it.
constexpr mamba::io::tensor_name rows[] = {
    {"backbone.embedding.weight", "token_embd"},
    {"backbone.layers.#.mixer.A_log", "blk.#.ssm_a", stored_as::minus_exp},
};
constexpr mamba::io::name_table names{"test", rows};

struct in_memory {
  std::vector<std::vector<double>> numbers;
  std::vector<mamba::io::stored_tensor> all;

  in_memory() {
    test::random rng(5);
    auto const add = [&](std::string const& library, std::span<std::size_t const> shape, auto&) {
      auto const [name, how] = mamba::io::name_in_file(names, library);
      numbers.emplace_back(*mamba::io::element_count(shape));
      for (double& v : numbers.back())
        v = how == stored_as::minus_exp ? -std::exp(rng.uniform(-1, 1)) : rng.uniform(-1, 1);
      all.push_back(
          {name, mamba::io::dtype::f64, {shape.begin(), shape.end()}, std::as_bytes(std::span(numbers.back()))});
    };
    mamba::model::for_each_tensor(mamba::model::manifest<>(sizes), add);
  }
  mamba::io::stored_tensor const* find(std::string_view name) const {
    for (auto const& t : all)
      if (t.name == name) return &t;
    return nullptr;
  }
  std::vector<mamba::io::stored_tensor> const& tensors() const { return all; }
  std::string const* metadata(std::string_view) const { return nullptr; }
  std::string where() const { return "memory"; }
  std::string where(mamba::io::stored_tensor const&) const { return "memory"; }
};

}  // namespace

TEST_CASE("weights: another container with another table is checked and loaded by the same code") {
  in_memory const source;
  mamba::io::stored_blocks const none;
  mamba::io::tensor_layout const layout{&names, &none, "the test"};
  mamba::io::detail::check_tensors(source, layout, mamba::model::manifest<>(sizes));
  mamba::model::weights<mamba::model::any, double> weights(sizes);
  mamba::io::detail::load_tensors(source, layout, weights, {});
  std::size_t seen = 0;
  mamba::model::for_each_tensor(weights, [&](std::string const& library, std::span<std::size_t const>, auto& storage) {
    auto const [name, how] = mamba::io::name_in_file(names, library);
    auto const& stored = source.numbers[static_cast<std::size_t>(source.find(name) - source.all.data())];
    std::vector<double> row(storage.row_size());
    for (std::size_t r = 0; r < storage.rows(); ++r) {
      storage.get_row(r, std::span<double>(row));
      for (std::size_t i = 0; i < row.size(); ++i) {
        double const expected = mamba::io::library_value(how, stored[r * row.size() + i]);
        CHECK(row[i] == expected);
      }
    }
    ++seen;
  });
  CHECK(seen == source.all.size());
}

TEST_CASE("weights: a container without a tensor is refused in its own spelling") {
  in_memory source;
  source.all.erase(source.all.begin());
  mamba::io::stored_blocks const none;
  mamba::io::tensor_layout const layout{&names, &none, "the test"};
  CHECK(test::has(
      test::error_of([&] { mamba::io::detail::check_tensors(source, layout, mamba::model::manifest<>(sizes)); }),
      "memory: tensor 'token_embd' is missing, expected one of shape [7, 6] by the test"));
}
