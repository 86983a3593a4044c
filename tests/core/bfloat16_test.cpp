// SPDX-License-Identifier: MIT
#include <mamba/core/bfloat16.hpp>
#include <support/random.hpp>

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

using mamba::bfloat16;

namespace {

float widened(std::uint16_t bits) {
  bfloat16 v;
  v.bits = bits;
  return static_cast<float>(v);
}

}  // namespace

TEST_CASE("bfloat16: every one of the 65,536 values survives the way to float and back") {
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
