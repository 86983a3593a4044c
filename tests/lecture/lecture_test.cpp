// SPDX-License-Identifier: MIT
#include <support/error_of.hpp>
#include <support/run_program.hpp>
#include <support/temporary_folder.hpp>
#include <support/xml.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

using test::has;

namespace {

std::string program(std::string const& name) { return std::string(MAMBA_LECTURE_PROGRAMS) + "/" + name; }

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + part.size())) ++found;
  return found;
}

/// Gives a lesson. It must exit with 0, print these sentences, and draw a figure with these words in it; it must make
/// at least as many claims as are expected, and all of them must hold.
void give(std::string const& name, std::size_t claims, std::vector<std::string> const& sentences,
          std::vector<std::string> const& labels) {
  test::temporary_folder const folder;
  std::string const out = (folder / "new" / "place").string();
  auto const ended = test::run({program(name), "--out", out});
  INFO(ended.err);
  REQUIRE(ended.status == 0);
  CHECK(ended.err.empty());
  for (std::string const& part : sentences) CHECK(has(ended.out, part));
  CHECK(count(ended.out, "\nHolds: ") >= claims);
  CHECK_FALSE(has(ended.out, "DOES NOT HOLD"));
  for (char const* const part : {" nan ", " nan\n", "-nan", "inf "}) CHECK_FALSE(has(ended.out, part));

  std::string const svg = test::read_text(out + "/" + name + ".svg");
  CHECK(svg.size() > 20000);
  CHECK(test::well_formed(svg));
  std::string const words = test::words(svg);
  for (std::string const& part : labels) CHECK(has(words, part));
  auto const caption = svg.find("<desc>");
  REQUIRE(caption != svg.npos);
  CHECK(svg.find("</desc>") - caption > 100);

  // The text is what was printed, but for the last line, which is the path of the figure.
  std::string const text = test::read_text(out + "/" + name + ".txt");
  CHECK(text.size() > 200);
  CHECK(ended.out.substr(0, text.size()) == text);
  CHECK(has(ended.out.substr(text.size()), name + ".svg"));
  CHECK(std::distance(std::filesystem::directory_iterator(out), std::filesystem::directory_iterator()) == 2);

  // A lesson is short enough to be read.
  std::string const source = test::read_text(std::string(MAMBA_LECTURE_SOURCES) + "/" + name + ".cpp");
  CHECK(count(source, "\n") <= 150);
}

}  // namespace

TEST_CASE("lecture: 01_mass_on_a_spring") {
  give("01_mass_on_a_spring", 5,
       {"A mass on a spring", "closed form         -0.4161     -0.8391       0.4081",
        "forward Euler       -0.4773     -2.4062       4.4730"},
       {"time t [s]", "position p [m]", "velocity v [m/s]", "energy [J]", "closed form", "forward Euler", "bilinear",
        "zero-order hold"});
}

TEST_CASE("lecture: 02_discretisations") {
  give("02_discretisations", 7, {"bilinear         -0.0769  0.6154  0.6202", "-1/13 + 8/13 j", "0.4615 + 0.3077j"},
       {"σ [1/s]", "jω [1/s]", "Re z", "Im z", "time t [s]", "output y", "the true answer", "backward Euler"});
}

TEST_CASE("lecture: 03_recurrence_is_convolution") {
  give("03_recurrence_is_convolution", 3,
       {"1  0.7500    2          2.7500   2.7500", "recurrence = convolution, for 240 steps"},
       {"CĀ³B̄ = 0.3125", "0.3125·1 + 0.5·2 + 0.75·0 + 1·(-1)  =  0.3125", "the kernel, turned round", "time t [s]",
        "recurrence", "convolution"});
}

TEST_CASE("lecture: 04_hippo_remembers") {
  give("04_hippo_remembers", 4, {"Can the history be reconstructed from the state?", "with jumps the error falls"},
       {"time t [s]", "rms error", "N, numbers in the state", "the signal", "N = 4", "N = 16", "N = 64",
        "LegT, last 3 s"});
}

TEST_CASE("lecture: 05_why_diagonal") {
  give(
      "05_why_diagonal", 3, {"32           4.1e+21         21.6", "off by 0.16 (LegS), 0.11 (Inv), 0.35 (Lin)"},
      {"condition number", "Im a", "age [s]", "K(t)", "S4D-LegS", "S4D-Inv", "S4D-Lin", "S4-LegS, any N", "16 digits"});
}

TEST_CASE("lecture: 06_dplr_and_cauchy") {
  give(
      "06_dplr_and_cauchy", 3, {"Cauchy = DPLR steps = powers", "8.4e+06     6.6e+05       3.1e+06           2.6e+05"},
      {"multiplications", "length L", "age kΔ [s]", "powers of Ā", "Cauchy and inverse FFT", "stepping with C̃: wrong"});
}

TEST_CASE("lecture: 07_selectivity") {
  give("07_selectivity", 2, {"200 tasks: 100.0 % right with a selective Δ"},
       {"noise", "tokens", "wanted", "selective Δ", "fixed Δ", "step k", "place", "tokens right [%]"});
}

TEST_CASE("lecture: 08_scan") {
  give("08_scan", 4, {"4096  4096 / 4096  12286 / 24  8191 / 190", "It does not commute"},
       {"up: combine neighbours", "start…3", "sequential", "Blelloch", "chunks of √L", "combinations in a row"});
}

TEST_CASE("lecture: 09_scan_against_convolution") {
  give("09_scan_against_convolution", 2, {"all four give the same y", "FFT convolution"},
       {"products for each output", "operations in a row", "time for each output [ns]", "recurrence",
        "direct convolution"});
}

TEST_CASE("lecture: 10_mamba_block") {
  give("10_mamba_block", 2, {"our steps are the library's block, bit for bit", "[32, 192]", "[32, 768]", "[384, 16]"},
       {"in_proj u", "[32, 44]", "channel", "Δ, chosen by each letter"});
}

TEST_CASE("lecture: page of all plots and texts") {
  test::temporary_folder const folder;
  std::string const out = folder.path().string();
  for (std::string const name : {"01_mass_on_a_spring", "08_scan"})
    REQUIRE(test::run({program(name), "--out", out}).status == 0);
  auto const ended = test::run({program("index"), "--out", out});
  INFO(ended.err);
  REQUIRE(ended.status == 0);
  CHECK(has(ended.out, (folder / "index.html").string()));
  std::string const page = test::read_text(folder / "index.html");
  CHECK(has(page, "<!DOCTYPE html>"));
  CHECK(test::well_formed(page, "html"));
  for (char const* const part :
       {"<h2><span>01</span>A mass on a spring</h2>", "<h2><span>08</span>The scan as an associative operation</h2>",
        "href=\"#08_scan\"", "closed form         -0.4161", "One swing, stepped by four rules",
        "examples/lecture/08_scan.cpp", "#include &lt;lecture/lesson.hpp&gt;"})
    CHECK(has(page, part));
  CHECK(count(page, "<svg") == 2);
  CHECK(count(page, "</svg>") == 2);

  // It needs nothing else: no script, no other file, no network. And every id is there once.
  for (char const* const part : {"<script", "<link", "<img", "src=", "@import"}) CHECK_FALSE(has(page, part));
  std::vector<std::string> ids;
  for (std::string_view const mark : {" id=\"", " id='"}) {
    for (auto at = page.find(mark); at != page.npos; at = page.find(mark, at + 1))
      ids.push_back(page.substr(at + mark.size(), page.find(mark.back(), at + mark.size()) - at - mark.size()));
  }
  std::sort(ids.begin(), ids.end());
  CHECK(ids.size() > 20);
  CHECK(std::adjacent_find(ids.begin(), ids.end()) == ids.end());
  for (auto at = page.find("href='#"); at != page.npos; at = page.find("href='#", at + 1))
    CHECK(std::binary_search(ids.begin(), ids.end(), page.substr(at + 7, page.find('\'', at + 7) - at - 7)));
}

TEST_CASE("lecture: page and lessons say in one sentence what is wrong") {
  test::temporary_folder const folder;
  std::string const out = folder.path().string(), lesson = program("03_recurrence_is_convolution");
  CHECK(has(test::run({lesson, "--help"}).out, "--out"));
  CHECK(test::run({lesson, "--no-such-option"}).refused("03_recurrence_is_convolution"));
  CHECK(test::run({lesson, "--out", ""}).refused("03_recurrence_is_convolution"));
  CHECK(test::run({program("index"), "--out", out}).refused("index"));  // nothing is there yet
  CHECK(test::run({program("index"), "--out", (folder / "missing").string()}).refused("index"));

  // Without gnuplot: the package is named, and no file is left behind.
  auto const without = test::run({lesson, "--out", out}, "< /dev/null", "PATH=" + out);
  CHECK(without.status == 1);
  CHECK(has(without.err, "gnuplot-nox"));
  CHECK(count(without.err, "\n") == 1);
  CHECK(std::filesystem::is_empty(folder.path()));

  // A folder that cannot be made.
  test::write_text(folder / "file", "in the way");
  auto const blocked = test::run({lesson, "--out", (folder / "file" / "below").string()});
  CHECK(blocked.status == 1);
  CHECK(count(blocked.err, "\n") == 1);

  // A lesson whose text is missing has not been given.
  REQUIRE(test::run({lesson, "--out", out}).status == 0);
  std::filesystem::remove(folder / "03_recurrence_is_convolution.txt");
  auto const half = test::run({program("index"), "--out", out});
  CHECK(half.refused("index"));
  CHECK(has(half.err, "03_recurrence_is_convolution.txt"));
}
