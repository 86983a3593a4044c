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
    float found[lanes];
    simd::dot4_float(simd::dot4_signed(simd::dot4_start(sum), bytes, four)).store_unaligned(found);
    auto const right = expected(true);
    for (std::size_t i = 0; i < lanes; ++i) REQUIRE(found[i] == static_cast<float>(right[i] - start));
    REQUIRE(numbers(simd::portable::dot4<std::int8_t>(simd::sums32(start), bytes, four)) == right);
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

TEST_CASE("dot4_small: as many terms as are allowed, every weight 0 … 15 with every value, sums and their opposites") {
  for (int w = 0; w <= 15; ++w) {
    std::uint8_t weights[4 * lanes];
    std::fill(std::begin(weights), std::end(weights), static_cast<std::uint8_t>(w));
    for (int x = -128; x <= 127; ++x) {
      std::int8_t values[4];
      std::fill(std::begin(values), std::end(values), static_cast<std::int8_t>(x));
      auto sums = simd::small_start(x);
      for (std::size_t i = 0; i < simd::small_sums_terms; ++i) {
        sums = simd::dot4_small(sums, simd::load_bytes(weights), simd::broadcast4(values));
      }
      int const right = static_cast<int>(simd::small_sums_terms) * 4 * w * x - x;
      REQUIRE(numbers(simd::total(sums, x)) == std::vector<std::int32_t>(lanes, right));
    }
  }
}

TEST_CASE("dot4_small: random bytes, each in its place, at any address") {
  test::random rng(5);
  for (int round = 0; round < 5000; ++round) {
    auto const excess = static_cast<std::int32_t>(rng.below(1U << 12U));
    std::vector<std::int32_t> right(lanes, -excess);
    auto sums = simd::small_start(excess);
    for (std::size_t term = 0; term < simd::small_sums_terms; ++term) {
      std::vector<std::uint8_t> memory(4 * lanes + 64);
      std::uint8_t* const w = memory.data() + rng.below(64);
      std::int8_t x[4];
      for (auto& v : x) v = static_cast<std::int8_t>(static_cast<int>(rng.below(256)) - 128);
      for (std::size_t i = 0; i < 4 * lanes; ++i) {
        w[i] = static_cast<std::uint8_t>(rng.below(16));
        right[i / 4] += w[i] * x[i % 4];
      }
      sums = simd::dot4_small(sums, simd::load_bytes(w), simd::broadcast4(x));
    }
    REQUIRE(numbers(simd::total(sums, excess)) == right);
  }
}

TEST_CASE("dot4_signed: the largest sums that a block has, of either sign") {
  for (int const sign : {1, -1}) {
    std::uint8_t weights[4 * lanes];
    std::fill(std::begin(weights), std::end(weights), static_cast<std::uint8_t>(127 * sign));
    std::int8_t const values[] = {127, 127, 127, 127};
    auto sums = simd::dot4_start(32 * 127);
    for (int i = 0; i < 8; ++i) {
      sums = simd::dot4_signed(sums, simd::load_bytes(weights), simd::broadcast4(values));
    }
    float out[lanes];
    simd::dot4_float(sums).store_unaligned(out);
    for (float const f : out) CHECK(f == static_cast<float>(sign * 32 * 127 * 127));
  }
}

TEST_CASE("dot4: sums become floats exactly") {
  for (std::int32_t const v : {0, 1, -1, 516128, -516128, (1 << 24) - 1}) {
    float out[lanes];
    simd::to_float(simd::sums32(v)).store_unaligned(out);
    for (float const f : out) CHECK(f == static_cast<float>(v));
  }
}
