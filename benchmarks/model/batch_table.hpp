// SPDX-License-Identifier: MIT
// model/batch_table.hpp — sequences that generate together: tokens/s as a table and as a plot.
#pragma once

#include <support/measure.hpp>
#include <support/plot.hpp>

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace bench {

/// One format: tokens/s of all sequences together, for each number of sequences.
struct batch_row {
  std::string format;
  std::vector<double> rates;
};

/// A row for each format; behind each rate how many times that of the first column it is.
inline std::string batches_in_markdown(std::vector<std::size_t> const& sequences, std::vector<batch_row> const& rows) {
  std::string head = "| weights |", line = "|---|", text;
  for (std::size_t const count : sequences) head += " " + std::to_string(count) + " |", line += "---:|";
  for (batch_row const& r : rows) {
    text += "| " + r.format + " |";
    for (double const rate : r.rates) {
      text += " " + examples::three_digits(rate) + " (" + examples::three_digits(rate / r.rates.front()) + ") |";
    }
    text += "\n";
  }
  return head + "\n" + line + "\n" + text;
}

/// Draws tokens/s against the number of sequences.
///
/// Throws:  mamba::error when gnuplot is missing, or the file cannot be written.
inline void plot_batches(std::filesystem::path const& file, std::string const& shape,
                         std::vector<std::size_t> const& sequences, std::vector<batch_row> const& rows) {
  examples::plot::figure figure("Sequences that generate together, " + examples::plot::plain(shape));
  auto& p = figure.add("", "sequences", "tokens/s of all together");
  p.log2_x();
  p.log_y();
  p.legend("bottom right");
  for (batch_row const& r : rows) p.marked_line(sequences, r.rates, examples::plot::plain(r.format));
  figure.describe("Throughput against the number of sequences in a call, a curve for each format of the weights.");
  figure.write(file);
}

}  // namespace bench
