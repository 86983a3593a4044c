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

}  // namespace

TEST_CASE("writer: what is read and written again has the bytes that the reference wrote") {
  test::temporary_folder const folder;
  for (auto const& path : {golden("all_types.safetensors"), golden("single/model.safetensors"),
                           std::filesystem::path(MAMBA_DEFAULT_MODEL_DIR) / "model.safetensors"}) {
    auto const file = archive::open(path);
    mamba::io::safetensors::write(folder / "again", file.tensors(), file.parts()[0].metadata);
    CHECK(test::read_text(folder / "again") == test::read_text(path));
    // Over itself: the old pages stay mapped until the archive closes.
    auto const again = archive::open(folder / "again");
    mamba::io::safetensors::write(folder / "again", again.tensors(), again.parts()[0].metadata);
    CHECK(test::read_text(folder / "again") == test::read_text(path));
  }
}

TEST_CASE("writer: every type and shape comes back as it was written, in both orders") {
  test::temporary_folder const folder;
  test::random rng(7);
  std::string data(1024, '\0');
  for (char& c : data) c = static_cast<char>(rng.below(256));
  for (int round = 0; round < 50; ++round) {
    std::vector<stored_tensor> tensors;
    for (std::size_t i = 0; i < mamba::io::dtypes.size(); ++i) {
      stored_tensor t{
          "tensor " + std::to_string(rng.below(1000)) + "." + std::to_string(i), static_cast<dtype>(i), {}, {}};
      for (std::size_t rank = rng.below(5); rank > 0; --rank) t.shape.push_back(rng.below(4));
      // Types narrower than a byte need shapes that fill whole bytes.
      if (mamba::io::bits_of(t.type) < 8) t.shape.push_back(4);
      t.data = bytes(data).first(t.elements() * mamba::io::bits_of(t.type) / 8);
      tensors.push_back(t);
    }
    auto const order =
        round % 2 == 0 ? mamba::io::safetensors::order::by_alignment : mamba::io::safetensors::order::as_given;
    mamba::io::safetensors::metadata_map const metadata{
        {"round", std::to_string(round)}, {"quote\"\n", "\\ü\x01"}, {"", ""}};
    mamba::io::safetensors::write(folder / "f", tensors, metadata, order);
    auto const file = archive::open(folder / "f");
    CHECK(file.parts()[0].metadata == metadata);
    REQUIRE(file.tensors().size() == tensors.size());
    std::size_t misaligned = 0;
    for (stored_tensor const& t : tensors) {
      stored_tensor const& found = file.at(t.name);
      CHECK(found.type == t.type);
      CHECK(found.shape == t.shape);
      CHECK(text(found.data) == text(t.data));
      auto const offset = static_cast<std::size_t>(found.data.data() - file.parts()[0].file->bytes().data());
      std::size_t const alignment = std::min<std::size_t>(mamba::io::bits_of(t.type), 64) / 8;
      if (alignment > 1 && t.elements() > 0 && offset % alignment != 0) ++misaligned;
    }
    if (order == mamba::io::safetensors::order::by_alignment) CHECK(misaligned == 0);
    std::uint64_t length = 0;
    std::memcpy(&length, file.parts()[0].file->bytes().data(), sizeof length);
    CHECK((8 + length) % (order == mamba::io::safetensors::order::by_alignment ? 8 : 64) == 0);
    for (stored_tensor const& t : file.tensors()) CHECK(&file.part_of(t) == &file.parts()[0]);
  }
  mamba::io::safetensors::write(folder / "none", {});
  CHECK(archive::open(folder / "none").tensors().empty());
}

TEST_CASE("writer: a writer takes the data in pieces, and exactly as many as announced") {
  test::temporary_folder const folder;
  std::vector<stored_tensor> const layout{{"b", dtype::u8, {3}, {}}, {"a", dtype::f32, {1, 1}, {}}};
  mamba::io::safetensors::writer out(folder / "f", layout, {});
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

TEST_CASE("writer: what cannot be written is refused, and the old file stays") {
  test::temporary_folder const folder;
  test::write_text(folder / "f", "old");
  auto const refused = [&](std::vector<stored_tensor> const& tensors,
                           mamba::io::safetensors::metadata_map const& metadata = {}) {
    auto const sentence = test::error_of([&] { mamba::io::safetensors::write(folder / "f", tensors, metadata); });
    CHECK(test::read_text(folder / "f") == "old");
    return sentence;
  };
  stored_tensor const good{"t", dtype::u8, {2}, bytes("xy")};
  CHECK(has(refused({good, good}), "f: tensor name 't' is taken"));
  CHECK(has(refused({{"__metadata__", dtype::u8, {2}, bytes("xy")}}), "'__metadata__' is taken"));
  CHECK(has(refused({{"t", dtype::u8, {3}, bytes("xy")}}), "tensor 't' has 2 bytes, expected 3 for U8 [3]"));
  CHECK(has(refused({{"\xff", dtype::u8, {2}, bytes("xy")}}), "not UTF-8"));
  CHECK(has(refused({good}, {{"k", "\xff"}}), "not UTF-8"));
  CHECK(has(refused({{"t", dtype::u8, {1U << 31U, 1U << 31U, 8}, {}}}), "size that cannot be written, U8 [2147483648"));
  CHECK(has(refused({{"t", dtype::f4, {3}, bytes("x")}}), "size that cannot be written, F4 [3]"));
  auto const count = std::distance(std::filesystem::directory_iterator(folder.path()), {});
  CHECK(count == 1);

  std::span<stored_tensor const> const one(&good, 1);
  CHECK(has(test::error_of([&] { mamba::io::safetensors::write(folder / "no" / "f", one); }),
            "cannot be written (No such file"));
  CHECK(has(test::error_of([&] { mamba::io::safetensors::write(folder.path(), one); }), "it is a folder"));
  if (std::filesystem::exists("/dev/full")) {
    CHECK(has(test::error_of([&] { mamba::io::safetensors::write("/dev/full", one); }), "No space left on device"));
  }
}
