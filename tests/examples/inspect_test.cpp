// SPDX-License-Identifier: MIT
// What inspect prints; tests/programs has the program itself.
#include <inspect/table.hpp>
#include <mamba/io/safetensors/writer.hpp>

#include <support/error_of.hpp>
#include <support/temporary_folder.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <span>
#include <sstream>
#include <string>
#include <string_view>

using mamba::io::dtype;
using mamba::io::stored_tensor;
using test::has;

namespace {

std::string table(std::filesystem::path const& path) {
  std::ostringstream out;
  examples::print_table(out, mamba::io::safetensors::archive::open(path));
  return out.str();
}

}  // namespace

TEST_CASE("inspect: numbers in groups of three") {
  CHECK(examples::grouped(0) == "0");
  CHECK(examples::grouped(999) == "999");
  CHECK(examples::grouped(1000) == "1,000");
  CHECK(examples::grouped(3125560) == "3,125,560");
}

TEST_CASE("inspect: a text of several lines stands on one") {
  CHECK(examples::on_one_line("") == "");
  CHECK(examples::on_one_line("one  line\t.") == "one  line\t.");
  CHECK(examples::on_one_line("\n{\n  \"a\": 1,\r\n  \"b\":  2\n}\n") == "{ \"a\": 1, \"b\":  2 }");
}

TEST_CASE("inspect: metadata, a row for each tensor and the totals") {
  test::temporary_folder const folder;
  std::string const data(1024, 'x');
  auto const bytes = std::as_bytes(std::span(data));
  mamba::io::stored_tensor const tensors[] = {{"long.name", dtype::f32, {16, 16}, bytes},
                                              {"ü", dtype::u8, {}, bytes.first(1)}};
  mamba::io::safetensors::write(folder / "f", tensors, {{"format", "pt"}, {"bell", "\a"}});
  auto const size = std::to_string(std::filesystem::file_size(folder / "f"));
  CHECK(table(folder / "f") == (folder / "f").string() + " · " + size.substr(0, 1) + "," + size.substr(1) +
                                   " bytes\n"
                                   "  bell: ?\n"
                                   "  format: pt\n"
                                   "\n"
                                   "name       dtype  shape     bytes\n"
                                   "long.name  F32    [16, 16]  1,024\n"
                                   "ü          U8     []            1\n"
                                   "\n"
                                   "total: 2 tensors, 257 elements, 1,025 bytes\n");
}

TEST_CASE("inspect: all shards of a folder in one table") {
  auto const folder = std::filesystem::path(MAMBA_GOLDEN_DIR) / "safetensors";
  auto const sharded = table(folder / "sharded");
  CHECK(has(sharded, "model-00001-of-00003.safetensors · "));
  CHECK(has(sharded, "model-00003-of-00003.safetensors · "));
  CHECK(has(sharded, "backbone.layers.1.mixer.A_log"));
  CHECK(has(sharded, "total: 26 tensors, 1,600 elements, 6,400 bytes\n"));
  auto const types = table(folder / "all_types.safetensors");
  CHECK(has(types, "F8_E4M3  [2, 3]"));
  CHECK(has(types, "näme \"with\" \\ quotes?  "));
}
