// SPDX-License-Identifier: MIT
#include <safetensors/safetensors.hpp>

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

using safetensors::archive;
using safetensors::dtype;
using safetensors::tensor;
using test::has;

namespace {

std::filesystem::path golden(std::string_view name) {
  return std::filesystem::path(MAMBA_GOLDEN_DIR) / "safetensors" / name;
}

std::span<std::byte const> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string text(std::span<std::byte const> data) { return {reinterpret_cast<char const*>(data.data()), data.size()}; }

std::vector<double> values(archive const& from, std::string_view name) {
  tensor const& t = from.at(name);
  std::vector<double> out(t.elements());
  safetensors::read<double>(t, 0, out);
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
  CHECK(file.parts()[0].metadata == safetensors::metadata_map{{"format", "pt"}});

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

TEST_CASE("safetensors: what is read and written again has the bytes that the reference wrote") {
  test::temporary_folder const folder;
  for (auto const& path : {golden("all_types.safetensors"), golden("single/model.safetensors"),
                           std::filesystem::path(MAMBA_DEFAULT_MODEL_DIR) / "model.safetensors"}) {
    auto const file = archive::open(path);
    safetensors::write(folder / "again", file.tensors(), file.parts()[0].metadata);
    CHECK(test::read_text(folder / "again") == test::read_text(path));
    // Over itself: the old pages stay mapped until the archive closes.
    auto const again = archive::open(folder / "again");
    safetensors::write(folder / "again", again.tensors(), again.parts()[0].metadata);
    CHECK(test::read_text(folder / "again") == test::read_text(path));
  }
}

TEST_CASE("safetensors: every type and shape comes back as it was written, in both orders") {
  test::temporary_folder const folder;
  test::random rng(7);
  std::string data(1024, '\0');
  for (char& c : data) c = static_cast<char>(rng.below(256));
  for (int round = 0; round < 50; ++round) {
    std::vector<tensor> tensors;
    for (std::size_t i = 0; i < safetensors::dtypes.size(); ++i) {
      tensor t{"tensor " + std::to_string(rng.below(1000)) + "." + std::to_string(i), static_cast<dtype>(i), {}, {}};
      for (std::size_t rank = rng.below(5); rank > 0; --rank) t.shape.push_back(rng.below(4));
      // Types narrower than a byte need shapes that fill whole bytes.
      if (safetensors::bits_of(t.type) < 8) t.shape.push_back(4);
      t.data = bytes(data).first(t.elements() * safetensors::bits_of(t.type) / 8);
      tensors.push_back(t);
    }
    auto const order = round % 2 == 0 ? safetensors::order::by_alignment : safetensors::order::as_given;
    safetensors::metadata_map const metadata{{"round", std::to_string(round)}, {"quote\"\n", "\\ü\x01"}, {"", ""}};
    safetensors::write(folder / "f", tensors, metadata, order);
    auto const file = archive::open(folder / "f");
    CHECK(file.parts()[0].metadata == metadata);
    REQUIRE(file.tensors().size() == tensors.size());
    std::size_t misaligned = 0;
    for (tensor const& t : tensors) {
      tensor const& found = file.at(t.name);
      CHECK(found.type == t.type);
      CHECK(found.shape == t.shape);
      CHECK(text(found.data) == text(t.data));
      auto const offset = static_cast<std::size_t>(found.data.data() - file.parts()[0].file->bytes().data());
      std::size_t const alignment = std::min<std::size_t>(safetensors::bits_of(t.type), 64) / 8;
      if (alignment > 1 && t.elements() > 0 && offset % alignment != 0) ++misaligned;
    }
    if (order == safetensors::order::by_alignment) CHECK(misaligned == 0);
    std::uint64_t length = 0;
    std::memcpy(&length, file.parts()[0].file->bytes().data(), sizeof length);
    CHECK((8 + length) % (order == safetensors::order::by_alignment ? 8 : 64) == 0);
    for (tensor const& t : file.tensors()) CHECK(&file.part_of(t) == &file.parts()[0]);
  }
  safetensors::write(folder / "none", {});
  CHECK(archive::open(folder / "none").tensors().empty());
}

TEST_CASE("safetensors: a writer takes the data in pieces, and exactly as many as announced") {
  test::temporary_folder const folder;
  std::vector<tensor> const layout{{"b", dtype::u8, {3}, {}}, {"a", dtype::f32, {1, 1}, {}}};
  safetensors::writer out(folder / "f", layout, {});
  CHECK(out.sequence() == std::vector<std::size_t>{1, 0});
  float const one = 1;
  out.append(std::as_bytes(std::span(&one, 1)));
  out.append(bytes("x"));
  CHECK(has(test::error_of([&] { out.finish(); }), "f: 2 bytes of data are missing"));
  CHECK(has(test::error_of([&] { out.append(bytes("yzw")); }), "more data written than the header announces"));
  CHECK_FALSE(std::filesystem::exists(folder / "f"));
  out.append(bytes("yz"));
  out.finish();
  auto const file = archive::open(folder / "f");
  CHECK(values(file, "a") == std::vector<double>{1});
  CHECK(text(file.at("b").data) == "xyz");
}

TEST_CASE("safetensors: what cannot be written is refused, and the old file stays") {
  test::temporary_folder const folder;
  test::write_text(folder / "f", "old");
  auto const refused = [&](std::vector<tensor> const& tensors, safetensors::metadata_map const& metadata = {}) {
    auto const sentence = test::error_of([&] { safetensors::write(folder / "f", tensors, metadata); });
    CHECK(test::read_text(folder / "f") == "old");
    return sentence;
  };
  tensor const good{"t", dtype::u8, {2}, bytes("xy")};
  CHECK(has(refused({good, good}), "f: tensor name 't' is taken"));
  CHECK(has(refused({{"__metadata__", dtype::u8, {2}, bytes("xy")}}), "'__metadata__' is taken"));
  CHECK(has(refused({{"t", dtype::u8, {3}, bytes("xy")}}), "tensor 't' has 2 bytes, expected 3 for U8 [3]"));
  CHECK(has(refused({{"\xff", dtype::u8, {2}, bytes("xy")}}), "not UTF-8"));
  CHECK(has(refused({good}, {{"k", "\xff"}}), "not UTF-8"));
  CHECK(has(refused({{"t", dtype::u8, {1U << 31U, 1U << 31U, 8}, {}}}), "size that cannot be written, U8 [2147483648"));
  CHECK(has(refused({{"t", dtype::f4, {3}, bytes("x")}}), "size that cannot be written, F4 [3]"));
  auto const count = std::distance(std::filesystem::directory_iterator(folder.path()), {});
  CHECK(count == 1);

  std::span<tensor const> const one(&good, 1);
  CHECK(has(test::error_of([&] { safetensors::write(folder / "no" / "f", one); }), "cannot be written (No such file"));
  CHECK(has(test::error_of([&] { safetensors::write(folder.path(), one); }), "it is a folder"));
  if (std::filesystem::exists("/dev/full")) {
    CHECK(has(test::error_of([&] { safetensors::write("/dev/full", one); }), "No space left on device"));
  }
}

TEST_CASE("safetensors: shards that transformers wrote hold what the single file holds") {
  auto const single = archive::open(golden("single"));
  for (auto const& path : {golden("sharded"), golden("sharded/model.safetensors.index.json")}) {
    auto const sharded = archive::open(path);
    CHECK(sharded.parts().size() == 3);
    REQUIRE(sharded.tensors().size() == single.tensors().size());
    for (tensor const& t : single.tensors()) {
      tensor const& found = sharded.at(t.name);
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
  tensor const a{"a", dtype::u8, {1}, bytes("a")}, b{"b", dtype::u8, {1}, bytes("b")};
  safetensors::write(folder / "one", std::span(&a, 1));
  safetensors::write(folder / "two", std::span(&b, 1));
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
  tensor const both[] = {a, b};
  safetensors::write(folder / "one", both);
  CHECK(has(index(R"({"weight_map":{"a":"one"}})"), "one: has a tensor 'b' that "));
  CHECK(has(index(R"({"weight_map":{"a":"one"}})"), "does not list"));
  CHECK(has(index(R"({"weight_map":{"a":"one","b":"two"}})"), "says is in 'two'"));
}
