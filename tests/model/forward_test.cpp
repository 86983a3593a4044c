// SPDX-License-Identifier: MIT
// The bits of forward under every partition are held in tests/contract; its numbers against transformers in
// tests/examples/model_golden_test.cpp. Here: what a caller may rely on.
#include <mamba/model/forward.hpp>
#include <mamba/model/weights.hpp>
#include <support/allocations.hpp>
#include <support/bits.hpp>
#include <support/random_model.hpp>
#include <support/threads.hpp>

#include <cmath>

#include <doctest/doctest.h>

namespace model = mamba::model;
using mamba::matrix_view;

namespace {

model::workspace workspace;

constexpr model::config sizes{.d_model = 10, .n_layer = 2, .vocab_size = 17, .d_state = 4};

template <class W>
std::vector<float> all_logits(model::weights<model::any, W> const& w, std::vector<model::token> const& tokens) {
  model::state<> state(w.sizes());
  std::vector<float> logits(tokens.size() * w.sizes().vocab_size);
  model::forward(w, tokens, state, workspace, matrix_view<float>(logits.data(), tokens.size(), w.sizes().vocab_size));
  return logits;
}

}  // namespace

TEST_CASE("forward: causality, to the bit: a later token changes no earlier logits") {
  model::weights<> w(sizes);
  test::fill_weights(w, 2, test::weight_range::unit);
  test::random rng(4);
  auto tokens = test::random_tokens(rng, 20, 17);
  auto const before = all_logits(w, tokens);
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    auto changed = tokens;
    changed[t] = (changed[t] + 1) % 17;
    auto const after = all_logits(w, changed);
    CHECK(std::equal(before.begin(), before.begin() + static_cast<std::ptrdiff_t>(17 * t), after.begin()));
    CHECK_FALSE(std::equal(before.begin() + static_cast<std::ptrdiff_t>(17 * t), before.end(),
                           after.begin() + static_cast<std::ptrdiff_t>(17 * t)));
  }
}

TEST_CASE("forward: step allocates nothing, and a longer call only the first time") {
  model::weights<> w(sizes);
  test::fill_weights(w, 2, test::weight_range::unit);
  model::state<> state(sizes);
  std::vector<float> logits(17);
  model::workspace own(w);
  std::size_t before = test::allocations;
  for (int i = 0; i < 5; ++i) model::step(w, i, state, own, logits);
  CHECK(test::allocations == before);
  test::random rng(6);
  auto const tokens = test::random_tokens(rng, 300, 17);
  matrix_view<float> const last(logits.data(), std::size_t{1}, std::size_t{17});
  model::forward(w, tokens, state, own, last);
  before = test::allocations;
  model::forward(w, tokens, state, own, last);
  CHECK(test::allocations == before);
}

TEST_CASE("forward: a workspace does not grow with the prompt") {
  model::weights<> const w(sizes);
  model::workspace const chunk(w, model::chunk_rows), long_prompt(w, 100000);
  CHECK(long_prompt.bytes() == chunk.bytes());
}

TEST_CASE("forward: a narrower row of logits has the first ids") {
  model::weights<> w(sizes);
  test::fill_weights(w, 2, test::weight_range::unit);
  std::vector<model::token> const tokens{1, 2, 3};
  auto const all = all_logits(w, tokens);
  model::state<> state(sizes);
  std::vector<float> few(5);
  model::forward(w, tokens, state, workspace, matrix_view<float>(few.data(), std::size_t{1}, std::size_t{5}));
  for (std::size_t id = 0; id < 5; ++id) CHECK(few[id] == all[2 * 17 + id]);
}

TEST_CASE("forward: a batch for weights, as they are named") {
  using weights = model::weights<>;
  weights w(sizes);
  test::fill_weights(w, 2, test::weight_range::unit);
  std::vector<model::token> const a{1, 2, 3}, b{4};
  model::state<> state_a(sizes), state_b(sizes);
  std::vector<float> logits(2 * 17);
  model::sequence<weights> const batch[] = {{a, &state_a, 1}, {b, &state_b, 1}};
  model::forward(w, std::span(batch), workspace, {logits.data(), 2, 17});
  CHECK(test::same_bits(std::span<float const>(logits).first(17), std::span<float const>(all_logits(w, a)).last(17)));
  CHECK(test::same_bits(std::span<float const>(logits).last(17), std::span<float const>(all_logits(w, b))));
}

TEST_CASE("forward: NaN in a weight comes out as NaN and not as a number") {
  model::weights<> w(sizes);
  test::fill_weights(w, 2, test::weight_range::unit);
  std::vector<float> row(10, std::nanf(""));
  w.input.weight().set_row(3, row);
  auto const logits = all_logits(w, {1, 3, 2});
  for (std::size_t id = 0; id < 17; ++id) {
    if (id != 3) CHECK_FALSE(std::isnan(logits[id]));
    CHECK(std::isnan(logits[17 + id]));
    CHECK(std::isnan(logits[34 + id]));
  }
}

TEST_CASE("forward: no tokens, no change") {
  model::weights<> const w(sizes);
  model::state<> state(sizes);
  model::state<> const before = state;
  model::forward(w, std::span<model::token const>{}, state, workspace, {});
  CHECK(state == before);
}

namespace {

/// Models of sizes that no block divides: any split, any number of threads, the same bits, and no allocation in step.
/// (Their numbers: each product in tests/kernels, a trained model in tests/programs/evaluate_test.cpp.)
template <class W>
void check_format() {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    test::random rng(seed);
    model::config const c = test::random_sizes(rng, 3);
    model::weights<model::any, W> w(c);
    test::fill_weights(w, seed, test::weight_range::unit);
    auto const tokens = test::random_tokens(rng, 40, c.vocab_size);
    auto const whole = all_logits(w, tokens);
    CAPTURE(seed);
    test::all_work_shared const shared;
    for (int const threads : {1, 2, 3}) {
      mamba::parallel::set_thread_count(threads);
      model::state<> state(c);
      std::vector<float> parts(whole.size());
      for (std::size_t first = 0; first < tokens.size();) {
        std::size_t const count = std::min(tokens.size() - first, 1 + rng.below(9));
        model::forward(w, std::span(tokens).subspan(first, count), state, workspace,
                       matrix_view<float>(parts.data() + first * c.vocab_size, count, c.vocab_size));
        first += count;
      }
      CHECK(test::same_bits(parts, whole));
    }
    model::state<> state(c);
    std::vector<float> logits(c.vocab_size);
    std::size_t const before = test::allocations;
    model::step(w, 1, state, workspace, logits);
    CHECK(test::allocations == before);
  }
}

}  // namespace

TEST_CASE("forward: every format of weights keeps the partition contract and allocates nothing in step") {
  check_format<mamba::float16>();
  check_format<mamba::bfloat16>();
  check_format<mamba::q8>();
  check_format<mamba::q4>();
  check_format<mamba::ternary>();
}

namespace {

namespace nn = mamba::nn;

struct some_rounded {
  template <nn::role R>
  using format = std::conditional_t<R == nn::role::embedding || R == nn::role::head, mamba::q8,
                                    std::conditional_t<R == nn::role::input, mamba::q4, float>>;
};

struct the_others_rounded {
  template <nn::role R>
  using format = std::conditional_t<R == nn::role::selection, mamba::q8,
                                    std::conditional_t<R == nn::role::output, mamba::ternary, float>>;
};

/// The numbers that w's codes stand for, in float.
template <class W>
model::weights<> in_float(model::weights<model::any, W> const& w) {
  std::vector<std::vector<float>> rows;
  model::for_each_tensor(w, [&](std::string const&, std::span<std::size_t const>, auto const& storage) {
    for (std::size_t i = 0; i < storage.rows(); ++i) {
      rows.emplace_back(storage.row_size());
      storage.get_row(i, std::span<float>(rows.back()));
    }
  });
  model::weights<> plain(w.sizes());
  auto row = rows.cbegin();
  model::for_each_tensor(plain, [&](std::string const&, std::span<std::size_t const>, auto& storage) {
    for (std::size_t i = 0; i < storage.rows(); ++i) storage.set_row(i, std::span<float const>(*row++));
  });
  return plain;
}

/// Token by token, the logits of `whole`, and the state of one call.
template <class W>
void check_steps(model::weights<model::any, W> const& w, std::vector<model::token> const& tokens,
                 std::vector<float> const& whole) {
  std::size_t const vocab = w.sizes().vocab_size;
  model::state<> state(w.sizes());
  model::state<> at_once(w.sizes());
  std::vector<float> parts(whole.size());
  for (std::size_t t = 0; t < tokens.size(); ++t)
    model::step(w, tokens[t], state, workspace, std::span(parts).subspan(t * vocab, vocab));
  model::forward(w, tokens, at_once, workspace, {});
  CHECK(test::same_bits(parts, whole));
  CHECK(state == at_once);
}

/// Matrices whose input is rounded beside matrices whose input is not: nothing but the rounding of activations may lie
/// between the logits and those of the same numbers in float. (Half a percent to one of each product's input; a random
/// model makes about four times as much of any error.)
template <class W>
void check_mixed() {
  for (bool const tied : {true, false}) {
    CAPTURE(tied);
    test::random rng(14);
    model::config const c{.d_model = 76, .n_layer = 2, .vocab_size = 45, .d_state = 7, .tie_embeddings = tied};
    model::weights<model::any, W> w(c);
    test::fill_weights(w, 15, test::weight_range::unit);
    auto const tokens = test::random_tokens(rng, 30, c.vocab_size);
    auto const whole = all_logits(w, tokens);
    auto const plain = all_logits(in_float(w), tokens);
    double off = 0;
    double size = 0;
    for (std::size_t i = 0; i < whole.size(); ++i) {
      off += std::pow(static_cast<double>(whole[i] - plain[i]), 2);
      size += std::pow(static_cast<double>(plain[i]), 2);
    }
    MESSAGE("relative distance: " << std::sqrt(off / size));
    CHECK(std::sqrt(off / size) < 0.08);
    test::all_work_shared const shared;
    for (int const threads : {1, 2}) {
      mamba::parallel::set_thread_count(threads);
      check_steps(w, tokens, whole);
    }
  }
}

}  // namespace

TEST_CASE(
    "forward: policies that mix formats keep the partition contract, and round activations where their formats do") {
  check_format<some_rounded>();
  check_format<the_others_rounded>();
  check_mixed<some_rounded>();
  check_mixed<the_others_rounded>();
}

TEST_CASE("forward: broken preconditions are named") {
  model::weights<> const w(sizes);
  model::state<> state(sizes);
  std::vector<model::token> const one{1};
  std::vector<float> logits(40);
  CHECK_THROWS_AS(
      model::forward(w, one, state, workspace, matrix_view<float>(logits.data(), std::size_t{2}, std::size_t{17})),
      mamba::contract_violation);
  CHECK_THROWS_AS(
      model::forward(w, one, state, workspace, matrix_view<float>(logits.data(), std::size_t{1}, std::size_t{18})),
      mamba::contract_violation);
  std::vector<model::token> const outside{17};
  CHECK_THROWS_AS(model::forward(w, outside, state, workspace, {}), mamba::contract_violation);
  std::vector<model::token> const negative{-1};
  CHECK_THROWS_AS(model::forward(w, negative, state, workspace, {}), mamba::contract_violation);
  model::config other = sizes;
  other.d_model = 11;
  model::state<> of_other(other);
  CHECK_THROWS_AS(model::forward(w, one, of_other, workspace, {}), mamba::contract_violation);
  other.d_model = 9;
  model::state<> narrower(other);
  CHECK_THROWS_AS(model::forward(w, one, narrower, workspace, {}), mamba::contract_violation);
  other = sizes;
  other.d_state = 3;
  model::state<> shorter(other);
  CHECK_THROWS_AS(model::forward(w, one, shorter, workspace, {}), mamba::contract_violation);
  other = sizes;
  other.n_layer = 3;
  model::state<> higher(other);
  CHECK_THROWS_AS(model::forward(w, one, higher, workspace, {}), mamba::contract_violation);
}

TEST_CASE("forward: every sequence of a batch has a state, and no two have one") {
  using network = model::weights<>::network_type;
  model::weights<> const w(sizes);
  model::state<> state(sizes), other(sizes);
  std::vector<model::token> const one{1};
  auto const run = [&](model::sequence<network> const& first, model::sequence<network> const& second) {
    model::sequence<network> const batch[] = {first, second};
    model::forward(w, std::span<model::sequence<network> const>(batch), workspace, {});
  };
  CHECK_NOTHROW(run({one, &state, 0}, {{}, &other, 0}));
  CHECK_THROWS_AS(run({one, &state, 0}, {{}, nullptr, 0}), mamba::contract_violation);
  CHECK_THROWS_AS(run({one, &state, 0}, {one, &state, 0}), mamba::contract_violation);
}
