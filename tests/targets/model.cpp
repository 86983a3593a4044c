// SPDX-License-Identifier: MIT
// The program that runs on every target: a model in each format, and in three of them from constant storage, out of the
// headers that quantize wrote for the target. It prints digests
// of the logits and the last logits' bits, and exits with 0 if they are what the portable build of the host computed:
// the same bits in a portable build, within a bound in any other.
#include "model.hpp"

#include <constant_f32.hpp>  // by quantize --header
#include <constant_q8.hpp>
#include <constant_ternary.hpp>
#include <constants.hpp>  // by make_constants.cpp

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <memory>

namespace {

using namespace targets;

int faults = 0;

/// In pieces of 32 bits: small C libraries print no more at a time.
template <class T>
void print_bits(T v) {
  auto const word = static_cast<std::uint64_t>(mamba::simd::bit_cast<mamba::simd::uint_of<T>>(v));
  std::printf(" ");
  if (sizeof(T) == 8) std::printf("%08lx", static_cast<unsigned long>(word >> 32U));
  std::printf("%08lx", static_cast<unsigned long>(word & 0xffffffffU));
}

/// What another rounding of every operation may change of a logit, as a part of the largest.
///
/// Each logit is the end of some ten sums of up to 48 products, in two layers one after the other, so 1000 roundings
/// are more than there are on any path; block formats round activations besides, and where two builds differ in the
/// last bit a code may be the next one, 1/127 of its block's largest number.
template <class W, class T>
constexpr T bound = mamba::block_format<W> ? T(1) / 32 : 1000 * std::numeric_limits<T>::epsilon();

template <class Weights, std::size_t N, class T = typename Weights::scalar>
void check(char const* name, Weights const& w, std::uint32_t expected, T const (&last)[N]) {
  using W = typename Weights::storage_format;
  static all_logits<T> logits;
  bool const contract = run(w, logits);
  std::uint32_t const found = digest(logits);
  std::printf("%s %08lx", name, static_cast<unsigned long>(found));
  T off = 0;
  T largest = 0;
  for (std::size_t i = 0; i < N; ++i) {
    T const v = logits[logits.size() - N + i];
    off = std::max(off, std::fabs(v - last[i]));
    largest = std::max(largest, std::fabs(last[i]));
    if (i < 4) print_bits(v);
  }
  bool const same = found == expected;
  bool const good = contract && (MAMBA_SIMD_PORTABLE ? same : off <= bound<W, T> * largest);
  if (!good) ++faults;
  std::printf("%s%s%s\n", contract ? "" : " PREFILL DIFFERS FROM STEPS",
              same ? "" : (MAMBA_SIMD_PORTABLE ? " OTHER BITS" : " bits of its own"), good ? "" : " FAULT");
  if (!same) std::printf("  off by 2^%d of the largest\n", off > 0 ? std::ilogb(off / largest) : -999);
}

template <class W, std::size_t N, class T>
void check_filled(char const* name, std::uint32_t expected, T const (&last)[N]) {
  auto const w = std::make_unique<model::weights<sizes, W>>();
  fill(*w);
  check(name, *w, expected, last);
}

}  // namespace

int main() {
  std::printf("%s\n", mamba::core::abi_name);
  check("f32 from constant storage", constant_f32::weights, digest_constant_f32, last_constant_f32);
  check("q8 from constant storage", constant_q8::weights, digest_constant_q8, last_constant_q8);
  check("ternary from constant storage", constant_ternary::weights, digest_constant_ternary, last_constant_ternary);
  check_filled<double>("f64", digest_f64, last_f64);
  check_filled<float>("f32", digest_f32, last_f32);
  check_filled<mamba::float16>("f16", digest_f16, last_f16);
  check_filled<mamba::bfloat16>("bf16", digest_bf16, last_bf16);
  check_filled<mamba::q8>("q8", digest_q8, last_q8);
  check_filled<mamba::q4>("q4", digest_q4, last_q4);
  check_filled<mamba::ternary>("ternary", digest_ternary, last_ternary);
  std::printf("%d faults\n", faults);
  return faults == 0 ? 0 : 1;
}
