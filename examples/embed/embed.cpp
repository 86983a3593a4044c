// SPDX-License-Identifier: MIT
// embed — a Mamba inside an application's loop: a watchdog that has learnt the rhythm of a pump, one reading at a time.
#include <mamba/mamba.hpp>
#include <support/command_line.hpp>
#include <support/program.hpp>

#include "flash.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <span>
#include <string_view>

namespace model = mamba::model;

// Sizes known to the compiler. Each tick the pump strokes (1) or doesn't (0): a vocabulary of two.
constexpr model::config watchdog{.d_model = 4, .n_layer = 1, .vocab_size = 2, .d_state = 4};

void watch() {
  // Once: the weights, from wherever they are. Here from an array, as it would lie in flash: no file, no parser.
  model::weights<watchdog> weights;
  float const* next = flash;
  model::for_each_tensor(weights, [&](std::string_view, std::span<std::size_t const>, auto& tensor) {
    for (std::size_t row = 0; row < tensor.rows(); ++row, next += tensor.row_size())
      tensor.set_row(row, std::span<float const>(next, tensor.row_size()));
  });
  if (next != std::end(flash)) mamba::core::fail("flash.hpp does not have as many numbers as the model");

  model::state<watchdog> state;                                 // of constant size, whatever the length of the input
  model::static_workspace<model::weights<watchdog>> workspace;  // for intermediate values; any state may use it
  std::array<float, 2> logits{};

  // The loop: no allocation, no lock, no exception. The pump strokes every seventh tick, and misses one.
  for (int tick = 0; tick < 60; ++tick) {
    int const stroke = tick % 7 == 0 && tick != 42 ? 1 : 0;
    float const against = stroke == 1 ? logits[0] - logits[1] : logits[1] - logits[0];
    double const surprise = std::log2(1 + std::exp(static_cast<double>(against)));  // −log₂ p of what happened
    if (tick >= 14 && surprise > 2)
      std::printf("tick %d: %s, surprise %.1f bits\n", tick, stroke == 1 ? "unexpected stroke" : "no stroke", surprise);
    model::step(weights, stroke, state, workspace, std::span<float>(logits));
  }

  // The state is a value: predict further on a copy; the original is unchanged.
  model::state<watchdog> imagined = state;
  int ticks = 60;
  while (logits[1] < logits[0] && ticks < 100) {
    model::step(weights, 0, imagined, workspace, std::span<float>(logits));
    ++ticks;
  }
  std::printf("next stroke expected at tick %d\n", ticks);
}

int main(int argc, char** argv) {  // --help and --threads, as every program here has them
  return examples::run_program("embed", [&] {
    examples::command_line line("embed", "Watches a pump with a tiny Mamba, one reading at a time.");
    line.add_threads();
    if (line.parse(argc, argv)) watch();
  });
}
