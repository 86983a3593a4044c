// SPDX-License-Identifier: MIT
#include <mamba/io/safetensors/archive.hpp>
#include <mamba/io/safetensors/writer.hpp>

#include <support/error_of.hpp>
#include <support/random.hpp>
#include <support/temporary_folder.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using mamba::io::dtype;
using mamba::io::stored_tensor;
using mamba::io::safetensors::archive;
using test::has;

namespace {

std::filesystem::path golden(std::string_view name) {
  return std::filesystem::path(MAMBA_GOLDEN_DIR) / "safetensors" / name;
}

std::span<std::byte const> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string text(std::span<std::byte const> data) { return {reinterpret_cast<char const*>(data.data()), data.size()}; }

std::vector<double> values(archive const& from, std::string_view name) {
  stored_tensor const& t = from.at(name);
  std::vector<double> out(t.elements());
  mamba::io::read_values<double>(t, 0, out);
  return out;
}

std::string error(std::filesystem::path const& path) {
  return test::error_of([&] { static_cast<void>(archive::open(path)); });
}

}  // namespace

TEST_CASE("safetensors: a file of the reference implementation, every type with its values") {
  auto const file = archive::open(golden("all_types.safetensors"));
  CHECK(file.tensors().size() == 19);
  REQUIRE(file.parts().size() == 1);
  CHECK(file.parts()[0].metadata == mamba::io::safetensors::metadata_map{{"format", "pt"}});

  constexpr double infinity = std::numeric_limits<double>::infinity();
  std::vector<double> const small{-2, -1, 0, 1, 2, 3};
  std::vector<double> const natural{0, 1, 2, 3, 4, 255};
  for (auto const* const name : {"f8_e5m2", "f8_e4m3", "i8", "i16", "i32", "i64"}) CHECK(values(file, name) == small);
  for (auto const* const name : {"u8", "u16", "u32", "u64"}) CHECK(values(file, name) == natural);
  CHECK(values(file, "bool") == std::vector<double>{1, 0, 0, 1, 1, 0});
  CHECK(values(file, "f16") == std::vector<double>{-65504, 0x1p-24, 0.333251953125, 1, infinity, 0});
  CHECK(std::signbit(values(file, "f16")[5]));
  CHECK(values(file, "bf16") == std::vector<double>{-1, 0x1p-133, 0.333984375, 1, -infinity, 3});
  CHECK(values(file, "f32") == std::vector<double>{-1.5, 0x1p-149, static_cast<double>(0.1F), 1, 0x1.fffffep127, 3});
  CHECK(values(file, "f64") == std::vector<double>{-1.5, 0x1p-1074, 0.1, 1, std::numeric_limits<double>::max(), 3});
  CHECK(file.at("c64").type == dtype::c64);
  CHECK(file.at("c64").data.size() == 48);
  CHECK(file.at("rank 0").shape.empty());
  CHECK(values(file, "rank 0") == std::vector<double>{2.5});
  CHECK(file.at("empty").shape == std::vector<std::size_t>{3, 0, 2});
  CHECK(values(file, "empty").empty());
  CHECK(values(file, "näme \"with\" \\ quotes\n") == std::vector<double>{7});
  CHECK(file.find("f15") == nullptr);
  CHECK(has(test::error_of([&] { static_cast<void>(file.at("f15")); }), "all_types.safetensors: has no tensor 'f15'"));
}

TEST_CASE("safetensors: shards that transformers wrote hold what the single file holds") {
  auto const single = archive::open(golden("single"));
  for (auto const& path : {golden("sharded"), golden("sharded/model.safetensors.index.json")}) {
    auto const sharded = archive::open(path);
    CHECK(sharded.parts().size() == 3);
    REQUIRE(sharded.tensors().size() == single.tensors().size());
    for (stored_tensor const& t : single.tensors()) {
      stored_tensor const& found = sharded.at(t.name);
      CHECK(found.type == t.type);
      CHECK(found.shape == t.shape);
      CHECK(text(found.data) == text(t.data));
    }
  }
}

TEST_CASE("safetensors: an archive that is moved keeps its tensors") {
  auto first = archive::open(golden("sharded"));
  auto const* const data = first.at("backbone.norm_f.weight").data.data();
  archive second = std::move(first);
  first = archive::open(golden("single"));
  CHECK(second.at("backbone.norm_f.weight").data.data() == data);
  CHECK(text(second.at("backbone.norm_f.weight").data) == text(first.at("backbone.norm_f.weight").data));
}

TEST_CASE("safetensors: files that are missing, empty or damaged are refused by name") {
  test::temporary_folder const folder;
  CHECK(error(folder / "none") == (folder / "none").string() + ": no such file");
  CHECK(has(error(folder.path()), "has neither model.safetensors nor model.safetensors.index.json"));
  test::write_text(folder / "f", "");
  CHECK(has(error(folder / "f"), "f: too small for a safetensors file: found 0 bytes"));
  auto const whole = test::read_text(golden("all_types.safetensors"));
  for (std::size_t size = 0; size < whole.size(); ++size) {  // every truncation
    test::write_text(folder / "f", whole.substr(0, size));
    CHECK(error(folder / "f") != "no error");
  }
  test::write_text(folder / "f", whole + "x");
  CHECK(has(error(folder / "f"), "bytes of data, expected"));
}

TEST_CASE("safetensors: indexes that do not fit their shards are refused") {
  test::temporary_folder const folder;
  stored_tensor const a{"a", dtype::u8, {1}, bytes("a")}, b{"b", dtype::u8, {1}, bytes("b")};
  mamba::io::safetensors::write(folder / "one", std::span(&a, 1));
  mamba::io::safetensors::write(folder / "two", std::span(&b, 1));
  auto const index = [&](std::string_view json) {
    test::write_text(folder / "model.safetensors.index.json", json);
    return error(folder.path());
  };
  CHECK(index(R"({"metadata":{"total_size":2},"weight_map":{"a":"one","b":"two"}})") == "no error");
  CHECK(index(R"({"weight_map":{}})") == "no error");
  CHECK(has(index(R"({"weight_map":{"a":"one","b":"three"}})"), "three: no such file"));
  CHECK(has(index(R"({"weight_map":{"a":"one","b":"one"}})"), "one: has no tensor 'b', which "));
  CHECK(has(index(R"({"weight_map":{"a":"one","c":"two"}})"), "two: has no tensor 'c', which "));
  CHECK(has(index(R"({"weight_map":{"a":"one","a":"two"}})"), "key 'a' appears twice"));
  CHECK(has(index(R"({"weight_map":{"a":1}})"), "the file of tensor 'a' is not a string"));
  CHECK(has(index(R"({"weight_map":["one"]})"), "has no object weight_map"));
  CHECK(has(index(R"({})"), "has no object weight_map"));
  CHECK(has(index(R"([])"), "has no object weight_map"));
  CHECK(has(index(R"({"weight_map":)"), "not valid JSON"));
  CHECK(has(index(""), "not valid JSON"));
  for (auto const* const name :
       {"../x/one", "/etc/passwd", "", ".", "..", "sub/one", "sub\\\\one", "c:one", "one\\u0000"}) {
    CHECK(has(index(R"({"weight_map":{"a":")" + std::string(name) + R"("}})"), "is not the plain name of a file"));
  }
  auto const overlong = index(R"({"weight_map":{"a":")" + std::string(900'000, 'x') + R"("}})");
  CHECK(has(overlong, "xxx…' is not the plain name of a file"));
  CHECK(overlong.size() < 400);
  stored_tensor const both[] = {a, b};
  mamba::io::safetensors::write(folder / "one", both);
  CHECK(has(index(R"({"weight_map":{"a":"one"}})"), "one: has a tensor 'b' that "));
  CHECK(has(index(R"({"weight_map":{"a":"one"}})"), "does not list"));
  CHECK(has(index(R"({"weight_map":{"a":"one","b":"two"}})"), "says is in 'two'"));
}
