// SPDX-License-Identifier: MIT
// model/results.hpp — a shape's figures as a table in Markdown, beside its floors and its peers.
#pragma once

#include <support/measure.hpp>
#include <support/run.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

/// What is timed: a prompt read at once, or tokens generated one after the other.
struct task {
  bool generates = false;
  std::size_t tokens = 0;

  [[nodiscard]] std::string name() const { return (generates ? "generation " : "prompt ") + std::to_string(tokens); }
};

struct column {
  task what;
  int threads = 1;

  [[nodiscard]] std::string name() const {
    return what.name() + ", " + std::to_string(threads) + (threads == 1 ? " thread" : " threads");
  }
};

struct cell {
  double rate = 0;   ///< tokens/s
  double share = 0;  ///< of the floor: 1 is as fast as it could be
};

/// One format of the weights.
struct row {
  std::string format;
  double bytes = 0;
  std::vector<cell> cells;  ///< one per column
};

struct table {
  std::string shape;
  std::vector<column> columns;
  std::vector<row> rows;
};

/// The lower bound of the time of some work, by the floors.
///
/// Why:     reading a prompt needs products and exponentials one after the other, and an exponential is multiply-adds
///          on the same ports of the processor, so their times add up. Generating reads every weight for every
///          token, and overlaps with the arithmetic, a tenth of that time.
inline double floor_seconds(work const& w, floors const& f, bool generates) {
  if (generates) return w.bytes / f.read;
  return w.flops / f.multiply_add + w.bytes_multiplied / f.bytes_multiplied + w.exps / f.exp;
}

/// The best that llama.cpp or mamba.c reach with two threads, tokens/s; 0: not known.
struct peer {
  std::string_view shape, format;
  double prompt, generation;
};
inline constexpr std::size_t peers_prompt = 512;
inline constexpr int peers_threads = 2;
inline constexpr std::array<peer, 10> peers{{{"130m", "f32", 180, 41.5},
                                             {"130m", "f16", 240, 56},
                                             {"130m", "bf16", 195, 56},
                                             {"130m", "q8", 202, 86},
                                             {"130m", "q4", 202, 84},
                                             {"370m", "f32", 67, 13},
                                             {"370m", "q8", 62, 27},
                                             {"370m", "q4", 74, 34},
                                             {"1.4b", "q8", 24, 9.3},
                                             {"1.4b", "q4", 24, 12.7}}};

inline peer peer_of(std::string_view shape, std::string_view format) {
  for (peer const& p : peers) {
    if (p.shape == shape && p.format == format) return p;
  }
  return {shape, format, 0, 0};
}

namespace detail {

/// A peer's figure, and how many times as fast we are where we did the same.
inline std::string beside(table const& t, row const& r, bool generates, double figure) {
  if (!(figure > 0)) return " – | – |";
  std::string times = "–";
  for (std::size_t i = 0; i < t.columns.size(); ++i) {
    column const& c = t.columns[i];
    bool const same = c.what.generates == generates && (generates || c.what.tokens == peers_prompt);
    if (same && c.threads == peers_threads) times = examples::three_digits(r.cells[i].rate / figure);
  }
  return " " + examples::three_digits(figure) + " | " + times + " |";
}

}  // namespace detail

inline std::string in_markdown(table const& t) {
  std::string head = "| weights | MB |", line = "|---|---:|", text;
  for (column const& c : t.columns) head += " " + c.name() + " |", line += "---:|";
  head += " peers' prompt 512 | times | peers' generation | times |\n", line += "---:|---:|---:|---:|\n";
  for (row const& r : t.rows) {
    text += "| " + r.format + " | " + examples::three_digits(r.bytes * 1e-6) + " |";
    for (cell const& c : r.cells) {
      text +=
          " " + examples::three_digits(c.rate) + " (" + std::to_string(static_cast<int>(100 * c.share + 0.5)) + " %) |";
    }
    peer const p = peer_of(t.shape, r.format);
    text += detail::beside(t, r, false, p.prompt) + detail::beside(t, r, true, p.generation) + "\n";
  }
  return head + line + text;
}

}  // namespace bench
