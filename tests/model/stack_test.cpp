// SPDX-License-Identifier: MIT
// A layer that the library does not have, defined in tests/support from its public concepts, between two Mamba blocks.
#include <doctest/doctest.h>

#include <mamba/model/forward.hpp>
#include <mamba/model/session.hpp>
#include <mamba/model/stack.hpp>
#include <mamba/model/weights.hpp>
#include <mamba/nn/reference/mamba1.hpp>
#include <support/allocations.hpp>
#include <support/bits.hpp>
#include <support/leaky_integrator.hpp>
#include <support/parameters.hpp>
#include <support/threads.hpp>

#include <map>
#include <string>
#include <vector>

namespace {

namespace model = mamba::model;
namespace nn = mamba::nn;

using test::leaky_integrator;

template <class W>
using mamba_layer = nn::block<nn::mamba1<nn::any_mamba1, W>>;
using own_layer = nn::block<leaky_integrator<>>;
static_assert(nn::mixer<leaky_integrator<>> && nn::layer<own_layer>);

template <class W>
using hybrid =
    model::network<model::token_embedding<W>, model::stack<mamba_layer<W>, own_layer>, model::language_head<W>>;

template <class W>
typename hybrid<W>::config sizes() {
  using layers = model::stack<mamba_layer<W>, own_layer>;
  auto const mamba_block = layers::template layer<0>({.mixer = {.d_model = 36}});
  auto const own = layers::template layer<1>({.mixer = {36}});
  return {{50, 36}, {mamba_block, own, mamba_block}, {.vocab = 50, .d_model = 36, .padded_vocab = 50}};
}

using tensors = std::map<std::string, std::vector<float>>;

/// What a file holds: every tensor by its name.
tensors random_tensors() {
  tensors all;
  test::random rng(1);
  hybrid<float> const w(sizes<float>());
  model::for_each_tensor(w, [&](std::string const& name, auto, auto const& storage) {
    auto& values = all[name];
    values.resize(storage.rows() * storage.row_size());
    bool const own = name.ends_with("leak");
    rng.fill(std::span(values), own ? 0.2 : -0.5, own ? 0.3 : 0.5);
  });
  return all;
}

template <class Network>
void load(Network& w, tensors const& from) {
  model::for_each_tensor(w, [&](std::string const& name, auto, auto& storage) {
    auto const& values = from.at(name);
    for (std::size_t i = 0; i < storage.rows(); ++i) {
      storage.set_row(i, std::span<float const>(values).subspan(i * storage.row_size(), storage.row_size()));
    }
  });
}

template <class W>
void check_contract() {
  hybrid<W> w(sizes<W>());
  load(w, random_tensors());
  test::random rng(2);
  std::vector<model::token> tokens(60);
  for (auto& t : tokens) t = static_cast<model::token>(rng.below(50));
  model::workspace workspace;
  auto whole_state = w.initial_state();
  std::vector<float> whole(60 * 50);
  model::forward(w, tokens, whole_state, workspace, {whole.data(), 60, 50});
  test::all_work_shared const shared;
  for (int const threads : {1, 2}) {
    mamba::parallel::set_thread_count(threads);
    auto state = w.initial_state();
    std::vector<float> parts(whole.size());
    for (std::size_t first = 0; first < 60;) {
      std::size_t const count = std::min<std::size_t>(60 - first, rng.below(9));
      model::forward(w, std::span(tokens).subspan(first, count), state, workspace,
                     {parts.data() + first * 50, count, 50});
      first += count;
    }
    CHECK(test::same_bits(parts, whole));
    CHECK(state == whole_state);
  }

  // Three sequences in one call: the whole text, a part of it that continues from a state, and nothing.
  auto a = w.initial_state(), b = w.initial_state(), c = w.initial_state();
  model::forward(w, std::span(tokens).first(20), b, workspace, {});
  std::vector<float> both((5 + 2) * 50);
  model::sequence<hybrid<W>> const batch[] = {{tokens, &a, 5}, {{}, &c, 0}, {std::span(tokens).subspan(20), &b, 2}};
  model::forward(w, std::span<model::sequence<hybrid<W>> const>(batch), workspace, {both.data(), 7, 50});
  CHECK(test::same_bits(std::span<float const>(both).first(250), std::span<float const>(whole).last(250)));
  CHECK(test::same_bits(std::span<float const>(both).last(100), std::span<float const>(whole).last(100)));
  CHECK(a == whole_state);
  CHECK(b == whole_state);
  CHECK(c == w.initial_state());
}

}  // namespace

TEST_CASE(
    "stack: a layer of one's own between two Mamba blocks loads, runs, quantises and keeps the partition contract") {
  check_contract<float>();
  check_contract<mamba::bfloat16>();
  check_contract<mamba::q8>();
  check_contract<mamba::ternary>();
}

TEST_CASE("stack: its numbers are those of plain loops") {
  hybrid<float> w(sizes<float>());
  tensors const from = random_tensors();
  load(w, from);
  auto const layer = [&](std::size_t i) { return "backbone.layers." + std::to_string(i) + "."; };
  auto const weight = [&](std::string const& name) {
    return std::vector<double>(from.at(name).begin(), from.at(name).end());
  };
  using plain_mixer = nn::reference::mamba1<double>;
  plain_mixer first(std::get<0>(w.layers[0]).mixer), last(std::get<0>(w.layers[2]).mixer);
  std::vector<double> h(36);
  model::session session(w);
  for (std::size_t const token : {3U, 14U, 15U, 9U, 26U}) {
    auto const row = from.at("backbone.embedding.weight").begin() + static_cast<std::ptrdiff_t>(36 * token);
    std::vector<double> r(row, row + 36);
    auto const add = [&](std::vector<double> const& y) {
      for (std::size_t i = 0; i < 36; ++i) r[i] += y[i];
    };
    add(first.step(nn::reference::rms_norm<double>(r, weight(layer(0) + "norm.weight"), 1e-5)));
    auto const u = nn::reference::rms_norm<double>(r, weight(layer(1) + "norm.weight"), 1e-5);
    double const leak = weight(layer(1) + "mixer.leak")[0];
    for (std::size_t i = 0; i < 36; ++i) h[i] += leak * (u[i] - h[i]);
    add(h);
    add(last.step(nn::reference::rms_norm<double>(r, weight(layer(2) + "norm.weight"), 1e-5)));
    auto const hidden = nn::reference::rms_norm<double>(r, weight("backbone.norm_f.weight"), 1e-5);
    auto const logits = nn::reference::product<double>(weight("backbone.embedding.weight"), {}, hidden);
    auto const found = session.step(static_cast<model::token>(token));
    for (std::size_t i = 0; i < 50; ++i) {
      CHECK(static_cast<double>(found[i]) == doctest::Approx(logits[i]).epsilon(1e-4).scale(1));
    }
  }
}

TEST_CASE("stack: a step of a mixed stack allocates nothing, shapes come from meta storage") {
  hybrid<mamba::q8> w(sizes<mamba::q8>());
  load(w, random_tensors());
  model::session session(w);
  session.step(1);
  std::size_t const before = test::allocations;
  session.step(2);
  CHECK(test::allocations == before);

  hybrid<mamba::q8>::with_storage<nn::meta> const shapes(sizes<mamba::q8>());
  std::size_t count = 0;
  model::for_each_tensor(shapes, [&](std::string const& name, auto shape, auto const& storage) {
    CHECK(storage.rows() == shape[0]);
    count += name.ends_with("leak") ? std::size_t{100} : std::size_t{1};
  });
  CHECK(count == 100 + 1 + 2 * 10 + 1 + 1);
}

TEST_CASE("stack: one kind has no variant in it, states go by name") {
  using one = model::stack<mamba_layer<float>>;
  static_assert(std::is_same_v<one, model::uniform_stack<mamba_layer<float>>>);
  static_assert(std::is_same_v<std::remove_cvref_t<decltype(std::declval<one&>()[0])>, mamba_layer<float>>);
  auto state = hybrid<float>(sizes<float>()).initial_state();
  std::vector<std::string> names;
  decltype(state)::for_each(state, [&](std::string const& name, auto const&, auto) { names.push_back(name); });
  CHECK(names ==
        std::vector<std::string>{"layers.0.conv", "layers.0.ssm", "layers.1.h", "layers.2.conv", "layers.2.ssm"});
}

TEST_CASE("state: sixteen of mamba-130m take sixteen times their numbers, and nothing else") {
  model::config const c = model::mamba_130m;
  model::state<> const first(c);
  std::size_t numbers = 0;
  for (auto const& layer : first.layers()) numbers += layer.conv.size() + layer.ssm.span().size();
  CHECK(numbers * sizeof(float) == 24 * (3 + 16) * 1536 * sizeof(float));  // 2.8 MB
  std::vector<model::state<>> forks;
  forks.reserve(16);
  std::size_t const before = test::allocated_bytes;
  for (int i = 0; i < 16; ++i) forks.push_back(first);
  std::size_t const each = (test::allocated_bytes - before) / 16;
  // Beside the numbers: where each layer's begin (some 200 bytes) and what aligns them.
#if defined(MAMBA_TEST_COUNTS_CALLOC)  // where large tensors come from
  CHECK(each >= numbers * sizeof(float));
#endif
  CHECK(each <= numbers * sizeof(float) + 24 * 512);
}

TEST_CASE("stack: a state of layers in another order is refused") {
  hybrid<float> const w(sizes<float>());
  auto other = sizes<float>();
  std::swap(other.layers[0], other.layers[1]);
  auto state = hybrid<float>(other).initial_state();
  model::workspace workspace;
  std::vector<float> logits(50);
  CHECK_THROWS_AS(model::step(w, 1, state, workspace, logits), mamba::contract_violation);
}
