// SPDX-License-Identifier: MIT
// support/run.hpp — the main function that all benchmarks share, and how a timed call is reported.
#pragma once

#include <support/context.hpp>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace bench {

/// The settings of a run, for benchmarks that register themselves.
struct machine {
  scale size = scale::full;
  int threads = 1;  ///< all that may be used
  std::map<int, floors> floor;

  [[nodiscard]] floors const& at(int count) const { return floor.at(count); }
  /// One thread, and all of them where there are more.
  [[nodiscard]] std::vector<int> thread_counts() const {
    return threads > 1 ? std::vector<int>{1, threads} : std::vector<int>{1};
  }
};

/// Processor, build and floors in a paragraph, for tables that leave the program.
inline std::string in_words(machine const& m) {
  std::string text = processor() + ", " + compiler() + ", " + MAMBA_BENCH_FLAGS + ".\n";
  for (auto const& [count, f] : m.floor) text += "Floors with " + count_of_threads(count) + ": " + in_words(f) + ".\n";
  if (m.size == scale::small) text += "A small run: reads are from a cache, and figures mean nothing.\n";
  return text;
}

/// The counts of one call, by floor.
struct work {
  double tokens = 0, bytes = 0, flops = 0, exps = 0;
  double chain = 0;             ///< multiply-adds of the longest dependent chain
  double bytes_multiplied = 0;  ///< operations of products of bytes, two per multiply-add
};

/// Reports tokens/s, GB/s, GFLOP/s, Gexp/s, and which share of the time each floor alone would have taken.
///
/// Why:     FMA_% = 80 says: at the machine's peak these multiply-adds would take 80 % of the time measured. Shares of
///          work that is done one after the other (products, then a scan) may be added up.
inline void count(benchmark::State& state, machine const& m, int threads, work const& w, double elapsed) {
  auto const calls = static_cast<double>(state.iterations());
  state.SetItemsProcessed(static_cast<std::int64_t>(w.tokens * calls));
  if (w.bytes > 0) state.SetBytesProcessed(static_cast<std::int64_t>(w.bytes * calls));
  auto const rate = benchmark::Counter::kIsIterationInvariantRate;
  auto const share = [&](double amount, double floor) { return 100 * amount * calls / floor / elapsed; };
  floors const& floor = m.at(threads);
  if (w.flops > 0) state.counters["FLOP"] = benchmark::Counter(w.flops, rate);
  if (w.exps > 0) state.counters["exp"] = benchmark::Counter(w.exps, rate);
  if (w.bytes > 0) state.counters["read_%"] = share(w.bytes, floor.read);
  if (w.flops > 0) state.counters["FMA_%"] = share(w.flops, floor.multiply_add);
  if (w.exps > 0) state.counters["exp_%"] = share(w.exps, floor.exp);
  if (w.bytes_multiplied > 0) {
    state.counters["op"] = benchmark::Counter(w.bytes_multiplied, rate);
    state.counters["int8_%"] = share(w.bytes_multiplied, floor.bytes_multiplied);
  }
  if (w.chain > 0) state.counters["chain_%"] = share(w.chain, m.at(1).chain);
}

/// Times f() and reports it.
template <class F>
void time(benchmark::State& state, machine const& m, int threads, work const& w, F&& f) {
  mamba::parallel::set_thread_count(threads);
  auto const start = std::chrono::steady_clock::now();
  for (auto _ : state) {
    f();
    benchmark::ClobberMemory();
  }
  double const elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  mamba::parallel::set_thread_count(m.threads);  // checks run with all threads
  count(state, m, threads, w, elapsed);
}

/// Registers f(state), timed by the clock on the wall because threads share the work.
template <class F>
benchmark::internal::Benchmark* add(std::string const& name, F&& f) {
  return benchmark::RegisterBenchmark(name.c_str(), std::forward<F>(f))->UseRealTime()->Unit(benchmark::kMillisecond);
}

/// Registers a time that a program has measured itself, for the same table and JSON.
/// `floor` is the time that its floors leave together; 0: they haven't been put together.
inline void add_measured(std::string const& name, machine const& m, int threads, work const& w, double seconds,
                         double floor = 0) {
  auto const report = [=](benchmark::State& state) {
    for (auto _ : state) state.SetIterationTime(seconds);
    count(state, m, threads, w, seconds * static_cast<double>(state.iterations()));
    if (floor > 0) state.counters["floor_%"] = 100 * floor / seconds;
  };
  benchmark::RegisterBenchmark(name.c_str(), report)->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);
}

/// Measures the floors, lets `add_all` register its benchmarks, runs them. `--small` selects what CI can afford; floors
/// are known for one thread, for all, and for the numbers of threads in `others`.
template <class F>
int run(int argc, char** argv, F&& add_all, std::vector<int> const& others = {}) {
  machine m;
  std::vector<char*> rest;
  for (int i = 0; i < argc; ++i) {
    if (std::strcmp(argv[i], "--small") == 0) {
      m.size = scale::small;
    } else {
      rest.push_back(argv[i]);
    }
  }
  auto count = static_cast<int>(rest.size());
  rest.push_back(nullptr);
  benchmark::Initialize(&count, rest.data());
  if (benchmark::ReportUnrecognizedArguments(count, rest.data())) return 1;
  m.threads = mamba::parallel::thread_count();
  if (m.size == scale::small) mamba::parallel::set_parallel_threshold({});  // so that CI runs the threads too
  {
    auto const buffer = read_buffer(m.size);
    std::vector<int> counts = m.thread_counts();
    counts.insert(counts.end(), others.begin(), others.end());
    for (int const threads : counts) {
      if (m.floor.count(threads) == 0) m.floor[threads] = measure_floors(threads, m.size, buffer);
    }
    mamba::parallel::set_thread_count(m.threads);
  }
  add_context(m.threads, m.size, m.floor);
  add_all(m);
  std::size_t const ran = benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  if (ran == 0) std::fputs("no benchmark has such a name\n", stderr);
  return ran == 0 ? 1 : 0;
}

}  // namespace bench
