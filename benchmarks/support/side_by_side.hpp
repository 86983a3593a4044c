// SPDX-License-Identifier: MIT
// support/side_by_side.hpp — reports of one program, built for several instruction sets, as one table in Markdown.
//
// A report is the JSON that Google Benchmark writes (--benchmark_out), with the context lines of support/context.hpp
// and the counters of support/run.hpp.
#pragma once

#include <mamba/io/json/reader.hpp>
#include <support/measure.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bench {

/// One benchmark of one build.
struct report_row {
  std::string name;
  double seconds = 0;       ///< of one call
  double rate = 0;          ///< tokens/s; 0: the program has none
  double share = 0;         ///< of its floor, in percent; 0: it has none
  std::string_view what{};  ///< the floor, empty where several have been put together
};

/// What one build has measured.
struct report {
  std::string label;                ///< the build's name in the table
  std::string instruction_set;      ///< the library's inline namespace, which spells it
  std::string machine;              ///< processor, compiler, flags
  std::vector<std::string> floors;  ///< a line for each number of threads
  std::vector<report_row> rows;

  [[nodiscard]] report_row const* find(std::string_view name) const {
    auto const found = std::find_if(rows.begin(), rows.end(), [=](report_row const& r) { return r.name == name; });
    return found == rows.end() ? nullptr : &*found;
  }
};

namespace detail {

/// The name without what Google Benchmark appends for each of its settings.
inline std::string without_settings(std::string name) {
  for (std::string_view const end : {"/real_time", "/manual_time", "/iterations:1"}) {
    if (name.ends_with(end)) name.resize(name.size() - end.size());
  }
  return name;
}

inline double seconds_in(mamba::io::json_value const& row) {
  std::string const& unit = row.text("time_unit");
  for (auto const& [name, scale] : {std::pair("ns", 1e-9), {"us", 1e-6}, {"ms", 1e-3}, {"s", 1.0}}) {
    if (unit != name) continue;
    auto const time = row.find("real_time");
    if (!time) row.fail(row.join("real_time") + " is missing, expected a number");
    return scale * time->as_number();
  }
  row.fail(row.join("time_unit") + " is \"" + unit + "\", expected ns, us, ms or s");
}

/// The floors put together where the program has done so; else the one that bounds it, which has the largest share.
inline void read_share(mamba::io::json_value const& from, report_row& row) {
  if (auto const together = from.find("floor_%")) {
    row.share = together->as_number();
    return;
  }
  struct counter {
    char const* name;
    std::string_view floor;
  };
  for (auto const& [name, floor] : std::array<counter, 5>{
           {{"read_%", "read"}, {"FMA_%", "FMA"}, {"exp_%", "exp"}, {"int8_%", "int8"}, {"chain_%", "chain"}}}) {
    auto const found = from.find(name);
    if (!found || !(found->as_number() > row.share)) continue;
    row.share = found->as_number();
    row.what = floor;
  }
}

/// 12.3 µs, 640 µs, 1.25 ms: three digits in the unit that suits.
inline std::string readable_seconds(double seconds) {
  if (seconds < 1e-6) return examples::three_digits(1e9 * seconds) + " ns";
  if (seconds < 1e-3) return examples::three_digits(1e6 * seconds) + " µs";
  if (seconds < 1) return examples::three_digits(1e3 * seconds) + " ms";
  return examples::three_digits(seconds) + " s";
}

inline std::string cells(report_row const* r) {
  if (r == nullptr) return " – | – | – |";
  std::string share = "–";
  if (r->share > 0) {
    share = std::to_string(static_cast<int>(r->share + 0.5)) + " %";
    if (!r->what.empty()) share += " " + std::string(r->what);
  }
  return " " + readable_seconds(r->seconds) + " | " + share + " | " +
         (r->rate > 0 ? examples::three_digits(r->rate) : "–") + " |";
}

}  // namespace detail

/// A report of the build called `label`. Of repeated benchmarks the median counts.
///
/// Throws:  mamba::error where the document is no report of these benchmarks.
inline report read_report(std::string label, mamba::io::json_value const& root) {
  report out;
  out.label = std::move(label);
  auto const context = root.object("context");
  out.instruction_set = context.text("mamba");
  out.machine = context.text("processor") + ", " + context.text("compiler") + ", " + context.text("flags");
  for (auto const& [key, value] : context.node().items()) {
    constexpr std::string_view floors = "floors, ";
    if (key.starts_with(floors) && value.is_string()) {
      out.floors.push_back(key.substr(floors.size()) + ": " + value.template get<std::string>());
    }
  }
  auto const all = root.array("benchmarks");
  bool repeated = false;
  for (std::size_t i = 0; i < all.node().size(); ++i) repeated = repeated || all.at(i).has("aggregate_name");
  for (std::size_t i = 0; i < all.node().size(); ++i) {
    auto const from = all.at(i);
    if (from.flag("error_occurred", false)) continue;
    if (repeated && (!from.has("aggregate_name") || from.text("aggregate_name") != "median")) continue;
    report_row row{.name = detail::without_settings(from.text("run_name")), .seconds = detail::seconds_in(from)};
    if (auto const rate = from.find("items_per_second")) row.rate = rate->as_number();
    detail::read_share(from, row);
    out.rows.push_back(row);
  }
  return out;
}

/// The table, each benchmark in one row, and above it what each build is. Builds whose instruction set is that of the
/// first are named and have no columns: they would differ from it by noise only.
inline std::string side_by_side(std::vector<report> const& reports) {
  report const& first = reports.front();
  std::vector<report const*> shown;
  std::string text;
  for (report const& r : reports) {
    if (&r != &first && r.instruction_set == first.instruction_set) {
      text += "- **" + r.label + "**: the same instruction set as " + first.label + " (`" + r.instruction_set +
              "`), so it has no columns of its own\n";
      continue;
    }
    shown.push_back(&r);
    text += "- **" + r.label + "**: " + r.machine + " (`" + r.instruction_set + "`)\n";
    for (std::string const& line : r.floors) text += "  - floors with " + line + "\n";
  }
  std::string head = "| |", line = "|---|";
  for (report const* r : shown) {
    head += " " + r->label + " | of its floor | tokens/s |";
    line += "---:|---:|---:|";
    if (r != &first) head += " time over " + first.label + "'s |", line += "---:|";
  }
  text += "\n" + head + "\n" + line + "\n";

  std::vector<std::string> names;
  for (report const* r : shown) {
    for (report_row const& row : r->rows) {
      if (std::find(names.begin(), names.end(), row.name) == names.end()) names.push_back(row.name);
    }
  }
  for (std::string const& name : names) {
    report_row const* const base = first.find(name);
    text += "| " + name + " |";
    for (report const* r : shown) {
      report_row const* const row = r->find(name);
      text += detail::cells(row);
      if (r == &first) continue;
      bool const both = base != nullptr && row != nullptr && base->seconds > 0;
      text += " " + (both ? examples::three_digits(row->seconds / base->seconds) : std::string("–")) + " |";
    }
    text += "\n";
  }
  return text;
}

}  // namespace bench
