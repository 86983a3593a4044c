// SPDX-License-Identifier: MIT
#include <mamba/io/safetensors/header.hpp>

#include <support/error_of.hpp>
#include <support/random.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

using test::has;

std::string file_with(std::string_view header, std::size_t data_bytes, std::uint64_t claimed) {
  std::string out(8, '\0');
  std::memcpy(out.data(), &claimed, sizeof claimed);
  return out + std::string(header) + std::string(data_bytes, '\1');
}

std::string file_with(std::string_view header, std::size_t data_bytes = 0) {
  return file_with(header, data_bytes, header.size());
}

mamba::io::safetensors::contents parsed(std::string_view file) {
  return mamba::io::safetensors::parse(std::as_bytes(std::span(file)), "x.safetensors");
}

std::string error(std::string_view header, std::size_t data_bytes = 0) {
  auto const file = file_with(header, data_bytes);
  return test::error_of([&] { static_cast<void>(parsed(file)); });
}

std::string tensor_entry(std::string const& shape, std::string const& offsets, std::string const& dtype = "F32") {
  return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

std::string one(std::string const& shape, std::string const& offsets, std::string const& dtype = "F32") {
  return R"({"t":)" + tensor_entry(shape, offsets, dtype) + "}";
}

}  // namespace

TEST_CASE("header: a valid file gives its metadata and its tensors in the order of the data") {
  auto const file = file_with(R"({"__metadata__":{"format":"pt","b":"ü"},)"
                              R"("second":{"dtype":"U8","shape":[3],"data_offsets":[8,11]},)"
                              R"("first":{"data_offsets":[0,8],"shape":[1,2],"dtype":"F32"}}  )",
                              11);
  auto const found = parsed(file);
  CHECK(found.metadata == mamba::io::safetensors::metadata_map{{"b", "ü"}, {"format", "pt"}});
  REQUIRE(found.tensors.size() == 2);
  CHECK(found.tensors[0].name == "first");
  CHECK(found.tensors[0].type == mamba::io::dtype::f32);
  CHECK(found.tensors[0].shape == std::vector<std::size_t>{1, 2});
  CHECK(found.tensors[0].data.size() == 8);
  CHECK(found.tensors[1].name == "second");
  CHECK(reinterpret_cast<char const*>(found.tensors[1].data.data()) == file.data() + file.size() - 3);
}

TEST_CASE("header: zero-sized tensors, single numbers, no tensors and blanks around the object are valid") {
  CHECK(parsed(file_with("{}")).tensors.empty());
  CHECK(parsed(file_with("  \n\t{} \r\n")).tensors.empty());
  CHECK(parsed(file_with(R"({"__metadata__":null})")).metadata.empty());
  CHECK(parsed(file_with(R"({"__metadata__":{}})")).metadata.empty());
  auto const scalar = file_with(one("[]", "[0,4]"), 4);
  CHECK(parsed(scalar).tensors.at(0).elements() == 1);
  auto const empty = file_with(one("[3,0,2]", "[0,0]"));
  CHECK(parsed(empty).tensors.at(0).elements() == 0);
  auto const many = file_with(R"({"a":)" + tensor_entry("[0]", "[4,4]") + R"(,"b":)" + tensor_entry("[1]", "[0,4]") +
                                  R"(,"c":)" + tensor_entry("[0]", "[0,0]") + "}",
                              4);
  CHECK(parsed(many).tensors.size() == 3);
  auto const six_bits = file_with(one("[4]", "[0,3]", "F6_E2M3"), 3);
  CHECK(parsed(six_bits).tensors.at(0).data.size() == 3);
}

TEST_CASE("header: fields that are not in the format are skipped") {
  auto const file = file_with(R"({"t":{"x":{"dtype":[1,-2.5,null,{}],"shape":"F8"},"dtype":"U8","y":[[],[{"z":true}]],)"
                              R"("shape":[1],"z":-1,"data_offsets":[0,1]}})",
                              1);
  CHECK(parsed(file).tensors.at(0).shape == std::vector<std::size_t>{1});
}

TEST_CASE("header: files too short for their header are refused") {
  auto const of = [](std::string_view file) { return test::error_of([&] { static_cast<void>(parsed(file)); }); };
  CHECK(of("") == "x.safetensors: too small for a safetensors file: found 0 bytes, expected 8 or more");
  CHECK(has(of("1234567"), "found 7 bytes"));
  CHECK(has(of(file_with("{}", 0, 3)), "claims 3 bytes, but only 2 follow"));
  CHECK(has(of(file_with("{}", 0, 100'000'000)), "but only 2 follow"));
  CHECK(has(of(file_with("{}", 0, 100'000'001)), "expected at most 100000000"));
  CHECK(has(of(file_with("{}", 0, static_cast<std::uint64_t>(-1))), "18446744073709551615"));
  CHECK(has(of(file_with("{}", 0, static_cast<std::uint64_t>(-8))), "18446744073709551608"));
}

TEST_CASE("header: what is not one JSON object in UTF-8 is refused") {
  for (std::string const header :
       {"", " ", "{", "}", "\xff", "{\"\xff\":1}", "{\"t\":\"\xc3\"}", "{\"\\ud800\":{}}", "{} {}", "{},", "{}x",
        "{\"a\"}", "{\"a\":}", "{a:1}", "{/**/}", "{'a':1}", "nul", "{\"__metadata__\":{\"a\":\"\n\"}}"}) {
    CAPTURE(header);
    CHECK(has(error(header), "x.safetensors: the header is not valid JSON in UTF-8"));
  }
  CHECK(has(error("\xef\xbb\xbf{}"), "byte order mark"));
  CHECK(has(error(std::string("{}\0\0", 4)), "NUL"));
  CHECK(error("[]") == "x.safetensors: the header has an array, expected an object");
  CHECK(has(error("[{}]"), "the header has an array"));
  CHECK(has(error("1"), "the header has a number"));
  CHECK(has(error("-1"), "the header has a negative number"));
  CHECK(has(error("\"{}\""), "the header has a string"));
  CHECK(has(error("null"), "the header has null"));
  CHECK(has(error("true"), "the header has a boolean"));
}

TEST_CASE("header: a key that comes twice is refused wherever it would count") {
  auto const entry = tensor_entry("[0]", "[0,0]");
  CHECK(error(R"({"a":)" + entry + R"(,"a":)" + entry + "}") == "x.safetensors: 'a' appears twice in the header");
  CHECK(has(error(R"({"a":)" + entry + R"(,"\u0061":)" + entry + "}"), "'a' appears twice"));
  CHECK(has(error(R"({"__metadata__":{},"__metadata__":{}})"), "'__metadata__' appears twice"));
  CHECK(has(error(R"({"__metadata__":{"k":"1","k":"2"}})"), "'k' appears twice"));
  CHECK(has(error(R"({"t":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}})"),
            "tensor 't' has the field 'dtype' twice"));
}

TEST_CASE("header: metadata other than texts are refused") {
  CHECK(has(error(R"({"__metadata__":{"k":1}})"), "__metadata__ has a number under 'k', expected a string"));
  CHECK(has(error(R"({"__metadata__":{"k":null}})"), "__metadata__ has null"));
  CHECK(has(error(R"({"__metadata__":{"k":{}}})"), "__metadata__ has an object"));
  CHECK(has(error(R"({"__metadata__":[]})"), "the header has an array under '__metadata__'"));
  CHECK(has(error(R"({"__metadata__":"x"})"), "the header has a string under '__metadata__'"));
}

TEST_CASE("header: entries that are not dtype, shape and data_offsets are refused") {
  CHECK(has(error(R"({"t":null})"), "the header has null under 't', expected an object"));
  CHECK(has(error(R"({"t":[]})"), "the header has an array under 't'"));
  CHECK(has(error(R"({"t":{}})"), "tensor 't' has no dtype"));
  CHECK(has(error(R"({"t":{"dtype":"U8","data_offsets":[0,0]}})"), "has no shape"));
  CHECK(has(error(R"({"t":{"dtype":"U8","shape":[0]}})"), "has no data_offsets"));
  CHECK(has(error(one("[0]", "[0,0]", "F31")), "tensor 't' has unknown dtype 'F31'"));
  CHECK(has(error(R"({"t":{"dtype":7,"shape":[0],"data_offsets":[0,0]}})"), "has a number as its dtype"));
  CHECK(has(error(R"({"t":{"dtype":["F32"],"shape":[0],"data_offsets":[0,0]}})"), "has an array as its dtype"));
  CHECK(has(error(one("3", "[0,0]")), "has a number as its shape, expected an array"));
  CHECK(has(error(one("{}", "[0,0]")), "has an object as its shape"));
  CHECK(has(error(one("[-1]", "[0,0]")), "has a negative number in its shape, expected unsigned integers"));
  CHECK(has(error(one("[-0]", "[0,0]")), "in its shape"));
  CHECK(has(error(one("[1.0]", "[0,4]"), 4), "in its shape"));
  CHECK(has(error(one("[1e0]", "[0,4]"), 4), "in its shape"));
  CHECK(has(error(one("[18446744073709551616]", "[0,0]")), "a number beyond 64 bits in its shape"));
  CHECK(has(error(one("[1e999]", "[0,0]")), "not valid JSON"));
  CHECK(has(error(one("[\"1\"]", "[0,4]"), 4), "has a string in its shape"));
  CHECK(has(error(one("[[1]]", "[0,4]"), 4), "has an array in its shape"));
  CHECK(has(error(one("[true]", "[0,4]"), 4), "has a boolean in its shape"));
  CHECK(has(error(one("[1]", "[0]"), 4), "has 1 data_offsets, expected 2"));
  CHECK(has(error(one("[1]", "[]"), 4), "has 0 data_offsets"));
  CHECK(has(error(one("[1]", "[0,4,4]"), 4), "in its data_offsets, expected two unsigned integers"));
  CHECK(has(error(one("[1]", "[0,-4]"), 4), "has a negative number in its data_offsets"));
  CHECK(has(error(one("[1]", "[0,4.0]"), 4), "in its data_offsets"));
  CHECK(has(error(one("[1]", "\"0,4\""), 4), "has a string as its data_offsets"));
}

TEST_CASE("header: overlaps, holes, wrong sizes and trailing bytes are refused") {
  auto const two = [](std::string const& a, std::string const& b) {
    return R"({"a":)" + tensor_entry("[1]", a) + R"(,"b":)" + tensor_entry("[1]", b) + "}";
  };
  CHECK(error(two("[0,4]", "[4,8]"), 8) == "no error");
  CHECK(error(two("[0,4]", "[3,7]"), 7) ==
        "x.safetensors: tensor 'b' lies at data_offsets [3, 7), expected to begin at 4 (it overlaps the one before)");
  CHECK(has(error(two("[0,4]", "[0,4]"), 4), "overlaps"));
  CHECK(has(error(two("[0,4]", "[5,9]"), 9), "expected to begin at 4 (there is a hole)"));
  CHECK(has(error(one("[1]", "[4,8]"), 8), "expected to begin at 0 (there is a hole)"));
  CHECK(has(error(one("[1]", "[0,3]"), 3), "tensor 't' has 3 bytes, expected 4 for F32 [1]"));
  CHECK(has(error(one("[2,3]", "[0,28]"), 28), "tensor 't' has 28 bytes, expected 24 for F32 [2, 3]"));
  CHECK(has(error(one("[1]", "[0,4]"), 2), "ends at byte 4 of the data, but the file has only 2"));
  CHECK(has(error(one("[1]", "[0,4]"), 5), "found 5 bytes of data, expected 4"));
  CHECK(has(error("{}", 1), "found 1 bytes of data, expected 0"));
  auto const backwards = R"({"a":)" + tensor_entry("[1]", "[0,4]") + R"(,"b":)" + tensor_entry("[0]", "[4,0]") + "}";
  CHECK(has(error(backwards, 4), "which end before they begin"));
}

TEST_CASE("header: ten tensors over the same bytes are refused") {
  std::string header = "{";
  for (int i = 0; i < 10; ++i) {
    header += (i > 0 ? ",\"" : "\"") + std::to_string(i) + "\":" + tensor_entry("[2,2]", "[0,16]");
  }
  CHECK(has(error(header + "}", 16), "overlaps"));
}

TEST_CASE("header: sizes that overflow are refused, the official vectors among them") {
  CHECK(has(error(one("[2,18446744073709551614]", "[0,16]"), 16), "whose size overflows 64 bits"));
  CHECK(has(error(one("[2,9223372036854775807]", "[0,16]"), 16), "whose size overflows 64 bits"));
  CHECK(has(error(one("[18446744073709551615]", "[0,16]"), 16), "overflows"));
  CHECK(has(error(one("[4294967296,4294967296]", "[0,0]")), "overflows"));
  CHECK(has(error(one("[9223372036854775808,2,0]", "[0,0]")), "overflows"));  // as the reference has it
  CHECK(has(error(one("[576460752303423488]", "[0,16]"), 16), "overflows"));  // 2^59 · 32 bits = 2^64
  CHECK(has(error(one("[1]", "[18446744073709551612,18446744073709551615]"), 4), "there is a hole"));
  CHECK(has(error(one("[4611686018427387904]", "[0,18446744073709551615]", "U8"), 4), "overflows"));
  CHECK(has(error(one("[1152921504606846976]", "[0,1152921504606846976]", "U8"), 4), "the file has only 4"));
  CHECK(has(error(one("[3]", "[0,1]", "F4"), 1), "which does not fill whole bytes"));
}

TEST_CASE("header: nesting is bounded, and deep nesting costs no stack") {
  auto const nested = [](std::size_t depth) {
    return R"({"t":{"x":)" + std::string(depth, '[') + std::string(depth, ']') +
           R"(,"dtype":"U8","shape":[0],"data_offsets":[0,0]}})";
  };
  CHECK(error(nested(126)) == "no error");
  CHECK(has(error(nested(127)), "nests deeper than 128 levels"));
  CHECK(has(error(nested(2'000'000)), "nests deeper than 128 levels"));
  CHECK(has(error(std::string(2'000'000, '[')), "the header has an array"));
  CHECK(has(error(R"({"t":{"x":)" + std::string(1000, '{')), "not valid JSON"));
}

TEST_CASE("header: names in sentences cannot steer a terminal or fill it") {
  auto const sentence = error(R"({"\u001b[2Jx\n":{}})");
  CHECK(has(sentence, "tensor '?[2Jx?' has no dtype"));
  CHECK(error("{\"" + std::string(1'000'000, 'n') + "\":{}}").size() < 300);
  std::string shape = "[1";
  for (int i = 0; i < 10'000; ++i) shape += ",1";
  CHECK(error(one(shape + "]", "[0,5]"), 5).size() < 300);
}

TEST_CASE("header: 24,000 mutations of valid files are read or refused, never anything else") {
  std::vector<std::string> const seeds{
      file_with("{}"),
      file_with(one("[1]", "[0,4]"), 4),
      file_with(one("[]", "[0,2]", "BF16") + "   ", 2),
      file_with(R"({"__metadata__":{"format":"pt"},"a":)" + tensor_entry("[2,1]", "[0,4]", "F16") + R"(,"b":)" +
                    tensor_entry("[3,0]", "[4,4]", "U64") + R"(,"c":)" + tensor_entry("[5]", "[4,9]", "I8") + "}",
                9),
      file_with(
          R"({"t":{"x":[{"y":[1,-2,3.5e3,null,true,"\u00fc"]}],"dtype":"F64","shape":[1,1],"data_offsets":[0,8]}})", 8),
  };
  static constexpr std::string_view pieces[] = {"18446744073709551615",
                                                "9223372036854775808",
                                                "4294967296",
                                                "-1",
                                                "1e9",
                                                "0",
                                                "[",
                                                "]",
                                                "{",
                                                "}",
                                                "\"",
                                                ",",
                                                ":",
                                                "null",
                                                "\"F32\"",
                                                "\"t\":",
                                                "\"shape\"",
                                                "\"data_offsets\"",
                                                "\xff",
                                                "\\u0000",
                                                " "};
  test::random rng(20240607);
  std::size_t valid = 0, refused = 0;
  for (int i = 0; i < 24'000; ++i) {
    std::string file = seeds[rng.below(seeds.size())];
    for (std::size_t n = 1 + rng.below(3); n > 0; --n) {
      std::size_t const at = rng.below(file.size() + 1);
      switch (rng.below(6)) {
        case 0:  // another byte
          if (at < file.size()) file[at] = static_cast<char>(rng.below(256));
          break;
        case 1:  // one bit
          if (at < file.size()) file[at] = static_cast<char>(file[at] ^ static_cast<char>(1U << rng.below(8)));
          break;
        case 2:
          file.insert(at, pieces[rng.below(std::size(pieces))]);
          break;
        case 3:
          file.erase(at, 1 + rng.below(4));
          break;
        case 4:
          file.resize(at);
          break;
        default: {  // a stretch of the file once more
          std::size_t const from = rng.below(file.size() + 1);
          file.insert(at, file.substr(from, rng.below(30)));
        }
      }
    }
    // Half of the mutants get an honest length again, so that the damage reaches what lies behind that check.
    if (file.size() > 8 && rng.below(2) == 0) {
      std::uint64_t const length = file.size() - 8 - std::min<std::size_t>(rng.below(10), file.size() - 8);
      std::memcpy(file.data(), &length, sizeof length);
    }
    // A copy of the exact size, so that the sanitizers report a read beyond its end.
    std::vector<char> const exact(file.begin(), file.end());
    try {
      auto const found = mamba::io::safetensors::parse(std::as_bytes(std::span(exact)), "x");
      for (auto const& t : found.tensors) {
        std::vector<float> values(t.elements());
        if (t.type != mamba::io::dtype::c64 && mamba::io::bits_of(t.type) >= 8) {
          try {
            mamba::io::read_values<float>(t, 0, values);
          } catch (mamba::error const&) {
          }
        }
      }
      ++valid;
    } catch (mamba::error const&) {
      ++refused;
    }
  }
  CHECK(valid > 200);  // else the seeds or the mutations test nothing
  CHECK(refused > 10'000);
}
