// SPDX-License-Identifier: MIT
#include <mamba/io/tokenizer/nfc.hpp>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>
#include <support/random.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>

using mamba::io::nfc;
namespace utf8 = mamba::io::utf8;

namespace {

void add_fnv1a(std::uint64_t& hash, std::string_view bytes) {
  for (char const c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
}

std::string text_of(std::u32string const& code_points) {
  std::string text;
  for (char32_t const c : code_points) utf8::append(text, c);
  return text;
}

bool is_surrogate(char32_t c) { return c >= 0xD800 && c < 0xE000; }

}  // namespace

TEST_CASE("nfc: what tokenizers makes of every code point, alone and among marks") {
  std::ifstream in(MAMBA_GOLDEN_DIR "/tokenizer/digests.json");
  auto const expected = nlohmann::json::parse(in).at("nfc").get<std::string>();
  std::uint64_t hash = 0xCBF29CE484222325U;
  auto const add = [&hash](std::u32string const& code_points) {
    auto const text = text_of(code_points);
    auto const normal = nfc(text);
    if (normal != text) add_fnv1a(hash, normal);
  };
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (!is_surrogate(c)) add(std::u32string(1, c));
  }
  std::pair<char32_t, char32_t> const marked[] = {{0, 0x3400},        {0xA000, 0xAC00},   {0xF900, 0x12000},
                                                  {0x16000, 0x17000}, {0x1D000, 0x1F000}, {0x2F800, 0x2FA20}};
  for (auto const& [first, last] : marked) {
    for (char32_t c = first; c < last; ++c) {
      if (!is_surrogate(c)) add({U'e', 0x345, c, 0x334, 0x301});
    }
  }
  CHECK(hash == std::stoull(expected, nullptr, 16));
}

TEST_CASE("nfc: composes, orders and keeps") {
  CHECK(nfc("") == "");
  CHECK(nfc("plain ASCII, \xC3\xA9") == "plain ASCII, \xC3\xA9");
  CHECK(nfc(text_of({U'e', 0x301})) == text_of({0xE9}));
  CHECK(nfc(text_of({U'a', 0x301, 0x316})) == text_of({0xE1, 0x316}));
  CHECK(nfc(text_of({0x1100, 0x1161, 0x11A8})) == text_of({0xAC01}));
  CHECK(nfc(text_of({0x212B})) == text_of({0xC5}));                        // Ångström sign
  CHECK(nfc(text_of({0x958})) == text_of({0x915, 0x93C}));                 // excluded from composition
  CHECK(nfc(text_of({0xFB01})) == text_of({0xFB01}));                      // a ligature is compatibility, not canonical
  CHECK(nfc(text_of({0x11935, 0x11930})) == text_of({0x11935, 0x11930}));  // composes since Unicode 13 only
}

TEST_CASE("nfc: twice is once, and halves between letters are the whole") {
  test::random rng(7);
  char32_t const pool[] = {U'a',  U'e',  U'o',   0x301,  0x308,  0x316, 0x323,
                           0x345, 0x334, 0x1100, 0x1161, 0x11A8, 0x5D0, 0x5B0};
  for (int round = 0; round < 2000; ++round) {
    std::u32string left, right(1, U'x');
    for (auto n = rng.below(8); n > 0; --n) left += pool[rng.below(std::size(pool))];
    for (auto n = rng.below(8); n > 0; --n) right += pool[rng.below(std::size(pool))];
    auto const whole = nfc(text_of(left + right));
    CHECK(nfc(whole) == whole);
    CHECK(nfc(text_of(left)) + nfc(text_of(right)) == whole);
  }
}

TEST_CASE("nfc: a million marks in the wrong order take no more than sorting them") {
  std::string text = "a";
  for (int i = 0; i < 500'000; ++i) text += text_of({0x301, 0x316});
  auto const normal = nfc(text);
  CHECK(normal.size() == text.size() - 1);  // the first acute, two bytes, goes into á, two bytes for one
  CHECK(normal.substr(0, 4) == text_of({0xE1, 0x316}));
}
