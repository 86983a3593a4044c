// SPDX-License-Identifier: MIT
#include <mamba/io/file/crc64.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace {

std::uint64_t sum_of(std::string_view text) {
  mamba::io::crc64 sum;
  sum.add(std::as_bytes(std::span(text)));
  return sum.value();
}

}  // namespace

TEST_CASE("crc64: the published check value, and the polynomial bit by bit") {
  CHECK(sum_of("") == 0);
  CHECK(sum_of("123456789") == 0x995dc9bbdf1939faU);
  // Bit by bit, as the polynomial is defined.
  auto const slowly = [](std::string_view text) {
    std::uint64_t rest = ~std::uint64_t{0};
    for (char const c : text) {
      rest ^= static_cast<unsigned char>(c);
      for (int bit = 0; bit < 8; ++bit) rest = (rest >> 1U) ^ ((rest & 1U) != 0 ? 0xC96C5795D7870F42U : 0U);
    }
    return ~rest;
  };
  std::string text;
  for (int i = 0; i < 100; ++i) {
    text += static_cast<char>(37 * i);
    CHECK(sum_of(text) == slowly(text));
  }
}

TEST_CASE("crc64: the sum does not depend on how the bytes are divided") {
  std::string const text = "a state of many numbers, in pieces of any length";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    mamba::io::crc64 sum;
    sum.add(std::as_bytes(std::span(text).first(cut)));
    sum.add(std::as_bytes(std::span(text).subspan(cut)));
    CHECK(sum.value() == sum_of(text));
  }
}

TEST_CASE("crc64: every change of one to eight consecutive bytes changes the sum") {
  std::string const text(64, 'x');
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (std::size_t count = 1; count <= 8 && at + count <= text.size(); ++count) {
      for (int const mask : {1, 0x80, 0xff}) {
        auto other = text;
        for (std::size_t i = at; i < at + count; ++i) other[i] = static_cast<char>(other[i] ^ mask);
        CHECK(sum_of(other) != sum_of(text));
      }
    }
  }
}
