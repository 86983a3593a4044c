// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/io/checkpoint/constant_header.hpp>
#include <support/random_model.hpp>

#include <string>

namespace {

namespace io = mamba::io;
namespace model = mamba::model;

/// What stands between two marks of a text, from the first of `begin` on.
std::string between(std::string const& text, std::string const& begin, std::string const& end) {
  auto const at = text.find(begin);
  REQUIRE(at != text.npos);
  auto const from = at + begin.size();
  return text.substr(from, text.find(end, from) - from);
}

std::string word_of(float low, float high) {
  auto const word =
      (static_cast<unsigned long long>(std::bit_cast<std::uint32_t>(high)) << 32U) | std::bit_cast<std::uint32_t>(low);
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx,", word);
  return text;
}

}  // namespace

TEST_CASE("constant_header: panels and A in the layout of the target, whatever this machine's is") {
  model::weights<> w(model::config{.d_model = 5, .n_layer = 1, .vocab_size = 3, .d_state = 2, .dt_rank = 1});
  test::fill_weights(w, 1, test::weight_range::unit);
  std::vector<float> row0(5), row1(5), row2(5);
  w.input.weight().get_row(0, row0);
  w.input.weight().get_row(1, row1);
  w.input.weight().get_row(2, row2);
  for (std::size_t const lanes : {1U, 4U}) {
    auto const text = io::constant_header(w, {.name = "a::b", .lanes = lanes, .source = "x"});
    CHECK(text.starts_with(io::constant_header_start));
    CHECK(text.find("namespace a::b {") != text.npos);
    CHECK(text.find("lanes<float> == " + std::to_string(lanes) + " &&") != text.npos);
    auto const embedding = between(text, "// backbone.embedding.weight [3, 5]", "//");
    auto const first =
        lanes == 1 ? word_of(row0[0], row1[0]) + " " + word_of(row0[1], row1[1])
                   : word_of(row0[0], row1[0]) + " " + word_of(row2[0], 0) + " 0x0, 0x0, " + word_of(row0[1], row1[1]);
    CHECK(embedding.find(first) != embedding.npos);
    auto const a = w.layers[0].mixer.a_log.a();
    auto const decay = between(text, "A_log [10, 2]", "//");
    auto const a_first =
        lanes == 1 ? word_of(a(0, 0), a(0, 1)) + " " + word_of(a(1, 0), a(1, 1))
                   : word_of(a(0, 0), a(1, 0)) + " " + word_of(a(2, 0), a(3, 0)) + " " + word_of(a(0, 1), a(1, 1));
    CHECK(decay.find(a_first) != decay.npos);
  }
}

TEST_CASE("constant_header: a name must be one of a C++ namespace") {
  model::weights<> const w(model::config{.d_model = 5, .n_layer = 1, .vocab_size = 3, .d_state = 2, .dt_rank = 1});
  CHECK_THROWS_WITH_AS(static_cast<void>(io::constant_header(w, {.name = "app::class"})),
                       "constant_header: 'class' is a C++ keyword, expected a namespace such as net or app::net",
                       mamba::error);
}

TEST_CASE("constant_header: lanes of no register are refused, and a source is one line") {
  model::weights<> const w(model::config{.d_model = 5, .n_layer = 1, .vocab_size = 3, .d_state = 2, .dt_rank = 1});
  for (std::size_t const lanes : {0U, 3U, 32U}) {
    CHECK_THROWS_AS(static_cast<void>(io::constant_header(w, {.name = "net", .lanes = lanes})), mamba::error);
  }
  auto const text = io::constant_header(w, {.name = "net", .lanes = 1, .source = "a\nint injected = 1; //"});
  CHECK(text.find("\nint injected") == text.npos);
  CHECK(text.find("int injected") < text.find('\n'));
}
