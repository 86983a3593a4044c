// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/model/observe.hpp>
#include <mamba/model/weights.hpp>
#include <support/bits.hpp>
#include <support/random_model.hpp>

#include <stdexcept>
#include <vector>

namespace {

namespace model = mamba::model;
constexpr model::config sizes{.d_model = 12, .n_layer = 3, .vocab_size = 30, .d_state = 4};

struct fixture {
  model::weights<> w{sizes};
  std::vector<model::token> tokens;
  model::state<> state{sizes};
  model::workspace workspace;
  std::vector<float> logits = std::vector<float>(30);
  mamba::matrix_view<float> const last{logits.data(), 1, 30};
  fixture() {
    test::fill_weights(w, 1, test::weight_range::unit);
    test::random rng(2);
    tokens = test::random_tokens(rng, model::chunk_rows + 20, 30);
  }
};

TEST_CASE_FIXTURE(fixture, "observe: the rows of every layer, whatever the split; outputs and state as forward's") {
  model::state<> plain(sizes);
  std::vector<float> expected(30);
  model::forward(w, tokens, plain, workspace, {expected.data(), 1, 30});

  std::size_t const length = tokens.size();
  auto const all_rows = [&](std::size_t split) {
    std::vector<float> rows((sizes.n_layer + 1) * length * 12);
    state.reset();
    for (std::size_t begin = 0; begin < length; begin += split) {
      auto const part = std::span(tokens).subspan(begin, std::min(split, length - begin));
      model::observe(w, part, state, workspace, last,
                     [&](std::size_t layers, std::size_t first, mamba::matrix_view<float> r) {
                       for (std::size_t t = 0; t < r.extent(0); ++t) {
                         auto const row = r.row(t);
                         auto const to = (layers * length + begin + first + t) * 12;
                         std::copy(row.begin(), row.end(), rows.begin() + static_cast<std::ptrdiff_t>(to));
                       }
                     });
    }
    CHECK(test::same_bits(logits, expected));
    CHECK(state == plain);
    return rows;
  };
  auto const rows = all_rows(length);
  CHECK(test::same_bits(all_rows(7), rows));

  // Behind no layer the embedding, behind the last what hidden() normalises.
  std::vector<float> embedding(12), hidden(12), normed(12);
  w.input(std::span(tokens).first(1), {embedding.data(), 1, 12}, mamba::arena());
  CHECK(test::same_bits(embedding, std::span<float const>(rows).first(12)));
  state.reset();
  model::hidden(w, tokens, state, workspace, {hidden.data(), 1, 12});
  w.output.norm_f({rows.data() + rows.size() - 12, 1, 12}, {normed.data(), 1, 12});
  CHECK(test::same_bits(hidden, normed));
}

TEST_CASE_FIXTURE(fixture, "observe: rows that are changed count, and what the function throws arrives") {
  auto const with_added = [&](float added) {
    state.reset();
    model::observe(w, std::span(tokens).first(5), state, workspace, last,
                   [&](std::size_t layers, std::size_t, mamba::matrix_view<float> r) {
                     if (layers == 1) r(0, 3) += added;
                   });
    return logits;
  };
  auto const plain = with_added(0);
  CHECK(!test::same_bits(with_added(1), plain));
  CHECK_THROWS_AS(model::observe(w, tokens, state, workspace, last,
                                 [](std::size_t, std::size_t, auto) { throw std::runtime_error("seen"); }),
                  std::runtime_error);
}

}  // namespace
