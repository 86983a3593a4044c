// SPDX-License-Identifier: MIT
// support/side_by_side.cpp — the figures of builds for several instruction sets, as one table.
//
//     side_by_side [--title WORDS] [--note SENTENCE] [--out FILE] LABEL=REPORT.json [LABEL=REPORT.json ...]
#include <support/arguments.hpp>
#include <support/gnuplot.hpp>
#include <support/side_by_side.hpp>

int main(int argc, char** argv) {
  try {
    bench::arguments given(argc, argv);
    std::string const title = given.text("--title", "");
    std::string const note = given.text("--note", "");
    std::string const out = given.text("--out", "");
    std::vector<bench::report> reports;
    for (int i = 1; i < given.count(); ++i) {
      std::string_view const argument = given.values()[i];
      std::size_t const equals = argument.find('=');
      if (equals == argument.npos || argument.starts_with('-')) {
        mamba::core::fail("LABEL=REPORT.json was expected, not \"" + std::string(argument) + "\"");
      }
      constexpr std::size_t longest = std::size_t{1} << 26U;
      auto const file = mamba::io::json_document::open(std::string(argument.substr(equals + 1)), longest);
      reports.push_back(bench::read_report(std::string(argument.substr(0, equals)), file.root()));
    }
    if (reports.empty()) {
      mamba::core::fail(
          "usage: side_by_side [--title WORDS] [--note SENTENCE] [--out FILE] LABEL=REPORT.json [LABEL=REPORT.json "
          "...]");
    }
    std::string page;
    if (!title.empty()) page += "# " + title + "\n\n";
    if (!note.empty()) page += note + "\n\n";
    page += bench::side_by_side(reports);
    std::fputs(page.c_str(), stdout);
    if (!out.empty()) examples::plot::write_whole(out, page);
  } catch (std::exception const& e) {
    std::fprintf(stderr, "side_by_side: %s\n", e.what());
    return 1;
  }
}
