// SPDX-License-Identifier: MIT
#include <mamba/io/tensors/dtype.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <set>
#include <span>
#include <string_view>
#include <vector>

using mamba::io::dtype;

TEST_CASE("dtype: every name leads back to its type, and no other does") {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < mamba::io::dtypes.size(); ++i) {
    auto const type = static_cast<dtype>(i);
    CHECK(mamba::io::dtype_named(mamba::io::name_of(type)) == type);
    CHECK(names.insert(mamba::io::name_of(type)).second);
  }
  for (std::string_view const name : {"", "f32", "F33", "F32 ", "float32", "BOOLEAN"}) {
    CHECK_FALSE(mamba::io::dtype_named(name).has_value());
  }
}

TEST_CASE("dtype: all 65536 halves equal sign · fraction · 2^exponent") {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    float const found = mamba::io::half_to_float(static_cast<std::uint16_t>(bits));
    int const exponent = static_cast<int>((bits >> 10U) & 31U);
    int const fraction = static_cast<int>(bits & 0x3ffU);
    double expected = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
    if (exponent == 31) expected = fraction == 0 ? std::numeric_limits<double>::infinity() : std::nan("");
    if ((bits & 0x8000U) != 0) expected = -expected;
    if (std::isnan(expected)) {
      CHECK(std::isnan(found));
    } else {
      REQUIRE(static_cast<double>(found) == expected);
      REQUIRE(std::signbit(found) == std::signbit(expected));
    }
  }
}

TEST_CASE("dtype: all 8-bit floats equal sign · fraction · 2^exponent") {
  for (std::uint32_t bits = 0; bits < 0x100; ++bits) {
    auto const byte = static_cast<std::uint8_t>(bits);
    float const found = mamba::io::e4m3_to_float(byte);
    int const exponent = static_cast<int>((bits >> 3U) & 15U);
    int const fraction = static_cast<int>(bits & 7U);
    double expected = exponent == 0 ? std::ldexp(fraction, -9) : std::ldexp(8 + fraction, exponent - 10);
    if ((bits & 0x80U) != 0) expected = -expected;
    if ((bits & 0x7fU) == 0x7fU) {
      CHECK(std::isnan(found));
    } else {
      CHECK(static_cast<double>(found) == expected);
      CHECK(std::signbit(found) == std::signbit(expected));
    }

    std::vector<float> e5m2(1);
    auto const raw = static_cast<std::byte>(bits);
    REQUIRE(mamba::io::convert<float>(dtype::f8_e5m2, &raw, e5m2));
    int const wide = static_cast<int>((bits >> 2U) & 31U);
    int const two = static_cast<int>(bits & 3U);
    double other = wide == 0 ? std::ldexp(two, -16) : std::ldexp(4 + two, wide - 17);
    if (wide == 31) other = two == 0 ? std::numeric_limits<double>::infinity() : std::nan("");
    if ((bits & 0x80U) != 0) other = -other;
    CHECK((static_cast<double>(e5m2[0]) == other || (std::isnan(other) && std::isnan(e5m2[0]))));
  }
}

namespace {

// Converts values of a stored type that lie one byte off every alignment.
template <class T, class Stored>
std::vector<T> converted(dtype type, std::vector<Stored> const& values) {
  std::vector<std::byte> bytes(1 + values.size() * sizeof(Stored));
  std::memcpy(bytes.data() + 1, values.data(), values.size() * sizeof(Stored));
  std::vector<T> out(values.size());
  CHECK(mamba::io::convert<T>(type, bytes.data() + 1, out));
  return out;
}

template <class Stored>
void check_integers(dtype type) {
  using limits = std::numeric_limits<Stored>;
  std::vector<Stored> const values{limits::min(), 0, 1, 100, limits::max()};
  auto const doubles = converted<double>(type, values);
  auto const floats = converted<float>(type, values);
  for (std::size_t i = 0; i < values.size(); ++i) {
    CHECK(doubles[i] == static_cast<double>(values[i]));
    CHECK(floats[i] == static_cast<float>(values[i]));
  }
}

}  // namespace

TEST_CASE("dtype: numbers convert from any address, exactly or rounded once") {
  check_integers<std::int8_t>(dtype::i8);
  check_integers<std::uint8_t>(dtype::u8);
  check_integers<std::int16_t>(dtype::i16);
  check_integers<std::uint16_t>(dtype::u16);
  check_integers<std::int32_t>(dtype::i32);
  check_integers<std::uint32_t>(dtype::u32);
  check_integers<std::int64_t>(dtype::i64);
  check_integers<std::uint64_t>(dtype::u64);
  CHECK(converted<float>(dtype::boolean, std::vector<std::uint8_t>{0, 1, 2}) == std::vector<float>{0, 1, 1});
  CHECK(converted<double>(dtype::f64, std::vector<double>{0.1, -3}) == std::vector<double>{0.1, -3});
  CHECK(converted<float>(dtype::f64, std::vector<double>{0.1, -3}) == std::vector<float>{0.1F, -3});
  CHECK(converted<double>(dtype::f32, std::vector<float>{0.1F}) == std::vector<double>{static_cast<double>(0.1F)});
  CHECK(converted<float>(dtype::bf16, std::vector<std::uint16_t>{0x3f80, 0xc040}) == std::vector<float>{1, -3});
}

TEST_CASE("dtype: types without known values are refused and nothing is written") {
  std::vector<std::byte> const bytes(8);
  for (dtype const type : {dtype::f4, dtype::f6_e2m3, dtype::f6_e3m2, dtype::f8_e8m0, dtype::f8_e4m3fnuz,
                           dtype::f8_e5m2fnuz, dtype::c64}) {
    std::vector<float> out{42};
    CHECK_FALSE(mamba::io::convert<float>(type, bytes.data(), out));
    CHECK(out[0] == 42);
  }
}
