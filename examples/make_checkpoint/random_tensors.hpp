// SPDX-License-Identifier: MIT
// make_checkpoint/random_tensors.hpp — numbers as a trained Mamba has them, row by row, each row from its own seed.
#pragma once

#include <mamba/model/config.hpp>
#include <mamba/model/sampling.hpp>
#include <mamba/parallel/parallel_for.hpp>
#include <mamba/simd/real.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

namespace examples {

/// A published model.
struct shape {
  std::string_view name;
  mamba::model::config config;
};

inline constexpr std::array<shape, 5> published_shapes{{{"130m", mamba::model::mamba_130m},
                                                        {"370m", mamba::model::mamba_370m},
                                                        {"790m", mamba::model::mamba_790m},
                                                        {"1.4b", mamba::model::mamba_1_4b},
                                                        {"2.8b", mamba::model::mamba_2_8b}}};

/// Random numbers of one row.
class random_row {
 public:
  random_row(std::uint64_t seed, std::size_t tensor, std::size_t row)
      : next_(mamba::model::generator(seed * 0xd1342543de82ef95U + (static_cast<std::uint64_t>(tensor) << 40U) + row)) {
  }

  /// Uniform in [low, high).
  double uniform(double low, double high) noexcept { return low + (high - low) * next_.uniform(); }

  /// Nearly normal, mean 0, standard deviation 1: the sum of four uniform numbers of 16 bits, within ±3.5.
  float normal() noexcept {
    std::uint64_t const bits = next_();
    auto const sum =
        static_cast<float>((bits & 0xffffU) + ((bits >> 16U) & 0xffffU) + ((bits >> 32U) & 0xffffU) + (bits >> 48U));
    return (sum - 131070.0F) * (1.0F / 37837.2F);  // 65536·√(4/12)
  }

 private:
  mamba::model::generator next_;
};

/// Row `row` of the tensor called `name`.
///
/// Why:     products keep the size of their input, the residual stream grows slowly, A_log is spread around S4D-Real's
///          ln 1 … ln N as training leaves it, and dt_proj.bias alone makes steps of 0.001 to 0.1: nothing overflows,
///          nothing is all zero, and what is quantised has nearly normal numbers, as real weights have.
inline void fill_row(mamba::model::config const& c, std::string_view name, random_row& random, std::span<float> row) {
  auto const is = [&](std::string_view end) { return name.ends_with(end); };
  auto const fill = [&](double mean, double deviation) {
    for (float& v : row) v = mamba::simd::fma(static_cast<float>(deviation), random.normal(), static_cast<float>(mean));
  };
  auto const size = static_cast<double>(row.size());
  if (is("norm.weight") || is("norm_f.weight")) return fill(1, 0.2);
  if (is(".D")) return fill(1, 0.3);
  if (is("conv1d.weight")) return fill(0, 0.4);
  if (is("conv1d.bias") || is("_proj.bias")) {
    if (!is("dt_proj.bias")) return fill(0, 0.1);
    double const delta = std::exp(random.uniform(std::log(0.001), std::log(0.1)));
    row[0] = static_cast<float>(std::log(std::expm1(delta)));
    return;
  }
  if (is("A_log")) {
    fill(0, 0.3);
    for (std::size_t n = 0; n < row.size(); ++n) row[n] += std::log(static_cast<float>(n + 1));
    return;
  }
  if (is("out_proj.weight")) return fill(0, 1 / std::sqrt(size * static_cast<double>(c.n_layer)));
  if (is("_proj.weight")) return fill(0, 1 / std::sqrt(size));
  fill(0, 0.05);  // the embedding, and the head
}

/// One tensor of a model, of which the same seed gives the same numbers, whichever rows are made.
class random_tensor {
 public:
  random_tensor(mamba::model::config const& c, std::string_view name, std::uint64_t seed, std::size_t index)
      : config_(c), name_(name), seed_(seed), index_(index) {}

  /// Calls take(r, row) for the rows first … last − 1 of `size` numbers each; divided among all threads.
  ///
  /// Domain:  take must not throw; threads call it at the same time, each with rows of its own.
  void rows(std::size_t first, std::size_t last, std::size_t size,
            std::function<void(std::size_t, std::span<float const>)> const& take) {
    auto const threads = static_cast<std::size_t>(mamba::parallel::thread_count());
    std::size_t const count = last - first;
    room_.resize(threads * size);  // a row for each thread
    auto const cost = mamba::parallel::cost::scalar_operations(3 * count * size);
    mamba::parallel::parallel_for(threads, cost, [&](std::size_t begin, std::size_t end) {
      for (std::size_t thread = begin; thread < end; ++thread) {
        auto const row = std::span(room_).subspan(thread * size, size);
        for (std::size_t r = count * thread / threads; r < count * (thread + 1) / threads; ++r) {
          random_row random(seed_, index_, first + r);
          fill_row(config_, name_, random, row);
          take(first + r, row);
        }
      }
    });
  }

 private:
  mamba::model::config config_;
  std::string_view name_;
  std::uint64_t seed_;
  std::size_t index_;
  std::vector<float> room_;
};

}  // namespace examples
