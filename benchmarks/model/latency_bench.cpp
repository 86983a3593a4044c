// SPDX-License-Identifier: MIT
// model/latency_bench.cpp — the time of each of many steps of small models of fixed size: median, tail and maximum.
//
// What a real-time thread must plan for is not a step's mean but its worst case. Every step is timed by itself, so each
// figure has one reading of the clock in it (20 to 40 ns). Page faults and context switches that the thread had during
// the steps stand beside: what lies far above the median is the system's, not the library's. --period µs makes every
// step wait for its turn, as in an application, where caches grow cold and the processor sleeps in between.
#define MAMBA_INLINE_BYTES 1048576  // weights, states and workspaces use no heap

#include <mamba/model/forward.hpp>
#include <mamba/model/signal.hpp>
#include <mamba/model/weights.hpp>
#include <mamba/nn/forward.hpp>
#include <mamba/nn/s4d.hpp>
#include <mamba/nn/s4d_init.hpp>
#include <support/arguments.hpp>
#include <support/latency.hpp>
#include <support/random.hpp>
#include <support/run.hpp>

#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <thread>

namespace {

namespace model = mamba::model;
namespace nn = mamba::nn;

/// Of examples/embed: tokens of two kinds.
constexpr model::config watchdog{.d_model = 4, .n_layer = 1, .vocab_size = 2, .d_state = 4};
/// A keyword spotter: frames of 40 features, two Mamba blocks 64 wide, ten words.
constexpr model::signal_config spotter{
    .features = 40, .d_model = 64, .n_layer = 2, .outputs = 10, .over = model::pooling::mean};
/// A layer of 16 channels with 16 states each.
constexpr nn::s4d_config s4d{.d_model = 16, .d_state = 16};

constexpr std::size_t checked_steps = 64;

struct plan {
  std::size_t steps;
  double period;  ///< [s]; 0: back to back
};

/// Rows of features.
template <std::size_t Width>
std::array<float, checked_steps * Width> const& features() {
  static std::array<float, checked_steps* Width> const rows = [] {
    std::array<float, checked_steps * Width> x{};
    test::random rng(3);
    rng.fill(std::span<float>(x), -1, 1);
    return x;
  }();
  return rows;
}

/// A model in place, its input, and its output: step(t) is what is timed, all() the same as one call.
template <class Weights, std::size_t Outputs>
struct model_case {
  Weights weights;
  typename Weights::state state;
  model::static_workspace<Weights, checked_steps> workspace;
  std::array<float, Outputs> y{};

  void fill() {
    test::random rng(1);
    std::array<float, 4096> row{};
    model::for_each_tensor(weights, [&](std::string_view name, std::span<std::size_t const>, auto& tensor) {
      double const low = name.ends_with("A_log") ? 0 : name.find("norm") != name.npos ? 0.5 : -0.3;
      for (std::size_t r = 0; r < tensor.rows(); ++r) {
        auto const values = std::span(row).first(tensor.row_size());
        rng.fill(values, low, low + 0.6);
        tensor.set_row(r, std::span<float const>(values));
      }
    });
  }
  void reset() { state.reset(); }
};

struct watchdog_case : model_case<model::weights<watchdog>, 2> {
  static model::token token(std::size_t t) { return t % 7 == 0 ? 1 : 0; }
  void step(std::size_t t) { model::step(weights, token(t), state, workspace, std::span<float>(y)); }
  void all(mamba::matrix_view<float> out) {
    std::array<model::token, checked_steps> tokens{};
    for (std::size_t t = 0; t < checked_steps; ++t) tokens[t] = token(t);
    model::forward(weights, std::span<model::token const>(tokens), state, workspace, out);
  }
};

struct spotter_case : model_case<model::signal_weights<spotter>, spotter.outputs> {
  static constexpr std::size_t width = spotter.features;
  void step(std::size_t t) {
    auto const row = std::span(features<width>()).subspan(t % checked_steps * width, width);
    model::step(weights, row, state, workspace, std::span<float>(y));
  }
  void all(mamba::matrix_view<float> out) {
    model::forward(weights, {features<width>().data(), checked_steps, width}, state, workspace, out);
  }
};

struct s4d_case {
  nn::s4d<s4d> weights;
  nn::s4d<s4d>::state state;
  nn::static_workspace<nn::s4d<s4d>::workspace(s4d, checked_steps)> workspace;
  std::array<float, s4d.d_model> y{};

  void fill() {
    test::random rng(2);
    nn::initialize(weights, {}, [&] { return rng.uniform(0, 1); });
  }
  void reset() { state.reset(); }
  void step(std::size_t t) {
    auto const row = std::span(features<s4d.d_model>()).subspan(t % checked_steps * s4d.d_model, s4d.d_model);
    nn::step(weights, row, state, workspace, std::span<float>(y));
  }
  void all(mamba::matrix_view<float> out) {
    nn::forward(weights, {features<s4d.d_model>().data(), checked_steps, s4d.d_model}, state, workspace, out);
  }
};

/// Steps must have the bits of one call, and those of the tested kernels with it.
template <class Case>
void check(std::string const& name, Case& c) {
  constexpr std::size_t outputs = std::tuple_size_v<decltype(c.y)>;
  std::array<float, checked_steps * outputs> whole{};
  c.reset();
  c.all({whole.data(), checked_steps, outputs});
  c.reset();
  for (std::size_t t = 0; t < checked_steps; ++t) {
    c.step(t);
    if (std::memcmp(c.y.data(), whole.data() + t * outputs, sizeof c.y) != 0)
      mamba::core::fail(name + ": step " + std::to_string(t) + " differs from forward()");
    for (float const v : c.y) {
      if (!std::isfinite(v)) mamba::core::fail(name + ": step " + std::to_string(t) + " is not finite");
    }
  }
}

template <class Case>
void measure(std::string const& name, bench::machine const& m, plan const& p) {
  static Case c;
  c.fill();
  check(name, c);
  mamba::parallel::set_thread_count(1);
  examples::latencies times(p.steps);
  for (std::size_t t = 0; t < 1000; ++t) c.step(t);  // into the caches
  auto const before = examples::disturbances::so_far();
  auto next = std::chrono::steady_clock::now();
  auto const period =
      std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<double>(p.period));
  for (std::size_t t = 0; t < p.steps; ++t) {
    if (p.period > 0) std::this_thread::sleep_until(next += period);
    times.time([&] { c.step(t); });
  }
  auto const during = examples::disturbances::so_far() - before;
  mamba::parallel::set_thread_count(m.threads);
  auto const sorted = times.sorted();
  std::printf("%s: %zu steps%s\n%s\n%s\n%s\n", name.c_str(), p.steps,
              p.period > 0 ? (", one every " + examples::readable_time(p.period)).c_str() : " back to back",
              examples::latency_line(sorted).c_str(), during.in_words().c_str(),
              examples::histogram_text(sorted).c_str());
  std::fflush(stdout);
  bench::work const one{.tokens = 1};
  bench::add_measured("latency/" + name + "/median", m, 1, one, examples::quantile(sorted, 0.5));
  bench::add_measured("latency/" + name + "/percentile:99.9", m, 1, one, examples::quantile(sorted, 0.999));
  bench::add_measured("latency/" + name + "/maximum", m, 1, one, examples::quantile(sorted, 1));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    bench::arguments given(argc, argv);
    given.explain(
        "bench_latency [--small] [--steps 100000] [--period MICROSECONDS]\n"
        "and Google Benchmark's options:\n\n");
    plan const p{given.numbers("--steps", given.has("--small") ? "1000" : "100000").front(),
                 1e-6 * static_cast<double>(given.has("--period") ? given.numbers("--period", "").front() : 0)};
    return bench::run(given.count(), given.values(), [&](bench::machine const& m) {
      measure<watchdog_case>("watchdog", m, p);
      measure<spotter_case>("spotter", m, p);
      measure<s4d_case>("s4d", m, p);
    });
  } catch (std::exception const& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
