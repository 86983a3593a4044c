// SPDX-License-Identifier: MIT
// support/gnuplot.hpp — gnuplot as a child process: a script goes in on standard input, an SVG comes out.
//
// No shell is involved, and no file name is passed to gnuplot: it writes to its standard output, which is a temporary
// file of ours. Text in a script is quoted so that none of it is ever a command.
#pragma once

#include <mamba/core/error.hpp>
#include <mamba/io/file/new_file.hpp>
#include <mamba/io/text/printable.hpp>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;  // NOLINT(readability-redundant-declaration): glibc declares it, POSIX does not

namespace examples::plot {

/// A number as gnuplot reads it. What is not finite is a gap.
[[nodiscard]] inline std::string gnuplot_number(double v) {
  if (!std::isfinite(v)) return "NaN";
  char text[32];
  std::snprintf(text, sizeof text, "%.10g", v);
  return text;
}

/// Text between double quotes. What gnuplot would act on there, quotes, backslashes and `commands`, is written as its
/// octal number; control characters become spaces, but for the end of a line.
[[nodiscard]] inline std::string gnuplot_text(std::string_view text) {
  std::string quoted = "\"";
  for (char const c : text) {
    auto const byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      quoted += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      quoted += ' ';
    } else if (c == '"' || c == '\\' || c == '`') {
      char octal[8];
      std::snprintf(octal, sizeof octal, "\\%03o", static_cast<unsigned>(byte));
      quoted += octal;
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

/// Text between the tags of XML or HTML, or within its quotes.
[[nodiscard]] inline std::string xml_text(std::string_view text) {
  std::string escaped;
  for (char const c : text) {
    auto const byte = static_cast<unsigned char>(c);
    if (c == '&')
      escaped += "&amp;";
    else if (c == '<')
      escaped += "&lt;";
    else if (c == '>')
      escaped += "&gt;";
    else if (c == '"')
      escaped += "&quot;";
    else
      escaped += byte < 0x20 && c != '\n' && c != '\t' ? ' ' : c;
  }
  return escaped;
}

/// Writes text to a file that appears whole or not at all. Throws:  mamba::error.
inline void write_whole(std::filesystem::path const& path, std::string_view text) {
  mamba::io::new_file file(path);
  file.append(std::as_bytes(std::span(text)));
  file.commit();
}

namespace detail {

struct file_closer {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};
using file_handle = std::unique_ptr<std::FILE, file_closer>;

[[noreturn]] inline void gnuplot_failed(std::string const& what, int error) {
  mamba::core::fail("plot: " + what + " (" + std::generic_category().message(error) + ")");
}

/// A file without a name, gone when it is closed.
[[nodiscard]] inline file_handle nameless_file(std::string_view text = "") {
  file_handle file(std::tmpfile());
  if (!file) gnuplot_failed("no temporary file can be made", errno);
  bool const ok = std::fwrite(text.data(), 1, text.size(), file.get()) == text.size() && std::fflush(file.get()) == 0;
  if (!ok) gnuplot_failed("a temporary file cannot be written", errno);
  std::rewind(file.get());
  return file;
}

[[nodiscard]] inline std::string all_of(std::FILE* file) {
  std::string text;
  char piece[4096];
  std::rewind(file);
  for (std::size_t n; (n = std::fread(piece, 1, sizeof piece, file)) > 0;) text.append(piece, n);
  return text;
}

/// gnuplot's error message without its copy of the script: from "line 12:" to the end of that line.
[[nodiscard]] inline std::string complaint(std::string_view text) {
  if (auto const at = text.find("line "); at != text.npos) text.remove_prefix(at);
  return mamba::io::shortened(text.substr(0, text.find('\n')), 160);
}

}  // namespace detail

/// Runs gnuplot on a script and returns what it has drawn.
///
/// Throws:  mamba::error, one sentence, when there is no such program or it refuses the script.
[[nodiscard]] inline std::string run_gnuplot(std::string_view script, std::string const& program = "gnuplot") {
  auto const in = detail::nameless_file(script);
  auto const out = detail::nameless_file();
  auto const err = detail::nameless_file();

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ::fileno(in.get()), 0);
  posix_spawn_file_actions_adddup2(&actions, ::fileno(out.get()), 1);
  posix_spawn_file_actions_adddup2(&actions, ::fileno(err.get()), 2);
  std::string name = program, defaults = "--default-settings";  // a user's ~/.gnuplot must not change the figures
  char* const argv[] = {name.data(), defaults.data(), nullptr};
  pid_t child = 0;
  int const error = ::posix_spawnp(&child, program.c_str(), &actions, nullptr, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error == ENOENT)
    mamba::core::fail("plots are drawn by " + program +
                      ", which is not installed: apt-get install gnuplot-nox (Debian, Ubuntu) or brew install gnuplot");
  if (error != 0) detail::gnuplot_failed(program + " cannot be started", error);

  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) detail::gnuplot_failed("waiting for " + program + " failed", errno);
  }
  std::string drawn = detail::all_of(out.get());
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || drawn.find("</svg>") == drawn.npos)
    mamba::core::fail("plot: " + program + " refused the figure: " + detail::complaint(detail::all_of(err.get())));
  return drawn;
}

/// gnuplot's SVG, tidied: the spaces that viewers drop where the style of a text changes (x_0 = 1) stay, and the ids of
/// its series, which every panel counts from 1, go.
[[nodiscard]] inline std::string tidy_svg(std::string const& svg) {
  std::string out;
  std::string_view const change = "</tspan><tspan", series = " id=\"gnuplot_plot_";
  for (std::size_t at = 0; at < svg.size();) {
    std::string_view const rest = std::string_view(svg).substr(at);
    auto const id_end = rest.substr(0, series.size()) == series ? svg.find('"', at + series.size()) : svg.npos;
    auto const tag_end = rest.substr(0, change.size()) == change ? svg.find("> ", at + change.size()) : svg.npos;
    if (id_end != svg.npos) {
      at = id_end + 1;
    } else if (tag_end != svg.npos && tag_end == svg.find('>', at + change.size())) {
      out += svg.substr(at, tag_end + 1 - at) + "\u00a0";
      at = tag_end + 2;
    } else {
      out += svg[at++];
    }
  }
  return out;
}

/// gnuplot's SVG with words of its own: a <title> and a <desc>, for screen readers and for the index page.
[[nodiscard]] inline std::string described_svg(std::string const& svg, std::string_view title, std::string_view text) {
  auto const first = svg.find("<title>");
  std::string_view const last = "</desc>";
  auto const end = svg.find(last);
  if (first == svg.npos || end == svg.npos) return svg;
  return svg.substr(0, first) + "<title>" + xml_text(title) + "</title>\n<desc>" + xml_text(text) + "</desc>" +
         svg.substr(end + last.size());
}

}  // namespace examples::plot
