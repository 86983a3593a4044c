// SPDX-License-Identifier: MIT
// The partition contract: every layer is a function (y, state') = f(x, state), and any split of a sequence into calls,
// any interleaving with other sequences, any number of threads, static or dynamic extents give the same bits in y and
// state'. Compared by memcmp, never by tolerance. This file is compiled many times, under different flags.
#include <mamba/model/forward.hpp>
#include <mamba/model/weights.hpp>
#include <mamba/parallel/parallel_for.hpp>
#include <support/random_model.hpp>
#include <support/threads.hpp>

#include <cstring>

#include <doctest/doctest.h>

namespace {

using mamba::matrix_view;
namespace model = mamba::model;

// Unoptimised code is fifty times slower; it gets fewer cases, the optimised builds thousands.
#if defined(__OPTIMIZE__) && !defined(MAMBA_SANITIZED)
constexpr int cases = 1500;
#else
constexpr int cases = 120;
#endif

/// One for all: results do not depend on what a workspace was used for before.
model::workspace workspace;

template <class T>
bool same_bits(std::span<T const> a, std::span<T const> b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
}

/// The bytes of a model's state.
template <class T, class State>
std::vector<T> memory_of(State const& state) {
  std::vector<T> all;
  for (auto const& layer : state.layers()) {
    auto const conv = layer.conv.span();
    auto const ssm = layer.ssm.span();
    all.insert(all.end(), conv.begin(), conv.end());
    all.insert(all.end(), ssm.begin(), ssm.end());
  }
  return all;
}

/// What a run leaves behind.
template <class T>
struct outcome {
  std::vector<T> logits, memory;
  bool operator==(outcome const& other) const {
    return same_bits<T>(logits, other.logits) && same_bits<T>(memory, other.memory);
  }
};

/// Reads tokens in calls of the given sizes and keeps all logits.
template <class Weights, class State>
auto run(Weights const& w, State state, std::span<model::token const> tokens, std::span<std::size_t const> calls) {
  using T = typename Weights::scalar;
  std::size_t const vocab = w.sizes().vocab_size;
  outcome<T> out{std::vector<T>(tokens.size() * vocab), {}};
  std::size_t first = 0;
  for (std::size_t const count : calls) {
    if (count == 1) {
      model::step(w, tokens[first], state, workspace, std::span<T>(out.logits).subspan(first * vocab, vocab));
    } else {
      model::forward(w, tokens.subspan(first, count), state, workspace,
                     matrix_view<T>(out.logits.data() + first * vocab, count, vocab));
    }
    first += count;
  }
  REQUIRE(first == tokens.size());
  out.memory = memory_of<T>(state);
  return out;
}

/// A random way to cut `length` tokens into calls, empty calls among them.
std::vector<std::size_t> random_split(test::random& rng, std::size_t length) {
  std::vector<std::size_t> calls;
  while (length > 0) {
    std::size_t const most = rng.below(3) == 0 ? length : std::min<std::size_t>(length, 7);
    calls.push_back(rng.below(most + 1));
    length -= calls.back();
  }
  return calls;
}

template <class W>
void check_dynamic_model(std::uint64_t seed) {
  test::random rng(seed);
  bool const large = rng.below(10) == 0;
  model::config const sizes = test::random_sizes(rng, large ? 3 : 1);
  model::weights<model::any, W> w(sizes);
  test::fill_weights(w, seed, rng.below(2) == 0 ? test::weight_range::unit : test::weight_range::trained);
  std::size_t const length = large && rng.below(2) == 0 ? model::chunk_rows - 30 + rng.below(60) : rng.below(40);
  auto const tokens = test::random_tokens(rng, length, sizes.vocab_size);
  model::state<model::any, typename model::weights<model::any, W>::scalar> start(sizes);
  // Half of the cases start from a state that has already read something.
  if (rng.below(2) == 0) {
    auto const before = test::random_tokens(rng, 1 + rng.below(9), sizes.vocab_size);
    model::forward(w, before, start, workspace, {});
  }
  CAPTURE(seed);
  CAPTURE(length);
  test::all_work_shared const shared;
  mamba::parallel::set_thread_count(1);
  std::size_t const whole[] = {length};
  auto const expected = run(w, start, tokens, whole);
  auto const split = random_split(rng, length);
  CHECK(run(w, start, tokens, split) == expected);
  CHECK(run(w, start, tokens, std::vector<std::size_t>(length, 1)) == expected);
  for (int const threads : {2, 3}) {
    if (threads == 3 && !large) continue;
    mamba::parallel::set_thread_count(threads);
    CHECK(run(w, start, tokens, whole) == expected);
    CHECK(run(w, start, tokens, split) == expected);
  }
}

template <model::config C, class W>
void check_static_model(std::uint64_t seed) {
  using T = typename model::weights<C, W>::scalar;
  test::random rng(seed);
  model::weights<C, W> fixed;
  model::weights<model::any, W> loose(C);
  test::fill_weights(fixed, seed, test::weight_range::trained);
  test::fill_weights(loose, seed, test::weight_range::trained);
  std::size_t const length = 1 + rng.below(50);
  auto const tokens = test::random_tokens(rng, length, C.vocab_size);
  std::size_t const whole[] = {length};
  auto const expected = run(loose, model::state<model::any, T>(C), tokens, whole);
  CAPTURE(seed);
  test::all_work_shared const shared;
  for (int const threads : {1, 2}) {
    mamba::parallel::set_thread_count(threads);
    CHECK(run(fixed, model::state<C, T>(), tokens, whole) == expected);
    CHECK(run(fixed, model::state<C, T>(), tokens, random_split(rng, length)) == expected);
    CHECK(run(fixed, model::state<C, T>(), tokens, std::vector<std::size_t>(length, 1)) == expected);
  }
}

constexpr model::config odd{.d_model = 19, .n_layer = 2, .vocab_size = 29, .d_state = 5, .d_conv = 3, .expand = 3};
constexpr model::config usual{.d_model = 32,
                              .n_layer = 2,
                              .vocab_size = 50,
                              .dt_rank = 3,
                              .pad_vocab_size_multiple = 8,
                              .tie_embeddings = false,
                              .bias = true};
constexpr model::config least{
    .d_model = 1, .n_layer = 1, .vocab_size = 2, .d_state = 1, .d_conv = 1, .expand = 1, .conv_bias = false};

}  // namespace

TEST_CASE("partition contract: float, any split, step against forward, 1 to 3 threads") {
  for (int i = 0; i < cases; ++i) check_dynamic_model<float>(1000 + static_cast<std::uint64_t>(i));
}

TEST_CASE("partition contract: double and bfloat16 weights keep it too") {
  for (int i = 0; i < cases / 4; ++i) {
    check_dynamic_model<double>(50000 + static_cast<std::uint64_t>(i));
    check_dynamic_model<mamba::bfloat16>(60000 + static_cast<std::uint64_t>(i));
  }
}

TEST_CASE("partition contract: static and dynamic extents") {
  for (int i = 0; i < cases / 5; ++i) {
    auto const seed = 90000 + static_cast<std::uint64_t>(i);
    check_static_model<odd, float>(seed);
    check_static_model<usual, float>(seed);
    check_static_model<least, float>(seed);
  }
  for (int i = 0; i < cases / 20; ++i) {
    auto const seed = 95000 + static_cast<std::uint64_t>(i);
    check_static_model<odd, double>(seed);
    check_static_model<odd, mamba::bfloat16>(seed);
  }
}

TEST_CASE("partition contract: interleaved sequences do not affect one another") {
  test::random rng(7);
  for (int i = 0; i < cases / 10; ++i) {
    model::config const sizes = test::random_sizes(rng, 1);
    model::weights<> w(sizes);
    test::fill_weights(w, rng.bits(), test::weight_range::trained);
    std::size_t const length = 1 + rng.below(20);
    std::vector<std::vector<model::token>> texts;
    std::vector<model::state<>> states;
    std::vector<outcome<float>> outcomes;
    for (std::size_t s = 0; s < 3; ++s) {
      texts.push_back(test::random_tokens(rng, length, sizes.vocab_size));
      states.emplace_back(sizes);
      outcomes.push_back({std::vector<float>(length * sizes.vocab_size), {}});
    }
    for (std::size_t t = 0; t < length; ++t) {
      for (std::size_t s = 0; s < 3; ++s) {
        model::step(w, texts[s][t], states[s], workspace,
                    std::span<float>(outcomes[s].logits).subspan(t * sizes.vocab_size, sizes.vocab_size));
      }
    }
    std::size_t const whole[] = {length};
    for (std::size_t s = 0; s < 3; ++s) {
      outcomes[s].memory = memory_of<float>(states[s]);
      CHECK(run(w, model::state<>(sizes), texts[s], whole) == outcomes[s]);
    }
  }
}

TEST_CASE("partition contract: fewer rows of logits have the same bits") {
  test::random rng(11);
  for (int i = 0; i < cases / 10; ++i) {
    model::config const sizes = test::random_sizes(rng, 1);
    model::weights<> w(sizes);
    test::fill_weights(w, rng.bits(), test::weight_range::unit);
    std::size_t const length = 1 + rng.below(i % 10 == 0 ? 2 * model::chunk_rows : 30);
    auto const tokens = test::random_tokens(rng, length, sizes.vocab_size);
    std::size_t const whole[] = {length};
    auto const all = run(w, model::state<>(sizes), tokens, whole);
    std::size_t const rows = rng.below(length + 1);
    std::vector<float> last(rows * sizes.vocab_size);
    model::state<> state(sizes);
    model::forward(w, tokens, state, workspace, matrix_view<float>(last.data(), rows, sizes.vocab_size));
    CHECK(same_bits<float>(last, std::span<float const>(all.logits).subspan((length - rows) * sizes.vocab_size)));
    CHECK(same_bits<float>(memory_of<float>(state), all.memory));
  }
}
