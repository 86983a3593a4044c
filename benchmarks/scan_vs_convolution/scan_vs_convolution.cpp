// SPDX-License-Identifier: MIT
// scan_vs_convolution/scan_vs_convolution.cpp — when is a recurrence faster, when a convolution?
//
//     bench_scan_vs_convolution [--small] [--out FOLDER]
//
// The same S4D layer, N = 16 and 64, real and complex modes, 1, 64 and 1024 channels, L = 2^7 … 2^20, in every mode:
//
//     recurrence   kernels::diagonal_recurrence            O(L N), bound by latency where channels are few
//     chunked      kernels::chunked_recurrence             O(L (2N + Q)) in matrix products, parallel in time
//     direct       the definition of the convolution       O(L²)
//     FFT          kernels::fft_convolution                O(L log L), whatever N is
//
// The kernel K is known (for FFT: its transform, too), or made in the call. A table in Markdown goes to standard output
// and to FOLDER/scan_vs_convolution.md, plots to FOLDER/scan_vs_convolution_1_thread.svg and so on.
#include <scan_vs_convolution/layer.hpp>
#include <scan_vs_convolution/results.hpp>
#include <support/arguments.hpp>
#include <support/run.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using mamba::kernels::channel_blocked;
using mamba::kernels::complex_blocked;

struct sizes {
  std::vector<std::size_t> channels, states, lengths;
  std::size_t most_numbers, most_direct;  ///< of D·L, and of D·L² for the direct convolution
};

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// One measurement: the work, and where its figure goes.
struct contender {
  std::function<void()> call;
  double* seconds;
};

/// Medians of interleaved rounds, so that a disturbance affects all variants alike. Short calls
/// are repeated within a turn until 50 µs have passed; a cell gets half a second, but three rounds at least.
void time(std::vector<contender> const& contenders, bool quick) {
  std::vector<std::size_t> repeats(contenders.size(), 1);
  std::vector<std::vector<double>> found(contenders.size());
  double const begin = now();
  for (std::size_t round = 0; round < (quick ? 1U : 9U); ++round) {
    if (round > 3 && now() - begin > 0.5) break;
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      double const start = now();
      for (std::size_t k = 0; k < repeats[i]; ++k) contenders[i].call();
      double const each = (now() - start) / static_cast<double>(repeats[i]);
      bool const first = round == 0 && !quick && each < 0.1;  // caches and clocks get warm
      if (!first) found[i].push_back(each);
      if (round == 0) repeats[i] = 1 + static_cast<std::size_t>(50e-6 / each);
    }
  }
  for (std::size_t i = 0; i < contenders.size(); ++i) {
    auto& f = found[i];
    std::nth_element(f.begin(), f.begin() + static_cast<std::ptrdiff_t>(f.size() / 2), f.end());
    *contenders[i].seconds = f[f.size() / 2];
  }
}

/// Everything of one D and one L.
class cell {
 public:
  cell(std::size_t L, std::size_t D, bool with_direct) : data_(L, D), convolve_(L), with_direct_(with_direct) {}

  /// One layer with each number of threads: checks every mode against the recurrence, then times them.
  template <class Blocked>
  void measure(std::size_t N, std::vector<int> const& threads, bool quick, std::vector<bench::row>& rows) {
    bench::layer<Blocked> layer(data_.channels(), N);
    for (std::size_t i = 0; i < threads.size(); ++i) {
      mamba::parallel::set_thread_count(threads[i]);
      check(layer, "L " + std::to_string(data_.length()) + ", D " + std::to_string(data_.channels()) + ", N " +
                       std::to_string(N) + ", threads " + std::to_string(threads[i]));
      bench::row& r = rows[i];
      r.length = data_.length();
      r.seconds.fill(bench::left_out);
      time({{[&] { layer.recurrence(data_); }, &r.seconds[bench::recurrence]},
            {[&] { layer.chunked(data_); }, &r.seconds[bench::chunked]},
            {[&] { layer.make_kernel(data_); }, &r.seconds[bench::make_kernel]}},
           quick);
      if (of_any_kernel_.size() <= i) of_any_kernel_.push_back(convolutions(quick));
      auto const& [direct, with_spectrum, with_kernel] = of_any_kernel_[i];
      r.seconds[bench::direct] = direct;
      r.seconds[bench::fft] = with_spectrum;
      r.seconds[bench::direct_new] = direct + r.seconds[bench::make_kernel];
      r.seconds[bench::fft_new] = with_kernel + r.seconds[bench::make_kernel];
    }
    mamba::parallel::set_thread_count(threads.back());
  }

 private:
  template <class Layer>
  void check(Layer& layer, std::string const& name) {
    layer.make_kernel(data_);
    layer.recurrence(data_);
    std::copy_n(data_.y.data(), data_.y.size(), data_.expected.data());
    auto const allowed = layer.bounds(data_);
    auto const same = [&](std::string const& mode, auto&& call) {
      data_.y.fill(0);
      call();
      bench::require_same(mode + ", " + name, data_, allowed);
    };
    same("chunked", [&] { layer.chunked(data_); });
    if (with_direct_) same("direct", [&] { convolve_.direct(data_); });
    same("FFT with a new kernel", [&] { convolve_.with_new_kernel(data_); });
    convolve_.transform_kernel(data_);
    same("FFT with a known kernel", [&] { convolve_.with_known_spectrum(data_); });
  }

  /// Convolutions take the same time for every kernel: they are measured once for all layers.
  std::array<double, 3> convolutions(bool quick) {
    std::array<double, 3> seconds{bench::left_out, 0, 0};
    std::vector<contender> all = {{[&] { convolve_.with_known_spectrum(data_); }, &seconds[1]},
                                  {[&] { convolve_.with_new_kernel(data_); }, &seconds[2]}};
    if (with_direct_) all.push_back({[&] { convolve_.direct(data_); }, &seconds[0]});
    time(all, quick);
    return seconds;
  }

  bench::sequences data_;
  bench::convolutions convolve_;
  bool with_direct_;
  std::vector<std::array<double, 3>> of_any_kernel_;
};

/// All tables, in the order in which they are printed.
std::vector<bench::table> measured(sizes const& s, std::vector<int> const& threads, bool quick) {
  std::vector<bench::table> tables;
  for (int const t : threads) {
    for (char const* kind : {"real", "complex"}) {
      for (std::size_t const N : s.states) {
        for (std::size_t const D : s.channels) tables.push_back({kind, N, D, t, {}});
      }
    }
  }
  auto const put = [&](std::string const& kind, std::size_t N, std::size_t D, std::vector<bench::row> const& rows) {
    for (std::size_t i = 0; i < threads.size(); ++i) {
      for (auto& t : tables) {
        if (t.kind == kind && t.states == N && t.channels == D && t.threads == threads[i]) t.rows.push_back(rows[i]);
      }
    }
  };
  for (std::size_t const D : s.channels) {
    for (std::size_t const L : s.lengths) {
      std::vector<bench::row> rows(threads.size());
      if (D * L > s.most_numbers) {  // the table says so
        for (bench::row& r : rows) r.length = L, r.seconds.fill(bench::left_out);
        for (std::size_t const N : s.states) put("real", N, D, rows), put("complex", N, D, rows);
        continue;
      }
      std::fprintf(stderr, "%zu channels, L = %zu\n", D, L);
      cell one(L, D, D * L <= s.most_direct / L);
      for (std::size_t const N : s.states) {
        one.measure<channel_blocked<float>>(N, threads, quick, rows);
        put("real", N, D, rows);
        one.measure<complex_blocked<float>>(N, threads, quick, rows);
        put("complex", N, D, rows);
      }
    }
  }
  return tables;
}

std::string report(std::vector<bench::table> const& tables, std::string const& machine) {
  std::string text =
      "# Scan against convolution\n\n" + machine +
      "\nNanoseconds per number of y (the time of a call over L·D), medians of interleaved rounds; float, time "
      "first\n"
      "([L, D]) in every mode, all modes checked against the recurrence before they are timed.\n\n"
      "- recurrence: kernels::diagonal_recurrence, B̄ folded into C; chunked: kernels::chunked_recurrence\n"
      "- direct: the convolution as defined; FFT: kernels::fft_convolution with the kernel's transform known\n"
      "- kernel made: the time of making K (kernels::vandermonde_kernel), and for FFT of its transform, counted\n"
      "- –: left out. Direct sums are measured while D·L² ≤ 2^36, lengths while D·L ≤ 2^26.\n\n";
  for (auto const& t : tables) text += bench::in_markdown(t);
  return text;
}

/// The figures once more among Google Benchmark's, so that reports of two builds can stand side by side.
void add_all_measured(bench::table const& t, bench::machine const& m) {
  for (bench::row const& r : t.rows) {
    for (std::size_t i = 0; i < bench::modes; ++i) {
      if (std::isnan(r.seconds[i])) continue;
      std::string const name = std::string("scan_vs_convolution/") + bench::mode_names[i] + "/" + t.kind +
                               "/N:" + std::to_string(t.states) + "/D:" + std::to_string(t.channels) +
                               "/L:" + std::to_string(r.length) + "/threads:" + std::to_string(t.threads);
      bench::add_measured(name, m, t.threads, {.tokens = static_cast<double>(r.length)}, r.seconds[i]);
    }
  }
}

void measure(bench::machine const& m, std::filesystem::path const& out) {
  bool const quick = m.size == bench::scale::small;
  sizes s{{1, 64, 1024}, {16, 64}, {}, std::size_t{1} << 26U, std::size_t{1} << 36U};
  for (std::size_t k = 7; k <= 20; ++k) s.lengths.push_back(std::size_t{1} << k);
  if (quick) s = {{1, 5, 64}, {3, 16}, {128, 257, 1024}, std::size_t{1} << 15U, std::size_t{1} << 22U};
  std::vector<int> const threads = m.thread_counts();
  auto const tables = measured(s, threads, quick);
  std::string const text = report(tables, bench::in_words(m));
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
  examples::plot::write_whole(out / "scan_vs_convolution.md", text);
  for (int const t : threads) {
    std::vector<bench::table> some;
    std::copy_if(tables.begin(), tables.end(), std::back_inserter(some),
                 [=](auto const& one) { return one.threads == t; });
    std::string const name = "scan_vs_convolution_" + std::to_string(t) + (t == 1 ? "_thread.svg" : "_threads.svg");
    bench::drawn(some, bench::processor()).write(out / name);
  }
  for (bench::table const& t : tables) add_all_measured(t, m);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    bench::arguments given(argc, argv);
    given.explain("bench_scan_vs_convolution [--small] [--out FOLDER], and Google Benchmark's options:\n\n");
    std::filesystem::path const out = given.text("--out", ".");
    std::filesystem::create_directories(out);  // said before an hour of measuring, not after
    return bench::run(given.count(), given.values(), [&](bench::machine const& m) { measure(m, out); });
  } catch (std::exception const& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
