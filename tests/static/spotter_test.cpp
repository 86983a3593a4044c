// SPDX-License-Identifier: MIT
// A keyword spotter (40 features a frame, two Mamba blocks 64 wide, the mean over time, ten words) whose weights, state
// and workspace use no heap. This file is compiled with MAMBA_INLINE_BYTES=1048576: where the bound lies is the user's
// choice.
#include <doctest/doctest.h>

#include <mamba/model/forward.hpp>
#include <mamba/model/signal.hpp>
#include <support/allocations.hpp>
#include <support/bits.hpp>
#include <support/random_model.hpp>

#include <array>
#include <span>
#include <vector>

namespace {

namespace model = mamba::model;

constexpr model::signal_config spotter{
    .features = 40, .d_model = 64, .n_layer = 2, .outputs = 10, .over = model::pooling::mean};
constexpr model::signal_config small{.features = 3, .d_model = 16, .n_layer = 1, .outputs = 2};
constexpr std::size_t frames = 100;

static_assert(mamba::inline_bytes == 1048576);
static_assert(mamba::tensor<float, 262144>::stored_inline && !mamba::tensor<float, 262145>::stored_inline);

template <model::signal_config C, class W>
struct running {
  model::signal_weights<C, W> weights;
  typename model::signal_weights<C, W>::state state = weights.initial_state();
  model::static_workspace<model::signal_weights<C, W>, 16> workspace;
};

template <model::signal_config C, class W>
void check() {
  static std::array<float, frames * C.features> x;
  static std::array<std::array<float, C.outputs>, frames> stepped, read;
  mamba::parallel::set_thread_count(1);  // starting a thread takes memory
  test::random rng(7);
  rng.fill(std::span<float>(x), -1, 1);

  std::size_t const before = test::allocations;
  static running<C, W> r;  // a static object: more than a stack should hold
  CHECK(test::allocations == before);
  test::fill_weights(r.weights, 3, test::weight_range::unit);

  std::size_t const prepared = test::allocations;
  for (std::size_t t = 0; t < frames; ++t) {
    model::step(r.weights, std::span<float const>(x).subspan(t * C.features, C.features), r.state, r.workspace,
                stepped[t]);
  }
  r.state.reset();
  for (std::size_t t = 0; t < frames;) {
    std::size_t const count = std::min<std::size_t>(t == 0 ? 7 : 31, frames - t);
    model::forward(r.weights, mamba::matrix_view<float const>(x.data() + t * C.features, count, C.features), r.state,
                   r.workspace, mamba::matrix_view<float>(read[t].data(), count, C.outputs));
    t += count;
  }
  static auto const forked = r.state;
  CHECK(test::allocations == prepared);
  CHECK(forked == r.state);
  CHECK(test::same_bits(std::span(stepped), std::span(read)));
}

}  // namespace

TEST_CASE("spotter: weights, state and workspace in 8 bits use no heap, and steps have the bits of calls") {
  check<spotter, mamba::q8>();
}

TEST_CASE("spotter: the same in f32") { check<spotter, float>(); }

TEST_CASE("spotter: another static model of other sizes in the same program") { check<small, mamba::q8>(); }
