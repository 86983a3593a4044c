// SPDX-License-Identifier: MIT
// support/context.hpp — the build and the machine of a benchmark's figures.
#pragma once

#include <mamba/core/abi.hpp>
#include <support/floors.hpp>

#include <cstdio>
#include <fstream>
#include <map>
#include <string>

#if !defined(MAMBA_BENCH_FLAGS)
#define MAMBA_BENCH_FLAGS "not recorded by this build"
#endif

namespace bench {

inline std::string compiler() {
#if defined(__clang__)
  return __VERSION__;  // clang has its own name there
#elif defined(__GNUC__)
  return std::string("g++ ") + __VERSION__;
#else
  return "unknown";
#endif
}

/// The processor's name where the system has it.
inline std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("model name", 0) == 0) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

inline std::string in_words(floors const& f) {
  char text[160];
  std::snprintf(text, sizeof text,
                "read %.1f GB/s, %.1f GFLOP/s, %.1f Gop/s of bytes, %.2f Gexp/s, multiply-add after %.2f ns",
                f.read * 1e-9, f.multiply_add * 1e-9, f.bytes_multiplied * 1e-9, f.exp * 1e-9, 1e9 / f.chain);
  return text;
}

inline std::string count_of_threads(int threads) {
  return std::to_string(threads) + (threads == 1 ? " thread" : " threads");
}

/// Adds to the lines that Google Benchmark prints above its table and writes into its JSON.
inline void add_context(int threads, scale size, std::map<int, floors> const& floor) {
  std::string const buffer = size == scale::full ? "reads from 1 GiB" : "reads from 4 MiB: a cache, not memory";
  benchmark::AddCustomContext("mamba", mamba::core::abi_name);
  benchmark::AddCustomContext("compiler", compiler());
  benchmark::AddCustomContext("flags", MAMBA_BENCH_FLAGS);
  benchmark::AddCustomContext("processor", processor());
  benchmark::AddCustomContext("threads", std::to_string(threads));
  for (auto const& [count, f] : floor) {
    benchmark::AddCustomContext("floors, " + count_of_threads(count), in_words(f) + " (" + buffer + ")");
  }
}

}  // namespace bench
