// SPDX-License-Identifier: MIT
// support/arguments.hpp — a program's own options, taken out of a command line whose rest is Google Benchmark's.
//
// Not CLI11, which the examples use: it takes five seconds to compile.
#pragma once

#include <mamba/core/error.hpp>

#include <charconv>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace bench {

/// The parts of "a,b,c".
inline std::vector<std::string> parts(std::string_view text) {
  std::vector<std::string> all;
  for (std::size_t comma; (comma = text.find(',')) != text.npos; text.remove_prefix(comma + 1)) {
    all.emplace_back(text.substr(0, comma));
  }
  all.emplace_back(text);
  return all;
}

/// Options `--name VALUE`, each taken once; the rest is left for bench::run, where unknown options are errors.
class arguments {
 public:
  arguments(int argc, char** argv) : rest_(argv, argv + argc) {}

  [[nodiscard]] bool has(std::string_view name) const {
    for (std::string_view const a : rest_) {
      if (a == name) return true;
    }
    return false;
  }

  /// The value of an option, or `otherwise`. Throws:  mamba::error where none follows.
  std::string text(std::string const& name, std::string const& otherwise) {
    for (std::size_t i = 1; i < rest_.size(); ++i) {
      if (name != rest_[i]) continue;
      if (i + 1 == rest_.size()) mamba::core::fail(name + " needs a value");
      std::string const value = rest_[i + 1];
      auto const at = rest_.begin() + static_cast<std::ptrdiff_t>(i);
      rest_.erase(at, at + 2);
      return value;
    }
    return otherwise;
  }

  /// Words between commas, all of them from `known`.
  std::vector<std::string> words(std::string const& name, std::string const& otherwise,
                                 std::vector<std::string> const& known) {
    std::vector<std::string> const found = parts(text(name, otherwise));
    for (std::string const& word : found) {
      std::string listed;
      bool right = false;
      for (std::string const& k : known) {
        listed += (listed.empty() ? "" : ", ") + k;
        right = right || k == word;
      }
      if (!right) mamba::core::fail(name + " takes " + listed + " with commas between them, not \"" + word + "\"");
    }
    return found;
  }

  /// Whole numbers of at least 1 between commas.
  template <class T = std::size_t>
  std::vector<T> numbers(std::string const& name, std::string const& otherwise) {
    std::vector<T> all;
    for (std::string const& part : parts(text(name, otherwise))) {
      T value{};
      auto const [end, code] = std::from_chars(part.data(), part.data() + part.size(), value);
      if (code != std::errc() || end != part.data() + part.size() || value < 1) {
        mamba::core::fail(name + " takes whole numbers of at least 1, not \"" + part + "\"");
      }
      all.push_back(value);
    }
    return all;
  }

  /// Prints the program's own options for --help; Google Benchmark then prints its own, and ends.
  void explain(char const* own_options) const {
    if (has("--help")) std::fputs(own_options, stdout);
  }

  [[nodiscard]] int count() const { return static_cast<int>(rest_.size()); }
  [[nodiscard]] char** values() { return rest_.data(); }

 private:
  std::vector<char*> rest_;
};

}  // namespace bench
