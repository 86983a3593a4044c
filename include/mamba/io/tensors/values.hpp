// SPDX-License-Identifier: MIT
// mamba/io/tensors/values.hpp — checks that stored numbers are finite and fit the format they are loaded in.  [floor 7]
#pragma once

#include <mamba/core/bfloat16.hpp>
#include <mamba/core/error.hpp>
#include <mamba/core/float16.hpp>
#include <mamba/io/formats.hpp>
#include <mamba/io/tensors/stored_tensor.hpp>
#include <mamba/kernels/quantization/formats.hpp>

#include <atomic>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdio>
#include <limits>
#include <span>
#include <string>

namespace mamba::inline MAMBA_ABI::io {

/// Numbers of this magnitude and above do not fit a format: they round to infinity, or, in blocks, their squares do.
template <class Format>
inline constexpr double overflow_of = std::numeric_limits<double>::infinity();
template <>
inline constexpr double overflow_of<float16> = 65520;
template <>
inline constexpr double overflow_of<bfloat16> = 0x1.FFp127;
template <block_format Format>
inline constexpr double overflow_of<Format> = 1e18;

/// Checks a tensor's rows while threads convert them, and reports the first error afterwards.
///
/// Determinism: the first wrong element is reported, whatever the number of threads.
template <class Format>
class value_check {
 public:
  explicit value_check(bool allow_non_finite = false) noexcept : allow_non_finite_(allow_non_finite) {}

  /// Checks a row; `first` is the place of its first element in the tensor.
  template <class T>
  void row(std::size_t first, std::span<T const> values) noexcept {
    constexpr auto limit = static_cast<T>(overflow_of<Format>);
    bool all_good = true;
    for (T const v : values) all_good = all_good && std::abs(v) < limit;
    if (all_good) return;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (std::abs(values[i]) < limit || (allow_non_finite_ && !std::isfinite(values[i]))) continue;
      std::size_t known = first_.load(std::memory_order_relaxed);
      while (first + i < known && !first_.compare_exchange_weak(known, first + i, std::memory_order_relaxed)) {
      }
      return;
    }
  }

  /// Throws:  mamba::error that names the file, the tensor, the element and its value, if there was a wrong one.
  void report(std::string const& source, stored_tensor const& tensor) const {
    std::size_t const at = first_.load(std::memory_order_relaxed);
    if (at == none) return;
    double value = 0;
    read_values<double>(tensor, at, std::span(&value, 1));
    char text[32];
    std::snprintf(text, sizeof text, "%g", value);
    std::string place;
    std::size_t rest = at;
    for (std::size_t d = tensor.shape.size(); d-- > 0; rest /= tensor.shape[d]) {
      place.insert(0, std::to_string(rest % tensor.shape[d]) + (place.empty() ? "" : ", "));
    }
    core::fail(source + ": tensor " + in_quotes(tensor.name) + " has the value " + text + " at [" + place + "], " +
               (std::isfinite(value) ? "which is too large for " + std::string(format_name<Format>)
                                     : std::string("expected a finite number")));
  }

 private:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  std::atomic<std::size_t> first_ = none;
  bool allow_non_finite_;
};

}  // namespace mamba::inline MAMBA_ABI::io
