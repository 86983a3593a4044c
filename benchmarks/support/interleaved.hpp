// SPDX-License-Identifier: MIT
// support/interleaved.hpp — medians of interleaved rounds, so that a disturbance affects all variants alike.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <vector>

namespace bench {

/// Seconds that f() takes.
template <class F>
double seconds_of(F&& f) {
  auto const start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// The middle one, or of an even number the lower of the two in the middle.
inline double median(std::vector<double> values) {
  auto const middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// The median of each over `rounds` rounds; a variant runs once and returns its seconds.
inline std::vector<double> interleaved(std::size_t rounds, std::vector<std::function<double()>> const& contenders) {
  std::vector<std::vector<double>> found(contenders.size());
  for (std::size_t round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < contenders.size(); ++i) found[i].push_back(contenders[i]());
  }
  std::vector<double> medians;
  for (auto const& f : found) medians.push_back(median(f));
  return medians;
}

}  // namespace bench
