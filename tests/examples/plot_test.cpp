// SPDX-License-Identifier: MIT
#include <support/plot.hpp>

#include <support/error_of.hpp>
#include <support/temporary_folder.hpp>
#include <support/xml.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <filesystem>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

namespace plot = examples::plot;
using test::error_of;
using test::has;

namespace {

plot::figure two_panels() {
  plot::figure f("Two waves", {.columns = 2});
  plot::panel& p = f.add("Left", "time t [s]", "position x [m]");
  std::vector<double> const t{0, 1, 2, 3};
  p.line(t, std::vector<double>{0, 1, 0, -1}, "exact");
  p.points(t, std::vector<double>{0, 0.5, 0, -0.5}, "measured");
  p.marked_line(t, std::vector<float>{1, 2, 3, 4}, "both");
  plot::panel& q = f.add("Right", "index k", "kernel K_k");
  q.steps(t, std::vector<double>{1, 2, 3, 4}, "held");
  q.stems(t, std::vector<double>{1, 0.5, 0.25, 0.125}, "samples");
  q.band(t, std::vector<double>{0, 0, 0, 0}, std::vector<double>{1, 1, 1, 1}, "range", {.opacity = 0.3});
  q.log_x();
  q.x_range(0.5, 4);
  f.describe("Seen: waves & more.");
  return f;
}

}  // namespace

TEST_CASE("plot: the SVG is well-formed and has title, axes with units, and legend") {
  std::string const svg = two_panels().svg();
  CHECK(test::well_formed(svg));
  std::string const seen = test::words(svg);
  for (char const* const part : {"Two waves", "Left", "Right", "time t [s]", "position x [m]", "exact", "measured",
                                 "both", "index k", "held", "samples", "range", "Seen: waves &amp; more."})
    CHECK(has(seen, part));
  CHECK(has(svg, "<title>Two waves</title>"));
  CHECK(has(svg, "viewBox"));  // scales with the page
}

TEST_CASE("plot: drawn diagrams and images") {
  plot::figure f("A diagram");
  plot::panel& p = f.add("");
  p.diagram(0, 10, 0, 10);
  p.box(1, 1, 3, 2, plot::color::pale_blue, "CB̄");
  p.circle(5, 5, 1, plot::color::pale_green, "⊕");
  p.arrow(1, 2, 5, 5);
  p.text(8, 8, "Ā^k B̄", "left");
  p.horizontal(3);
  p.vertical(3);
  plot::panel& q = f.add("An image", "j", "i");
  q.image(
      2, 3, [](std::size_t i, std::size_t j) { return i == j ? 1.0 : -0.5; }, "value");
  std::string const svg = f.svg();
  CHECK(test::well_formed(svg));
  for (char const* const part : {"A diagram", "CB̄", "⊕", "An image", "value"}) CHECK(has(test::words(svg), part));
  CHECK(has(svg, "<path"));
}

TEST_CASE("plot: no text is a command, whatever it is made of") {
  test::temporary_folder const folder;
  std::string const touched = (folder / "touched").string();
  for (std::string const& text :
       {std::string("`touch ") + touched + "`", std::string("\"; system(\"touch ") + touched + "\"); print \"",
        std::string("$(touch ") + touched + ")", std::string("a\nsystem \"touch ") + touched + "\"",
        std::string("'\n!touch ") + touched, std::string("@touched \\"), std::string("<tag> & \"quote\" ' %s %n %d"),
        std::string("control \x01\x1b[2J\x7f"), std::string("END_OF_DATA"), std::string("{_^}&~"), std::string("")}) {
    CAPTURE(text);
    plot::figure f(plot::plain(text));
    plot::panel& p = f.add(plot::plain(text), plot::plain(text), plot::plain(text));
    p.line(plot::spaced(3), plot::spaced(3), plot::plain(text));
    p.text(1, 1, plot::plain(text));
    p.x_ticks({{0, text}, {1, "one"}});
    f.describe(text);
    std::string const svg = f.svg();
    CHECK(test::well_formed(svg));
    CHECK_FALSE(std::filesystem::exists(touched));
  }
  CHECK(has(test::words([] {
              plot::figure f("x");
              f.add("").text(0.5, 0.5, plot::plain("snake_case {a^b} 100%"));
              return f.svg();
            }()),
            "snake_case {a^b} 100%"));
}

TEST_CASE("plot: gaps, empty series and single points are no errors") {
  double const nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  plot::figure f("gaps");
  plot::panel& p = f.add("", "x", "y");
  p.line(std::vector<double>{0, 1, 2, 3}, std::vector<double>{0, nan, inf, 1}, "with a gap");
  p.line(std::vector<double>{}, std::vector<double>{}, "empty");
  p.points(std::vector<double>{1}, std::vector<double>{1}, "one");
  CHECK(test::well_formed(f.svg()));
  CHECK(test::well_formed(plot::figure("nothing").svg()));
}

TEST_CASE("plot: a file appears whole or not at all") {
  test::temporary_folder const folder;
  two_panels().write(folder / "waves.svg");
  CHECK(test::well_formed(test::read_text(folder / "waves.svg")));
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), std::filesystem::directory_iterator()) == 1);

  // A refused figure leaves the old file alone, and a folder that is not there is named.
  test::write_text(folder / "old.svg", "old");
  plot::figure wrong("wrong");
  wrong.add("").legend("nowhere at all");
  CHECK(has(error_of([&] { wrong.write(folder / "old.svg"); }), "refused the figure"));
  CHECK(test::read_text(folder / "old.svg") == "old");
  CHECK(has(error_of([&] { two_panels().write(folder / "no" / "such.svg"); }), "such.svg"));
}

TEST_CASE("plot: one sentence when gnuplot is missing, is no gnuplot, or gets columns of two lengths") {
  std::string const missing = error_of([] { (void)two_panels().svg("no-such-gnuplot"); });
  CHECK(has(missing, "gnuplot-nox"));
  CHECK(has(missing, "not installed"));
  CHECK(missing.find('\n') == missing.npos);
  CHECK(has(error_of([] { (void)two_panels().svg("true"); }), "refused the figure"));
  CHECK(has(error_of([] { (void)two_panels().svg("false"); }), "refused the figure"));
  plot::figure f("x");
  plot::panel& p = f.add("");
  CHECK(has(error_of([&] { p.line(plot::spaced(3), plot::spaced(4), "uneven"); }),
            "the series \"uneven\" has 3 x but 4 y"));
}
