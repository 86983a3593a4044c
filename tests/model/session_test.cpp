// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/model/session.hpp>
#include <mamba/model/weights.hpp>
#include <support/allocations.hpp>
#include <support/bits.hpp>
#include <support/random_model.hpp>

#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

namespace model = mamba::model;
constexpr model::config sizes{.d_model = 10, .n_layer = 2, .vocab_size = 17, .d_state = 4};

// Of a temporary a session would keep the address.
static_assert(!std::is_constructible_v<model::session<model::weights<>>, model::weights<>>);
static_assert(std::is_constructible_v<model::session<model::weights<>>, model::weights<> const&>);
static_assert(std::is_same_v<decltype(model::session(std::declval<model::session<model::weights<>>>())),
                             model::session<model::weights<>>>);

std::vector<float> copy(std::span<float const> values) { return {values.begin(), values.end()}; }

TEST_CASE("session: reads and steps as forward does, is copied with its state, and starts anew") {
  model::weights<> w(sizes);
  test::fill_weights(w, 1, test::weight_range::unit);
  std::vector<model::token> const prompt{3, 1, 4, 1, 5};
  model::session session(w);
  CHECK(session.outputs().size() == 17);
  auto const after_prompt = copy(session.read(prompt));
  model::state<> state(sizes);
  model::workspace workspace;
  std::vector<float> logits(17);
  model::forward(w, prompt, state, workspace, {logits.data(), 1, 17});
  CHECK(test::same_bits(after_prompt, logits));
  CHECK(session.state() == state);
  model::state<> const kept = session.state();
  CHECK(kept == state);

  model::session fork = session;
  auto const left = copy(session.step(9));
  CHECK(test::same_bits(copy(fork.outputs()), after_prompt));
  CHECK(test::same_bits(copy(fork.step(9)), left));
  fork = session;
  CHECK(fork.state() == session.state());
  std::size_t const before = test::allocations;
  session.step(2);
  CHECK(test::allocations == before);
  CHECK(test::same_bits(copy(session.read({})), copy(session.outputs())));
  session.reset();
  CHECK(session.outputs()[0] == 0);
  CHECK(test::same_bits(copy(session.read(prompt)), after_prompt));
}

/// An application's own threads, made anew for every call.
struct own_threads final : mamba::parallel::executor {
  [[nodiscard]] std::size_t concurrency() const noexcept override { return 3; }
  void run(std::size_t tasks, mamba::parallel::task_function task, void* context) noexcept override {
    std::vector<std::thread> threads;
    for (std::size_t i = 1; i < tasks; ++i) threads.emplace_back(task, context, i);
    task(context, 0);
    for (std::thread& t : threads) t.join();
    shared += tasks > 1;
  }
  std::size_t shared = 0;
};

TEST_CASE("session: prompts and steps have the same bits on an application's own threads") {
  constexpr model::config wide{.d_model = 256, .n_layer = 2, .vocab_size = 1000};
  model::weights<> w(wide);
  test::fill_weights(w, 1, test::weight_range::unit);
  std::vector<model::token> prompt(100);
  for (std::size_t t = 0; t < prompt.size(); ++t) prompt[t] = static_cast<model::token>(7 * t);
  model::session alone(w), together(w);
  own_threads pool;
  auto const on_pool = [&](auto f) {
    mamba::parallel::use_executor const use(pool);
    return f();
  };
  std::vector<std::vector<float>> expected, found;
  expected.push_back(copy(alone.read(prompt)));
  found.push_back(on_pool([&] { return copy(together.read(prompt)); }));
  for (model::token const t : {3, 1, 4}) {
    expected.push_back(copy(alone.step(t)));
    found.push_back(on_pool([&] { return copy(together.step(t)); }));
  }
  CHECK(pool.shared > 0);
  for (std::size_t i = 0; i < found.size(); ++i) CHECK(test::same_bits(found[i], expected[i]));
  CHECK(together.state() == alone.state());
}

TEST_CASE("hidden: the vectors behind the logits, for the last rows requested") {
  model::weights<> w(sizes);
  test::fill_weights(w, 1, test::weight_range::unit);
  std::vector<model::token> const prompt{3, 1, 4, 1, 5};
  model::workspace workspace;
  model::state<> state(sizes), same(sizes);
  std::vector<float> all(5 * 10), last(2 * 10), logits(17), product(17);
  model::hidden(w, prompt, state, workspace, {all.data(), 5, 10});
  model::hidden(w, prompt, same, workspace, {last.data(), 2, 10});
  CHECK(state == same);
  CHECK(test::same_bits(std::span<float const>(all).last(20), std::span<float const>(last)));
  state.reset();
  model::forward(w, prompt, state, workspace, {logits.data(), 1, 17});
  CHECK(state == same);
  // The head: a product with the embedding, which is tied to it.
  w.input.head()({last.data() + 10, 1, 10}, {product.data(), 1, 17});
  CHECK(test::same_bits(product, logits));
}

}  // namespace
