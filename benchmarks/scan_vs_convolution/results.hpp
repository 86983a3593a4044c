// SPDX-License-Identifier: MIT
// scan_vs_convolution/results.hpp — the figures as tables in Markdown, the crossovers in words, and a plot.
#pragma once

#include <support/plot.hpp>

#include <array>
#include <bit>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

namespace bench {

inline constexpr double left_out = std::numeric_limits<double>::quiet_NaN();

/// The columns of a table: seconds of one call.
enum mode : std::size_t { recurrence, chunked, direct, fft, direct_new, fft_new, make_kernel, modes };
inline constexpr std::array<char const*, modes> mode_names = {
    "recurrence", "chunked", "direct", "FFT", "direct, kernel made", "FFT, kernel made", "making the kernel"};

/// One length of one layer.
struct row {
  std::size_t length = 0;
  std::array<double, modes> seconds{};
};

/// All lengths of one layer with one number of threads.
struct table {
  std::string kind;  ///< "real" or "complex"
  std::size_t states, channels;
  int threads;
  std::vector<row> rows;

  [[nodiscard]] std::string title() const {
    return std::to_string(states) + " " + kind + " modes, " + std::to_string(channels) +
           (channels == 1 ? " channel, " : " channels, ") + std::to_string(threads) +
           (threads == 1 ? " thread" : " threads");
  }
  /// Nanoseconds per number of y.
  [[nodiscard]] double per_number(row const& r, std::size_t m) const {
    return r.seconds[m] * 1e9 / static_cast<double>(r.length * channels);
  }
};

/// 2^7 where it is a power of two, the number itself where not.
inline std::string in_words(std::size_t length) {
  std::string text = std::to_string(std::bit_width(length) - 1);
  return std::has_single_bit(length) ? text.insert(0, "2^") : std::to_string(length);
}

/// From which length on `a` is faster than `b`, in words; lengths that one of them lacks don't count.
inline std::string crossover(table const& t, mode a, mode b) {
  std::size_t since = 0, last = 0;
  for (row const& r : t.rows) {
    if (std::isnan(r.seconds[a]) || std::isnan(r.seconds[b])) continue;
    last = r.length;
    if (!(r.seconds[a] < r.seconds[b])) {
      since = 0;
    } else if (since == 0) {
      since = r.length;
    }
  }
  std::string const who = std::string(mode_names[a]) + " overtakes " + mode_names[b];
  if (last == 0) return who + ": not measured";
  if (since == 0)
    return std::string(mode_names[a]) + " never overtakes " + mode_names[b] + " up to L = " + in_words(last);
  if (since == t.rows.front().length)
    return std::string(mode_names[a]) + " is faster than " + mode_names[b] + " at every L";
  return who + " at L = " + in_words(since);
}

inline std::vector<std::string> crossovers(table const& t) {
  return {crossover(t, fft, recurrence),     crossover(t, fft, chunked),       crossover(t, fft, direct),
          crossover(t, chunked, recurrence), crossover(t, recurrence, direct), crossover(t, fft_new, recurrence)};
}

inline std::string in_markdown(table const& t) {
  std::string text = "### " + t.title() + "\n\n| L |";
  for (char const* name : mode_names) text += std::string(" ") + name + " |";
  text += "\n|---:|";
  for (std::size_t m = 0; m < modes; ++m) text += "---:|";
  for (row const& r : t.rows) {
    text += "\n| " + in_words(r.length) + " |";
    for (std::size_t m = 0; m < modes; ++m) {
      char cell[32];
      std::snprintf(cell, sizeof cell, " %.3g |", t.per_number(r, m));
      text += std::isnan(r.seconds[m]) ? " – |" : cell;
    }
  }
  text += "\n\n";
  for (std::string const& sentence : crossovers(t)) text += "- " + sentence + "\n";
  return text + "\n";
}

/// gnuplot's text of a sentence: an exponent of several digits needs braces.
inline std::string for_plot(std::string sentence) {
  if (auto const at = sentence.find('^'); at != std::string::npos) sentence.insert(at + 1, "{").append("}");
  return sentence;
}

/// One panel for each table: nanoseconds per number against L.
inline examples::plot::figure drawn(std::vector<table> const& tables, std::string const& machine) {
  namespace plot = examples::plot;
  int const columns = 3;
  int const rows = (static_cast<int>(tables.size()) + columns - 1) / columns;
  plot::figure f("Scan against convolution: one linear layer, every mode",
                 {.columns = columns, .rows = rows, .width = 640 * columns, .height = 420 * rows + 40});
  for (table const& t : tables) {
    plot::panel& p = f.add(
        t.title(),
        "sequence length L\n" + for_plot(crossover(t, fft, recurrence)) + "\n" + for_plot(crossover(t, fft, chunked)),
        "time per number [ns]");
    p.log2_x();
    p.log_y();
    p.legend("outside");
    std::vector<double> lengths;
    for (row const& r : t.rows) lengths.push_back(static_cast<double>(r.length));
    for (mode const m : {recurrence, chunked, direct, fft, fft_new}) {
      std::vector<double> ns;
      for (row const& r : t.rows) ns.push_back(t.per_number(r, m));
      p.marked_line(lengths, ns, mode_names[m], {.pattern = m == fft_new ? plot::dash::dashed : plot::dash::solid});
    }
    for (mode const from : {recurrence, chunked}) {  // where the transform wins
      double previous = left_out;
      for (row const& r : t.rows) {
        double const gain = std::log(r.seconds[from] / r.seconds[fft]);
        if (previous < 0 && gain >= 0) p.vertical(static_cast<double>(r.length));
        previous = gain;
      }
    }
  }
  f.describe(
      "Time per number of y against the length of the sequence, for the recurrence, its chunked form, the direct "
      "convolution and the one by transform, on " +
      machine +
      ". Thin vertical lines: the length at which the "
      "transform becomes faster than the recurrence or its chunked form.");
  return f;
}

}  // namespace bench
