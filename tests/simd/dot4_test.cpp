// SPDX-License-Identifier: MIT
#include <mamba/simd/dot4.hpp>
#include <support/random.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace {

namespace simd = mamba::simd;
constexpr std::size_t lanes = simd::lanes<std::int32_t>;

std::vector<std::int32_t> numbers(simd::sums32 v) {
  std::vector<std::int32_t> out(lanes);
  v.store_unaligned(out.data());
  return out;
}

/// One product of 4·lanes bytes with a broadcast four, by the machine's instructions and by the definition.
struct one_case {
  std::uint8_t w[4 * lanes];
  std::int8_t x[4];
  std::int32_t start;

  [[nodiscard]] std::vector<std::int32_t> expected(bool weights_signed) const {
    std::vector<std::int32_t> out(lanes, start);
    for (std::size_t i = 0; i < lanes; ++i) {
      for (std::size_t j = 0; j < 4; ++j) {
        int const weight = weights_signed ? static_cast<std::int8_t>(w[4 * i + j]) : w[4 * i + j];
        out[i] += weight * x[j];
      }
    }
    return out;
  }
  void check_unsigned() const {
    auto const bytes = simd::load_bytes(w);
    auto const four = simd::broadcast4(x);
    auto const found = numbers(simd::dot4_unsigned(simd::sums32(start), bytes, four));
    REQUIRE(found == expected(false));
    REQUIRE(numbers(simd::portable::dot4<std::uint8_t>(simd::sums32(start), bytes, four)) == found);
  }
  void check_signed() const {
    auto const bytes = simd::load_bytes(w);
    auto const four = simd::broadcast4(x);
    std::int32_t sum = 0;
    for (std::int8_t const v : x) sum += v;
    auto const begin = simd::dot4_start(sum) + simd::sums32(start);
    REQUIRE(numbers(simd::dot4_signed(begin, bytes, four)) == expected(true));
    REQUIRE(numbers(simd::portable::dot4<std::int8_t>(simd::sums32(start), bytes, four)) == expected(true));
  }
};

}  // namespace

TEST_CASE("dot4_unsigned: every weight 0 … 127 with every value, four equal products in a lane") {
  one_case c{{}, {}, -7};
  for (int w = 0; w <= 127; ++w) {
    std::fill(std::begin(c.w), std::end(c.w), static_cast<std::uint8_t>(w));
    for (int x = -128; x <= 127; ++x) {
      std::fill(std::begin(c.x), std::end(c.x), static_cast<std::int8_t>(x));
      c.check_unsigned();
    }
  }
}

TEST_CASE("dot4_signed: every weight −127 … 127 with every value, four equal products in a lane") {
  one_case c{{}, {}, 1000};
  for (int w = -127; w <= 127; ++w) {
    std::fill(std::begin(c.w), std::end(c.w), static_cast<std::uint8_t>(w));
    for (int x = -127; x <= 127; ++x) {
      std::fill(std::begin(c.x), std::end(c.x), static_cast<std::int8_t>(x));
      c.check_signed();
    }
  }
}

TEST_CASE("dot4: random bytes, each in its place") {
  test::random rng(4);
  for (int round = 0; round < 20000; ++round) {
    one_case c{{}, {}, static_cast<std::int32_t>(rng.below(1U << 24U))};
    for (auto& w : c.w) w = static_cast<std::uint8_t>(rng.below(128));
    for (auto& x : c.x) x = static_cast<std::int8_t>(static_cast<int>(rng.below(255)) - 127);
    c.check_unsigned();
    for (auto& w : c.w) w = static_cast<std::uint8_t>(static_cast<int>(rng.below(255)) - 127);
    c.check_signed();
  }
}

TEST_CASE("dot4: sums become floats exactly") {
  for (std::int32_t const v : {0, 1, -1, 516128, -516128, (1 << 24) - 1}) {
    float out[lanes];
    simd::to_float(simd::sums32(v)).store_unaligned(out);
    for (float const f : out) CHECK(f == static_cast<float>(v));
  }
}
