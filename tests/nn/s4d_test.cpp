// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/model/forward.hpp>
#include <mamba/model/network.hpp>
#include <mamba/model/workspace.hpp>
#include <mamba/nn/block.hpp>
#include <mamba/nn/forward.hpp>
#include <mamba/nn/mamba1.hpp>
#include <mamba/nn/reference/s4d.hpp>
#include <mamba/nn/s4d.hpp>
#include <support/allocations.hpp>
#include <support/bits.hpp>
#include <support/guarded.hpp>
#include <support/parameters.hpp>
#include <support/s4d_bounds.hpp>
#include <support/threads.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

namespace {

namespace model = mamba::model;
namespace nn = mamba::nn;
using mamba::bfloat16;
using mamba::matrix_view;
using mamba::q8;
using nn::s4d_config;
using nn::s4d_output;
using test::guarded;

constexpr s4d_config any = nn::any_s4d;
constexpr double largest_delta = 0.1;

/// Parameters as initialisation gives them: Δ spaced by its logarithm in [1e-3, 0.1], A = −½ + iπn and something.
template <class Layer>
void fill(Layer& layer, std::uint64_t seed) {
  using T = typename Layer::scalar;
  test::random rng(seed);
  Layer::for_each(layer, [&](std::string const& name, auto const& shape, auto& storage, nn::role r) {
    auto const is = [&](char const* end) { return name.ends_with(end); };
    double low = -0.5, high = 0.5;
    if (r != nn::role::vector) high = 1.7 / std::sqrt(static_cast<double>(storage.row_size())), low = -high;
    if (is("norm.weight") || is("norm_f.weight")) low = 0.5, high = 1.5;
    if (is("dt_proj.bias")) low = -7, high = 1;
    if (is("A_log")) low = -1, high = 3;
    if (is("D") || is("kernel.C")) low = -1, high = 1;
    if (is("log_dt")) low = std::log(1e-3), high = std::log(largest_delta);
    if (is("log_A_real")) low = std::log(0.3), high = 0;
    if (is("A_imag")) low = 0, high = std::numbers::pi * static_cast<double>(shape.back());
    test::fill_rows<T>(storage, rng, low, high);
  });
}

s4d_config random_sizes(test::random& rng) {
  return {.d_model = 1 + rng.below(40),
          .d_state = 2 * (1 + rng.below(20)),
          .output = rng.below(3) == 0 ? s4d_output::gelu : s4d_output::glu};
}

/// One call of a mixer on one sequence.
template <class Mixer, class T>
void run(Mixer const& mixer, matrix_view<T> x, typename Mixer::state& state, matrix_view<T> y) {
  nn::workspace memory(mixer, x.extent(0));
  nn::forward(mixer, x, state, memory, y);
}

/// The largest |ΔA| that fill() leads to.
double largest_z(s4d_config const& s) {
  return largest_delta * (1 + std::numbers::pi * static_cast<double>(s.pairs()));
}

/// The mixer against the plain one, two calls of L steps each, number by number. Returns the largest share of the
/// bound.
template <class W>
double check_against_plain(std::uint64_t seed) {
  using mixer = nn::s4d<any, W>;
  using T = typename mixer::scalar;
  test::random rng(seed);
  double worst = 0;
  for (int i = 0; i < 40; ++i) {
    auto const s = random_sizes(rng);
    std::size_t const L = 1 + rng.below(40), H = s.d_model;
    mixer layer(s);
    fill(layer, rng.bits());
    nn::reference::s4d<long double> plain(layer);
    nn::reference::parameters<long double> const p(layer);
    auto const& w = p["output_linear.0.weight"];
    auto const& b = p["output_linear.0.bias"];
    test::s4d_bounds<T> bound(plain, largest_z(s));
    typename mixer::state state(s);
    for (int call = 0; call < 2; ++call) {  // the second call starts from the state of the first
      guarded<T> x(L, H, rng.below(9)), y(L, H, rng.below(9));
      x.fill(rng, -2, 2);
      run(layer, x.view(), state, y.view());
      REQUIRE(y.intact());
      for (std::size_t t = 0; t < L; ++t) {
        std::vector<long double> u(H);
        for (std::size_t d = 0; d < H; ++d) u[d] = x(t, d);
        std::vector<double> off;
        auto const exact_s = bound.system(u, p["D"], off);
        auto const exact = plain.output(exact_s);
        for (std::size_t d = 0; d < H; ++d) off[d] = bound.of_gelu(off[d], exact_s[d]);
        if (s.output == s4d_output::glu) off = bound.of_gate(exact_s, off, w, b);
        for (std::size_t d = 0; d < H; ++d) {
          double const error = static_cast<double>(std::fabs(y(t, d) - exact[d]));
          REQUIRE(error <= off[d]);
          if (off[d] > 0) worst = std::max(worst, error / off[d]);
        }
      }
    }
    for (std::size_t d = 0; d < H; ++d) {
      for (std::size_t n = 0; n < s.pairs(); ++n) {
        std::complex<long double> const found(state.ssm(d, n));
        REQUIRE(static_cast<double>(std::abs(found - plain.h[d][n])) <= bound.of_h[d][n] * 1.01);
      }
    }
  }
  return worst;
}

TEST_CASE("s4d: plain loops in extended precision, random sizes, state carried over") {
  MESSAGE("float: at most ", check_against_plain<float>(1), " of the bound");
  MESSAGE("double: at most ", check_against_plain<double>(2), " of the bound");
  MESSAGE("bfloat16: at most ", check_against_plain<bfloat16>(3), " of the bound");
}

/// s4d_convolve() against the plain recurrence, without the gate.
template <class T>
double check_convolution(std::uint64_t seed) {
  test::random rng(seed);
  double worst = 0;
  for (int i = 0; i < 20; ++i) {
    auto s = random_sizes(rng);
    s.output = s4d_output::gelu;
    std::size_t const L = 1 + rng.below(300), H = 1 + s.d_model % 12, P = s.pairs();
    s.d_model = H;
    nn::s4d<any, T> layer(s);
    fill(layer, rng.bits());
    nn::reference::s4d<long double> plain(layer);
    nn::reference::parameters<long double> const p(layer);
    test::s4d_bounds<T> const bound(plain, largest_z(s));
    guarded<T> x(L, H, rng.below(9)), y(L, H, rng.below(9));
    x.fill(rng, -2, 2);
    nn::workspace memory(layer, L);
    nn::s4d_convolve(layer, x.view(), memory, y.view());
    REQUIRE(y.intact());
    auto const levels = std::log2(static_cast<double>(mamba::kernels::fft_convolution<T>(L).size()));
    std::vector<std::vector<long double>> exact(L);
    for (std::size_t t = 0; t < L; ++t) {
      std::vector<long double> u(H);
      for (std::size_t d = 0; d < H; ++d) u[d] = x(t, d);
      exact[t] = plain.system(u);
    }
    for (std::size_t d = 0; d < H; ++d) {
      std::vector<double> of_k(L);
      double norm_k = 0, norm_u = 0, norm_s = 0;
      for (std::size_t k = 0; k < L; ++k) {
        long double K = 0;
        double size = 0;
        for (std::size_t n = 0; n < P; ++n) {
          auto const term = plain.c_bar[d][n] * std::pow(plain.a_bar[d][n], static_cast<long double>(k));
          K += 2 * term.real();
          size += 2 * static_cast<double>(std::abs(term));
        }
        auto const steps = static_cast<double>(k);
        of_k[k] = size * (bound.of_c_bar[d][0] + steps * bound.of_a_bar[d][0] +
                          (static_cast<double>(P) + 50) / 2 * bound.eps + 2.2 * steps * 0x1p-53);
        long double const without_skip = exact[k][d] - p["D"][d] * static_cast<long double>(x(k, d));
        norm_k += static_cast<double>(K * K);
        norm_u += static_cast<double>(x(k, d)) * static_cast<double>(x(k, d));
        norm_s += static_cast<double>(without_skip * without_skip);
      }
      double const of_fft = bound.eps * levels * (10 * std::sqrt(norm_k) * std::sqrt(norm_u) + 2.5 * std::sqrt(norm_s));
      for (std::size_t t = 0; t < L; ++t) {
        double off = of_fft + bound.eps * (2 * std::fabs(static_cast<double>(x(t, d))) +
                                           static_cast<double>(std::fabs(exact[t][d])));
        for (std::size_t k = 0; k <= t; ++k) off += of_k[k] * std::fabs(static_cast<double>(x(t - k, d)));
        double const allowed = 1.01 * bound.of_gelu(off, exact[t][d]);
        auto const error = static_cast<double>(std::fabs(y(t, d) - nn::reference::gelu(exact[t][d])));
        REQUIRE(error <= allowed);
        worst = std::max(worst, error / allowed);
      }
    }
  }
  return worst;
}

TEST_CASE("s4d_convolve: within its bound of the plain recurrence") {
  MESSAGE("float: at most ", check_convolution<float>(4), " of the bound");
  MESSAGE("double: at most ", check_convolution<double>(5), " of the bound");
}

TEST_CASE("s4d_convolve: what follows the system is that of the recurrence, and threads change no bit") {
  s4d_config const s{.d_model = 21, .d_state = 10};
  nn::s4d<any, q8> layer(s);
  fill(layer, 6);
  test::random rng(7);
  guarded<float> x(90, 21), y(90, 21), z(90, 21);
  x.fill(rng, -2, 2);
  nn::s4d<any, q8>::state state(s);
  run(layer, x.view(), state, y.view());
  nn::workspace memory(layer, 90);
  test::all_work_shared const shared;
  mamba::parallel::set_thread_count(1);
  nn::s4d_convolve(layer, x.view(), memory, z.view());
  double off = 0, size = 0;
  for (std::size_t t = 0; t < 90; ++t) {
    for (std::size_t d = 0; d < 21; ++d) {
      off += std::pow(static_cast<double>(y(t, d) - z(t, d)), 2);
      size += std::pow(static_cast<double>(y(t, d)), 2);
    }
  }
  // Rounding to 8 bits may fall to either side: at most a step of 1/127 of a block's largest, and seldom.
  CHECK(std::sqrt(off) <= std::sqrt(size) / 127);
  CHECK(size > 0);
  auto const alone = z;
  mamba::parallel::set_thread_count(2);
  nn::s4d_convolve(layer, x.view(), memory, z.view());
  CHECK(test::same_rows(z.view(), guarded<float>(alone).view()));
}

template <class State>
bool same_state(State const& a, State const& b) {
  return test::same_bits(a.ssm.re.span(), b.ssm.re.span()) && test::same_bits(a.ssm.im.span(), b.ssm.im.span());
}

template <class W>
void check_splits_and_batches(std::uint64_t seed) {
  using mixer = nn::s4d<any, W>;
  using T = typename mixer::scalar;
  test::random rng(seed);
  for (int i = 0; i < 60; ++i) {
    auto const s = random_sizes(rng);
    mixer layer(s);
    fill(layer, rng.bits());
    std::size_t const count = 1 + rng.below(4);
    std::vector<std::size_t> lengths(count);
    std::size_t rows = 0;
    for (auto& n : lengths) rows += n = rng.below(i % 3 == 0 ? 60 : 7);
    guarded<T> x(rows, s.d_model), batch(rows, s.d_model), parts(rows, s.d_model);
    x.fill(rng, -2, 2);
    std::vector<typename mixer::state> states(count, typename mixer::state(s)), carried = states;
    std::vector<nn::segment<typename mixer::state>> segments;
    std::size_t first = 0;
    for (std::size_t k = 0; k < count; first += lengths[k++]) {
      segments.push_back({first, lengths[k], &states[k]});
      for (std::size_t t = 0; t < lengths[k];) {
        std::size_t const n = i % 5 == 0 ? 1 : std::min(lengths[k] - t, 1 + rng.below(9));
        run(layer, x.view().rows(first + t, n), carried[k], parts.view().rows(first + t, n));
        t += n;
      }
    }
    nn::workspace memory(layer, rows);
    auto at = memory.memory();
    typename mixer::input const input(at, x.view());
    layer.template apply<mamba::kernels::output::assign>(input, segments, at, batch.view());
    REQUIRE(test::same_rows(batch.view(), parts.view()));
    REQUIRE(batch.intact());
    for (std::size_t k = 0; k < count; ++k) REQUIRE(same_state(states[k], carried[k]));
    // The same added to what is there.
    guarded<T> sum(rows, s.d_model);
    sum.fill(rng, -1, 1);
    auto const start = sum;
    for (auto& state : states) state.reset();
    layer.template apply<mamba::kernels::output::add>(input, segments, at, sum.view());
    for (std::size_t t = 0; t < rows; ++t) {
      for (std::size_t d = 0; d < s.d_model; ++d) REQUIRE(sum(t, d) == start(t, d) + batch(t, d));
    }
  }
}

TEST_CASE("s4d: any split and any batch gives the same bits in y and in the state") {
  check_splits_and_batches<float>(8);
  check_splits_and_batches<double>(9);
  check_splits_and_batches<q8>(10);
}

TEST_CASE("s4d: static and dynamic sizes give the same bits, with and without the gate") {
  auto const check = [](auto fixed) {
    nn::s4d<fixed(), q8> a;
    nn::s4d<any, q8> b(fixed());
    fill(a, 11);
    fill(b, 11);
    test::random rng(12);
    guarded<float> x(40, 13), y(40, 13), z(40, 13);
    x.fill(rng, -2, 2);
    typename decltype(a)::state state_a(fixed());
    nn::s4d<any, q8>::state state_b(fixed());
    run(a, x.view(), state_a, y.view());
    run(b, x.view(), state_b, z.view());
    CHECK(test::same_rows(y.view(), z.view()));
    CHECK(test::same_bits(state_a.ssm.re.span(), state_b.ssm.re.span()));
  };
  check([] { return s4d_config{.d_model = 13, .d_state = 6}; });
  check([] { return s4d_config{.d_model = 13, .d_state = 6, .output = s4d_output::gelu}; });
}

TEST_CASE("s4d: a small static configuration has weights, state and workspace without any heap") {
  constexpr s4d_config s{.d_model = 8, .d_state = 4};
  using mixer = nn::s4d<s, q8>;
  constexpr std::size_t bytes = mixer::workspace(s, 3);
  std::vector<float> x(3 * 8, 0.5F), y(3 * 8);
  std::size_t const before = test::allocations;
  mixer layer;
  mixer::state state(s);
  nn::static_workspace<bytes> memory;
  nn::forward(layer, matrix_view<float const>(x.data(), 3, 8), state, memory, matrix_view<float>(y.data(), 3, 8));
  CHECK(test::allocations == before);
}

TEST_CASE("s4d: the same bits with 1, 2 and 3 threads") {
  s4d_config const s{.d_model = 70, .d_state = 32};
  nn::s4d<> layer(s);
  fill(layer, 13);
  test::random rng(14);
  guarded<float> x(130, 70), alone(130, 70), together(130, 70);
  x.fill(rng, -2, 2);
  test::all_work_shared const shared;
  mamba::parallel::set_thread_count(1);
  nn::s4d<>::state state(s);
  run(layer, x.view(), state, alone.view());
  for (int const count : {2, 3}) {
    mamba::parallel::set_thread_count(count);
    nn::s4d<>::state other(s);
    run(layer, x.view(), other, together.view());
    CHECK(test::same_rows(alone.view(), together.view()));
    CHECK(same_state(state, other));
  }
}

TEST_CASE("s4d: one list of parameters, with a checkpoint's names and shapes, in three storages") {
  s4d_config const s{.d_model = 6, .d_state = 8};
  auto const list = [](auto layer) {
    std::vector<std::pair<std::string, std::vector<std::size_t>>> out;
    decltype(layer)::for_each(layer, [&](char const* name, auto const& shape, auto& storage, nn::role) {
      std::size_t row = 1;
      for (std::size_t i = 1; i < shape.size(); ++i) row *= shape[i];
      CHECK(storage.rows() == shape[0]);
      CHECK(storage.row_size() == row);
      out.push_back({name, {shape.begin(), shape.end()}});
    });
    return out;
  };
  auto const expected = list(nn::s4d<any, mamba::q4>(s));
  CHECK(expected ==
        std::vector<std::pair<std::string, std::vector<std::size_t>>>{{"D", {6}},
                                                                      {"kernel.C", {6, 4, 2}},
                                                                      {"kernel.log_dt", {6}},
                                                                      {"kernel.log_A_real", {6, 4}},
                                                                      {"kernel.A_imag", {6, 4}},
                                                                      {"output_linear.0.weight", {12, 6, 1}},
                                                                      {"output_linear.0.bias", {12}}});
  CHECK(list(nn::s4d<any, mamba::q4, nn::meta>(s)) == expected);
  CHECK(list(nn::s4d<any, mamba::q4, nn::dense>(s)) == expected);
  CHECK(list(nn::s4d<any, float>({.d_model = 6, .d_state = 8, .output = s4d_output::gelu})).size() == 5);
  CHECK_THROWS_AS(nn::s4d<>({.d_model = 6, .d_state = 7}), mamba::contract_violation);
  static_assert(nn::mixer<nn::s4d<>> && nn::mixer<nn::s4d<s4d_config{.d_model = 8}, q8>>);
  static_assert(nn::layer<nn::block<nn::s4d<>>> && !nn::layer<nn::block<nn::s4d<any, float, nn::meta>>>);
}

TEST_CASE("s4d: NaN stays in its channel and its future without the gate") {
  s4d_config const s{.d_model = 19, .d_state = 6, .output = s4d_output::gelu};
  nn::s4d<> layer(s);
  fill(layer, 15);
  test::random rng(16);
  guarded<float> x(9, 19), clean(9, 19), y(9, 19);
  x.fill(rng, -2, 2);
  nn::s4d<>::state state(s);
  run(layer, x.view(), state, clean.view());
  x(4, 3) = std::numeric_limits<float>::quiet_NaN();
  state.reset();
  run(layer, x.view(), state, y.view());
  for (std::size_t t = 0; t < 9; ++t) {
    for (std::size_t d = 0; d < 19; ++d) {
      if (t >= 4 && d == 3) {
        CHECK(std::isnan(y(t, d)));
      } else {
        CHECK(y(t, d) == clean(t, d));
      }
    }
  }
}

/// Features → S4D, Mamba, S4D → pooled outputs.
template <class W, s4d_config S = any>
using classifier = model::network<model::feature_projection<W>,
                                  model::stack<nn::block<nn::s4d<S, W>>, nn::block<nn::mamba1<nn::any_mamba1, W>>>,
                                  model::pooled_head<W>>;

constexpr s4d_config small{.d_model = 20, .d_state = 12};

template <class W, s4d_config S = any>
typename classifier<W, S>::config classifier_sizes(model::pooling over) {
  using layers = model::stack<nn::block<nn::s4d<S, W>>, nn::block<nn::mamba1<nn::any_mamba1, W>>>;
  return {{.features = 5, .d_model = small.d_model},
          {layers::template layer<0>({small}), layers::template layer<1>({{.d_model = small.d_model}}),
           layers::template layer<0>({small})},
          {.d_model = small.d_model, .outputs = 3, .over = over}};
}

template <class W>
void check_classifier(model::pooling over, std::uint64_t seed) {
  using net = classifier<W>;
  net w(classifier_sizes<W>(over));
  fill(w, seed);
  classifier<W, small> fixed(classifier_sizes<W, small>(over));
  fill(fixed, seed);
  test::random rng(seed + 1);
  test::all_work_shared const shared;
  for (int i = 0; i < 12; ++i) {
    std::size_t const lengths[] = {i == 0 ? 300 : 1 + rng.below(40), 1 + rng.below(6), rng.below(3)};
    std::size_t const total = lengths[0] + lengths[1] + lengths[2];
    guarded<float> x(total, 5), alone(total, 3), batch(total, 3), parts(total, 3);
    x.fill(rng, -2, 2);
    std::vector<typename net::state> states(3, w.initial_state()), carried = states, whole = states;
    auto of_fixed = fixed.initial_state();
    mamba::parallel::set_thread_count(1);
    model::workspace memory(w);
    model::workspace of_fixed_memory(fixed, 64);
    std::vector<model::sequence<net>> sequences;
    std::size_t first = 0;
    for (std::size_t k = 0; k < 3; first += lengths[k++]) {
      auto const rows = x.view().rows(first, lengths[k]);
      model::workspace large(w, 64);
      model::forward(w, rows, whole[k], large, alone.view().rows(first, lengths[k]));
      sequences.push_back({rows, &states[k], lengths[k]});
      for (std::size_t t = 0; t < lengths[k];) {
        std::size_t const n = std::min(lengths[k] - t, 1 + rng.below(10));
        model::forward(w, rows.rows(t, n), carried[k], memory, parts.view().rows(first + t, n));
        t += n;
      }
      if (k == 0) {
        guarded<float> y(lengths[k], 3);
        model::forward(fixed, rows, of_fixed, of_fixed_memory, y.view());
        REQUIRE(test::same_rows(y.view(), alone.view().rows(first, lengths[k])));
      }
    }
    REQUIRE(test::same_rows(parts.view(), alone.view()));
    for (int const threads : {1, 2}) {
      mamba::parallel::set_thread_count(threads);
      for (auto& state : states) state.reset();
      model::forward(w, std::span<model::sequence<net> const>(sequences), memory, batch.view());
      REQUIRE(test::same_rows(batch.view(), alone.view()));
      for (std::size_t k = 0; k < 3; ++k) REQUIRE(states[k] == whole[k]);
    }
    REQUIRE(carried == whole);
  }
}

TEST_CASE("s4d: in a stack with mamba1, from features to pooled outputs: the partition contract") {
  for (auto const over : {model::pooling::none, model::pooling::mean}) {
    check_classifier<float>(over, 17);
    check_classifier<q8>(over, 18);
  }
}

TEST_CASE("s4d: q8 is near float in a stack") {
  classifier<float> exact(classifier_sizes<float>(model::pooling::mean));
  classifier<q8> coarse(classifier_sizes<q8>(model::pooling::mean));
  fill(exact, 19);
  fill(coarse, 19);
  test::random rng(20);
  guarded<float> x(30, 5), y(30, 3), z(30, 3);
  x.fill(rng, -2, 2);
  auto a = exact.initial_state();
  auto b = coarse.initial_state();
  model::workspace memory_a(exact, 30), memory_b(coarse, 30);
  model::forward(exact, x.view(), a, memory_a, y.view());
  model::forward(coarse, x.view(), b, memory_b, z.view());
  double off = 0, size = 0;
  for (std::size_t t = 0; t < 30; ++t) {
    for (std::size_t i = 0; i < 3; ++i) {
      off += std::pow(static_cast<double>(y(t, i) - z(t, i)), 2);
      size += std::pow(static_cast<double>(y(t, i)), 2);
    }
  }
  // Weights and activations are off by 1/254 of a block's largest at most; eight products in a row, of random signs.
  CHECK(std::sqrt(off / size) < 8.0 / 127);
  CHECK(off > 0);
}

}  // namespace

TEST_CASE("s4d: a state of another layer is refused") {
  nn::s4d<> const layer({.d_model = 20, .d_state = 6});
  nn::s4d<>::state narrower({.d_model = 4, .d_state = 6}), shorter({.d_model = 20, .d_state = 4});
  nn::s4d<>::state own(layer.sizes());
  guarded<float> x(2, 20), y(2, 20);
  for (auto* const other : {&narrower, &shorter}) {
    CHECK_FALSE(other->made_for(layer.sizes()));
    CHECK_THROWS_AS(run(layer, x.view(), *other, y.view()), mamba::contract_violation);
  }
  CHECK_NOTHROW(run(layer, x.view(), own, y.view()));
}
