// SPDX-License-Identifier: MIT
// support/output.hpp — results on standard output: flushed at once, with an error where they cannot be written.
#pragma once

#include <mamba/core/error.hpp>

#include <cerrno>
#include <cstdio>
#include <string_view>
#include <system_error>

namespace examples {

/// The reader of our standard output has gone (`generate | head`): a reason to end, not an error.
struct reader_gone {};

namespace detail {

[[noreturn]] inline void output_failed(int error) {
  if (error == EPIPE) throw reader_gone{};
  mamba::core::fail("cannot write to standard output (" + std::generic_category().message(error) + ")");
}

}  // namespace detail

/// Hands on everything printed so far.
///
/// Throws:  reader_gone, or mamba::error when the text cannot be written (a full disk).
inline void flush_output() {
  errno = 0;
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) detail::output_failed(errno == 0 ? EIO : errno);
}

/// Writes text to standard output, where it can be seen at once. Throws:  as flush_output.
inline void write_output(std::string_view text) {
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) detail::output_failed(errno == 0 ? EIO : errno);
  flush_output();
}

}  // namespace examples
