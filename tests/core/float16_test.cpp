// SPDX-License-Identifier: MIT
#include <mamba/core/float16.hpp>
#include <mamba/simd/load_store.hpp>
#include <support/random.hpp>

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

using mamba::float16;

namespace {

float widened(std::uint32_t bits) {
  float16 v;
  v.bits = static_cast<std::uint16_t>(bits);
  return static_cast<float>(v);
}

/// What a finite binary16 means: ± fraction·2^exponent; infinity counts as 2^16, the number that would come next.
double value_of(std::uint32_t bits) {
  int const exponent = static_cast<int>(bits >> 10U) & 31;
  double const fraction = bits & 0x3ffU;
  double const size = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  return (bits & 0x8000U) != 0 ? -size : size;
}

/// Round to nearest, ties to even, by the definition: of all values the nearest, found between two neighbours.
std::uint32_t rounded(float x) {
  double const size = std::fabs(static_cast<double>(x));
  std::uint32_t low = 0;
  std::uint32_t high = 0x7c00;  // infinity
  if (size >= value_of(high)) {
    low = high;
  }
  while (low + 1 < high) {
    std::uint32_t const middle = (low + high) / 2;
    (value_of(middle) <= size ? low : high) = middle;
  }
  double const down = size - value_of(low);
  double const up = value_of(high) - size;
  bool const take_low = low == high || down < up || (down == up && low % 2 == 0);
  return (take_low ? low : high) | (std::signbit(x) ? 0x8000U : 0U);
}

template <class V>
std::size_t wrongly_widened(std::size_t shift) {
  constexpr std::size_t W = mamba::simd::width<V>, count = 0x10000U;
  std::vector<float16> memory(count + shift);
  for (std::size_t i = 0; i < count; ++i) memory[shift + i].bits = static_cast<std::uint16_t>(i);
  std::size_t sum = 0;
  for (std::size_t i = 0; i < count; i += W) {
    float lane[W];
    mamba::simd::store<V>(lane, mamba::simd::load<V>(memory.data() + shift + i));
    for (std::size_t j = 0; j < W; ++j) {
      auto const expected = widened(static_cast<std::uint32_t>(i + j));
      sum += std::bit_cast<std::uint32_t>(lane[j]) == std::bit_cast<std::uint32_t>(expected) ? 0U : 1U;
    }
  }
  return sum;
}

}  // namespace

TEST_CASE("float16: every one of the 65,536 values has the value of IEEE 754, and is unchanged by float and back") {
  for (std::uint32_t bits = 0; bits < 0x10000U; ++bits) {
    float const wide = widened(bits);
    if ((bits & 0x7fffU) > 0x7c00U) {
      CHECK(std::isnan(wide));
      CHECK(std::signbit(wide) == (bits >> 15U != 0));
      CHECK(std::isnan(static_cast<float>(float16(wide))));
    } else {
      if ((bits & 0x7fffU) == 0x7c00U) {
        CHECK(std::isinf(wide));
      } else {
        CHECK(static_cast<double>(wide) == value_of(bits));
      }
      CHECK(float16(wide).bits == bits);
    }
  }
}

TEST_CASE("float16: between any two neighbours, rounds to the nearest, ties to even") {
  std::size_t wrong = 0;
  for (std::uint32_t bits = 0; bits < 0x7c00U; ++bits) {
    auto const low = static_cast<float>(value_of(bits));
    auto const high = static_cast<float>(value_of(bits + 1));
    float const middle = (low + high) / 2;  // exact: floats have 13 bits more
    float const infinity = std::numeric_limits<float>::infinity();
    for (float const x : {low, std::nextafter(low, infinity), std::nextafter(middle, 0.0F), middle,
                          std::nextafter(middle, infinity), std::nextafter(high, 0.0F)}) {
      wrong += float16(x).bits == rounded(x) ? 0U : 1U;
      wrong += float16(-x).bits == rounded(-x) ? 0U : 1U;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("float16: large and small numbers, and NaN") {
  float const infinity = std::numeric_limits<float>::infinity();
  CHECK(static_cast<float>(float16(65504.0F)) == 65504);
  CHECK(static_cast<float>(float16(std::nextafter(65520.0F, 0.0F))) == 65504);
  CHECK(static_cast<float>(float16(65520.0F)) == infinity);
  CHECK(static_cast<float>(float16(-1e30F)) == -infinity);
  CHECK(static_cast<float>(float16(infinity)) == infinity);
  CHECK(float16(-0.0F).bits == 0x8000);
  CHECK(float16(0x1p-25F).bits == 0);                        // a tie, down to the even
  CHECK(float16(std::nextafter(0x1p-25F, 1.0F)).bits == 1);  // just above it
  CHECK(float16(std::numeric_limits<float>::denorm_min()).bits == 0);
  // A NaN whose payload sits in the lower half only must not become an infinity.
  CHECK(std::isnan(static_cast<float>(float16(std::bit_cast<float>(std::uint32_t{0x7f800001})))));
  CHECK(std::isnan(static_cast<float>(float16(std::bit_cast<float>(std::uint32_t{0xffffffff})))));
  test::random rng(7);
  for (int i = 0; i < 100000; ++i) {
    auto const x = static_cast<float>(rng.normal() * std::exp2(rng.uniform(-30, 12)));
    CHECK(std::fabs(static_cast<float>(float16(x)) - x) <= std::fmax(0x1p-11F * std::fabs(x), 0x1p-25F));
  }
}

TEST_CASE("float16: simd::load widens all 65,536 of them as a single one is widened") {
  using V = mamba::simd::batch<float>;
  for (std::size_t const shift : {std::size_t{0}, mamba::simd::lanes<float> / 4, 3 * mamba::simd::lanes<float> / 5}) {
    CHECK(wrongly_widened<V>(shift) == 0);
  }
  CHECK(wrongly_widened<float>(0) == 0);
}

TEST_SUITE("slow") {
  TEST_CASE("float16: all 2^32 floats, by the definition of rounding") {
    std::size_t wrong = 0;
    std::uint32_t bits = 0;
    do {
      auto const x = std::bit_cast<float>(bits);
      float16 const found(x);
      bool const right = std::isnan(x) ? std::isnan(static_cast<float>(found)) && (found.bits >> 15U) == (bits >> 31U)
                                       : found.bits == rounded(x);
      wrong += right ? 0U : 1U;
    } while (++bits != 0);
    CHECK(wrong == 0);
  }
}
