// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/nn/mamba_block.hpp>
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
using mamba::nn::bias;
using mamba::nn::block_sizes;
using mamba::nn::block_state;
using mamba::nn::block_workspace;
using mamba::nn::mamba_block;
using test::guarded;

constexpr block_sizes any{dynamic, dynamic, dynamic, dynamic, dynamic};

/// Weights of the size that initialisation gives them, so that every part of the block matters.
template <class Block>
void fill(Block& block, std::uint64_t seed) {
  using T = typename Block::scalar;
  test::random rng(seed);
  auto const& s = block.sizes();
  auto const spread = [](std::size_t in) { return 1.7 / std::sqrt(static_cast<double>(in)); };
  test::fill_rows<T>(block.norm.weight(), rng, 0.5, 1.5);
  test::fill_rows<T>(block.in_proj.weight(), rng, -spread(s.d_model), spread(s.d_model));
  test::fill_rows<T>(block.in_proj.bias(), rng, -0.5, 0.5);
  test::fill_rows<T>(block.conv1d.weight(), rng, -spread(s.d_conv), spread(s.d_conv));
  test::fill_rows<T>(block.conv1d.bias(), rng, -0.5, 0.5);
  test::fill_rows<T>(block.x_proj.weight(), rng, -spread(s.d_inner), spread(s.d_inner));
  test::fill_rows<T>(block.dt_proj.weight(), rng, -spread(s.dt_rank), spread(s.dt_rank));
  test::fill_rows<T>(block.dt_proj.bias(), rng, -7, 1);
  test::fill_rows<T>(block.a_log, rng, -1, 3);
  test::fill_rows<T>(block.d, rng, -1, 1);
  test::fill_rows<T>(block.out_proj.weight(), rng, -spread(s.d_inner), spread(s.d_inner));
  test::fill_rows<T>(block.out_proj.bias(), rng, -0.5, 0.5);
}

/// The block as the paper and its code have it, in plain loops over long double. Nothing of the library computes here:
/// only the stored parameters are read.
class plain_block {
 public:
  using real = long double;
  using matrix = std::vector<std::vector<real>>;
  matrix conv_state, h;

  template <class Block>
  explicit plain_block(Block const& block) : s_(block.sizes()) {
    using T = typename Block::scalar;
    auto const read = [](auto const& storage) {
      auto const rows = test::rows_of<T>(storage);
      return std::vector<real>(rows.begin(), rows.end());
    };
    norm_ = read(block.norm.weight());
    in_ = read(block.in_proj.weight());
    in_bias_ = read(block.in_proj.bias());
    conv_ = read(block.conv1d.weight());
    conv_bias_ = read(block.conv1d.bias());
    x_ = read(block.x_proj.weight());
    dt_ = read(block.dt_proj.weight());
    dt_bias_ = read(block.dt_proj.bias());
    a_log_ = read(block.a_log);
    d_ = read(block.d);
    out_ = read(block.out_proj.weight());
    out_bias_ = read(block.out_proj.bias());
    epsilon_ = static_cast<T>(s_.norm_epsilon);
    conv_state.assign(s_.d_conv - 1, std::vector<real>(s_.d_inner));
    h.assign(s_.d_inner, std::vector<real>(s_.d_state));
  }

  void step(std::vector<real>& r) {
    real mean = 0;
    for (real const v : r) mean += v * v / static_cast<real>(r.size());
    std::vector<real> u = r;
    for (std::size_t i = 0; i < u.size(); ++i) u[i] *= norm_[i] / std::sqrt(mean + epsilon_);
    auto const xz = product(in_, in_bias_, u, 2 * s_.d_inner);

    std::vector<std::vector<real>> window = conv_state;
    window.emplace_back(xz.begin(), xz.begin() + static_cast<std::ptrdiff_t>(s_.d_inner));
    std::vector<real> x(s_.d_inner);
    for (std::size_t c = 0; c < x.size(); ++c) {
      real sum = conv_bias_.empty() ? 0 : conv_bias_[c];
      for (std::size_t k = 0; k < s_.d_conv; ++k) sum += conv_[c * s_.d_conv + k] * window[k][c];
      x[c] = silu(sum);
    }
    conv_state.assign(window.begin() + 1, window.end());

    auto const dt_b_c = product(x_, {}, x, s_.dt_rank + 2 * s_.d_state);
    auto const before_softplus = product(dt_, dt_bias_, dt_b_c, s_.d_inner, s_.dt_rank);
    std::vector<real> y(s_.d_inner);
    for (std::size_t c = 0; c < y.size(); ++c) {
      real const v = before_softplus[c];
      real const delta = v > 20 ? v : std::log1p(std::exp(v));
      y[c] = d_[c] * x[c];
      for (std::size_t n = 0; n < s_.d_state; ++n) {
        real const a = -std::exp(a_log_[c * s_.d_state + n]);
        h[c][n] = std::exp(delta * a) * h[c][n] + delta * dt_b_c[s_.dt_rank + n] * x[c];
        y[c] += dt_b_c[s_.dt_rank + s_.d_state + n] * h[c][n];
      }
      y[c] *= silu(xz[s_.d_inner + c]);
    }
    auto const out = product(out_, out_bias_, y, s_.d_model);
    for (std::size_t i = 0; i < r.size(); ++i) r[i] += out[i];
  }

 private:
  static real silu(real v) { return v / (1 + std::exp(-v)); }

  static std::vector<real> product(std::vector<real> const& w, std::vector<real> const& b, std::vector<real> const& x,
                                   std::size_t out, std::size_t in = 0) {
    if (in == 0) in = x.size();
    std::vector<real> y(out);
    for (std::size_t o = 0; o < out; ++o) {
      y[o] = b.empty() ? 0 : b[o];
      for (std::size_t k = 0; k < in; ++k) y[o] += w[o * in + k] * x[k];
    }
    return y;
  }

  block_sizes s_;
  std::vector<real> norm_, in_, in_bias_, conv_, conv_bias_, x_, dt_, dt_bias_, a_log_, d_, out_, out_bias_;
  real epsilon_ = 0;
};

block_sizes random_sizes(test::random& rng) {
  auto const has = [&] { return rng.below(2) == 0 ? bias::none : bias::present; };
  return {.d_model = 1 + rng.below(23),
          .d_inner = 1 + rng.below(37),
          .d_state = 1 + rng.below(20),
          .d_conv = 1 + rng.below(5),
          .dt_rank = 1 + rng.below(4),
          .proj_bias = has(),
          .conv_bias = has(),
          .norm_epsilon = rng.below(2) == 0 ? 1e-5 : 1e-3};
}

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
/// h live on, which 4 covers, the sum of |terms| over |sum| being what it is for random signs (about √n, met by
/// roundings that are as random). So 4 (2 d_model + 2 d_inner + d_conv + dt_rank + d_state + 27) ε/2 is far above what
/// can be seen, and any wrong index or formula is far above that.
template <class W>
double check_against_plain(std::uint64_t seed) {
  using T = typename mamba_block<any, W>::scalar;
  test::random rng(seed);
  double worst = 0;
  for (int run = 0; run < 60; ++run) {
    auto const s = random_sizes(rng);
    std::size_t const L = 1 + rng.below(9);
    mamba_block<any, W> block(s);
    fill(block, rng.bits());
    // Steps beyond 20, where torch's softplus is the number itself, which double can tell from ln(1 + eˣ).
    if (run % 4 == 0) test::fill_rows<T>(block.dt_proj.bias(), rng, 15, 25);
    plain_block plain(block);
    block_state<any, T> state(s);
    block_workspace<T> room;
    room.reserve(s, L);
    distance of_r, of_h, of_conv;
    for (int call = 0; call < 2; ++call) {  // the second call starts from the state of the first
      guarded<T> r(L, s.d_model, rng.below(9));
      r.fill(rng, -2, 2);
      auto before = r;
      block(r.view(), state, room);
      REQUIRE(r.intact());
      for (std::size_t t = 0; t < L; ++t) {
        std::vector<long double> exact(s.d_model);
        for (std::size_t i = 0; i < s.d_model; ++i) exact[i] = before(t, i);
        plain.step(exact);
        for (std::size_t i = 0; i < s.d_model; ++i) of_r.add(r(t, i), exact[i]);
      }
    }
    for (std::size_t c = 0; c < s.d_inner; ++c) {
      for (std::size_t n = 0; n < s.d_state; ++n) of_h.add(state.ssm(c, n), plain.h[c][n]);
      for (std::size_t k = 0; k + 1 < s.d_conv; ++k) of_conv.add(state.conv(k, c), plain.conv_state[k][c]);
    }
    double const chain = static_cast<double>(2 * s.d_model + 2 * s.d_inner + s.d_conv + s.dt_rank + s.d_state + 27);
    double const allowed = 4 * chain * static_cast<double>(std::numeric_limits<T>::epsilon()) / 2;
    for (double const off : {of_r.relative(), of_h.relative(), of_conv.relative()}) {
      REQUIRE(off <= allowed);
      worst = std::max(worst, off / allowed);
    }
  }
  return worst;
}

TEST_CASE("mamba_block: plain loops in extended precision, random sizes, state carried over") {
  MESSAGE("float: at most ", check_against_plain<float>(1), " of the bound");
  MESSAGE("double: at most ", check_against_plain<double>(2), " of the bound");
  MESSAGE("bfloat16: at most ", check_against_plain<bfloat16>(3), " of the bound");
}

template <class T>
bool same_state(block_state<any, T> const& a, block_state<any, T> const& b) {
  return test::same_bits(a.conv.span(), b.conv.span()) && test::same_bits(a.ssm.span(), b.ssm.span());
}

template <class W>
void check_splits(std::uint64_t seed) {
  using T = typename mamba_block<any, W>::scalar;
  test::random rng(seed);
  for (int run = 0; run < 150; ++run) {
    auto const s = random_sizes(rng);
    std::size_t const L = 1 + rng.below(16);
    mamba_block<any, W> block(s);
    fill(block, rng.bits());
    block_workspace<T> room, small;
    room.reserve(s, L);
    guarded<T> whole(L, s.d_model);
    whole.fill(rng, -2, 2);
    auto parts = whole;
    block_state<any, T> at_once(s), carried(s);
    block(whole.view(), at_once, room);
    for (std::size_t first = 0; first < L;) {
      std::size_t const count = run % 5 == 0 ? 1 : std::min(L - first, rng.below(5));
      small.reserve(s, count);
      block(parts.view().rows(first, count), carried, small);
      first += count;
    }
    REQUIRE(test::same_rows(parts.view(), whole.view()));
    REQUIRE(same_state(carried, at_once));
    REQUIRE(parts.intact());
  }
}

TEST_CASE("mamba_block: any split of the sequence gives the same bits in r and in the state") {
  check_splits<float>(4);
  check_splits<double>(5);
  check_splits<bfloat16>(6);
}

TEST_CASE("mamba_block: static and dynamic sizes give the same bits") {
  constexpr block_sizes fixed{
      .d_model = 13, .d_inner = 26, .d_state = 5, .d_conv = 4, .dt_rank = 2, .proj_bias = bias::present};
  mamba_block<fixed, float> a(fixed);
  mamba_block<any, float> b(fixed);
  fill(a, 7);
  fill(b, 7);
  test::random rng(8);
  guarded<float> r(9, 13);
  r.fill(rng, -2, 2);
  auto q = r;
  block_state<fixed, float> state_a(fixed);
  block_state<any, float> state_b(fixed);
  block_workspace<float> room;
  room.reserve(fixed, 9);
  a(r.view(), state_a, room);
  b(q.view(), state_b, room);
  CHECK(test::same_rows(r.view(), q.view()));
  CHECK(test::same_bits(state_a.conv.span(), state_b.conv.span()));
  CHECK(test::same_bits(state_a.ssm.span(), state_b.ssm.span()));
}

TEST_CASE("mamba_block: the same bits with 1, 2 and 3 threads") {
  constexpr block_sizes s{.d_model = 70, .d_inner = 140, .d_state = 16, .d_conv = 4, .dt_rank = 5};
  constexpr std::size_t L = 130;
  mamba_block<any, float> block(s);
  fill(block, 9);
  test::random rng(10);
  guarded<float> start(L, s.d_model);
  start.fill(rng, -2, 2);
  block_workspace<float> room;
  room.reserve(s, L);
  test::all_work_shared const shared;
  mamba::parallel::set_thread_count(1);
  auto alone = start;
  block_state<any, float> state_alone(s);
  block(alone.view(), state_alone, room);
  for (int const count : {2, 3}) {
    mamba::parallel::set_thread_count(count);
    auto together = start;
    block_state<any, float> state(s);
    block(together.view(), state, room);
    CHECK(test::same_rows(together.view(), alone.view()));
    CHECK(same_state(state, state_alone));
  }
}

TEST_CASE("mamba_block: causal, what happens at t leaves all before t as it was, bit for bit") {
  test::random rng(11);
  auto s = random_sizes(rng);
  constexpr std::size_t L = 8;
  mamba_block<any, float> block(s);
  fill(block, 12);
  block_workspace<float> room;
  room.reserve(s, L);
  guarded<float> start(L, s.d_model);
  start.fill(rng, -2, 2);
  auto clean = start;
  block_state<any, float> state(s);
  block(clean.view(), state, room);
  for (std::size_t t = 0; t < L; ++t) {
    auto changed = start;
    changed(t, 0) = std::numeric_limits<float>::quiet_NaN();
    state.reset();
    block(changed.view(), state, room);
    CHECK(test::same_rows(changed.view().rows(0, t), clean.view().rows(0, t)));
    for (std::size_t i = 0; i < s.d_model; ++i) CHECK(std::isnan(changed(t, i)));
  }
}

TEST_CASE("mamba_block: the state is a value, and reset makes it new") {
  constexpr block_sizes s{.d_model = 3, .d_inner = 6, .d_state = 2, .d_conv = 3, .dt_rank = 1};
  mamba_block<any, double> block(s);
  fill(block, 13);
  block_workspace<double> room;
  room.reserve(s, 4);
  guarded<double> r(4, 3);
  test::random rng(14);
  r.fill(rng, -1, 1);
  block_state<any, double> state(s), fresh(s);
  CHECK(state == fresh);
  block(r.view(), state, room);
  CHECK_FALSE(state == fresh);
  auto const copy = state;
  CHECK(copy == state);
  state.reset();
  CHECK(state == fresh);
  CHECK_FALSE(copy == state);
  block(r.view().rows(0, 0), state, room);
  CHECK(state == fresh);
}

TEST_CASE("mamba_block: a workspace that was not reserved is a broken contract") {
  constexpr block_sizes s{.d_model = 3, .d_inner = 6, .d_state = 2, .d_conv = 3, .dt_rank = 1};
  mamba_block<any, float> const block(s);
  block_state<any, float> state(s);
  block_workspace<float> room;
  guarded<float> r(2, 3);
  CHECK_THROWS_AS(block(r.view(), state, room), mamba::contract_violation);
  room.reserve(s, 1);
  CHECK_THROWS_AS(block(r.view(), state, room), mamba::contract_violation);
  room.reserve(s, 2);
  CHECK_NOTHROW(block(r.view(), state, room));
}

}  // namespace
