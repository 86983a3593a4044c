// SPDX-License-Identifier: MIT
#include <mamba/core/bfloat16.hpp>
#include <mamba/simd/load_store.hpp>
#include <support/random.hpp>

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

using mamba::bfloat16;

namespace {

float widened(std::uint16_t bits) {
  bfloat16 v;
  v.bits = bits;
  return static_cast<float>(v);
}

/// The value of a bfloat16 with these bits; infinity counts as 2^128, the number that would come next, because that is
/// what rounding to nearest compares with.
double value_of(std::uint16_t bits) {
  auto const v = static_cast<double>(widened(bits));
  return std::isinf(v) ? std::copysign(0x1p128, v) : v;
}

/// Round to nearest, ties to even, by the definition: the two neighbours, and which is nearer. All differences are
/// exact in double, because no number here has more than 24 bits and neighbours share their exponent up to one.
std::uint16_t rounded(float x) {
  auto const towards_zero = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(x) >> 16U);
  if (std::isinf(x)) return towards_zero;
  auto const away = static_cast<std::uint16_t>(towards_zero + 1);
  double const down = std::fabs(static_cast<double>(x) - value_of(towards_zero));
  double const up = std::fabs(value_of(away) - static_cast<double>(x));
  if (down != up) return down < up ? towards_zero : away;
  return (towards_zero & 1U) == 0 ? towards_zero : away;
}

/// 1 if the conversion of the float with these bits is wrong: not the nearest, or a NaN that lost its nature or sign.
std::size_t wrong(std::uint32_t bits) {
  auto const x = std::bit_cast<float>(bits);
  bfloat16 const found(x);
  if (!std::isnan(x)) return found.bits == rounded(x) ? 0U : 1U;
  return std::isnan(static_cast<float>(found)) && (found.bits >> 15U) == (bits >> 31U) ? 0U : 1U;
}

/// Widens all values, a vector at a time from a misaligned place.
template <class V>
std::size_t wrongly_widened(std::size_t shift) {
  constexpr std::size_t W = mamba::simd::width<V>, count = 0x10000U;
  std::vector<bfloat16> memory(count + shift);
  for (std::size_t i = 0; i < count; ++i) memory[shift + i].bits = static_cast<std::uint16_t>(i);
  std::size_t sum = 0;
  for (std::size_t i = 0; i < count; i += W) {
    float lane[W];
    mamba::simd::store<V>(lane, mamba::simd::load<V>(memory.data() + shift + i));
    for (std::size_t j = 0; j < W; ++j) {
      sum += std::bit_cast<std::uint32_t>(lane[j]) == static_cast<std::uint32_t>(i + j) << 16U ? 0U : 1U;
    }
  }
  return sum;
}

}  // namespace

TEST_CASE("bfloat16: every one of the 65,536 values is unchanged by the conversion to float and back") {
  for (std::uint32_t bits = 0; bits < 0x10000U; ++bits) {
    float const wide = widened(static_cast<std::uint16_t>(bits));
    if (std::isnan(wide)) {
      CHECK(std::isnan(static_cast<float>(bfloat16(wide))));
    } else {
      CHECK(bfloat16(wide).bits == bits);
    }
  }
}

TEST_CASE("bfloat16: rounds to the nearest, ties to even") {
  // 1 has bits 0x3f80, and its neighbours are 2^-7 apart.
  CHECK(bfloat16(1.0F).bits == 0x3f80);
  CHECK(bfloat16(1.0F + 0x1p-8F).bits == 0x3f80);             // a tie, down to the even
  CHECK(bfloat16(1.0F + 0x1p-8F + 0x1p-23F).bits == 0x3f81);  // just above the tie
  CHECK(bfloat16(1.0F + 0x3p-8F).bits == 0x3f82);             // a tie, up to the even
  CHECK(bfloat16(1.0F + 0x3p-8F - 0x1p-23F).bits == 0x3f81);  // just below it
  CHECK(bfloat16(-1.0F - 0x3p-8F).bits == 0xbf82);
  test::random rng(6);
  for (int i = 0; i < 100000; ++i) {
    auto const x = static_cast<float>(rng.normal() * std::exp2(rng.uniform(-60, 60)));
    CHECK(std::fabs(static_cast<float>(bfloat16(x)) - x) <= 0x1p-8F * std::fabs(x));
  }
}

TEST_CASE("bfloat16: infinities, overflow, zeros and NaN") {
  float const infinity = std::numeric_limits<float>::infinity();
  CHECK(static_cast<float>(bfloat16(infinity)) == infinity);
  CHECK(static_cast<float>(bfloat16(-infinity)) == -infinity);
  CHECK(static_cast<float>(bfloat16(std::numeric_limits<float>::max())) == infinity);
  CHECK(bfloat16(-0.0F).bits == 0x8000);
  // A NaN whose payload sits in the lower half only must not become an infinity.
  CHECK(std::isnan(static_cast<float>(bfloat16(std::bit_cast<float>(std::uint32_t{0x7f800001})))));
  CHECK(std::isnan(static_cast<float>(bfloat16(std::bit_cast<float>(std::uint32_t{0xffffffff})))));
}

TEST_CASE("bfloat16: every upper half with the lower halves that decide, by the definition of rounding") {
  std::size_t sum = 0;
  for (std::uint32_t high = 0; high < 0x10000U; ++high) {
    for (std::uint32_t const low : {0x0000U, 0x0001U, 0x7fffU, 0x8000U, 0x8001U, 0xffffU}) {
      sum += wrong((high << 16U) | low);
    }
  }
  CHECK(sum == 0);
}

TEST_CASE("bfloat16: every lower half in subnormal, common, largest and NaN numbers of both signs") {
  std::size_t sum = 0;
  for (std::uint32_t const high :
       {0x0000U, 0x0001U, 0x007fU, 0x0080U, 0x3eaaU, 0x3f7fU, 0x3f80U, 0x4049U, 0x7f7eU, 0x7f7fU, 0x7f80U, 0x7fffU}) {
    for (std::uint32_t low = 0; low < 0x10000U; ++low) {
      sum += wrong((high << 16U) | low) + wrong(((high | 0x8000U) << 16U) | low);
    }
  }
  CHECK(sum == 0);
}

TEST_CASE("bfloat16: simd::load widens all 65,536 of them exactly, NaN with its payload") {
  using V = mamba::simd::batch<float>;
  for (std::size_t const shift : {std::size_t{0}, mamba::simd::lanes<float> / 4, 3 * mamba::simd::lanes<float> / 5}) {
    CHECK(wrongly_widened<V>(shift) == 0);
  }
  CHECK(wrongly_widened<float>(0) == 0);
}

TEST_SUITE("slow") {
  TEST_CASE("bfloat16: all 2^32 floats, by the definition of rounding") {
    std::size_t sum = 0;
    std::uint32_t bits = 0;
    do {
      sum += wrong(bits);
    } while (++bits != 0);
    CHECK(sum == 0);
  }
}
