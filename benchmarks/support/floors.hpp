// SPDX-License-Identifier: MIT
// support/floors.hpp — the peak rates of this machine, measured in the process of the benchmarks.
//
// Three resources bound the forward pass: bytes that memory delivers, multiply-adds, and exponentials; a recurrence
// with few channels is bound by a fourth, the latency of a multiply-add. Each is measured by
// the shortest loop that uses it and nothing else; the best of several rounds counts, because a disturbance can only
// make a loop slower.
#pragma once

#include <mamba/math/exp.hpp>
#include <mamba/parallel/parallel_for.hpp>
#include <mamba/simd/dot4.hpp>
#include <mamba/simd/load_store.hpp>
#include <mamba/tensor/tensor.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace bench {

/// The scale of a benchmark: full, or small sizes for a check in CI.
enum class scale { full, small };

/// Rates of one number of threads.
struct floors {
  double read = 0;              ///< bytes/s, from a buffer larger than the last-level cache (at full scale)
  double multiply_add = 0;      ///< FLOP/s, two per multiply-add
  double exp = 0;               ///< 2^z of floats from the first-level cache, per second, the faster of our two ways
  double chain = 0;             ///< multiply-adds per second, each depending on the one before
  double bytes_multiplied = 0;  ///< products of bytes, summed in 32 bits: operations/s, two per multiply-add
};

/// Seconds until f(i) has returned for every i < threads, each on its own thread.
template <class F>
double seconds_on(int threads, F&& f) {
  mamba::parallel::set_thread_count(threads);
  auto const start = std::chrono::steady_clock::now();
  mamba::parallel::parallel_for(static_cast<std::size_t>(threads), mamba::parallel::cost::seconds(1),
                                [&](std::size_t first, std::size_t last) {
                                  for (std::size_t i = first; i < last; ++i) f(i);
                                });
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// The best rate of several rounds of `work` units on each thread.
template <class F>
double best_rate(int threads, double work, F&& f) {
  constexpr int rounds = 6;
  double best = 0;
  for (int i = 0; i < rounds; ++i) best = std::max(best, work * threads / seconds_on(threads, f));
  return best;
}

namespace detail {
using batch = mamba::simd::batch<float>;
inline constexpr std::size_t lanes = mamba::simd::lanes<float>;

/// A value that the compiler cannot compute with. Not DoNotOptimize: the one of Debian's Google Benchmark has the
/// constraint "+m,r", with which g++ 12 may not store a constant; multiply-adds of the subnormals there took 45 ns.
inline float unforeseen(float value) {
  float volatile const hidden = value;
  return hidden;
}

/// Adds up `streams` sums at a time, so that additions are independent.
template <std::size_t Streams, class F>
void add_up(float const* first, std::size_t batches, F&& f) {
  batch sum[Streams];
  for (batch& s : sum) s = batch(0.0F);
  for (std::size_t i = 0; i + Streams <= batches; i += Streams) {
    for (std::size_t j = 0; j < Streams; ++j) sum[j] = sum[j] + f(mamba::simd::load<batch>(first + (i + j) * lanes));
  }
  for (batch& s : sum) benchmark::DoNotOptimize(s);
}
}  // namespace detail

/// 1 GiB is four times the largest last-level cache known to us; a small run measures some cache instead.
inline constexpr std::size_t read_bytes(scale size) {
  return size == scale::full ? std::size_t{1} << 30U : std::size_t{1} << 22U;
}

/// Numbers that have been written: untouched pages are all one page of zeros, which stays in a cache.
inline mamba::tensor<float, mamba::dynamic> read_buffer(scale size) {
  mamba::tensor<float, mamba::dynamic> buffer(read_bytes(size) / sizeof(float));
  buffer.fill(1);
  return buffer;
}

inline double read_floor(int threads, mamba::tensor<float, mamba::dynamic> const& buffer) {
  std::size_t const share = buffer.size() / static_cast<std::size_t>(threads) / detail::lanes;
  return best_rate(threads, static_cast<double>(share * detail::lanes * sizeof(float)), [&](std::size_t i) {
    detail::add_up<8>(buffer.data() + i * share * detail::lanes, share, [](detail::batch v) { return v; });
  });
}

inline double multiply_add_floor(int threads, scale size) {
  constexpr std::size_t sums =
      10;  // latency times throughput is 8 on every x86 with FMA; 16 registers hold 10 and more
  std::size_t const steps = size == scale::full ? 10'000'000 : 100'000;
  auto const work = static_cast<double>(2 * sums * detail::lanes * steps);
  return best_rate(threads, work, [&](std::size_t) {
    detail::batch const a(detail::unforeseen(0.999F));
    detail::batch const b(detail::unforeseen(0.001F));
    detail::batch sum[sums];
    for (detail::batch& s : sum) s = b;
    for (std::size_t k = 0; k < steps; ++k) {
      for (detail::batch& s : sum) s = mamba::simd::fma(a, s, b);
    }
    for (detail::batch& s : sum) benchmark::DoNotOptimize(s);
  });
}

inline double chain_floor(int threads, scale size) {
  std::size_t const steps = size == scale::full ? 10'000'000 : 100'000;
  return best_rate(threads, static_cast<double>(steps), [&](std::size_t) {
    detail::batch const a(detail::unforeseen(0.999F));
    detail::batch const b(detail::unforeseen(0.001F));
    detail::batch sum = b;
    for (std::size_t k = 0; k < steps; ++k) sum = mamba::simd::fma(a, sum, b);
    benchmark::DoNotOptimize(sum);
  });
}

inline double byte_product_floor(int threads, scale size) {
  constexpr std::size_t sums = 10;
  std::size_t const steps = size == scale::full ? 10'000'000 : 100'000;
  auto const work = static_cast<double>(2 * sums * 4 * detail::lanes * steps);
  return best_rate(threads, work, [&](std::size_t) {
    std::int8_t volatile const hidden = 3;
    std::int8_t const four[] = {hidden, 1, -1, 2};
    mamba::simd::bytes4 const x = mamba::simd::broadcast4(four);
    mamba::simd::bytes4 const w(0x01020304U + static_cast<std::uint32_t>(static_cast<int>(hidden)));
    mamba::simd::sums32 sum[sums];
    for (mamba::simd::sums32& s : sum) s = mamba::simd::sums32(0);
    for (std::size_t k = 0; k < steps; ++k) {
      for (mamba::simd::sums32& s : sum) {
        // Without this, older machines' products would be taken out of the loop.
        auto hidden_x = static_cast<mamba::simd::bytes4::register_type>(x);
#if defined(__SSE2__)
        asm volatile("" : "+x"(hidden_x));
#elif defined(__aarch64__)
        asm volatile("" : "+w"(hidden_x));
#endif
        s = mamba::simd::dot4_unsigned(s, w, mamba::simd::bytes4(hidden_x));
      }
    }
    for (mamba::simd::sums32& s : sum) benchmark::DoNotOptimize(s);
  });
}

inline double exp_floor(int threads, scale size) {
  constexpr std::size_t numbers = 2048;  // 8 KiB
  std::size_t const passes = size == scale::full ? 40'000 : 400;
  mamba::tensor<float, numbers> z;
  for (std::size_t i = 0; i < numbers; ++i) z(i) = -20.0F * static_cast<float>(i) / numbers;
  auto const rate_of = [&](auto const& power) {
    return best_rate(threads, static_cast<double>(numbers * passes), [&](std::size_t) {
      for (std::size_t pass = 0; pass < passes; ++pass) {
        detail::add_up<4>(z.data(), numbers / detail::lanes, power);
        benchmark::ClobberMemory();
      }
    });
  };
  detail::batch const one(detail::unforeseen(1));
  using mamba::math::exponents;
  return std::max(rate_of([](detail::batch v) { return mamba::math::exp2_nonpositive(v); }),
                  rate_of([one](detail::batch v) { return mamba::math::exp2_of_product<exponents::normal>(v, one); }));
}

/// All of them for `threads` threads.
inline floors measure_floors(int threads, scale size, mamba::tensor<float, mamba::dynamic> const& buffer) {
  return {read_floor(threads, buffer), multiply_add_floor(threads, size), exp_floor(threads, size),
          chain_floor(threads, size), byte_product_floor(threads, size)};
}

}  // namespace bench
