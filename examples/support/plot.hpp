// SPDX-License-Identifier: MIT
// support/plot.hpp — figures drawn by gnuplot as SVG: curves, points, stems, images and drawn diagrams.
//
//     plot::figure f("Two waves", {.columns = 2});
//     plot::panel& p = f.add("sine", "time t [s]", "position x [m]");
//     p.line(t, x, "exact");
//     p.points(t, y, "bilinear", {.ink = plot::color::vermillion});
//     f.write("waves.svg");
//
// Text is gnuplot's enhanced text, in UTF-8: x_0, e^{-t}, {/:Bold word}; plain() takes what is to stand as it is.
#pragma once

#include <mamba/core/error.hpp>
#include <support/gnuplot.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace examples::plot {

/// Inks that most kinds of colour vision tell apart (the palette of Okabe and Ito, darkened for a white page).
enum class color : unsigned {
  next = 0x1000000,  ///< each series of a panel takes the next one
  blue = 0x0072B2,
  vermillion = 0xD55E00,
  green = 0x009E73,
  purple = 0xB45C93,
  orange = 0xE69F00,
  sky = 0x56B4E9,
  black = 0x222222,
  grey = 0x8C8C8C,
  pale = 0xD9D9D9,
  pale_blue = 0xD6E8F4,
  pale_orange = 0xFBE3CF,
  pale_green = 0xD2EEE5,
  white = 0xFFFFFF
};

/// How a line is broken. Series differ by this as well as by ink.
enum class dash { solid, dashed, dotted, dash_dotted };

/// What a point looks like.
enum class marker { next, dot, square, up, down, diamond, ring, cross };

/// How a series is drawn: plot::look{.ink = plot::color::grey, .width = 6}.
struct look {
  color ink = color::next;
  double width = 2.4;  ///< of lines [px]
  dash pattern = dash::solid;
  marker shape = marker::next;
  double size = 0.8;   ///< of points, 1 is about 10 px
  double opacity = 1;  ///< of filled areas
};

/// The numbers of anything with size() and [i].
template <class Range>
[[nodiscard]] std::vector<double> numbers(Range const& range) {
  std::vector<double> values;
  auto const count = static_cast<std::size_t>(range.size());
  values.reserve(count);
  using position = decltype(range.size());
  for (std::size_t i = 0; i < count; ++i) values.push_back(static_cast<double>(range[static_cast<position>(i)]));
  return values;
}

/// first, first + step, …: the x of samples that are evenly spaced.
[[nodiscard]] inline std::vector<double> spaced(std::size_t count, double first = 0, double step = 1) {
  std::vector<double> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = first + static_cast<double>(i) * step;
  return values;
}

/// Text that is to stand as it is: a name with underscores, a path.
[[nodiscard]] inline std::string plain(std::string_view text) {
  std::string escaped;
  for (char const c : text) {
    if (std::string_view("_^{}@&~\\").find(c) != std::string_view::npos) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

/// One pair of axes and what is drawn between them. Made by figure::add.
class panel {
 public:
  panel(std::string const& title, std::string const& x_label, std::string const& y_label)
      : title_(title), x_label_(x_label), y_label_(y_label) {}

  /// A curve through (x, y). A NaN interrupts it.
  template <class X, class Y>
  void line(X const& x, Y const& y, std::string const& name, look const& l = {}) {
    series({numbers(x), numbers(y)}, "1:2 with lines " + stroke(l), name);
  }
  /// Marks at (x, y).
  template <class X, class Y>
  void points(X const& x, Y const& y, std::string const& name, look const& l = {}) {
    series({numbers(x), numbers(y)}, "1:2 with points " + stroke(l) + marks(l), name);
  }
  /// Marks, and the line through them.
  template <class X, class Y>
  void marked_line(X const& x, Y const& y, std::string const& name, look const& l = {}) {
    series({numbers(x), numbers(y)}, "1:2 with linespoints " + stroke(l) + marks(l), name);
  }
  /// A value that holds until the next one.
  template <class X, class Y>
  void steps(X const& x, Y const& y, std::string const& name, look const& l = {}) {
    series({numbers(x), numbers(y)}, "1:2 with steps " + stroke(l), name);
  }
  /// A sequence in discrete time: a stem from zero and a mark on it.
  template <class X, class Y>
  void stems(X const& x, Y const& y, std::string const& name, look l = {}) {
    l.ink = ink(l);
    l.shape = shape(l);
    series({numbers(x), numbers(y)}, "1:2 with impulses " + stroke(l), "");
    series({numbers(x), numbers(y)}, "1:2 with points " + stroke(l) + marks(l), name);
  }
  /// The area between two curves.
  template <class X, class Low, class High>
  void band(X const& x, Low const& low, High const& high, std::string const& name, look const& l = {}) {
    series({numbers(x), numbers(low), numbers(high)},
           "1:2:3 with filledcurves fs transparent solid " + number(l.opacity) + " noborder lc rgb " + hex(ink(l)),
           name);
  }
  /// A closed shape with a filled inside.
  template <class X, class Y>
  void shape_of(X const& x, Y const& y, std::string const& name, look const& l = {}) {
    series({numbers(x), numbers(y)},
           "1:2 with filledcurves closed fs transparent solid " + number(l.opacity) + " noborder lc rgb " + hex(ink(l)),
           name);
  }
  /// Numbers as colours: cell(i, j) around the point (j, i). Blue is below zero, white is zero.
  template <class Cell>
  void image(std::size_t rows, std::size_t columns, Cell const& cell, std::string const& scale) {
    std::vector<double> x, y, z;
    double largest = 0;
    double smallest = 0;
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < columns; ++j) {
        x.push_back(static_cast<double>(j));
        y.push_back(static_cast<double>(i));
        z.push_back(static_cast<double>(cell(i, j)));
        if (std::isfinite(z.back())) largest = std::max(largest, std::abs(z.back()));
        if (std::isfinite(z.back())) smallest = std::min(smallest, z.back());
      }
    }
    if (largest == 0) largest = 1;
    bool const below = smallest < -1e-9 * largest;  // not by rounding alone
    settings_ += "set cbrange [" + number(below ? -largest : 0) + ":" + number(largest) + "]\nset cblabel " +
                 quoted(scale) + "\nset colorbox\nset palette defined (" + (below ? "-1 '#0072B2', " : "") +
                 "0 '#FFFFFF', 1 '#D55E00')\nunset grid\n";
    x_range(-0.5, static_cast<double>(columns) - 0.5);
    y_range(-0.5, static_cast<double>(rows) - 0.5);
    series({x, y, z}, "1:2:3 with image pixels", "");
  }

  /// A straight arrow, or with head = false a line.
  void arrow(double x0, double y0, double x1, double y1, look const& l = {.ink = color::black, .width = 1.6},
             bool head = true) {
    drawing_ += "set arrow from " + at(x0, y0) + " to " + at(x1, y1) +
                (head ? " head filled size screen 0.009,20 fixed " : " nohead ") + "front " + stroke(l) + "\n";
  }
  /// A box with text in its middle.
  void box(double x0, double y0, double x1, double y1, color fill, std::string const& words = "",
           color border = color::black) {
    drawing_ += "set object rectangle from " + at(x0, y0) + " to " + at(x1, y1) + " fc rgb " + hex(fill) +
                " fs solid 1 border lc rgb " + hex(border) + "\n";
    if (!words.empty()) text((x0 + x1) / 2, (y0 + y1) / 2, words);
  }
  /// A circle whose radius is measured along x, with text in its middle.
  void circle(double x, double y, double radius, color fill, std::string const& words = "") {
    drawing_ += "set object circle at " + at(x, y) + " size " + number(radius) + " fc rgb " + hex(fill) +
                " fs solid 1 border lc rgb " + hex(color::black) + "\n";
    if (!words.empty()) text(x, y, words);
  }
  /// Words at a place: side is left, center or right.
  void text(double x, double y, std::string const& words, std::string const& side = "center", color ink = color::black,
            int size = 0) {
    drawing_ += "set label " + quoted(words) + " at " + at(x, y) + " " + side + " front textcolor rgb " + hex(ink) +
                (size > 0 ? " font '," + std::to_string(size) + "'" : "") + "\n";
  }
  /// A thin line across the panel.
  void horizontal(double y) {
    drawing_ += "set arrow from graph 0, first " + number(y) + " to graph 1, first " + number(y) + " nohead back " +
                stroke({.ink = color::grey, .width = 1}) + "\n";
  }
  void vertical(double x) {
    drawing_ += "set arrow from first " + number(x) + ", graph 0 to first " + number(x) + ", graph 1 nohead back " +
                stroke({.ink = color::grey, .width = 1}) + "\n";
  }

  void x_range(double low, double high) { settings_ += range("x", low, high); }
  void y_range(double low, double high) { settings_ += range("y", low, high); }
  void log_x() { settings_ += "set logscale x\nset format x '10^{%T}'\n"; }
  void log_y() { settings_ += "set logscale y\nset format y '10^{%T}'\n"; }
  /// Powers of two along x.
  void log2_x() { settings_ += "set logscale x 2\nset format x '2^{%L}'\n"; }
  /// One unit is as long along x as along y.
  void same_scale() { settings_ += "set size ratio -1\n"; }
  /// Where the legend stands, as gnuplot says it: "top left", "bottom right", "outside", "below", "off".
  void legend(std::string_view place) {
    bool const inside = place.find("outside") == place.npos && place.find("below") == place.npos;
    settings_ +=
        place == "off" ? "unset key\n" : "set key " + std::string(place) + (inside ? "\n" : " Left reverse noopaque\n");
  }
  /// Only what is drawn: no axes, no ticks, no grid. A diagram needs its ranges.
  void diagram(double x0, double x1, double y0, double y1) {
    x_range(x0, x1);
    y_range(y0, y1);
    settings_ += "unset border\nunset tics\nunset grid\nunset key\n";
    margins(1, 1, 0, title_.empty() ? 0 : 2);
    diagram_ = true;
  }
  /// Whether both axes have titles, or there are none.
  [[nodiscard]] bool labelled() const { return diagram_ || (!x_label_.empty() && !y_label_.empty()); }
  /// Named ticks along x.
  void x_ticks(std::vector<std::pair<double, std::string>> const& ticks) {
    settings_ += "set xtics (";
    for (std::size_t i = 0; i < ticks.size(); ++i) {
      std::string name;  // a format of printf, in which %% is a percent sign
      for (char const c : ticks[i].second) name += c == '%' ? "%%" : std::string(1, c);
      settings_ += (i == 0 ? "" : ", ") + quoted(name) + " " + number(ticks[i].first);
    }
    settings_ += ")\n";
  }
  /// Ticks at multiples of a step.
  void ticks_every(double x_step, double y_step) {
    settings_ += "set xtics " + number(x_step) + "\nset ytics " + number(y_step) + "\n";
  }
  /// Margins beside the axes for ticks and labels, in characters and lines. Equal ones align panels that stand in a
  /// column.
  void margins(double left, double right, double bottom, double top) {
    settings_ += "set lmargin " + number(left) + "\nset rmargin " + number(right) + "\nset bmargin " + number(bottom) +
                 "\nset tmargin " + number(top) + "\n";
  }
  /// The part of the figure that the panel takes, from its lower left corner; without it panels fill the figure in
  /// rows.
  void place(double left, double bottom, double width, double height) {
    settings_ += "set origin " + at_plain(left, bottom) + "\nset size " + at_plain(width, height) + "\n";
  }

 private:
  friend class figure;

  [[nodiscard]] std::string script(std::size_t index) const {
    std::string const block = "$panel" + std::to_string(index) + "_";
    std::string text =
        "reset\nset encoding utf8\nset border 3 lw 1 lc rgb '#555555'\n"
        "set tics nomirror out scale 0.6 textcolor rgb '#333333'\n"
        "set grid lt 1 lw 0.8 lc rgb '#E4E4E4'\nset key opaque samplen 2.4 spacing 1.15\nset lmargin 9\nunset "
        "mxtics\nunset mytics\nset clip two\n"
        "";
    if (!title_.empty()) text += "set title " + quoted("{/:Bold " + title_ + "}") + " font ',16' offset 0,-0.2\n";
    if (!x_label_.empty()) text += "set xlabel " + quoted(x_label_) + "\n";
    if (!y_label_.empty()) text += "set ylabel " + quoted(y_label_) + "\n";
    if (how_.empty()) text += range("x", 0, 1) + range("y", 0, 1);  // nothing to take them from
    text += "unset colorbox\n" + settings_ + drawing_;
    for (std::size_t i = 0; i < data_.size(); ++i)
      text += block + std::to_string(i) + " << END_OF_DATA\n" + data_[i] + "END_OF_DATA\n";
    text += "plot ";
    for (std::size_t i = 0; i < how_.size(); ++i)
      text += (i == 0 ? "" : ", \\\n  ") + block + std::to_string(i) + " using " + how_[i];
    return text + (how_.empty() ? "NaN notitle\n" : "\n");
  }

  void series(std::vector<std::vector<double>> const& columns, std::string const& how, std::string const& name) {
    std::string rows;
    for (auto const& column : columns) {
      if (column.size() != columns[0].size())
        mamba::core::fail("plot: the series \"" + name + "\" has " + std::to_string(columns[0].size()) + " x but " +
                          std::to_string(column.size()) + " y");
    }
    for (std::size_t i = 0; i < columns[0].size(); ++i) {
      for (std::size_t c = 0; c < columns.size(); ++c) rows += (c == 0 ? "" : " ") + number(columns[c][i]);
      rows += "\n";
    }
    data_.push_back(rows.empty() ? "NaN NaN NaN\n" : rows);  // gnuplot refuses an empty block
    how_.push_back(how + (name.empty() ? " notitle" : " title " + quoted(name)));
  }

  [[nodiscard]] color ink(look const& l) {
    constexpr std::array inks{color::blue, color::vermillion, color::green, color::purple, color::orange, color::sky};
    return l.ink != color::next ? l.ink : inks[inks_used_++ % inks.size()];
  }
  [[nodiscard]] marker shape(look const& l) {
    constexpr std::array shapes{marker::dot, marker::square, marker::up, marker::down, marker::diamond, marker::ring};
    return l.shape != marker::next ? l.shape : shapes[shapes_used_++ % shapes.size()];
  }
  [[nodiscard]] std::string stroke(look const& l) {
    constexpr std::array<char const*, 4> patterns{"1", "(9,6)", "(2,5)", "(11,5,2,5)"};
    return "lc rgb " + hex(ink(l)) + " lw " + number(l.width) + " dt " + patterns[static_cast<std::size_t>(l.pattern)];
  }
  [[nodiscard]] std::string marks(look const& l) {
    constexpr std::array types{0, 7, 5, 9, 11, 13, 6, 2};  // gnuplot's numbers for our shapes
    return " pt " + std::to_string(types[static_cast<std::size_t>(shape(l))]) + " ps " + number(l.size);
  }

  [[nodiscard]] static std::string hex(color c) {
    char text[16];
    std::snprintf(text, sizeof text, "'#%06X'", static_cast<unsigned>(c) & 0xFFFFFFU);
    return text;
  }
  [[nodiscard]] static std::string at_plain(double x, double y) { return number(x) + "," + number(y); }
  [[nodiscard]] static std::string at(double x, double y) { return "first " + number(x) + ", first " + number(y); }
  [[nodiscard]] static std::string range(std::string const& axis, double low, double high) {
    return "set " + axis + "range [" + number(low) + ":" + number(high) + "]\n";
  }
  [[nodiscard]] static std::string number(double v) { return gnuplot_number(v); }
  [[nodiscard]] static std::string quoted(std::string_view text) { return gnuplot_text(text); }

  std::string title_, x_label_, y_label_, settings_, drawing_;
  std::vector<std::string> data_, how_;
  std::size_t inks_used_ = 0, shapes_used_ = 0;
  bool diagram_ = false;
};

/// How large a figure is and how its panels stand.
struct layout {
  int columns = 1, rows = 1;
  int width = 960, height = 540;  ///< [px]; the file scales
};

/// A page of panels under one title, with a description for screen readers.
class figure {
 public:
  explicit figure(std::string title, layout const& size = {}) : title_(std::move(title)), size_(size) {}

  /// The next panel, filling rows from the left.
  panel& add(std::string const& title, std::string const& x_label = "", std::string const& y_label = "") {
    return panels_.emplace_back(title, x_label, y_label);
  }

  /// The SVG's <desc>: what is seen and what is learnt.
  void describe(std::string text) { description_ = std::move(text); }

  [[nodiscard]] bool labelled() const {
    return std::all_of(panels_.begin(), panels_.end(), [](panel const& p) { return p.labelled(); });
  }

  /// What gnuplot is given.
  [[nodiscard]] std::string script() const {
    std::string text = "set encoding utf8\nset terminal svg size " + std::to_string(size_.width) + "," +
                       std::to_string(size_.height) + " dynamic enhanced font 'sans-serif,14' background '#FFFFFF'\n" +
                       "set multiplot layout " + std::to_string(size_.rows) + "," + std::to_string(size_.columns) +
                       " title " + gnuplot_text("{/:Bold " + title_ + "}") + " font ',20'\n";
    for (std::size_t i = 0; i < panels_.size(); ++i) text += panels_[i].script(i);
    return text + "unset multiplot\n";
  }

  /// The figure as SVG. Throws:  mamba::error when gnuplot is missing or refuses.
  [[nodiscard]] std::string svg(std::string const& program = "gnuplot") const {
    return described_svg(tidy_svg(run_gnuplot(script(), program)), title_, description_);
  }

  /// Writes the figure; the file appears whole or not at all.
  ///
  /// Throws:  mamba::error when gnuplot is missing or refuses, or the file cannot be written.
  void write(std::filesystem::path const& path, std::string const& program = "gnuplot") const {
    write_whole(path, svg(program));
  }

 private:
  std::string title_, description_;
  layout size_;
  std::deque<panel> panels_;  // a reference to a panel stays good
};

}  // namespace examples::plot
