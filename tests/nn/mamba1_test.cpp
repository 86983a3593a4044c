// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/nn/block.hpp>
#include <mamba/nn/forward.hpp>
#include <mamba/nn/mamba1.hpp>
#include <mamba/nn/reference/mamba1.hpp>
#include <support/bits.hpp>
#include <support/guarded.hpp>
#include <support/parameters.hpp>
#include <support/threads.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace {

using mamba::bfloat16;
using mamba::dynamic;
using mamba::matrix_view;
using mamba::nn::mamba1_config;
using mamba::nn::mamba1_state;
using mamba::nn::role;
using test::guarded;
namespace nn = mamba::nn;

constexpr mamba1_config any = nn::any_mamba1;

/// A layer whose parameters have the sizes that initialisation gives them, so that every part of the mixer matters.
template <class Layer>
void fill(Layer& layer, std::uint64_t seed) {
  using T = typename Layer::scalar;
  test::random rng(seed);
  Layer::for_each(layer, [&](std::string const& name, auto const& shape, auto& storage, role r) {
    auto const is = [&](char const* end) { return name.ends_with(end); };
    double low = -0.5, high = 0.5;
    if (r != role::vector || is("conv1d.weight"))
      high = 1.7 / std::sqrt(static_cast<double>(shape.back())), low = -high;
    if (is("norm.weight")) low = 0.5, high = 1.5;
    if (is("dt_proj.bias")) low = -7, high = 1;
    if (is("A_log")) low = -1, high = 3;
    if (is("D")) low = -1, high = 1;
    test::fill_rows<T>(storage, rng, low, high);
  });
}

mamba1_config random_sizes(test::random& rng) {
  return {.d_model = 1 + rng.below(23),
          .d_state = 1 + rng.below(20),
          .d_conv = 1 + rng.below(5),
          .expand = 1 + rng.below(3),
          .dt_rank = 1 + rng.below(4),
          .bias = rng.below(2) == 0,
          .conv_bias = rng.below(2) == 0};
}

/// The mixer as a residual layer, r ← r + mixer(norm r), with ε = 1e-5.
template <mamba1_config S, class W>
using layer = nn::block<nn::mamba1<S, W>>;

/// A layer, and what it needs beside a state.
template <mamba1_config S, class W>
struct fixture {
  using T = typename layer<S, W>::scalar;
  layer<S, W> block;
  nn::workspace memory;
  explicit fixture(mamba1_config const& s, std::size_t rows) : block({s, 1e-5}) { reserve(s, rows); }
  void reserve(mamba1_config const& s, std::size_t rows) { memory.reserve(layer<S, W>::workspace({s, 1e-5}, rows)); }
  void operator()(matrix_view<T> r, mamba1_state<S, T>& state) {
    nn::segment<mamba1_state<S, T>> const all[] = {{0, r.extent(0), &state}};
    block(r, all, memory.memory());
  }
};

/// ‖found − exact‖ / ‖exact‖ of all numbers that were added to it.
struct distance {
  long double off = 0, size = 0;
  void add(long double found, long double exact) {
    off += (found - exact) * (found - exact);
    size += exact * exact;
  }
  [[nodiscard]] double relative() const {
    return static_cast<double>(size == 0 ? std::sqrt(off) : std::sqrt(off / size));
  }
};

/// The block against the plain one, over L tokens. Returns the largest relative error in units of what is allowed.
///
/// The chain of one token has d_model + 5 roundings in a row for the norm, d_model + 1 for in_proj, d_conv + 5 for the
/// convolution, d_inner for x_proj, dt_rank + 3 for Δ, d_state + 12 for the scan and d_inner + 1 for out_proj. Each is
/// at most ε/2 of the sizes summed there; Δ reaches y through exp(ΔA) and through ΔB, B and C as factors, and errors of
/// h are carried on, which 4 covers, the sum of |terms| over |sum| being what it is for random signs (about √n, met by
/// roundings that are as random). So 4 (2 d_model + 2 d_inner + d_conv + dt_rank + d_state + 27) ε/2 is far above what
/// can be seen, and any wrong index or formula is far above that.
template <class W>
double check_against_plain(std::uint64_t seed) {
  using T = typename layer<any, W>::scalar;
  test::random rng(seed);
  double worst = 0;
  for (int run = 0; run < 60; ++run) {
    auto const s = random_sizes(rng);
    std::size_t const L = 1 + rng.below(9);
    fixture<any, W> f(s, L);
    fill(f.block, rng.bits());
    // Steps beyond 20, where torch's softplus is the number itself, which double distinguishes from ln(1 + eˣ).
    if (run % 4 == 0) test::fill_rows<T>(f.block.mixer.dt_proj.bias(), rng, 15, 25);
    nn::reference::mamba1<long double> plain(f.block.mixer);
    nn::reference::parameters<long double> const block_parameters(f.block);
    mamba1_state<any, T> state(s);
    distance of_r, of_h, of_conv;
    for (int call = 0; call < 2; ++call) {  // the second call starts from the state of the first
      guarded<T> r(L, s.d_model, rng.below(9));
      r.fill(rng, -2, 2);
      auto before = r;
      f(r.view(), state);
      REQUIRE(r.intact());
      for (std::size_t t = 0; t < L; ++t) {
        std::vector<long double> exact(s.d_model);
        for (std::size_t i = 0; i < s.d_model; ++i) exact[i] = before(t, i);
        auto const u =
            nn::reference::rms_norm<long double>(exact, block_parameters["norm.weight"], static_cast<T>(1e-5));
        auto const out = plain.step(u);
        for (std::size_t i = 0; i < s.d_model; ++i) exact[i] += out[i];
        for (std::size_t i = 0; i < s.d_model; ++i) of_r.add(r(t, i), exact[i]);
      }
    }
    for (std::size_t c = 0; c < s.d_inner(); ++c) {
      for (std::size_t n = 0; n < s.d_state; ++n) of_h.add(state.ssm(c, n), plain.h[c][n]);
      for (std::size_t k = 0; k + 1 < s.d_conv; ++k) of_conv.add(state.conv(k, c), plain.conv[k][c]);
    }
    double const chain = static_cast<double>(2 * s.d_model + 2 * s.d_inner() + s.d_conv + s.dt_rank + s.d_state + 27);
    double const allowed = 4 * chain * static_cast<double>(std::numeric_limits<T>::epsilon()) / 2;
    for (double const off : {of_r.relative(), of_h.relative(), of_conv.relative()}) {
      REQUIRE(off <= allowed);
      worst = std::max(worst, off / allowed);
    }
  }
  return worst;
}

TEST_CASE("mamba1: plain loops in extended precision, random sizes, state carried over") {
  MESSAGE("float: at most ", check_against_plain<float>(1), " of the bound");
  MESSAGE("double: at most ", check_against_plain<double>(2), " of the bound");
  MESSAGE("bfloat16: at most ", check_against_plain<bfloat16>(3), " of the bound");
}

template <class T>
bool same_state(mamba1_state<any, T> const& a, mamba1_state<any, T> const& b) {
  return test::same_bits(a.conv.span(), b.conv.span()) && test::same_bits(a.ssm.span(), b.ssm.span());
}

template <class W>
void check_splits(std::uint64_t seed) {
  using T = typename layer<any, W>::scalar;
  test::random rng(seed);
  for (int run = 0; run < 150; ++run) {
    auto const s = random_sizes(rng);
    std::size_t const L = 1 + rng.below(16);
    fixture<any, W> f(s, L);
    fill(f.block, rng.bits());
    guarded<T> whole(L, s.d_model);
    whole.fill(rng, -2, 2);
    auto parts = whole;
    mamba1_state<any, T> at_once(s), carried(s);
    f(whole.view(), at_once);
    for (std::size_t first = 0; first < L;) {
      std::size_t const count = run % 5 == 0 ? 1 : std::min(L - first, rng.below(5));
      f(parts.view().rows(first, count), carried);
      first += count;
    }
    REQUIRE(test::same_rows(parts.view(), whole.view()));
    REQUIRE(same_state(carried, at_once));
    REQUIRE(parts.intact());
  }
}

TEST_CASE("mamba1: any split of the sequence gives the same bits in r and in the state") {
  check_splits<float>(4);
  check_splits<double>(5);
  check_splits<bfloat16>(6);
}

TEST_CASE("mamba1: static and dynamic sizes give the same bits") {
  constexpr mamba1_config fixed{.d_model = 13, .d_state = 5, .dt_rank = 2, .bias = true};
  fixture<fixed, float> a(fixed, 9);
  fixture<any, float> b(fixed, 9);
  fill(a.block, 7);
  fill(b.block, 7);
  test::random rng(8);
  guarded<float> r(9, 13);
  r.fill(rng, -2, 2);
  auto q = r;
  mamba1_state<fixed, float> state_a(fixed);
  mamba1_state<any, float> state_b(fixed);
  a(r.view(), state_a);
  b(q.view(), state_b);
  CHECK(test::same_rows(r.view(), q.view()));
  CHECK(test::same_bits(state_a.conv.span(), state_b.conv.span()));
  CHECK(test::same_bits(state_a.ssm.span(), state_b.ssm.span()));
}

TEST_CASE("mamba1: the same bits with 1, 2 and 3 threads") {
  constexpr mamba1_config s{.d_model = 70, .dt_rank = 5};
  constexpr std::size_t L = 130;
  fixture<any, float> f(s, L);
  fill(f.block, 9);
  test::random rng(10);
  guarded<float> start(L, s.d_model);
  start.fill(rng, -2, 2);
  test::all_work_shared const shared;
  mamba::parallel::set_thread_count(1);
  auto alone = start;
  mamba1_state<any, float> state_alone(s);
  f(alone.view(), state_alone);
  for (int const count : {2, 3}) {
    mamba::parallel::set_thread_count(count);
    auto together = start;
    mamba1_state<any, float> state(s);
    f(together.view(), state);
    CHECK(test::same_rows(together.view(), alone.view()));
    CHECK(same_state(state, state_alone));
  }
}

TEST_CASE("mamba1: causal, what happens at t leaves all before t as it was, bit for bit") {
  test::random rng(11);
  auto s = random_sizes(rng);
  constexpr std::size_t L = 8;
  fixture<any, float> f(s, L);
  fill(f.block, 12);
  guarded<float> start(L, s.d_model);
  start.fill(rng, -2, 2);
  auto clean = start;
  mamba1_state<any, float> state(s);
  f(clean.view(), state);
  for (std::size_t t = 0; t < L; ++t) {
    auto changed = start;
    changed(t, 0) = std::numeric_limits<float>::quiet_NaN();
    state.reset();
    f(changed.view(), state);
    CHECK(test::same_rows(changed.view().rows(0, t), clean.view().rows(0, t)));
    for (std::size_t i = 0; i < s.d_model; ++i) CHECK(std::isnan(changed(t, i)));
  }
}

TEST_CASE("mamba1: the state is a value, and reset makes it new") {
  constexpr mamba1_config s{.d_model = 3, .d_state = 2, .d_conv = 3, .dt_rank = 1};
  fixture<any, double> f(s, 4);
  fill(f.block, 13);
  guarded<double> r(4, 3);
  test::random rng(14);
  r.fill(rng, -1, 1);
  mamba1_state<any, double> state(s), fresh(s);
  CHECK(state == fresh);
  f(r.view(), state);
  CHECK_FALSE(state == fresh);
  auto const copy = state;
  CHECK(copy == state);
  state.reset();
  CHECK(state == fresh);
  CHECK_FALSE(copy == state);
  f(r.view().rows(0, 0), state);
  CHECK(state == fresh);
}

TEST_CASE("mamba1: a workspace that is too small is a broken contract") {
  constexpr mamba1_config s{.d_model = 3, .d_state = 2, .d_conv = 3, .dt_rank = 1};
  fixture<any, float> f(s, 1);
  mamba1_state<any, float> state(s);
  guarded<float> r(9, 3);
  CHECK_THROWS_AS(f(r.view(), state), mamba::contract_violation);
  f.reserve(s, 9);
  CHECK_NOTHROW(f(r.view(), state));
}

TEST_CASE("mamba1: many sequences in one call have the bits of each alone") {
  test::random rng(15);
  for (int run = 0; run < 60; ++run) {
    auto const s = random_sizes(rng);
    std::size_t const count = 1 + rng.below(5);
    std::vector<std::size_t> lengths(count);
    std::size_t rows = 0;
    for (auto& n : lengths) rows += n = rng.below(6);
    fixture<any, float> f(s, rows);
    fill(f.block, rng.bits());
    guarded<float> together(rows, s.d_model);
    together.fill(rng, -2, 2);
    auto alone = together;
    std::vector<mamba1_state<any, float>> states(count, mamba1_state<any, float>(s));
    for (auto& state : states) rng.fill(state.conv.span(), -1, 1);
    auto expected = states;
    std::vector<nn::segment<mamba1_state<any, float>>> segments;
    std::size_t first = 0;
    for (std::size_t k = 0; k < count; first += lengths[k++]) {
      segments.push_back({first, lengths[k], &states[k]});
      f(alone.view().rows(first, lengths[k]), expected[k]);
    }
    f.block(together.view(), segments, f.memory.memory());
    REQUIRE(test::same_rows(together.view(), alone.view()));
    for (std::size_t k = 0; k < count; ++k) REQUIRE(same_state(states[k], expected[k]));
  }
}

TEST_CASE("mamba1: the mixer alone, in a few lines") {
  nn::mamba1<> mixer({.d_model = 8});
  fill(mixer, 16);
  nn::mamba1<>::state state(mixer.sizes());
  nn::workspace workspace(mixer, 5);
  std::vector<float> x(5 * 8), y(5 * 8), z(8);
  test::random(17).fill(std::span(x), -1, 1);
  nn::forward(mixer, {x.data(), 5, 8}, state, workspace, {y.data(), 5, 8});
  nn::reference::mamba1<double> plain(mixer);
  nn::mamba1<>::state again(mixer.sizes());
  for (std::size_t t = 0; t < 5; ++t) {
    auto const u = std::span<float const>(x).subspan(8 * t, 8);
    nn::step(mixer, u, again, workspace, z);
    CHECK(test::same_bits(std::span<float const>(z), std::span<float const>(y).subspan(8 * t, 8)));
    auto const exact = plain.step(std::vector<double>(u.begin(), u.end()));
    for (std::size_t i = 0; i < 8; ++i) CHECK(static_cast<double>(z[i]) == doctest::Approx(exact[i]).epsilon(1e-4));
  }
  CHECK(state == again);
}

TEST_CASE("mamba1: one list of parameters in four storages") {
  constexpr mamba1_config s{.d_model = 6, .bias = true};
  auto const list = [](auto layer) {
    std::vector<std::pair<std::string, std::pair<std::size_t, std::size_t>>> out;
    decltype(layer)::for_each(layer, [&](char const* name, auto const& shape, auto& storage, role) {
      CHECK(storage.rows() == shape[0]);
      out.push_back({name, {storage.rows(), storage.row_size()}});
    });
    return out;
  };
  auto const expected = list(nn::mamba1<any, mamba::q4>(s));
  CHECK(expected.size() == 11);
  CHECK(list(nn::mamba1<any, mamba::q4, nn::meta>(s)) == expected);
  CHECK(list(nn::mamba1<any, mamba::q4, nn::dense>(s)) == expected);
  CHECK(list(nn::mamba1<any, mamba::q4, nn::constant>(s)) == expected);
  static_assert(nn::mixer<nn::mamba1<>> && nn::mixer<nn::mamba1<s, mamba::q8>>);
  static_assert(nn::layer<layer<any, float>> && !nn::layer<nn::block<nn::mamba1<any, float, nn::meta>>>);
}

TEST_CASE("mamba1: a state gives its parts by name, and takes them back") {
  constexpr mamba1_config s{.d_model = 5, .d_state = 3};
  using state_type = mamba1_state<any, float>;
  state_type from(s), to(s);
  test::random rng(18);
  rng.fill(from.conv.span(), -1, 1);
  for (std::size_t d = 0; d < 10; ++d) from.ssm(d, d % 3) = static_cast<float>(d);
  std::vector<std::vector<float>> rows;
  state_type::for_each(static_cast<state_type const&>(from),
                       [&](std::string const& name, auto const& shape, auto part) {
                         CHECK((name == "conv" ? shape[0] == 3 && shape[1] == 10 : shape[0] == 10 && shape[1] == 3));
                         for (std::size_t i = 0; i < part.rows(); ++i)
                           part.get_row(i, rows.emplace_back(part.row_size()));
                       });
  auto row = rows.begin();
  state_type::for_each(to, [&](std::string const&, auto const&, auto part) {
    for (std::size_t i = 0; i < part.rows(); ++i) part.set_row(i, *row++);
  });
  CHECK(to == from);
}

}  // namespace
