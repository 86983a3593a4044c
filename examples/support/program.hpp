// SPDX-License-Identifier: MIT
// support/program.hpp — what every program does around its work: one sentence and exit status 1 when it can't.
#pragma once

#include <safetensors/printable.hpp>
#include <support/interrupt.hpp>
#include <support/output.hpp>

#include <csignal>
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <utility>

namespace examples {

/// The message as one line, whatever file names and libraries have put into it.
[[nodiscard]] inline std::string one_line(std::string_view message) {
  std::string line;
  for (char const c : message) {
    bool const control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    if (!control) line += c;
    if (control && !line.empty() && line.back() != ' ') line += ' ';
  }
  line = safetensors::printable(line);
  while (!line.empty() && (line.back() == ' ' || line.back() == '.')) line.pop_back();
  return line.empty() ? "failed without saying why" : line;
}

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
    watch_interrupts();
    try {
      std::forward<Body>(body)();
      flush_output();
      return 0;
    } catch (reader_gone const&) {
      return 0;
    } catch (interruption const&) {
      std::signal(interrupted_by(), SIG_DFL);
      std::raise(interrupted_by());  // the shell learns that Ctrl-C ended us
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
