// SPDX-License-Identifier: MIT
// support/stop_strings.hpp — ends a stream of text before the first of some strings, wherever its pieces are cut.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace examples {

/// Text goes in piece by piece; what can no longer be part of a stop string comes out.
///
/// Why:     a stop string may begin in one token and end in a later one, and must not be shown; so the longest end of
///          the text that could still become one is held back.
class stop_strings {
 public:
  /// Empty strings stop nothing and are left out.
  explicit stop_strings(std::vector<std::string> strings) : strings_(std::move(strings)) {
    std::erase_if(strings_, [](std::string const& s) { return s.empty(); });
  }

  /// The text that may be shown now. Of several stop strings the one that begins first ends the stream.
  [[nodiscard]] std::string push(std::string_view piece) {
    if (found_) return {};
    held_ += piece;
    std::size_t end = std::string::npos;
    for (std::string const& s : strings_) end = std::min(end, held_.find(s));
    // A longer string that began earlier may still be unfinished: it ends the stream at its own beginning, if it comes.
    std::size_t const safe = unfinished();
    if (end != std::string::npos && end <= safe) {
      found_ = true;
      return give(end);
    }
    return give(safe);
  }

  /// The stream is over: what was held back is shown after all, up to a stop string.
  [[nodiscard]] std::string finish() {
    if (found_) return {};
    std::size_t end = std::string::npos;
    for (std::string const& s : strings_) end = std::min(end, held_.find(s));
    found_ = end != std::string::npos;
    return give(std::min(end, held_.size()));
  }

  [[nodiscard]] bool found() const noexcept { return found_; }

 private:
  // Where the longest end of the held text begins that is the beginning of a stop string.
  [[nodiscard]] std::size_t unfinished() const {
    std::string_view const held = held_;
    for (std::size_t at = 0; at < held.size(); ++at) {
      auto const end = held.substr(at);
      for (std::string_view const s : strings_) {
        if (end.size() < s.size() && s.substr(0, end.size()) == end) return at;
      }
    }
    return held.size();
  }

  std::string give(std::size_t end) {
    std::string out = held_.substr(0, end);
    held_.erase(0, end);
    return out;
  }

  std::vector<std::string> strings_;
  std::string held_;
  bool found_ = false;
};

}  // namespace examples
