// SPDX-License-Identifier: MIT
#include <safetensors/loader.hpp>

#include <mamba/io/safetensors/archive.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

std::string file_with(std::string_view header, std::size_t data_bytes = 0) {
  std::string out;
  for (std::uint64_t n = header.size(), i = 0; i < 8; ++i, n >>= 8U) out += static_cast<char>(n & 255U);
  return out + std::string(header) + std::string(data_bytes, '\1');
}

std::string error(std::string const& file) {
  try {
    (void)small::parse(file);
  } catch (std::runtime_error const& e) {
    return e.what();
  }
  return "no error";
}

std::string one(std::string const& shape, std::string const& offsets, std::string const& dtype = "F32") {
  return R"({"t":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
}

void refused(std::string const& file, char const* part) {
  auto const said = error(file);
  CHECK_MESSAGE(said.find(part) != std::string::npos, said);
}

}  // namespace

TEST_CASE("small loader: the numbers of the library's reader") {
  std::string const path = MAMBA_DEFAULT_MODEL_DIR "/model.safetensors";
  auto const file = small::load(path);
  auto const archive = mamba::io::safetensors::archive::open(path);
  REQUIRE(file.tensors.size() == archive.tensors().size());
  for (auto const& t : archive.tensors()) {
    std::vector<double> expected(t.elements());
    mamba::io::read_values<double>(t, 0, expected);
    CHECK(small::numbers(file, file.tensors.at(t.name)) == expected);
  }
}

TEST_CASE("small loader: all halves are those of the library") {
  for (std::uint32_t h = 0; h < 65536; ++h) {
    double const ours = small::half(h), theirs = mamba::io::half_to_float(static_cast<std::uint16_t>(h));
    REQUIRE((ours == theirs || (std::isnan(ours) && std::isnan(theirs))));
  }
}

TEST_CASE("small loader: valid files") {
  CHECK(error(file_with("{}")) == "no error");
  CHECK(error(file_with("  {} \n")) == "no error");
  CHECK(error(file_with(one("[]", "[0,4]"), 4)) == "no error");
  CHECK(error(file_with(one("[0,3]", "[0,0]"))) == "no error");
  CHECK(error(file_with(R"({"__metadata__":{"format":"pt"},"a\\\"b":{"shape":[2],"data_offsets":[0,8],"dtype":"F32"}})",
                        8)) == "no error");
}

TEST_CASE("small loader: hostile files are refused, the official overflow vectors among them") {
  refused("", "fewer than 8 bytes");
  refused("1234567", "fewer than 8 bytes");
  refused(std::string(8, '\xff'), "claims more bytes");
  refused(file_with("{}").replace(0, 1, "\3"), "claims more bytes");
  refused(file_with("{"), "not as expected");
  refused(file_with("\xff"), "not as expected");
  refused(file_with("[]"), "not as expected");
  refused(file_with("{} x"), "there is text behind the object");
  refused(file_with(R"({"a\n":{}})"), "an escape that is not read here");
  refused(file_with(one("[2,18446744073709551614]", "[0,8]"), 8), "overflows");
  refused(file_with(one("[2,9223372036854775807]", "[0,8]"), 8), "overflows");
  refused(file_with(one("[18446744073709551616]", "[0,8]"), 8), "does not fit 64 bits");
  refused(file_with(one("[-1]", "[0,4]"), 4), "whole number");
  refused(file_with(one("[1]", "[4,0]"), 4), "another size");
  refused(file_with(one("[2]", "[0,4]"), 4), "another size");
  refused(file_with(one("[1]", "[0,4]", "I32"), 4), "dtype \"I32\" is not read here");
  refused(file_with(one("[1]", "[4,8]"), 8), "hole");
  refused(file_with(one("[1]", "[0,4]"), 5), "do not end where the data end");
  refused(file_with(one("[1]", "[0,4]"), 3), "do not end where the data end");
  std::string const t = R"({"dtype":"F32","shape":[1],"data_offsets":[0,4]})";
  refused(file_with("{\"a\":" + t + ",\"a\":" + t + "}", 4), "comes twice");
  refused(file_with("{\"a\":" + t + ",\"b\":" + t + "}", 4), "shares its bytes");
  refused(file_with(R"({"a":{"dtype":"F32","shape":[1]}})", 4), "two data_offsets");
  refused(file_with(R"({"__metadata__":{"a":1}})"), "not as expected");
  refused(file_with(std::string(100'000, '[')), "not as expected");
}
