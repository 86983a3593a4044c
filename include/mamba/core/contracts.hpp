// SPDX-License-Identifier: MIT
// mamba/core/contracts.hpp — preconditions, checked in Debug and in tests only.  [floor 0]
//
//     MAMBA_EXPECTS(x.size() == n, "linear: x must have in_features values", x.size(), n);
//
// On when MAMBA_CONTRACTS is 1 (the default without NDEBUG). A check never changes a result. Where it fails, it throws
// contract_violation; in a task of an executor, which no exception may leave, the program ends (std::terminate).
#pragma once

#include <mamba/core/abi.hpp>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace mamba::inline MAMBA_ABI {

/// A violated precondition: an error in the calling program, not in its input.
class contract_violation : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

namespace core {

/// True where MAMBA_EXPECTS checks; functions that check are noexcept(!contracts_checked).
inline constexpr bool contracts_checked = MAMBA_CONTRACTS != 0;

namespace detail {

template <class T>
std::string printed(T const& value) {
  if constexpr (requires { std::to_string(value); }) {
    return std::to_string(value);
  } else {
    return std::string(value);
  }
}

[[noreturn]] inline void violated(std::string const& message) {
#if defined(__cpp_exceptions)
  throw contract_violation(message);
#else
  std::fprintf(stderr, "mamba: %s\n", message.c_str());
  std::abort();
#endif
}

[[noreturn]] inline void violated(char const* file, int line, char const* sentence) {
  violated(std::string(file) + ":" + std::to_string(line) + ": " + sentence);
}

template <class Found, class Expected>
[[noreturn]] void violated(char const* file, int line, char const* sentence, Found const& found,
                           Expected const& expected) {
  violated(std::string(file) + ":" + std::to_string(line) + ": " + sentence + " (got " + printed(found) +
           ", expected " + printed(expected) + ")");
}

}  // namespace detail
}  // namespace core
}  // namespace mamba::inline MAMBA_ABI

#if MAMBA_CONTRACTS
/// MAMBA_EXPECTS(condition, "sentence"[, found, expected]): a precondition, checked in Debug and in tests.
#define MAMBA_EXPECTS(condition, ...)                                                   \
  do {                                                                                  \
    if (!(condition)) ::mamba::core::detail::violated(__FILE__, __LINE__, __VA_ARGS__); \
  } while (false)
#else
#define MAMBA_EXPECTS(condition, ...) static_cast<void>(0)
#endif
