// SPDX-License-Identifier: MIT
// support/program.hpp — the frame of every program: one sentence and exit status 1 on failure.
#pragma once

#include <mamba/io/text/printable.hpp>
#include <support/interrupt.hpp>
#include <support/output.hpp>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#if defined(__unix__) || defined(__APPLE__)
#include <unistd.h>
#endif

namespace examples {

/// The message as one line, whatever file names and libraries have put into it.
[[nodiscard]] inline std::string one_line(std::string_view message) {
  std::string line;
  for (char const c : message) {
    bool const control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    if (!control) line += c;
    if (control && !line.empty() && line.back() != ' ') line += ' ';
  }
  line = mamba::io::printable(line);
  while (!line.empty() && (line.back() == ' ' || line.back() == '.')) line.pop_back();
  return line.empty() ? "failed without saying why" : line;
}

namespace detail {

#if defined(SIGBUS)
inline char const* volatile running_program = "";

// A mapped file was shortened by another program while it was in use: its pages are gone, and nothing can go on. Only
// what a signal handler may call.
extern "C" inline void report_truncated_file(int) {
  static constexpr char text[] =
      ": a file in use was truncated by another program (SIGBUS): restore it, and do not change a checkpoint while it "
      "is open\n";
  char const* const name = running_program;
  [[maybe_unused]] auto written = ::write(2, name, std::strlen(name));
  written = ::write(2, text, sizeof text - 1);
  ::_exit(1);
}
#endif

}  // namespace detail

/// Runs the body, which returns nothing, and gives the exit status: 0, or 1 after one sentence on standard error.
template <class Body>
int run_program(char const* name, Body&& body) noexcept {
  auto const failed = [name](std::string_view message) {
    std::fprintf(stderr, "%s: %s\n", name, one_line(message).c_str());
    return 1;
  };
  try {
#if defined(SIGPIPE)
    std::signal(SIGPIPE, SIG_IGN);  // a write then fails with EPIPE, which output.hpp understands
#endif
#if defined(SIGXFSZ)
    std::signal(SIGXFSZ, SIG_IGN);  // a write beyond ulimit -f then fails with EFBIG, and what was begun is removed
#endif
#if defined(SIGBUS)
    detail::running_program = name;
    std::signal(SIGBUS, detail::report_truncated_file);
#endif
    watch_interrupts();
    try {
      std::forward<Body>(body)();
      flush_output();
      return 0;
    } catch (reader_gone const&) {
      return 0;
    } catch (interruption const&) {
      std::signal(interrupted_by(), SIG_DFL);
      std::raise(interrupted_by());  // so that the shell reports Ctrl-C
      return 1;
    } catch (std::bad_alloc const&) {
      return failed("not enough memory");
    } catch (std::exception const& e) {
      return failed(e.what());
    }
  } catch (...) {
    std::fprintf(stderr, "%s: an unknown error\n", name);
    return 1;
  }
}

}  // namespace examples
