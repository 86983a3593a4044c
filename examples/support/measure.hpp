// SPDX-License-Identifier: MIT
// support/measure.hpp — time, rates and peak memory of a program.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/resource.h>
#endif

namespace examples {

/// Seconds since it was made.
class stopwatch {
 public:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// The most memory that this process has held at once, in bytes; 0 where the system does not say.
///
/// Why:     Linux's getrusage also counts what the process was before exec, so /proc is read first.
[[nodiscard]] inline std::uint64_t peak_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    unsigned long long kibibytes = 0;
    if (std::sscanf(line.c_str(), "VmHWM: %llu kB", &kibibytes) == 1) return kibibytes * 1024;
  }
#if defined(__unix__) || defined(__APPLE__)
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
#if defined(__APPLE__)
    return static_cast<std::uint64_t>(usage.ru_maxrss);
#else
    return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
#endif
  }
#endif
  return 0;
}

/// A number with as many digits as a reader can use: 1234, 123, 12.3, 1.23.
[[nodiscard]] inline std::string three_digits(double value) {
  char text[32];
  int const decimals = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

/// 35.2 MB, 1.24 GB: powers of ten, as disks are sold.
[[nodiscard]] inline std::string readable_bytes(std::uint64_t bytes) {
  if (bytes < 1000) return std::to_string(bytes) + " bytes";
  auto value = static_cast<double>(bytes);
  char const* unit = "";
  for (char const* const larger : {"kB", "MB", "GB", "TB"}) {
    if (value < 999.5) break;
    value /= 1000;
    unit = larger;
  }
  return three_digits(value) + " " + unit;
}

/// How many per second; nothing took no time.
[[nodiscard]] inline double rate(std::size_t count, double seconds) {
  return count == 0 ? 0 : static_cast<double>(count) / (seconds > 1e-9 ? seconds : 1e-9);
}

}  // namespace examples
