// SPDX-License-Identifier: MIT
// mamba/core/error.hpp — the one exception for input from outside: files, configurations, arguments.  [floor 0]
#pragma once

#include <mamba/core/abi.hpp>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace mamba::inline MAMBA_ABI {

/// Bad input from outside. The message is one sentence that names the source, what was found and what was expected.
class error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

namespace core {

/// Reports bad input: throws mamba::error, or prints the sentence and aborts where exceptions are switched off.
///
/// Throws:  mamba::error, always.
[[noreturn]] inline void fail(std::string const& sentence) {
#if defined(__cpp_exceptions)
  throw error(sentence);
#else
  std::fprintf(stderr, "mamba: %s\n", sentence.c_str());
  std::abort();
#endif
}

}  // namespace core
}  // namespace mamba::inline MAMBA_ABI
