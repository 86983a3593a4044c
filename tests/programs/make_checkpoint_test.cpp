// SPDX-License-Identifier: MIT
#include <make_checkpoint/random_tensors.hpp>
#include <mamba/io/checkpoint/config.hpp>
#include <mamba/io/safetensors/archive.hpp>
#include <support/run_program.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

namespace {

using words = std::vector<std::string>;

test::ended run(words const& arguments) {
  words all{MAMBA_MAKE_CHECKPOINT};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return test::run(all);
}

/// The numbers of all tensors whose names end so: mean and standard deviation.
struct moments {
  double mean = 0, deviation = 0;
  moments(mamba::io::safetensors::archive const& file, std::string const& end) {
    double sum = 0, squares = 0, count = 0;
    for (auto const& t : file.tensors()) {
      if (!t.name.ends_with(end)) continue;
      std::vector<double> values(*mamba::io::element_count(t.shape));
      mamba::io::read_values<double>(t, 0, values);
      for (double const v : values) {
        CHECK(std::isfinite(v));
        sum += v, squares += v * v, count += 1;
      }
    }
    REQUIRE(count > 0);
    mean = sum / count;
    deviation = std::sqrt(squares / count - mean * mean);
  }
};

}  // namespace

TEST_CASE("make_checkpoint: a checkpoint that loads, generates text, and is the same for any number of threads") {
  test::temporary_folder const folder;
  std::string const one = (folder / "one").string(), two = (folder / "deep" / "two").string();
  auto const made = run({"--shape", "tiny", "--out", one, "--threads", "1"});
  CHECK_MESSAGE(made.status == 0, made.err);
  CHECK(made.out.empty());
  CHECK(run({"--shape", "tiny", "--out", two, "--threads", "3"}).status == 0);
  CHECK(test::read_text(one + "/model.safetensors") == test::read_text(two + "/model.safetensors"));
  CHECK(run({"--shape", "tiny", "--out", (folder / "other").string(), "--seed", "2"}).status == 0);
  CHECK(test::read_text(one + "/model.safetensors") != test::read_text(folder / "other/model.safetensors"));
  auto const spoken = test::run({MAMBA_GENERATE, "--model", one, "--ids", "1 2 3", "-n", "20", "--seed", "1"});
  CHECK_MESSAGE(spoken.status == 0, spoken.err);
}

TEST_CASE("make_checkpoint: every type, and numbers of the size that training leaves") {
  test::temporary_folder const folder;
  for (std::string const type : {"f32", "f16", "bf16"}) {
    std::string const out = (folder / type).string();
    REQUIRE(run({"--shape", "tiny", "--out", out, "--type", type}).status == 0);
    auto const file = mamba::io::safetensors::archive::open(out);
    CHECK(file.tensors().size() == 2 + 2 * 10);
    for (auto const& t : file.tensors())
      CHECK(mamba::io::name_of(t.type) == (type == "f32" ? "F32" : type == "f16" ? "F16" : "BF16"));
    CHECK(std::fabs(moments(file, "norm.weight").mean - 1) < 0.1);
    CHECK(std::fabs(moments(file, "in_proj.weight").deviation * std::sqrt(40.0) - 1) < 0.05);
    CHECK(std::fabs(moments(file, "embeddings.weight").deviation - 0.05) < 0.003);
    CHECK(std::fabs(moments(file, "A_log").mean - 1.917) < 0.05);  // the mean of ln 1 … ln 16
    auto const bias = moments(file, "dt_proj.bias");
    CHECK(bias.mean > std::log(std::expm1(0.001)));
    CHECK(bias.mean < std::log(std::expm1(0.1)));
  }
}

TEST_CASE("make_checkpoint: the published shapes are the library's") {
  struct {
    std::string name;
    std::size_t d_model, n_layer;
  } const expected[] = {
      {"130m", 768, 24}, {"370m", 1024, 48}, {"790m", 1536, 48}, {"1.4b", 2048, 48}, {"2.8b", 2560, 64}};
  REQUIRE(examples::published_shapes.size() == std::size(expected));
  for (std::size_t i = 0; i < std::size(expected); ++i) {
    auto const& [name, config] = examples::published_shapes[i];
    CHECK(name == expected[i].name);
    CHECK(config.d_model == expected[i].d_model);
    CHECK(config.n_layer == expected[i].n_layer);
    CHECK(config.vocab_size == 50280);
  }
}

TEST_CASE("make_checkpoint: nothing is overwritten, and bad input is one sentence") {
  test::temporary_folder const folder;
  std::string const out = (folder / "out").string();
  REQUIRE(run({"--shape", "tiny", "--out", out}).status == 0);
  auto const before = test::read_text(out + "/model.safetensors");
  auto const again = run({"--shape", "tiny", "--out", out, "--seed", "9"});
  CHECK(again.refused("make_checkpoint"));
  CHECK(again.err.find("is there already") != std::string::npos);
  CHECK(test::read_text(out + "/model.safetensors") == before);
  CHECK(run({}).refused("make_checkpoint"));
  CHECK(run({"--shape", "130m"}).refused("make_checkpoint"));
  CHECK(run({"--out", out}).refused("make_checkpoint"));
  CHECK(run({"--shape", "131m", "--out", out}).err.find("130m, 370m, 790m, 1.4b, 2.8b") != std::string::npos);
  CHECK(run({"--shape", "tiny", "--out", out, "--type", "q8"}).refused("make_checkpoint"));
  test::write_text(folder / "file", "");
  CHECK(run({"--shape", "tiny", "--out", (folder / "file").string()}).refused("make_checkpoint"));
  CHECK(run({"--shape", "tiny", "--out", (folder / "file" / "below").string()}).refused("make_checkpoint"));
}
