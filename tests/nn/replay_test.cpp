// SPDX-License-Identifier: MIT
// Mixers by themselves: from the state before and the rows of a ring, the state after, in every split.
#include <doctest/doctest.h>

#include <mamba/nn/block.hpp>
#include <mamba/nn/mamba1.hpp>
#include <mamba/nn/replay.hpp>
#include <mamba/nn/s4d.hpp>
#include <mamba/nn/workspace.hpp>
#include <support/bits.hpp>
#include <support/leaky_integrator.hpp>
#include <support/parameters.hpp>

#include <vector>

namespace {

namespace nn = mamba::nn;

/// A mixer as it was before replay.hpp: it may be in a stack, which can't be rolled back then.
struct without_replay : test::leaky_integrator<> {
  void replay_width() const;
};
static_assert(nn::mixer<without_replay> && !nn::replayable<without_replay>);
static_assert(nn::replayable<nn::mamba1<>> && nn::replayable<nn::mamba1<nn::any_mamba1, double, nn::meta>>);
static_assert(nn::replayable<nn::s4d<>> && nn::replayable<test::leaky_integrator<>>);
static_assert(nn::replayable<nn::block<nn::mamba1<>>> && !nn::replayable<nn::block<without_replay>>);
static_assert(std::is_same_v<nn::state_scalar<nn::s4d_state<nn::any_s4d, double>>, double>);
static_assert(std::is_same_v<nn::state_scalar<test::leaky_state>, float>);

std::span<float const> bytes(test::leaky_state const& s) { return s.h.span(); }
std::vector<float> bytes(nn::mamba1<>::state const& s) {  // padding too
  std::vector<float> all(s.conv.span().begin(), s.conv.span().end());
  all.insert(all.end(), s.ssm.span().begin(), s.ssm.span().end());
  return all;
}
std::vector<float> bytes(nn::s4d<>::state const& s) {
  std::vector<float> all(s.ssm.re.span().begin(), s.ssm.re.span().end());
  all.insert(all.end(), s.ssm.im.span().begin(), s.ssm.im.span().end());
  return all;
}

/// Two segments of 19 and 4 rows go on from states that are not zero; the first writes to a ring of 32 rows from its
/// 20th on, behind a column of another layer.
template <class M>
void check(typename M::config const& sizes) {
  constexpr std::size_t before = 5, rows = 19, others = 4, capacity = 32, first = 20;
  M m(sizes);
  test::random rng(1);
  M::for_each(
      m, [&](auto const&, auto const&, auto& storage, nn::role) { test::fill_rows<float>(storage, rng, -0.5, 0.5); });
  std::size_t const width = M::width(sizes);
  std::vector<float> x((rows + others) * width), y(x.size());
  rng.fill(std::span(x), -1, 1);
  nn::workspace workspace(m, rows + others);
  auto const apply = [&](std::size_t count, std::span<nn::segment<typename M::state> const> segments) {
    auto at = workspace.memory();
    typename M::input const input(at, mamba::matrix_view<float const>(x.data(), count, width));
    input.quantize(0, count);
    m.template apply<mamba::kernels::output::assign>(input, segments, at, {y.data(), count, width});
  };
  typename M::state a(sizes), b(sizes);
  nn::segment<typename M::state> const some[] = {{0, before, &a}};
  apply(before, some);
  auto const checkpoint = a;

  std::vector<float> ring(capacity * (m.replay_width() + 1), 7);
  mamba::matrix_view<float> const all(ring.data(), capacity, m.replay_width() + 1);
  nn::replay_rows<float> const log = nn::replay_rows<float>{all, first}.columns(1, m.replay_width());
  nn::segment<typename M::state> const two[] = {{0, rows, &a, log}, {rows, others, &b}};
  apply(rows + others, two);
  for (std::size_t i = 0; i < capacity; ++i) CHECK(all(i, 0) == 7);

  nn::workspace few(M::workspace(sizes, nn::replay_chunk));
  for (std::size_t const most : {1U, 3U, 32U}) {
    auto state = checkpoint;
    for (std::size_t t = 0; t < rows;) {
      std::size_t const row = (first + t) % capacity;
      std::size_t const count = std::min({most, rows - t, capacity - row});
      m.replay(mamba::matrix_view<float const>(all.columns(1, m.replay_width()).rows(row, count)), state, few.memory());
      t += count;
    }
    CHECK(test::same_bits(bytes(state), bytes(a)));
    CHECK(state == a);
  }
}

TEST_CASE("replay: the state of a Mamba mixer from Δ, B and the convolution's input, of S4D and of one's own from x") {
  check<nn::mamba1<>>({.d_model = 37, .d_state = 6, .bias = true});
  check<nn::mamba1<>>({.d_model = 8, .d_conv = 2, .expand = 1, .conv_bias = false});
  check<nn::s4d<>>({.d_model = 21, .d_state = 10});
  check<nn::s4d<>>({.d_model = 1, .d_state = 64, .output = nn::s4d_output::gelu});  // lanes of modes
  check<test::leaky_integrator<>>({13});
}

}  // namespace
