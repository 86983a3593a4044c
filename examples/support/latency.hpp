// SPDX-License-Identifier: MIT
// support/latency.hpp — how long each of many calls took, and what disturbed them.
#pragma once

#include <support/plot.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <string>
#include <vector>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/resource.h>
#endif

namespace examples {

/// Page faults and context switches; zeros where the system does not count them.
struct disturbances {
  long minor_faults = 0;  ///< pages that were mapped at their first use
  long major_faults = 0;  ///< pages that were read from a disk
  long voluntary = 0;     ///< switches because the thread waited
  long involuntary = 0;   ///< switches because another thread got the processor

  /// Those of the calling thread so far; of the whole process, where the system has no counts by thread.
  [[nodiscard]] static disturbances so_far() noexcept {
#if defined(__unix__) || defined(__APPLE__)
#if defined(RUSAGE_THREAD)
    constexpr auto whose = RUSAGE_THREAD;
#else
    constexpr auto whose = RUSAGE_SELF;
#endif
    rusage usage{};
    if (getrusage(whose, &usage) == 0) return {usage.ru_minflt, usage.ru_majflt, usage.ru_nvcsw, usage.ru_nivcsw};
#endif
    return {};
  }
  friend disturbances operator-(disturbances const& a, disturbances const& b) noexcept {
    return {a.minor_faults - b.minor_faults, a.major_faults - b.major_faults, a.voluntary - b.voluntary,
            a.involuntary - b.involuntary};
  }
  [[nodiscard]] std::string in_words() const {
    return "page faults: " + std::to_string(minor_faults) + " minor, " + std::to_string(major_faults) +
           " major; context switches: " + std::to_string(voluntary) + " voluntary, " + std::to_string(involuntary) +
           " involuntary";
  }
};

/// 850 ns, 12.3 µs, 4.56 ms, 1.20 s.
[[nodiscard]] inline std::string readable_time(double seconds) {
  char text[32];
  double const scale = seconds < 1e-6 ? 1e9 : seconds < 1e-3 ? 1e6 : seconds < 1 ? 1e3 : 1;
  char const* const unit = seconds < 1e-6 ? "ns" : seconds < 1e-3 ? "µs" : seconds < 1 ? "ms" : "s";
  double const value = seconds * scale;
  std::snprintf(text, sizeof text, "%.*f %s", value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2, value, unit);
  return text;
}

/// The times of calls, in seconds.
///
///     examples::latencies times(100'000);                // allocates, and touches its pages, before the loop
///     for (…) times.time([&] { model::step(…); });       // allocates nothing
///     auto const sorted = times.sorted();
///
/// Why:     all times are kept, not the counts of a histogram, so that quantiles are exact.
class latencies {
 public:
  explicit latencies(std::size_t calls) : seconds_(calls) {}

  /// Calls f() and keeps its time, with that of one reading of the clock. Calls beyond those announced are not kept.
  template <class F>
  void time(F&& f) {
    auto const start = std::chrono::steady_clock::now();
    f();
    auto const end = std::chrono::steady_clock::now();
    if (count_ < seconds_.size()) seconds_[count_++] = std::chrono::duration<float>(end - start).count();
  }

  /// In ascending order.
  [[nodiscard]] std::vector<float> sorted() const {
    std::vector<float> all(seconds_.begin(), seconds_.begin() + static_cast<std::ptrdiff_t>(count_));
    std::sort(all.begin(), all.end());
    return all;
  }

 private:
  std::vector<float> seconds_;
  std::size_t count_ = 0;
};

/// The smallest of some sorted times that at least the share p of them does not exceed; 0 of none.
[[nodiscard]] inline double quantile(std::vector<float> const& sorted, double p) {
  if (sorted.empty()) return 0;
  auto const count = static_cast<double>(sorted.size());
  auto const rank = static_cast<std::size_t>(std::clamp(std::ceil(p * count - 1e-9 * count), 1.0, count));
  return static_cast<double>(sorted[rank - 1]);
}

/// A bin of a histogram: times from `low` up to, without it, `high`.
struct latency_bin {
  double low, high;
  std::size_t count;
};

/// Bins whose bounds are in equal ratios, so many an octave; those at the ends are not empty.
[[nodiscard]] inline std::vector<latency_bin> histogram(std::vector<float> const& sorted, int per_octave) {
  std::vector<latency_bin> bins;
  if (sorted.empty()) return bins;
  auto const edge = [&](int i) { return 1e-9 * std::exp2(static_cast<double>(i) / per_octave); };
  int i = static_cast<int>(std::floor(per_octave * std::log2(std::max(static_cast<double>(sorted[0]), 1e-9) * 1e9)));
  for (auto at = sorted.begin(); at != sorted.end(); ++i) {
    auto const end = std::find_if(at, sorted.end(), [&](float s) { return static_cast<double>(s) >= edge(i + 1); });
    bins.push_back({edge(i), edge(i + 1), static_cast<std::size_t>(end - at)});
    at = end;
  }
  return bins;
}

/// The histogram as text, two bins an octave: a line each, with a bar that grows with the logarithm of its count.
[[nodiscard]] inline std::string histogram_text(std::vector<float> const& sorted) {
  std::string text;
  for (auto const& [low, high, count] : histogram(sorted, 2)) {
    if (count == 0) continue;
    char line[64];
    std::snprintf(line, sizeof line, "%9zu  ", count);
    std::string const from = readable_time(low);
    std::size_t const columns = from.size() - (from.find("µ") == from.npos ? 0 : 1);
    text += std::string(columns < 8 ? 8 - columns : 0, ' ') + from + line +
            std::string(1 + static_cast<std::size_t>(8 * std::log10(static_cast<double>(count))), '#') + "\n";
  }
  return text;
}

/// Median, 99.9th percentile and maximum in one line; with a budget, their shares of it and how many exceed it.
[[nodiscard]] inline std::string latency_line(std::vector<float> const& sorted, double budget = 0) {
  auto const figure = [&](char const* name, double p) {
    double const seconds = quantile(sorted, p);
    char share[32] = "";
    if (budget > 0) std::snprintf(share, sizeof share, " (%.3g %%)", 100 * seconds / budget);
    return std::string(name) + readable_time(seconds) + share;
  };
  std::string text = figure("median ", 0.5) + figure(", 99.9th percentile ", 0.999) + figure(", maximum ", 1);
  if (budget > 0) {
    auto const late = std::count_if(sorted.begin(), sorted.end(), [&](float s) { return double{s} > budget; });
    text += "; over the budget: " + std::to_string(late);
  }
  return text;
}

/// Draws the histogram on logarithmic axes, with a vertical line at the budget where there is one.
///
/// Throws:  mamba::error when gnuplot is missing, or the file cannot be written.
inline void plot_latency(std::filesystem::path const& file, std::string const& title, std::vector<float> const& sorted,
                         double budget = 0) {
  std::vector<double> x, zero, count;
  for (auto const& bin : histogram(sorted, 8)) {
    for (double const edge : {bin.low, bin.high}) {
      x.push_back(1e6 * edge);
      zero.push_back(0.5);
      count.push_back(std::max(0.5, static_cast<double>(bin.count)));
    }
  }
  plot::figure figure(plot::plain(title));
  plot::panel& p = figure.add("", "time of a call [µs]", "calls");
  p.log_x();
  p.log_y();
  p.legend("off");
  p.band(x, zero, count, "calls");
  if (budget > 0) {
    p.vertical(1e6 * budget);
    p.text(1e6 * budget, 0.7, "budget ", "right", plot::color::grey);
    if (!x.empty()) p.x_range(0.8 * x.front(), 1.25 * std::max(x.back(), 1e6 * budget));
  }
  figure.describe("How many calls took how long: " + latency_line(sorted, budget) + ".");
  figure.write(file);
}

}  // namespace examples
