// SPDX-License-Identifier: MIT
// support/progress.hpp — a progress bar on standard error.
//
//     reading prompt [==========>         ]  51 %, 1240 tokens/s, 3 s left
//
// It appears only on a terminal, only when the work has taken half a second, and it wipes its line when it ends.
#pragma once

#include <support/measure.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <functional>
#include <string>
#include <utility>

#if defined(__unix__) || defined(__APPLE__)
#include <unistd.h>
#endif

namespace examples {

/// Whether this stream is a terminal.
[[nodiscard]] inline bool is_terminal(std::FILE* stream) {
#if defined(__unix__) || defined(__APPLE__)
  return ::isatty(::fileno(stream)) == 1;
#else
  static_cast<void>(stream);
  return false;
#endif
}

/// The line that shows `done` of `total` after some seconds; at most 79 columns for a label of up to 20 letters. `unit`
/// is what is counted.
[[nodiscard]] inline std::string progress_line(std::string const& label, std::size_t done, std::size_t total,
                                               double seconds, char const* unit = "tokens") {
  constexpr std::size_t width = 20;
  double const share = total == 0 ? 1 : std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  auto const filled = static_cast<std::size_t>(share * static_cast<double>(width));
  std::string bar(width, ' ');
  std::fill_n(bar.begin(), filled, '=');
  if (filled < width) bar[filled] = '>';
  double const speed = rate(done, seconds);
  char percent[16];
  std::snprintf(percent, sizeof percent, "%3d", static_cast<int>(share * 100));
  std::string line = label + " [" + bar + "] " + percent + " %, " + three_digits(speed) + " " + unit + "/s";
  if (done > 0 && done < total) {
    double const left = std::min(static_cast<double>(total - done) / speed, 999999.0);
    line += ", " + std::to_string(std::lround(left)) + " s left";
  }
  return line;
}

/// Shows a growing count. Where the lines go, and what time it is, can be given: a test has neither terminal nor time.
class progress {
 public:
  using sink = std::function<void(std::string const&)>;
  using clock = std::function<double()>;

  progress(std::string label, std::size_t total, char const* unit = "tokens")
      : progress(
            std::move(label), total, is_terminal(stderr) ? to_stderr() : sink(),
            [t = stopwatch()] { return t.seconds(); }, unit) {}
  progress(std::string label, std::size_t total, sink out, clock now, char const* unit = "tokens")
      : label_(std::move(label)), total_(total), unit_(unit), out_(std::move(out)), now_(std::move(now)) {}

  progress(progress const&) = delete;
  progress& operator=(progress const&) = delete;
  ~progress() { finish(); }

  /// So much is done. At most ten lines a second are drawn, none in the first half second.
  void update(std::size_t done) {
    if (!out_) return;
    double const seconds = now_();
    if (seconds < 0.5 || seconds - drawn_ < 0.1) return;
    drawn_ = seconds;
    out_("\r" + progress_line(label_, done, total_, seconds, unit_) + "\x1b[K");
  }

  /// Wipes the line, if there is one.
  void finish() {
    if (out_ && drawn_ > 0) out_("\r\x1b[K");
    out_ = nullptr;
  }

 private:
  static sink to_stderr() {
    return [](std::string const& line) {
      std::fputs(line.c_str(), stderr);
      std::fflush(stderr);
    };
  }

  std::string label_;
  std::size_t total_;
  char const* unit_;
  sink out_;
  clock now_;
  double drawn_ = 0;
};

}  // namespace examples
