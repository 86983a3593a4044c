// SPDX-License-Identifier: MIT
// model/growth_table.hpp — how time and memory grow: fitted exponents, a table in Markdown, a plot.
#pragma once

#include <support/measure.hpp>
#include <support/plot.hpp>
#include <support/run.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

namespace bench {

/// One call of forward(): how long it took, and how much memory.
struct growth_point {
  double x = 0;  ///< what grows
  work done;
  double seconds = 0;  ///< a median
  double floor = 0;    ///< the lower bound by the floors [s]
  double bytes = 0;    ///< state and workspace together
};

/// Points along one line; everything but x stays as it is.
struct growth_series {
  std::string what;   ///< "L", "d_model", "layers"
  std::string fixed;  ///< what stays
  std::string meant;  ///< which exponent of time is expected, and why
  std::vector<growth_point> points;
};

/// The slope of log y against log x: least squares over all points.
inline double exponent(std::vector<growth_point> const& points, double growth_point::*y) {
  double const n = static_cast<double>(points.size());
  double sx = 0, sy = 0, sxx = 0, sxy = 0;
  for (growth_point const& p : points) {
    double const lx = std::log(p.x), ly = std::log(p.*y);
    sx += lx, sy += ly, sxx += lx * lx, sxy += lx * ly;
  }
  return (n * sxy - sx * sy) / (n * sxx - sx * sx);
}

/// Two digits after the point, and no -0.00.
inline std::string two_digits(double e) {
  char text[16];
  std::snprintf(text, sizeof text, "%.2f", std::fabs(e) < 0.005 ? 0 : e);
  return text;
}

/// "Time grows as L^1.00 (over the last doubling ^1.00), memory as L^0.00. …"
inline std::string in_words(growth_series const& s) {
  std::vector<growth_point> const last(s.points.end() - 2, s.points.end());
  auto const power = [](double e) { return "^" + two_digits(e); };
  return "Time grows as " + s.what + power(exponent(s.points, &growth_point::seconds)) + " (over the last doubling " +
         power(exponent(last, &growth_point::seconds)) + "), memory as " + s.what +
         power(exponent(s.points, &growth_point::bytes)) + ". " + s.meant;
}

inline std::string in_markdown(growth_series const& s) {
  std::string text = "### Against " + s.what + ": " + s.fixed + "\n\n| " + s.what +
                     " | ms | tokens/s | share of the floor | state and workspace, MB |\n|---:|---:|---:|---:|---:|\n";
  for (growth_point const& p : s.points) {
    char line[160];
    std::snprintf(line, sizeof line, "| %.0f | %s | %s | %.0f %% | %s |\n", p.x,
                  examples::three_digits(1e3 * p.seconds).c_str(),
                  examples::three_digits(p.done.tokens / p.seconds).c_str(), 100 * p.floor / p.seconds,
                  examples::three_digits(1e-6 * p.bytes).c_str());
    text += line;
  }
  return text + "\n" + in_words(s) + "\n\n";
}

/// A panel for time and one for memory for each kind of growth, with straight lines of the expected slopes beside them.
inline examples::plot::figure drawn(std::vector<std::vector<growth_series>> const& kinds, std::string const& machine) {
  namespace plot = examples::plot;
  int const columns = static_cast<int>(kinds.size());
  plot::figure f("forward(): time and memory as the work grows",
                 {.columns = columns, .rows = 2, .width = 520 * columns, .height = 900});
  auto const add = [&](std::string const& y_label, double growth_point::*y, double scale_of_y) {
    for (auto const& kind : kinds) {
      std::string const what = plot::plain(kind[0].what);
      plot::panel& p = f.add(y_label + " against " + what, what, y_label + (scale_of_y < 1 ? " [MB]" : " [ms]"));
      p.log2_x();
      p.log_y();
      p.legend("top left");
      double low = INFINITY, high = 0;
      for (growth_series const& s : kind) {
        std::vector<double> xs, ys, guide;
        for (growth_point const& point : s.points) {
          xs.push_back(point.x), ys.push_back(scale_of_y * point.*y);
          guide.push_back(ys[0] * (y == &growth_point::seconds ? point.x / xs[0] : 1));
          low = std::min({low, ys.back(), guide.back()}), high = std::max({high, ys.back(), guide.back()});
        }
        p.line(xs, guide, "", {.ink = plot::color::grey, .width = 1, .pattern = plot::dash::dashed});
        p.marked_line(xs, ys, plot::plain(s.fixed) + ": slope " + two_digits(exponent(s.points, y)));
      }
      p.y_range(low / 3, high * 30);  // room for the legend
    }
  };
  add("time", &growth_point::seconds, 1e3);
  add("memory", &growth_point::bytes, 1e-6);
  f.describe(
      "Time of one forward pass, and the memory of state and workspace, against the length of the prompt, the width "
      "of the model and the number of its layers, on " +
      machine +
      ". Dashed: time in proportion, memory constant. Time is in proportion to length and layers, and grows faster "
      "than the width, with whose square the matrix products grow; memory does not depend on the length.");
  return f;
}

}  // namespace bench
