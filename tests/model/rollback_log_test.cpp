// SPDX-License-Identifier: MIT
// States that went on and were rolled back, against states that never went on: every bit, of every kind of layer.
#include <doctest/doctest.h>

#include <mamba/model/forward.hpp>
#include <mamba/model/rollback_log.hpp>
#include <mamba/model/weights.hpp>
#include <mamba/nn/s4d.hpp>
#include <support/allocations.hpp>
#include <support/bits.hpp>
#include <support/leaky_integrator.hpp>
#include <support/random_model.hpp>
#include <support/threads.hpp>

#include <cmath>
#include <limits>
#include <vector>

namespace {

namespace model = mamba::model;
namespace nn = mamba::nn;

// Three kinds of layers, one of them a caller's own, under a mean over time, which has a state too.
using layers = model::stack<nn::block<nn::mamba1<nn::any_mamba1, mamba::q8>>,
                            nn::block<nn::s4d<nn::any_s4d, mamba::q8>>, nn::block<test::leaky_integrator<>>>;
using mixed = model::network<model::token_embedding<mamba::q8>, layers, model::pooled_head<mamba::q8>>;

mixed::config mixed_sizes() {
  auto const mamba1 = layers::layer<0>({.mixer = {.d_model = 36}});
  auto const s4d = layers::layer<1>({.mixer = {.d_model = 36, .d_state = 8}});
  auto const own = layers::layer<2>({.mixer = {36}});
  return {{50, 36}, {s4d, mamba1, own, mamba1}, {.d_model = 36, .outputs = 5, .over = model::pooling::mean}};
}

constexpr model::config small{.d_model = 24, .n_layer = 2, .vocab_size = 50, .d_state = 5, .d_conv = 3};

template <class State>
std::vector<float> numbers(State const& state) {
  std::vector<float> all;
  State::for_each(state, [&](auto const&, auto const&, auto const& rows) {
    for (std::size_t i = 0; i < rows.rows(); ++i) {
      all.resize(all.size() + rows.row_size());
      rows.get_row(i, std::span(all).last(rows.row_size()));
    }
  });
  return all;
}

/// A text, read token by token: the state before each token, and the outputs after it.
template <class Network>
struct read_once {
  Network const& w;
  std::vector<model::token> tokens;
  std::vector<std::vector<float>> states, outputs;
  model::workspace workspace;

  read_once(Network const& network, std::size_t length) : w(network) {
    test::random rng(length);
    tokens = test::random_tokens(rng, length, 50);
    auto state = w.initial_state();
    states.push_back(numbers(state));
    for (model::token const t : tokens) {
      std::vector<float> out(w.outputs());
      model::step(w, t, state, workspace, out);
      states.push_back(numbers(state));
      outputs.push_back(out);
    }
  }
  [[nodiscard]] std::span<model::token const> part(std::size_t first, std::size_t count) const {
    return std::span(tokens).subspan(first, count);
  }
  [[nodiscard]] bool equals(std::size_t first, std::span<float const> rows) const {
    for (std::size_t t = 0; t < rows.size() / w.outputs(); ++t) {
      if (!test::same_bits(rows.subspan(t * w.outputs(), w.outputs()), outputs[first + t])) return false;
    }
    return true;
  }
};

/// Reads, steps and rewinds at random; `reach` is what the log has to take back at least.
template <class Network>
void wander(read_once<Network>& text, std::size_t kept, std::uint64_t seed) {
  Network const& w = text.w;
  test::random rng(seed);
  model::rollback_log log(w, kept);
  auto state = w.initial_state();
  std::size_t at = 0, reach = 0;
  for (int move = 0; move < 40; ++move) {
    std::size_t const left = text.tokens.size() - at;
    if (rng.below(3) == 0 || left == 0) {
      std::size_t const back = rng.below(log.size() + 1);
      log.rewind(w, state, back);
      at -= back;
      reach -= std::min(reach, back);
    } else {
      std::size_t const count = std::min(left, rng.below(rng.below(3) == 0 ? 70 : 12));
      std::size_t const with_outputs = rng.below(count + 1);
      std::vector<float> out(with_outputs * w.outputs());
      model::forward(w, text.part(at, count), state, text.workspace, {out.data(), with_outputs, w.outputs()}, &log);
      at += count;
      reach = std::min(reach + count, kept);
      CHECK(text.equals(at - with_outputs, out));
    }
    CHECK(log.size() >= reach);
    CHECK(log.size() <= at);
    REQUIRE(test::same_bits(numbers(state), text.states[at]));
  }
}

template <class Network>
void check_network(Network const& w) {
  read_once text(w, 150);
  for (std::size_t const kept : {0U, 1U, 3U, 16U, 30U, 500U}) {
    CAPTURE(kept);
    wander(text, kept, kept);
  }
  test::all_work_shared const shared;
  for (int const threads : {1, 2}) {
    mamba::parallel::set_thread_count(threads);
    wander(text, 20, static_cast<std::uint64_t>(threads));
  }
}

TEST_CASE("rollback_log: a state of Mamba, S4D, own layers and a mean over time is as if it had never gone on") {
  mixed w(mixed_sizes());
  test::fill_weights(w, 1, test::weight_range::unit);
  check_network(w);
}

TEST_CASE("rollback_log: static and dynamic sizes") {
  model::weights<> dynamic_sizes(small);
  test::fill_weights(dynamic_sizes, 2, test::weight_range::trained);
  check_network<model::weights<>::network_type>(dynamic_sizes);
  model::weights<small> static_sizes;
  test::fill_weights(static_sizes, 2, test::weight_range::trained);
  check_network<model::weights<small>::network_type>(static_sizes);
}

TEST_CASE("rollback_log: sequences with and without a log in one batch have the bits of each alone") {
  mixed w(mixed_sizes());
  test::fill_weights(w, 3, test::weight_range::unit);
  read_once text(w, 600);
  for (std::size_t const kept : {2U, 10U, 300U}) {
    CAPTURE(kept);
    std::vector<mixed::state> states(5, w.initial_state());
    model::rollback_log log(w, kept);
    std::vector<model::rollback_log<mixed>> logs(5, log);
    std::size_t const lengths[] = {20, 310, 0, 7, 280}, with_outputs[] = {4, 305, 0, 7, 1};
    std::vector<model::sequence<mixed>> batch;
    for (std::size_t k = 0; k < 5; ++k)
      batch.push_back({text.part(0, lengths[k]), &states[k], with_outputs[k], k == 3 ? nullptr : &logs[k]});
    std::vector<float> out(317 * w.outputs());
    model::forward(w, std::span<model::sequence<mixed> const>(batch), text.workspace, {out.data(), 317, w.outputs()});
    std::size_t row = 0;
    for (std::size_t k = 0; k < 5; ++k) {
      CHECK(text.equals(lengths[k] - with_outputs[k],
                        std::span(out).subspan(row * w.outputs(), with_outputs[k] * w.outputs())));
      row += with_outputs[k];
      CHECK(test::same_bits(numbers(states[k]), text.states[lengths[k]]));
      if (k == 3) continue;
      std::size_t const back = std::min(lengths[k], kept);
      CHECK(logs[k].size() >= back);
      logs[k].rewind(w, states[k], back);
      CHECK(test::same_bits(numbers(states[k]), text.states[lengths[k] - back]));
    }
  }
}

TEST_CASE("rollback_log: replay reads no matrix, allocates nothing, and a copy is a fork with its history") {
  model::weights<> w(small);
  test::fill_weights(w, 4, test::weight_range::unit);
  read_once<model::weights<>::network_type> text(w, 40);
  model::rollback_log log(w, 16);
  model::state<> state(small);
  std::vector<float> out(50);
  model::workspace workspace(w);
  std::size_t const before = test::allocations;
  for (std::size_t t = 0; t < 30; ++t) model::step(w, text.tokens[t], state, workspace, out, &log);
  log.rewind(w, state, 9);
  for (std::size_t t = 21; t < 40; ++t) model::step(w, text.tokens[t], state, workspace, out, &log);
  CHECK(test::allocations == before);

  auto forked_log = log;
  auto forked = state;
  std::vector<float> nothing;
  model::for_each_tensor(w, [&](auto const&, auto const&, auto& storage, nn::role role) {
    if (role == nn::role::vector) return;
    nothing.assign(storage.row_size(), std::numeric_limits<float>::quiet_NaN());
    for (std::size_t i = 0; i < storage.rows(); ++i) storage.set_row(i, std::span<float const>(nothing));
  });
  log.rewind(w, state, 11);
  CHECK(test::same_bits(numbers(state), text.states[29]));
  forked_log.rewind(w, forked, 3);
  CHECK(test::same_bits(numbers(forked), text.states[37]));
  forked_log.rewind(w, forked, 12);
  CHECK(test::same_bits(numbers(forked), text.states[25]));
}

TEST_CASE("rollback_log: a token takes at most an eighth of a state's memory, whatever Mamba's size") {
  for (model::config const& c :
       {model::mamba_130m, model::mamba_370m, model::mamba_790m, model::mamba_1_4b, model::mamba_2_8b}) {
    std::size_t const state = c.n_layer * (c.d_conv - 1 + c.d_state) * c.d_inner();
    model::manifest<float> const shapes(c);
    for (std::size_t const tokens : {1U, 16U, 64U, 1000U})
      CHECK(8 * (tokens + tokens / 8) * shapes.replay_width() <= tokens * state);
  }
  // And a longer log takes no more than that: its two states and its workspace are there once.
  model::weights<> const w(small);
  auto const bytes_of = [&](std::size_t tokens) {
    std::size_t const before = test::allocated_bytes;
    model::rollback_log const log(w, tokens);
    return test::allocated_bytes - before;
  };
  std::size_t const of_sixteen = bytes_of(16);
  CHECK(bytes_of(80) - of_sixteen <= (90 - 18) * w.replay_width() * sizeof(float) + 128);
}

TEST_CASE("rollback_log: it does not go back beyond what it keeps, nor in another network or for two sequences") {
  model::weights<> w(small), wider({.d_model = 30, .n_layer = 2, .vocab_size = 50});
  test::fill_weights(w, 5, test::weight_range::unit);
  model::rollback_log log(w, 4);
  model::state<> state(small), other(small);
  model::workspace workspace;
  std::vector<model::token> const tokens{1, 2, 3};
  model::forward(w, tokens, state, workspace, {}, &log);
  CHECK(log.capacity() == 4);
  CHECK(log.size() == 3);
  CHECK_THROWS_AS(log.rewind(w, state, 4), mamba::contract_violation);
  model::sequence<model::weights<>> const batch[] = {{tokens, &state, 0, &log}, {tokens, &other, 0, &log}};
  CHECK_THROWS_AS(model::forward(w, batch, workspace, {}), mamba::contract_violation);
  model::state<> wide(wider.sizes());
  CHECK_THROWS_AS(model::forward(wider, tokens, wide, workspace, {}, &log), mamba::contract_violation);
  // Cleared, it goes on from any state.
  log.clear();
  model::forward(w, tokens, other, workspace, {}, &log);
  log.rewind(w, other, 3);
  CHECK(other == w.initial_state());
}

}  // namespace
