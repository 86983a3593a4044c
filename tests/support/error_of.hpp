// SPDX-License-Identifier: MIT
// tests/support/error_of.hpp — the message that a call throws on bad input.
#pragma once

#include <mamba/core/error.hpp>

#include <ostream>
#include <string>
#include <string_view>

namespace test {

/// Whether a sentence has a part; prints both when a test fails.
struct sentence_with {
  bool ok;
  std::string sentence, part;

  explicit operator bool() const noexcept { return ok; }
  friend std::ostream& operator<<(std::ostream& out, sentence_with const& s) {
    return out << '"' << s.sentence << "\", expected to have \"" << s.part << '"';
  }
};

[[nodiscard]] inline sentence_with has(std::string_view sentence, std::string_view part) {
  return {sentence.find(part) != std::string_view::npos, std::string(sentence), std::string(part)};
}

/// The sentence of the mamba::error that f throws, or "no error". Other exceptions pass, and fail the test.
template <class F>
[[nodiscard]] std::string error_of(F&& f) {
  try {
    f();
  } catch (mamba::error const& e) {
    return e.what();
  }
  return "no error";
}

}  // namespace test
