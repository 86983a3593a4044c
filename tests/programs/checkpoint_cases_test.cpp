// SPDX-License-Identifier: MIT
// Checkpoints that are damaged, or name the tokens that begin and end a text, as the programs take them.
#include <mamba/io/checkpoint/checkpoint.hpp>

#include <support/run_program.hpp>

#include <doctest/doctest.h>

#include <cstring>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

namespace {

std::string const generate = MAMBA_GENERATE;
std::string const evaluate = MAMBA_EVALUATE;
std::string const quantize = MAMBA_QUANTIZE;
std::string const make_checkpoint = MAMBA_MAKE_CHECKPOINT;
std::string const tied = MAMBA_GOLDEN_DIR "/models/hf_f32_tied";
using words = std::vector<std::string>;

// A copy of a model, one number of which is another.
class damaged {
 public:
  explicit damaged(float value) {
    std::filesystem::copy(tied, folder_ / "model");
    auto const file = folder_ / "model/model.safetensors";
    std::size_t at = 0;
    {
      auto const archive = mamba::io::safetensors::archive::open(file);
      auto const& t = archive.at("backbone.layers.0.mixer.in_proj.weight");
      REQUIRE(t.type == mamba::io::dtype::f32);
      at = static_cast<std::size_t>(t.data.data() - archive.parts()[0].file->bytes().data()) + 4 * 5;
    }
    auto bytes = test::read_text(file);
    std::memcpy(bytes.data() + at, &value, 4);
    test::write_text(file, bytes);
    test::write_text(folder_ / "ids", "1 2 3");
  }
  [[nodiscard]] std::string model() const { return (folder_ / "model").string(); }
  [[nodiscard]] std::string file(char const* name) const { return (folder_ / name).string(); }

 private:
  test::temporary_folder folder_;
};

void refuses(words const& command, std::string const& part) {
  auto const ended = test::run(command);
  CHECK(ended.refused(std::filesystem::path(command[0]).filename().string()));
  CHECK_MESSAGE(ended.err.find(part) != std::string::npos, ended.err);
}

std::string const tensor = "tensor 'backbone.layers.0.mixer.in_proj.weight' has the value ";

}  // namespace

TEST_CASE("programs: a NaN or infinite weight is an error that names the tensor") {
  for (float const bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    damaged const d(bad);
    refuses({generate, "--model", d.model(), "--ids", "1 2", "-n", "3"}, tensor);
    refuses({evaluate, "--model", d.model(), "--tokens", d.file("ids")}, tensor);
    refuses({quantize, d.model(), d.file("out"), "--weights", "q4"}, tensor);
    CHECK_FALSE(std::filesystem::exists(d.file("out")));
  }
}

TEST_CASE("programs: a weight that overflows a format is an error with its value; other formats take it") {
  damaged const d(1e5F);
  refuses({generate, "--model", d.model(), "--ids", "1 2", "-n", "3", "--weights", "f16"}, tensor + "100000 at");
  refuses({quantize, d.model(), d.file("out"), "--weights", "f16"}, "which is too large for f16");
  CHECK_FALSE(std::filesystem::exists(d.file("out")));
  CHECK(test::run({evaluate, "--model", d.model(), "--tokens", d.file("ids")}).status == 0);
}

TEST_CASE("programs: logits that are not finite are an error, whatever the weights are") {
  damaged const d(3e38F);  // finite, but its products are not
  refuses({evaluate, "--model", d.model(), "--tokens", d.file("ids")}, "logits are not finite");
  refuses({generate, "--model", d.model(), "--ids", "1 2 3", "-n", "3"}, "logits are not finite");
}

TEST_CASE("generate: ends at eos_token_id, a number or a list, of either file") {
  test::temporary_folder const folder;
  std::filesystem::copy(tied, folder / "model");
  auto const model = (folder / "model").string();
  auto config = nlohmann::json::parse(test::read_text(folder / "model/config.json"));
  auto const drawn = [&](nlohmann::json const& eos, nlohmann::json const& generation) {
    config["eos_token_id"] = eos;
    test::write_text(folder / "model/config.json", config.dump());
    std::filesystem::remove(folder / "model/generation_config.json");
    if (!generation.is_null()) test::write_text(folder / "model/generation_config.json", generation.dump());
    auto const ended = test::run({generate, "--model", model, "--ids", "1 2 3", "-n", "30", "-t", "0", "--echo", "no"});
    CHECK(ended.status == 0);
    return ended.out;
  };
  auto const whole = drawn(nullptr, nullptr);
  REQUIRE(whole.size() >= 30);
  auto const first = static_cast<int>(static_cast<unsigned char>(whole[0]));
  CHECK(drawn(first, nullptr).empty());
  CHECK(drawn({96, first}, nullptr).empty());
  CHECK(drawn(nullptr, {{"eos_token_id", first}}).empty());
}

TEST_CASE("programs: text needs a tokenizer where tokens are no bytes; ids do not") {
  test::temporary_folder const folder;
  auto const model = (folder / "model").string();
  std::filesystem::create_directory(model);
  mamba::model::config const sizes{.d_model = 8, .n_layer = 1, .vocab_size = 300};
  mamba::io::save_weights(mamba::model::weights<>(sizes), folder / "model/new");
  auto const there = (folder / "model/new").string();
  test::write_text(folder / "text", "some text");
  test::write_text(folder / "ids", "1 299 3");
  refuses({generate, "--model", there, "-p", "hello", "-n", "3"}, "so text cannot be read");
  refuses({evaluate, "--model", there, "--text", (folder / "text").string()}, "give --tokens");
  CHECK(test::run({generate, "--model", there, "--ids", "1 299", "-n", "3"}).status == 0);
  CHECK(test::run({evaluate, "--model", there, "--tokens", (folder / "ids").string()}).status == 0);
  // An empty prompt starts from bos_token_id, or not at all.
  refuses({generate, "--model", there, "-p", "", "-n", "3"}, "names no token to start from (bos_token_id");
  auto config = nlohmann::json::parse(test::read_text(folder / "model/new/config.json"));
  config["bos_token_id"] = 7;
  test::write_text(folder / "model/new/config.json", config.dump());
  auto const begun = test::run({generate, "--model", there, "-p", "", "-n", "3", "--seed", "1"});
  CHECK_MESSAGE(begun.status == 0, begun.err);
}

TEST_CASE("programs: escapes, a byte order mark, a seed beyond 64 bits") {
  auto const base = test::run({generate, "-p", "ROMEO:", "-n", "60", "-t", "0", "--echo", "no"}).out;
  REQUIRE(base.find('\n') != std::string::npos);
  CHECK(test::run({generate, "-p", "ROMEO:", "-n", "60", "-t", "0", "--echo", "no", "--stop", "\\n"}).out ==
        base.substr(0, base.find('\n')));
  auto const tokens = [](char const* text) { return test::run({MAMBA_TOKENIZE, "--escapes", "--only-ids", text}).out; };
  CHECK(tokens("a\\nb\\tc\\r") == "97 10 98 9 99 13\n");
  CHECK(tokens("\\\\n\\x4F\\xfg\\q\\") == "92 110 79 92 120 102 103 92 113 92\n");
  CHECK(test::run({MAMBA_TOKENIZE, "--only-ids", "a\\n"}).out == "97 92 110\n");
  CHECK(test::run({generate, "-e", "-p", "A\\n\\x42", "-n", "0"}).out == "A\nB");
  CHECK(test::run({generate, "-e", "-p", "\\x2d", "-n", "0"}).out == "-");
  CHECK(test::run({generate, "-p", "A\\n", "-n", "0"}).out == "A\\n");

  test::temporary_folder const folder;
  test::write_text(folder / "ids",
                   "\xef\xbb\xbf"
                   "70 105 114");
  CHECK(test::run({evaluate, "--tokens", (folder / "ids").string()}).status == 0);
  refuses({generate, "--seed", "18446744073709551616"}, "from 0 to 18446744073709551615");
}

TEST_CASE("programs: a file size limit leaves nothing half written") {
  test::temporary_folder const folder;
  auto const out = (folder / "model").string();
  auto const ended =
      test::run({"/bin/sh", "-c", "ulimit -f 40; '" + make_checkpoint + "' --shape tiny --out '" + out + "'"});
  CHECK(ended.refused("make_checkpoint"));
  CHECK_FALSE(std::filesystem::exists(out));
}
