// SPDX-License-Identifier: MIT
// support/read_input.hpp — whole files, standard input, and lists of token ids.
#pragma once

#include <mamba/core/error.hpp>
#include <mamba/io/text/printable.hpp>
#include <mamba/model/config.hpp>
#include <support/interrupt.hpp>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#if defined(__unix__) || defined(__APPLE__)
#include <poll.h>
#include <sys/stat.h>
#endif

namespace examples {

/// Everything that a stream has. `source` is its name for the error message. Ctrl-C ends the wait for more.
[[nodiscard]] inline std::string read_all(std::FILE* stream, std::string const& source) {
  std::string text;
  char block[1 << 16];
  errno = 0;
  interruptible const reading;
  while (std::size_t const n = std::fread(block, 1, sizeof block, stream)) {
    text.append(block, n);
    if (std::feof(stream) != 0) break;  // a terminal would be read again
  }
  if (interrupted()) throw interruption{};
  if (std::ferror(stream) != 0)
    mamba::core::fail(source + ": cannot be read (" + std::generic_category().message(errno) + ")");
  return text;
}

/// The bytes of a file, or of standard input where the path is "-".
///
/// Throws:  mamba::error when the file is missing, a folder, or unreadable.
[[nodiscard]] inline std::string read_file(std::filesystem::path const& path) {
  if (path == "-") return read_all(stdin, "standard input");
  std::string const source = path.string();
  if (std::error_code ignored; std::filesystem::is_directory(path, ignored))
    mamba::core::fail(source + ": is a folder, expected a file");
  struct closer {
    void operator()(std::FILE* f) const noexcept { std::fclose(f); }
  };
  std::unique_ptr<std::FILE, closer> const file(std::fopen(source.c_str(), "rb"));
  if (!file) mamba::core::fail(source + ": cannot be opened (" + std::generic_category().message(errno) + ")");
  return read_all(file.get(), source);
}

/// How standard input stands where no option names it.
enum class waiting_input {
  none,     ///< a terminal, or nothing at all
  pending,  ///< a pipe on which nothing has come yet
  text      ///< a file, or a pipe that has text or has ended
};

/// Whether a prompt seems to wait on standard input: in a file, or in a pipe that has text or ends within some seconds.
[[nodiscard]] inline waiting_input look_at_input([[maybe_unused]] double seconds) {
#if defined(__unix__) || defined(__APPLE__)
  struct stat status {};
  if (::fstat(0, &status) != 0) return waiting_input::none;
  if (S_ISREG(status.st_mode)) return waiting_input::text;
  if (!S_ISFIFO(status.st_mode) && !S_ISSOCK(status.st_mode)) return waiting_input::none;
  pollfd watched{0, POLLIN, 0};
  return ::poll(&watched, 1, static_cast<int>(seconds * 1000)) > 0 ? waiting_input::text : waiting_input::pending;
#else
  return waiting_input::none;
#endif
}

namespace detail {

// What a message can quote: not too much of it, and nothing that a terminal would act on.
inline std::string excerpt(std::string_view word) { return mamba::io::printable(mamba::io::shortened(word, 40)); }

}  // namespace detail

/// Token ids in decimal, between white space; each must be one of a vocabulary of `vocabulary` tokens.
///
/// Throws:  mamba::error that names the source, the line, and which of the ids it is.
[[nodiscard]] inline std::vector<mamba::model::token> parse_ids(std::string_view text, std::size_t vocabulary,
                                                                std::string const& source) {
  auto const is_space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  std::vector<mamba::model::token> ids;
  std::size_t line = 1;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // a byte order mark
  for (std::size_t at = 0; at < text.size();) {
    if (is_space(text[at])) {
      if (text[at] == '\n') ++line;
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < text.size() && !is_space(text[end])) ++end;
    std::string_view const word = text.substr(at, end - at);
    std::string const where =
        source + ", line " + std::to_string(line) + ", token " + std::to_string(ids.size() + 1) + ": ";
    bool const negative = word[0] == '-' && word.size() > 1;
    if (word.substr(negative ? 1 : 0).find_first_not_of("0123456789") != word.npos)
      mamba::core::fail(where + "\"" + detail::excerpt(word) + "\" is not a token id");
    mamba::model::token id = 0;
    bool const fits = std::from_chars(word.data(), word.data() + word.size(), id).ec == std::errc();
    if (negative || !fits || static_cast<std::size_t>(id) >= vocabulary)
      mamba::core::fail(where + "id " + detail::excerpt(word) + " is outside the vocabulary of " +
                        std::to_string(vocabulary));
    ids.push_back(id);
    at = end;
  }
  return ids;
}

}  // namespace examples
