// SPDX-License-Identifier: MIT
#include <support/random.hpp>
#include <support/stop_strings.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace {

// The stream cut into the given pieces; what comes out, and whether it stopped.
struct outcome {
  std::string text;
  bool found;
  bool operator==(outcome const&) const = default;
};

outcome streamed(std::vector<std::string> const& stops, std::vector<std::string> const& pieces) {
  examples::stop_strings s(stops);
  outcome o{"", false};
  for (std::string const& piece : pieces) o.text += s.push(piece);
  o.text += s.finish();
  o.found = s.found();
  return o;
}

// The reference: the whole text at once.
outcome cut(std::vector<std::string> const& stops, std::string const& text) {
  std::size_t end = std::string::npos;
  for (std::string const& s : stops)
    if (!s.empty()) end = std::min(end, text.find(s));
  return {text.substr(0, end), end != std::string::npos};
}

}  // namespace

TEST_CASE("stop_strings: a string is found across the borders of pieces, and not shown") {
  CHECK(streamed({"END"}, {"abcE", "N", "Dxyz", "more"}) == outcome{"abc", true});
  CHECK(streamed({"END"}, {"abcE", "N", "d"}) == outcome{"abcENd", false});
  CHECK(streamed({"aab"}, {"a", "a", "a", "b"}) == outcome{"a", true});
  CHECK(streamed({"\n\n"}, {"x\n", "\ny"}) == outcome{"x", true});
  CHECK(streamed({}, {"x", "y"}) == outcome{"xy", false});
  CHECK(streamed({""}, {"x", "y"}) == outcome{"xy", false});
  CHECK(streamed({"x"}, {"x"}) == outcome{"", true});
}

TEST_CASE("stop_strings: of several the one that begins first ends the text") {
  CHECK(streamed({"abcd", "c"}, {"ab", "c", "d"}) == outcome{"", true});
  CHECK(streamed({"abcd", "c"}, {"ab", "c", "x"}) == outcome{"ab", true});
  CHECK(streamed({"abcd", "c"}, {"ab", "c"}) == outcome{"ab", true});
  CHECK(streamed({"ab", "abc"}, {"xabc"}) == outcome{"x", true});
}

TEST_CASE("stop_strings: only what may still become a stop string is held back") {
  examples::stop_strings s({"User:", "###"});
  CHECK(s.push("Hello") == "Hello");
  CHECK(s.push(" Us") == " ");
  CHECK(s.push("ual") == "Usual");
  CHECK(s.push("##") == "");
  CHECK(s.push("U") == "##");
  CHECK(s.finish() == "U");
  CHECK_FALSE(s.found());
  CHECK(s.push("###") == "");
  CHECK(s.found());
  CHECK(s.push("after the end") == "");
  CHECK(s.finish() == "");
}

TEST_CASE("stop_strings: any cut of any text is the text cut whole") {
  test::random rng(3);
  auto const word = [&](std::size_t n) {
    std::string w;
    for (std::size_t i = 0; i < n; ++i) w += static_cast<char>('a' + static_cast<char>(rng.below(2)));
    return w;
  };
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::string> stops;
    for (std::size_t i = rng.below(4); i > 0; --i) stops.push_back(word(1 + rng.below(5)));
    std::string const text = word(rng.below(20));
    std::vector<std::string> pieces;
    for (std::size_t at = 0; at < text.size();) {
      std::size_t const n = 1 + rng.below(4);
      pieces.push_back(text.substr(at, n));
      at += n;
    }
    CAPTURE(text);
    CAPTURE(stops.size());
    CHECK(streamed(stops, pieces) == cut(stops, text));
  }
}
