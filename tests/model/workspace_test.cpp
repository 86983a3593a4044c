// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/model/forward.hpp>
#include <mamba/model/weights.hpp>
#include <mamba/model/workspace.hpp>
#include <support/allocations.hpp>
#include <support/bits.hpp>
#include <support/random_model.hpp>

#include <vector>

namespace {

namespace model = mamba::model;
constexpr model::config sizes{.d_model = 8, .n_layer = 2, .vocab_size = 13, .d_state = 4};

TEST_CASE("workspace: one for many states and for many models") {
  model::weights<> a(sizes);
  model::config other = sizes;
  other.d_model = 21;
  model::weights<> b(other);
  test::fill_weights(a, 1, test::weight_range::unit);
  test::fill_weights(b, 2, test::weight_range::unit);
  model::workspace shared, own;
  model::state<> sa(sizes), sb(other), alone(sizes);
  std::vector<float> la(13), lb(13), expected(13);
  for (int t = 0; t < 5; ++t) {
    model::step(a, t, sa, shared, la);
    model::step(b, t, sb, shared, lb);
    model::step(a, t, alone, own, expected);
    CHECK(test::same_bits(la, expected));
  }
  CHECK(sa == alone);
}

TEST_CASE("workspace: a static model, its state and its workspace use no heap, and have the bits of dynamic ones") {
  // Matrices of at most inline_bytes lie in place; the layers, which are larger together, are one block each.
  constexpr model::config tiny{.d_model = 4, .n_layer = 1, .vocab_size = 5, .d_state = 4};
  using weights = model::weights<tiny>;
  std::size_t const before = test::allocations;
  weights w;
  model::state<tiny> state;
  model::static_workspace<weights, 3> workspace;
  std::size_t const made = test::allocations - before;
  CHECK(made == 0);
  test::fill_weights(w, 3, test::weight_range::unit);
  model::weights<> loose(tiny);
  test::fill_weights(loose, 3, test::weight_range::unit);
  std::vector<model::token> const tokens{1, 2, 3, 4, 0, 1, 2};
  std::vector<float> logits(7 * 5), expected(7 * 5);
  std::size_t const calls = test::allocations;
  model::forward(w, tokens, state, workspace, {logits.data(), 7, 5});  // three rows at a time
  CHECK(test::allocations == calls);
  model::state<> other(tiny);
  model::workspace grown;
  model::forward(loose, tokens, other, grown, {expected.data(), 7, 5});
  CHECK(test::same_bits(logits, expected));
}

TEST_CASE("workspace: a static network of features has one in place, from its configuration") {
  constexpr mamba::nn::mamba1_config mixer{.d_model = 16, .d_state = 4};
  using net = model::network<model::feature_projection<float, 6, 16>,
                             model::uniform_stack<mamba::nn::block<mamba::nn::mamba1<mixer>>, 1>,
                             model::pooled_head<float, 16, 3>>;
  static constexpr net::config parts{
      {.features = 6, .d_model = 16}, {{mixer}, 1}, {.d_model = 16, .outputs = 3, .over = model::pooling::mean}};
  std::size_t const before = test::allocations;
  net w(parts);
  auto state = w.initial_state();
  model::static_workspace<net, 2, 1, parts> workspace;
  CHECK(test::allocations == before);
  CHECK(workspace.bytes() == net::workspace(parts, 2));
  test::fill_weights(w, 4, test::weight_range::unit);
  std::vector<float> const x(5 * 6, 0.5F);
  std::vector<float> found(3), expected(3);
  auto other = w.initial_state();
  model::workspace grown;
  model::forward(w, {x.data(), 5, 6}, other, grown, {expected.data(), 1, 3});
  std::size_t const calls = test::allocations;
  model::forward(w, {x.data(), 5, 6}, state, workspace, {found.data(), 1, 3});  // two rows at a time
  CHECK(test::allocations == calls);
  CHECK(test::same_bits(found, expected));
}

}  // namespace
