// SPDX-License-Identifier: MIT
// What the lessons share, compiled once.
#include <lecture/lesson.hpp>

#include <mamba/io/text/utf8.hpp>
#include <support/command_line.hpp>
#include <support/output.hpp>
#include <support/program.hpp>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <filesystem>
#include <system_error>

namespace lecture {

namespace {

/// How many places a text takes on a terminal: its characters, of which marks above others take none.
std::size_t places(std::string_view text) {
  std::size_t count = 0;
  while (!text.empty()) {
    auto const [kind, length] = mamba::io::utf8::front(text);
    bool const valid = kind == mamba::io::utf8::kind::valid;
    char32_t const c = valid ? mamba::io::utf8::code_point(text.substr(0, length)) : U'?';
    if (c < 0x300 || c > 0x36F) ++count;
    text.remove_prefix(length);
  }
  return count;
}

std::string padded(std::string const& text, std::size_t width, bool left) {
  std::string const space(width - std::min(width, places(text)), ' ');
  return left ? text + space : space + text;
}

}  // namespace

std::string text(char const* format, ...) {
  char buffer[400];
  std::va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(buffer, sizeof buffer, format, arguments);
  va_end(arguments);
  return buffer;
}

void lesson::print(std::string_view text) {
  after_claim_ = false;
  printed_ += text;
  examples::write_output(text);
}

void lesson::say(std::string_view paragraph) { print("\n" + std::string(paragraph) + "\n"); }

void lesson::table(std::vector<std::string> const& headings, std::vector<std::vector<std::string>> const& rows) {
  std::vector<std::size_t> widths;
  for (std::string const& h : headings) widths.push_back(places(h));
  for (auto const& row : rows) {
    if (row.size() != headings.size()) mamba::core::fail("lesson: a row has more or fewer columns than the headings");
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], places(row[i]));
  }
  auto const left = [&](std::size_t i) {  // words stand left; numbers are told by how the first of them begins
    return i == 0 || rows.empty() || rows[0][i].find_first_of("0123456789-+") != 0;
  };
  auto const line = [&](std::vector<std::string> const& row) {
    std::string text = " ";
    for (std::size_t i = 0; i < row.size(); ++i) text += (i == 0 ? " " : "  ") + padded(row[i], widths[i], left(i));
    return text.substr(0, text.find_last_not_of(' ') + 1) + "\n";
  };
  std::string all = "\n" + line(headings);
  for (auto const& row : rows) all += line(row);
  print(all);
}

void lesson::claim(std::string_view sentence, double found, double allowed) {
  bool const holds = found <= allowed;  // not so for NaN
  claims_ += 1;
  broken_ += holds ? 0 : 1;
  print((after_claim_ ? "" : "\n") + std::string(holds ? "Holds: " : "DOES NOT HOLD: ") + std::string(sentence) +
        lecture::text(" (found %.2g, allowed %.2g)\n", found, allowed));
  after_claim_ = true;
}

int give(int argc, char const* const* argv, card const& about, void (*teach)(lesson&)) {
  return examples::run_program(about.name, [&] {
    std::string folder = "lecture";
    examples::command_line line(about.name, std::string(about.title) + ". " + about.caption);
    line.name("--out", folder, "Folder for the figure and the text, made if it is not there (default: lecture)");
    line.add_threads();
    if (!line.parse(argc, argv)) return;
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) mamba::core::fail(folder + ": cannot be made (" + error.message() + ")");

    lesson here;
    here.print(std::string(about.title) + "\n" + std::string(places(about.title), '=') + "\n");
    teach(here);
    std::filesystem::path const file = std::filesystem::path(folder) / about.name;
    for (plot::figure& figure : here.figures_) {
      if (!figure.labelled()) mamba::core::fail("a figure of a lesson says what each of its axes is");
      figure.describe(about.caption);
      figure.write(file.string() + ".svg");
    }
    plot::write_whole(file.string() + ".txt", here.printed_);
    examples::write_output("\n" + file.string() + ".svg\n\n");
    if (here.figures_.size() != 1) mamba::core::fail("a lesson shows one figure");
    if (here.broken_ > 0)
      mamba::core::fail(std::to_string(here.broken_) + " of " + std::to_string(here.claims_) + " claims do not hold");
  });
}

}  // namespace lecture
