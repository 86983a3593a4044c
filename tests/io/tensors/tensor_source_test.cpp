// SPDX-License-Identifier: MIT
#include <mamba/io/tensors/tensor_source.hpp>

#include <mamba/io/safetensors/archive.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace {

struct without_metadata {
  mamba::io::stored_tensor const* find(std::string_view) const { return nullptr; }
};

}  // namespace

static_assert(mamba::io::tensor_source<mamba::io::safetensors::archive>);
static_assert(!mamba::io::tensor_source<without_metadata>);

TEST_CASE("tensor source: an archive gives tensors with what keeps their bytes, and its metadata") {
  auto const folder = std::filesystem::path(MAMBA_GOLDEN_DIR) / "safetensors/sharded";
  std::vector<mamba::io::stored_tensor> kept;
  {
    auto const archive = mamba::io::safetensors::archive::open(folder);
    REQUIRE(archive.metadata("format") != nullptr);
    CHECK(*archive.metadata("format") == "pt");
    CHECK(archive.metadata("none") == nullptr);
    CHECK(archive.where() == (folder / "model.safetensors.index.json").string());
    kept = archive.tensors();
    CHECK(archive.where(kept.front()) == (folder / "model-00001-of-00003.safetensors").string());
    CHECK(archive.where(kept.back()) == (folder / "model-00003-of-00003.safetensors").string());
  }
  unsigned sum = 0;  // the archive is gone, the bytes are not
  for (auto const& t : kept) {
    for (std::byte const b : t.data) sum += static_cast<unsigned>(b);
  }
  CHECK(sum != 0);
}
