// SPDX-License-Identifier: MIT
// tests/support/run_program.hpp — runs a program and captures its output.
#pragma once

#include <support/temporary_folder.hpp>

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <sys/wait.h>

namespace test {

/// How a program ended: its exit status (−1 for a signal), and both of its streams.
struct ended {
  int status;
  std::string out, err;

  /// Failed as every program must on bad input: status 1, nothing on standard output, one sentence about it.
  [[nodiscard]] bool refused(std::string_view program) const {
    return status == 1 && out.empty() && err.find(std::string(program) + ": ") == 0 && !err.empty() &&
           err.find('\n') == err.size() - 1;
  }
};

namespace detail {

inline std::string quoted(std::string_view word) {
  std::string text = "'";
  for (char const c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

}  // namespace detail

/// Runs argv[0] with its arguments, through the shell. `redirection` replaces standard input from nothing:
/// "< file" or "0<&-"; `environment` is "NAME=value ...".
inline ended run(std::vector<std::string> const& argv, std::string const& redirection = "< /dev/null",
                 std::string const& environment = "") {
  temporary_folder const folder;
  std::string command = environment;
  for (std::string const& word : argv) command += " " + detail::quoted(word);
  command += " > " + detail::quoted((folder / "out").string()) + " 2> " + detail::quoted((folder / "err").string()) +
             " " + redirection;
  int const status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_text(folder / "out"), read_text(folder / "err")};
}

/// The same with a text on standard input.
inline ended run_reading(std::vector<std::string> const& argv, std::string_view input) {
  temporary_folder const folder;
  write_text(folder / "in", input);
  return run(argv, "< " + detail::quoted((folder / "in").string()));
}

}  // namespace test
