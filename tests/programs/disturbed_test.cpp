// SPDX-License-Identifier: MIT
// Programs whose files are changed, or who are stopped, in the middle of their work.
#include <mamba/io/checkpoint/checkpoint.hpp>
#include <support/run_program.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

namespace {

std::string const evaluate = MAMBA_EVALUATE;
std::string const generate = MAMBA_GENERATE;
std::string const make_checkpoint = MAMBA_MAKE_CHECKPOINT;

std::string in_quotes(std::filesystem::path const& path) { return "'" + path.string() + "'"; }

}  // namespace

#if defined(__linux__)  // /proc lists what a program has mapped
TEST_CASE("programs: a checkpoint that is truncated while it is mapped ends a program with one sentence and status 1") {
  test::temporary_folder const folder;
  auto const model = folder / "model";
  REQUIRE(test::run({make_checkpoint, "--shape", "tiny", "--out", model.string()}).status == 0);
  // The model is opened first; then evaluate waits for the ids, and the weights are read after them.
  std::string const script = "cd " + in_quotes(folder.path()) + " && mkfifo ids && { exec 3<>ids; " +
                             in_quotes(evaluate) + " --model model --tokens - <ids 3>&- & }; program=$!; i=0; " +
                             "until grep -q model.safetensors /proc/$program/maps; do " +
                             "i=$((i + 1)); [ $i -lt 600 ] || exit 77; sleep 0.1; done; " +
                             ": > model/model.safetensors; exec 3>ids; echo 1 2 3 >&3; exec 3>&-; wait $program";
  auto const ended = test::run({"/bin/sh", "-c", script});
  CAPTURE(ended.err);
  CHECK(ended.refused("evaluate"));
  CHECK(ended.err.find("a file in use was truncated by another program (SIGBUS)") != std::string::npos);
}

TEST_CASE("programs: a file in blocks, whose matrices are read in place, is truncated while text is generated") {
  test::temporary_folder const folder;
  REQUIRE(test::run({make_checkpoint, "--shape", "tiny", "--out", (folder / "model").string()}).status == 0);
  for (std::string const format : {"q8", "q4", "ternary"}) {
    CAPTURE(format);
    auto const file = folder / (format + ".safetensors");
    REQUIRE(test::run({MAMBA_QUANTIZE, (folder / "model").string(), file.string(), "--weights", format}).status == 0);
    std::string const script = "cd " + in_quotes(folder.path()) + " && { " + in_quotes(generate) + " --model " +
                               format + ".safetensors --ids 1 -n 4000000000 >text & }; program=$!; i=0; " +
                               "until [ -s text ]; do i=$((i + 1)); [ $i -lt 600 ] || exit 77; sleep 0.1; done; " +
                               ": > " + format + ".safetensors; wait $program; status=$?; rm text; exit $status";
    auto const ended = test::run({"/bin/sh", "-c", script});
    CAPTURE(ended.err);
    CHECK(ended.refused("generate"));
    CHECK(ended.err.find("a file in use was truncated by another program (SIGBUS)") != std::string::npos);
  }
}
#endif

TEST_CASE("programs: make_checkpoint, stopped while it writes, leaves no file and no folder") {
  test::temporary_folder const folder;
  for (std::string const signal : {"TERM", "INT"}) {
    std::string const script =
        "cd " + in_quotes(folder.path()) + " && { " + in_quotes(make_checkpoint) +
        " --shape 130m --out new/deep & }; program=$!; i=0; " + "until [ -s new/deep/model.safetensors.part0 ]; do " +
        "i=$((i + 1)); [ $i -lt 6000 ] || exit 77; sleep 0.01; done; kill -" + signal + " $program; wait $program";
    auto const ended = test::run({"/bin/sh", "-c", script});
    CHECK(ended.status == 128 + (signal == "TERM" ? 15 : 2));
    CHECK(ended.out.empty());
    CHECK_FALSE(std::filesystem::exists(folder / "new"));
  }
}

TEST_CASE("programs: a perplexity beyond a billion is printed with an exponent, not with hundreds of digits") {
  test::temporary_folder const folder;
  mamba::model::config const sizes{.d_model = 8, .n_layer = 1, .vocab_size = 16};
  mamba::model::weights<> weights(sizes);
  mamba::model::for_each_tensor(weights, [](std::string const& name, auto, auto& storage) {
    bool const embedding = name.ends_with("embedding.weight");
    for (std::size_t r = 0; r < storage.rows(); ++r) {  // the last token has by far the largest logit, always
      std::vector<float> row(storage.row_size(), name.ends_with("norm_f.weight") ? 10.0F : 0.0F);
      if (embedding) row[0] = static_cast<float>(r + 1);
      storage.set_row(r, std::span<float const>(row));
    }
  });
  mamba::io::save_weights(weights, folder / "model");
  test::write_text(folder / "ids", "5 0 0 0 0 0 0 0");
  auto const ended =
      test::run({evaluate, "--model", (folder / "model").string(), "--tokens", (folder / "ids").string()});
  CHECK(ended.status == 0);
  auto const begin = ended.out.find("perplexity: ");
  REQUIRE(begin != std::string::npos);
  auto const line = ended.out.substr(begin, ended.out.find('\n', begin) - begin);
  CAPTURE(line);
  CHECK(line.find("e+") != std::string::npos);
  CHECK(line.size() == std::string("perplexity: 1.000000e+300").size());
}
