// SPDX-License-Identifier: MIT
#include <mamba/io/tokenizer/unicode_tables.hpp>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>

using mamba::io::character_class;
using mamba::io::classify;

namespace {

/// 64-bit FNV-1a of one more byte.
std::uint64_t fnv1a(std::uint64_t hash, unsigned byte) { return (hash ^ byte) * 0x100000001B3U; }

}  // namespace

TEST_CASE("unicode tables: all code points have the class that tokenizers gives them") {
  std::ifstream in(MAMBA_GOLDEN_DIR "/tokenizer/digests.json");
  auto const expected = nlohmann::json::parse(in).at("classes").get<std::string>();
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (char32_t c = 0; c < 0x110000; ++c) hash = fnv1a(hash, static_cast<unsigned>(classify(c)));
  CHECK(hash == std::stoull(expected, nullptr, 16));
}

TEST_CASE("unicode tables: the classes are those of Unicode 16, not of a regular expression library") {
  CHECK(classify(U'a') == character_class::letter);
  CHECK(classify(U'ª') == character_class::letter);
  CHECK(classify(U'Ⅷ') == character_class::number);
  CHECK(classify(U'٣') == character_class::number);
  CHECK(classify(U'_') == character_class::other);
  CHECK(classify(U'\u0301') == character_class::other);
  CHECK(classify(U'\u0085') == character_class::space);
  CHECK(classify(U'\u00A0') == character_class::space);
  CHECK(classify(U'\u3000') == character_class::space);
  CHECK(classify(U'\u180E') == character_class::other);  // was a space until Unicode 6.3
  CHECK(classify(U'\u200B') == character_class::other);
  CHECK(classify(U'\U000105C0') == character_class::letter);  // Todhri, new in Unicode 16
  CHECK(classify(U'\U0010FFFF') == character_class::other);
}

TEST_CASE("unicode tables: sorted, so that they can be searched") {
  CHECK(std::is_sorted(std::begin(mamba::io::detail::class_runs), std::end(mamba::io::detail::class_runs)));
  char32_t behind = 0;
  for (auto const [first, last] : mamba::io::detail::inert_ranges) {
    CHECK(first >= behind);
    CHECK(last >= first);
    behind = last + 1;
  }
  CHECK(mamba::io::is_inert(U'\U00011938'));
  CHECK(!mamba::io::is_inert(U'\u0301'));
  CHECK(!mamba::io::is_inert(U'\U0010FFFF'));
}
