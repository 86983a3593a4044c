// SPDX-License-Identifier: MIT
// model/extents.hpp — the cost of dynamic extents.
#pragma once

#include <support/interleaved.hpp>
#include <support/measure.hpp>
#include <support/model_case.hpp>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace bench {

/// One model twice: all sizes static, and all dynamic. Both have the same weights and must give the same bits.
template <mamba::model::config C>
class extents_pair {
 public:
  extents_pair() : any_(C), memory_of_any_(C), logits_(1, C.vocab_size), others_(1, C.vocab_size) {
    fill(fixed_);
    fill(any_);
    std::vector<token> const tokens = some_tokens(150, C.vocab_size);
    mamba::model::forward(fixed_, std::span<token const>(tokens), memory_of_fixed_, workspace,
                          logits_view(logits_.view()));
    mamba::model::forward(any_, std::span<token const>(tokens), memory_of_any_, workspace, logits_view(others_.view()));
    require_same_logits();
    mamba::model::step(fixed_, 7, memory_of_fixed_, workspace, logits_.span());
    mamba::model::step(any_, 7, memory_of_any_, workspace, others_.span());
    require_same_logits();
  }

  /// Medians of reading `prompt` tokens and generating `steps`: static, dynamic, static, dynamic [s].
  std::vector<double> seconds(std::size_t rounds, std::size_t prompt, std::size_t steps) {
    std::vector<token> const tokens = some_tokens(prompt, C.vocab_size);
    return interleaved(rounds, {[&] { return read(fixed_, memory_of_fixed_, tokens); },
                                [&] { return read(any_, memory_of_any_, tokens); },
                                [&] { return generate(fixed_, memory_of_fixed_, steps); },
                                [&] { return generate(any_, memory_of_any_, steps); }});
  }

 private:
  void require_same_logits() const {
    require_equal("static and dynamic extents",
                  std::equal(logits_.data(), logits_.data() + C.vocab_size, others_.data()));
  }
  template <class Weights, class State>
  double read(Weights const& weights, State& memory, std::vector<token> const& tokens) {
    return seconds_of([&] {
      memory.reset();
      mamba::model::forward(weights, std::span<token const>(tokens), memory, workspace, logits_view(logits_.view()));
    });
  }
  template <class Weights, class State>
  double generate(Weights const& weights, State& memory, std::size_t steps) {
    return seconds_of([&] {
      for (std::size_t i = 0; i < steps; ++i) mamba::model::step(weights, 7, memory, workspace, logits_.span());
    });
  }

  mamba::model::weights<C, float> fixed_;
  any_weights<float> any_;
  mamba::model::state<C, float> memory_of_fixed_;
  any_state memory_of_any_;
  mamba::model::workspace workspace;
  mamba::tensor<float, mamba::dynamic, mamba::dynamic> logits_, others_;
};

/// The additional time of the dynamic model, in percent of the static one: a row for each number of threads.
template <mamba::model::config C>
std::string extents_rows(machine const& m, std::string const& shape, std::size_t rounds, std::size_t prompt,
                         std::size_t steps, double& largest) {
  std::fprintf(stderr, "static and dynamic extents: %s\n", shape.c_str());
  auto const both = std::make_unique<extents_pair<C>>();
  std::string text;
  for (int const threads : m.thread_counts()) {
    mamba::parallel::set_thread_count(threads);
    std::vector<double> const s = both->seconds(rounds, prompt, steps);
    auto const tokens = [](std::size_t count, double seconds) {
      return " " + examples::three_digits(static_cast<double>(count) / seconds) + " |";
    };
    auto const price = [&](double fixed, double any) {
      double const percent = 100 * (any / fixed - 1);
      largest = std::max(largest, percent);
      char cell[32];
      std::snprintf(cell, sizeof cell, " %+.1f %% |", percent);
      return std::string(cell);
    };
    text += "| " + shape + " | " + std::to_string(threads) + " |" + tokens(prompt, s[0]) + tokens(prompt, s[1]) +
            price(s[0], s[1]) + tokens(steps, s[2]) + tokens(steps, s[3]) + price(s[2], s[3]) + "\n";
  }
  mamba::parallel::set_thread_count(m.threads);
  return text;
}

/// The table of what dynamic extents cost, and what follows from it.
inline std::string extents_in_markdown(machine const& m) {
  bool const small = m.size == scale::small;
  std::size_t const prompt = small ? 13 : 512, steps = small ? 3 : 128;
  double largest = 0;
  std::string text =
      "### Static against dynamic extents, float\n\n"
      "Tokens/s, medians of interleaved rounds; price: how much longer the dynamic model takes.\n\n"
      "| shape | threads | prompt, static | dynamic | price | generation, static | dynamic | price |\n"
      "|---|---:|---:|---:|---:|---:|---:|---:|\n";
  text += extents_rows<small_model>(m, "small", small ? 1 : 51, prompt, steps, largest);
  if (!small) text += extents_rows<mamba::model::mamba_130m>(m, "130m", 5, prompt, steps / 2, largest);
  if (small) return text;  // figures of CI are too noisy
  text += largest < 3 ? "\nThe price is below 3 % everywhere: programs use the dynamic model only.\n"
                      : "\nThe largest price is " + examples::three_digits(largest) + " %.\n";
  return text;
}

}  // namespace bench
