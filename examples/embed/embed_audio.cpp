// SPDX-License-Identifier: MIT
// embed_audio — a state-space layer in an audio loop: a Butterworth filter, block by block, each within its deadline.
//
// An S4D layer of two channels and four complex modes is a filter of order 8 (butterworth.hpp). All sizes are known to
// the compiler; the loop allocates nothing, takes no lock and throws nothing. Each channel of sound has a state, which
// starts settled at the channel's first sample, so that nothing clicks.
#include <mamba/core/error.hpp>
#include <mamba/nn/forward.hpp>
#include <support/command_line.hpp>
#include <support/flush_subnormals.hpp>
#include <support/latency.hpp>
#include <support/program.hpp>

#include "butterworth.hpp"
#include "wav.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

namespace {

constexpr std::size_t longest_block = 1024;

struct options {
  std::string in, out, plot;
  double low = 0, high = 0;
  std::size_t block = 64;
  bool force = false;
};

/// The filter and its memory, none of it on the heap.
struct filter {
  examples::filter_layer layer;
  mamba::nn::static_workspace<examples::filter_layer::workspace(examples::filter_sizes, longest_block)> workspace;
  std::array<float, 2 * longest_block> x{}, y{};

  /// Filters `count` samples of one channel, `stride` apart, in place: what an audio callback would do.
  void operator()(examples::filter_layer::state& state, float* samples, std::size_t count, std::size_t stride) {
    for (std::size_t t = 0; t < count; ++t) x[2 * t] = x[2 * t + 1] = samples[t * stride];
    mamba::nn::forward(layer, {x.data(), count, std::size_t{2}}, state, workspace, {y.data(), count, std::size_t{2}});
    for (std::size_t t = 0; t < count; ++t) samples[t * stride] = y[2 * t] - y[2 * t + 1];
  }
};

/// Ten seconds of noise, for a run without a file.
examples::sound noise() {
  examples::sound s;
  s.samples.resize(480'000);
  std::uint32_t random = 1;
  for (float& v : s.samples) {
    random = random * 1664525U + 1013904223U;
    v = static_cast<float>(random >> 8U) * 0x1p-24F - 0.5F;
  }
  return s;
}

/// OUT and the plot must be new, unless --force, with which OUT may be the input, and the plot may not.
void check_targets(options const& o) {
  std::error_code ignored;
  if (!o.plot.empty()) {
    for (std::string const& sound : {o.in, o.out})
      if (o.plot == sound || std::filesystem::equivalent(o.plot, sound, ignored))
        mamba::core::fail("--plot " + o.plot + ": is the file of the sound");
  }
  for (std::string const& name : {o.out, o.plot}) {
    if (name.empty()) continue;
    if (!o.in.empty() && std::filesystem::equivalent(name, o.in, ignored) && !o.force)
      mamba::core::fail(name + ": is the input itself; --force replaces it");
    if (std::filesystem::is_regular_file(name, ignored) && !o.force)
      mamba::core::fail(name + ": exists already; --force replaces it");
  }
}

void run(options const& o) {
  check_targets(o);
  examples::sound s = o.in.empty() ? noise() : examples::read_wav(o.in);
  double const cutoff = o.high > 0 ? o.high : o.low;
  if (cutoff > s.rate / 4.0)
    mamba::core::fail("the cut-off frequency must be at most a quarter of the sampling rate of " +
                      std::to_string(s.rate) + " Hz");

  // Once, before the loop: the weights, a state for each channel, memory for the times of the blocks.
  static filter f;
  examples::design_butterworth(f.layer, o.high > 0 ? examples::passband::high : examples::passband::low, cutoff,
                               s.rate);
  std::vector<examples::filter_layer::state> states;
  for (std::size_t c = 0; c < s.channels; ++c) states.push_back(examples::settled(f.layer, s.samples[c]));
  examples::latencies times((s.frames() + o.block - 1) / o.block);
  // The loop.
  auto const during = [&] {
    examples::flush_subnormals const flush;
    auto warm_up = states[0];  // code and data into the caches, on a copy of a state
    std::array<float, longest_block> silence{};
    for (int i = 0; i < 100; ++i) f(warm_up, silence.data(), o.block, 1);
    auto const before = examples::disturbances::so_far();
    for (std::size_t first = 0; first < s.frames(); first += o.block) {
      std::size_t const count = std::min(o.block, s.frames() - first);
      times.time([&] {
        for (std::size_t c = 0; c < s.channels; ++c)
          f(states[c], s.samples.data() + first * s.channels + c, count, s.channels);
      });
    }
    return examples::disturbances::so_far() - before;
  }();

  double const budget = static_cast<double>(o.block) / s.rate;
  auto const sorted = times.sorted();
  if (!o.out.empty()) {
    std::size_t const clipped = examples::write_wav(o.out, s);
    if (clipped > 0) std::fprintf(stderr, "clipped at full scale: %zu samples\n", clipped);
  }
  if (!o.plot.empty()) examples::plot_latency(o.plot, "embed_audio: time of a block", sorted, budget);
  std::printf("Butterworth %s-pass, order %zu, %g Hz; %d Hz, channels: %zu, samples of each: %zu\n",
              o.high > 0 ? "high" : "low", examples::filter_order, cutoff, s.rate, s.channels, s.frames());
  std::printf("calls: %zu, samples in each: %zu, budget of a call: %s\n", sorted.size(), o.block,
              examples::readable_time(budget).c_str());
  std::printf("%s\n%s\n%s", examples::latency_line(sorted, budget).c_str(), during.in_words().c_str(),
              examples::histogram_text(sorted).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  return examples::run_program("embed_audio", [&] {
    options o;
    examples::command_line line("embed_audio",
                                "Filters a WAV file block by block, as an audio callback does, and "
                                "says what share of its time each block took.");
    line.name("IN", o.in, "The sound: a WAV file; without it, ten seconds of noise at 48 kHz");
    line.name("OUT", o.out, "A new WAV file of the same rate, length and format");
    auto* const low = line.number("--low", o.low, 1, 1e6, "Low-pass: the cut-off frequency in Hz (default: 1000)");
    line.one_of({low, line.number("--high", o.high, 1, 1e6, "High-pass: the cut-off frequency in Hz")});
    line.number("--block", o.block, 1, longest_block, "Samples in a call (default: 64); no influence on the result");
    line.name("--plot", o.plot, "Draw the histogram of the times of calls, with gnuplot")->type_name("FILE.svg");
    line.flag("--force", o.force, "Let OUT and --plot replace files that exist");
    line.add_threads();
    if (!line.parse(argc, argv)) return;
    if (o.low == 0 && o.high == 0) o.low = 1000;
    run(o);
  });
}
