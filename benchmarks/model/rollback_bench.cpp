// SPDX-License-Identifier: MIT
// model/rollback_bench.cpp — tokens read and taken back by model::rollback_log, against as many steps.
//
// Roofline: a step of mamba-130m reads 517 MB of weights in float. A rewind reads the log, 296 kB a token, and computes
// the exponentials of the scan and the convolution, 0.66 M a token: at 3.1 Gexp/s, 0.2 ms on one thread. With a log of
// sixteen tokens at most sixteen are replayed, and seven where one alone is taken back. The checkpoint follows at the
// price of one more replay of each token, whatever the format of the weights.
//
// Per round and number of threads, one after the other: sixteen steps without a log, sixteen with, and rewinds.
#include <mamba/model/rollback_log.hpp>
#include <support/interleaved.hpp>
#include <support/model_case.hpp>

#include <array>
#include <string>

namespace {

constexpr std::size_t tokens = 16;

void measure(bench::machine const& m) {
  bool const small = m.size == bench::scale::small;
  auto const sizes = small ? bench::small_model : mamba::model::mamba_130m;
  bench::any_weights<float> w(sizes);
  bench::fill(w);
  auto const text = bench::some_tokens(2 * tokens, sizes.vocab_size);
  mamba::model::workspace workspace(w);
  std::vector<float> logits(sizes.vocab_size);
  mamba::model::rollback_log log(w, tokens);
  bench::any_state plain(sizes), state(sizes);
  auto const steps = [&](bench::any_state& of, std::size_t count, decltype(&log) with) {
    for (std::size_t i = 0; i < count; ++i) mamba::model::step(w, text[i], of, workspace, logits, with);
  };
  steps(state, tokens + 5, &log);  // the ring is full
  std::vector<std::function<double()>> variants{[&] {
                                                  plain = state;
                                                  return bench::seconds_of([&] { steps(plain, tokens, nullptr); });
                                                },
                                                [&] { return bench::seconds_of([&] { steps(state, tokens, &log); }); }};
  constexpr std::array<std::size_t, 4> counts{1, 2, 4, tokens};
  for (std::size_t const count : counts) {
    variants.emplace_back([&, count] {
      plain = state;
      steps(state, count, &log);
      double const seconds = bench::seconds_of([&] { log.rewind(w, state, count); });
      bench::require_equal("rollback", state == plain);
      steps(state, count, &log);
      return seconds;
    });
  }
  for (int const threads : m.thread_counts()) {
    mamba::parallel::set_thread_count(threads);
    auto const medians = bench::interleaved(small ? 1 : 5, variants);
    auto const name = [&](std::string const& what) {
      return (small ? "rollback/small/" : "rollback/130m/") + what + "/threads:" + std::to_string(threads);
    };
    bench::work const of_steps = bench::work_of_steps(bench::work_of(w), false, tokens);
    bench::add_measured(name("steps"), m, threads, of_steps, medians[0]);
    bench::add_measured(name("steps_with_log"), m, threads, of_steps, medians[1]);
    for (std::size_t i = 0; i < counts.size(); ++i) {
      auto const seconds = medians[2 + i];
      double const share = 100 * seconds * tokens / (static_cast<double>(counts[i]) * medians[0]);
      auto const report = [=](benchmark::State& timing) {
        for (auto _ : timing) timing.SetIterationTime(seconds);
        timing.counters["of_steps_%"] = share;  // of as many steps
      };
      auto* const line = benchmark::RegisterBenchmark(name("rewind:" + std::to_string(counts[i])).c_str(), report);
      line->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);
    }
  }
  mamba::parallel::set_thread_count(m.threads);
}

}  // namespace

int main(int argc, char** argv) { return bench::run(argc, argv, measure); }
