// SPDX-License-Identifier: MIT
#include <mamba/io/checkpoint/special_tokens.hpp>

#include <support/error_of.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

mamba::io::special_tokens of(std::string_view config, std::string_view generation = "{}") {
  mamba::io::special_tokens out;
  mamba::io::read_special_tokens(config, "config.json", out);
  mamba::io::read_special_tokens(generation, "generation_config.json", out);
  return out;
}

}  // namespace

TEST_CASE("special tokens: a number or a list, and generation_config.json overrides config.json") {
  using ids = std::vector<std::int32_t>;
  CHECK(of("{}").end.empty());
  CHECK_FALSE(of("{}").begin.has_value());
  CHECK(of(R"({"eos_token_id": 7, "bos_token_id": 3})").end == ids{7});
  CHECK(of(R"({"eos_token_id": 7, "bos_token_id": 3})").begin == 3);
  CHECK(of(R"({"eos_token_id": [7, 9]})").end == ids{7, 9});
  CHECK(of(R"({"eos_token_id": 7, "bos_token_id": 3})", R"({"eos_token_id": [1, 2]})").end == ids{1, 2});
  CHECK(of(R"({"eos_token_id": 7, "bos_token_id": 3})", R"({"eos_token_id": [1, 2]})").begin == 3);
  CHECK(of(R"({"eos_token_id": 7})", R"({"eos_token_id": null})").end == ids{7});
  CHECK(of(R"({"eos_token_id": [7, 9]})").ends(9));
  CHECK_FALSE(of(R"({"eos_token_id": [7, 9]})").ends(8));
}

TEST_CASE("special tokens: what is no id is refused by name") {
  auto const error = [](char const* text) { return test::error_of([&] { (void)of(text); }); };
  CHECK(test::has(error(R"({"eos_token_id": "</s>"})"),
                  "config.json: eos_token_id is \"</s>\", expected a whole number"));
  CHECK(test::has(error(R"({"eos_token_id": [1, 2.5]})"), "eos_token_id[1] is 2.5"));
  CHECK(test::has(error(R"({"bos_token_id": -1})"), "bos_token_id is -1"));
}
