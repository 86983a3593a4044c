// SPDX-License-Identifier: MIT
#include <mamba/io/safetensors/archive.hpp>
#include <support/run_program.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace {

std::string const evaluate = MAMBA_EVALUATE;
using words = std::vector<std::string>;

test::ended run(words const& arguments) {
  words all{evaluate};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return test::run(all);
}

// Standard output without its timing.
std::string results(test::ended const& ended) { return ended.out.substr(0, ended.out.find("tokens/s")); }

double value(test::ended const& ended, std::string const& name) {
  auto const at = ended.out.find(name + ": ");
  REQUIRE(at != std::string::npos);
  return std::stod(ended.out.substr(at + name.size() + 2));
}

}  // namespace

TEST_CASE("evaluate: the default model predicts its held-out text") {
  test::temporary_folder const folder;
  std::string const text = test::read_text(MAMBA_DEFAULT_MODEL_DIR "/heldout.txt").substr(0, 4000);
  test::write_text(folder / "text", text);
  auto const ended = run({"--text", (folder / "text").string()});
  CHECK(ended.status == 0);
  CHECK(value(ended, "tokens") == 4000);
  CHECK(value(ended, "predictions") == 3999);
  // 2.4 on the whole held-out text is what the model promises; 4000 bytes of it vary by a tenth of that or so.
  CHECK(value(ended, "bits per byte") < 2.7);
  CHECK(value(ended, "bits per byte") > 1.5);
  CHECK(value(ended, "bits per byte") == value(ended, "bits per token"));
  // Printed with six decimals, so that half a unit of the last one is amplified by ln 2 · perplexity.
  CHECK(std::fabs(value(ended, "perplexity") - std::exp2(value(ended, "bits per byte"))) < 1e-5);
  CHECK(value(ended, "tokens/s") > 0);
  CHECK(ended.err.find("peak memory: ") == 0);
  auto const piped = test::run_reading({evaluate, "--text", "-"}, text);
  CHECK(results(piped) == results(ended));
}

TEST_CASE("evaluate: chunks, threads and the kind of input change no bit") {
  test::temporary_folder const folder;
  std::string const text = test::read_text(MAMBA_DEFAULT_MODEL_DIR "/heldout.txt").substr(1000, 300);
  test::write_text(folder / "text", text);
  std::string ids;
  for (char const c : text) ids += std::to_string(static_cast<unsigned char>(c)) + (ids.size() % 3 == 0 ? "\n" : " ");
  test::write_text(folder / "ids", ids);
  std::string const logits = (folder / "logits.safetensors").string();

  auto const first = run({"--text", (folder / "text").string(), "--force", "--logits", logits});
  CHECK(first.status == 0);
  std::string const expected = test::read_text(logits);
  CHECK(expected.size() > 300 * 256 * 4);
  auto const same = [&](words arguments) {
    std::filesystem::remove(logits);
    arguments.insert(arguments.end(), {"--force", "--logits", logits});
    auto const ended = run(arguments);
    CHECK_MESSAGE(ended.status == 0, ended.err);
    CHECK(results(ended) == results(first));
    CHECK(test::read_text(logits) == expected);
  };
  for (char const* const chunk : {"1", "7", "64", "299", "300", "100000"})
    same({"--text", (folder / "text").string(), "--chunk", chunk});
  for (char const* const threads : {"1", "2"}) same({"--text", (folder / "text").string(), "--threads", threads});
  same({"--tokens", (folder / "ids").string(), "--chunk", "50"});
  // Nothing but the result is left in the folder.
  std::size_t files = 0;
  for ([[maybe_unused]] auto const& entry : std::filesystem::directory_iterator(folder.path())) ++files;
  CHECK(files == 3);
}

TEST_CASE("evaluate: its logits are those of transformers in float64") {
  test::temporary_folder const folder;
  std::string const ids_file = (folder / "ids").string();
  std::string const out_file = (folder / "logits.safetensors").string();
  for (auto const& entry : std::filesystem::directory_iterator(MAMBA_GOLDEN_DIR "/models")) {
    if (!entry.is_directory()) continue;
    CAPTURE(entry.path().string());
    auto const golden = mamba::io::safetensors::archive::open(entry.path() / "expected.safetensors");
    auto const& tokens = golden.at("tokens");
    auto const& expected = golden.at("logits");
    std::vector<std::int64_t> ids(tokens.shape[0]);
    std::memcpy(ids.data(), tokens.data.data(), tokens.data.size());
    std::string text;
    for (auto const id : ids) text += std::to_string(id) + " ";
    test::write_text(ids_file, text);
    std::vector<double> reference(expected.shape[0] * expected.shape[1]);
    mamba::io::read_values<double>(expected, 0, reference);
    double norm = 0;
    for (double const r : reference) norm += r * r;

    auto const distance = [&](std::string const& format) {
      auto const ended = run({"--model", entry.path().string(), "--tokens", ids_file, "--force", "--logits", out_file,
                              "--chunk", "5", "--weights", format});
      CHECK_MESSAGE(ended.status == 0, ended.err);
      auto const written = mamba::io::safetensors::archive::open(out_file);
      REQUIRE(written.tensors().size() == 1);
      auto const& logits = written.at("logits");
      CHECK(logits.type == mamba::io::dtype::f32);
      REQUIRE(logits.shape == expected.shape);
      std::vector<double> found(reference.size());
      mamba::io::read_values<double>(logits, 0, found);
      double difference = 0;
      for (std::size_t i = 0; i < found.size(); ++i)
        difference += (found[i] - reference[i]) * (found[i] - reference[i]);
      return std::sqrt(difference / norm);
    };
    // In double only the rounding of the file to float is left: half an ε of float for each number.
    CHECK(distance("f64") < 6e-8);
    // In float the deepest (24 layers) may differ by what plain float32 does, 4.6e-6 as the goldens record, times 1.5.
    CHECK(distance("f32") < 6.9e-6);
  }
}

TEST_CASE("evaluate: what fewer bits cost, on the model that ships and all of its held-out text") {
  test::temporary_folder const folder;
  std::string text = test::read_text(MAMBA_DEFAULT_MODEL_DIR "/heldout.txt");
  double ternary = 0.01;      // without its mixture it is 0.035
#if defined(MAMBA_SANITIZED)  // the whole text would take minutes and show nothing more
  text = text.substr(0, 3000);
  ternary = 0.05;  // too few predictions for less
#endif
  test::write_text(folder / "text", text);
  auto const bits = [&](std::string const& format) {
    auto const ended = run({"--weights", format, "--text", (folder / "text").string()});
    CHECK(ended.status == 0);
    return value(ended, "bits per byte");
  };
  double const f32 = bits("f32");
  for (auto const& [format, most] : {std::pair{"f16", 1e-4}, std::pair{"bf16", 1e-3}, std::pair{"q8", 1e-3},
                                     std::pair{"q4", 0.02}, std::pair{"ternary", ternary}}) {
    double const more = bits(format) / f32 - 1;
    MESSAGE(std::string(format) << ": " << 100 * more << " % more bits per byte");
    CHECK(std::fabs(more) <= most);
  }
}

TEST_CASE("evaluate: one token has logits, but nothing to predict; tokens that are bytes are counted as bytes") {
  test::temporary_folder const folder;
  test::write_text(folder / "ids", "42");
  std::string const logits = (folder / "logits.safetensors").string();
  auto const one = run({"--tokens", (folder / "ids").string(), "--force", "--logits", logits});
  CHECK(one.status == 0);
  CHECK(value(one, "predictions") == 0);
  CHECK(one.out.find("perplexity") == std::string::npos);
  CHECK(mamba::io::safetensors::archive::open(logits).at("logits").shape == std::vector<std::size_t>{1, 256});
}

TEST_CASE("evaluate: without a text the one beside the model, if there is one") {
  auto const ended = run({"--model", MAMBA_GOLDEN_DIR "/models/hf_f32_tied"});
  CHECK(ended.refused("evaluate"));
  CHECK(ended.err.find("--text") != std::string::npos);
}

TEST_CASE("evaluate: --logits replaces a file only with --force, and a file of the model never") {
  test::temporary_folder const folder;
  test::write_text(folder / "ids", "1 2 3");
  test::write_text(folder / "taken", "mine");
  std::filesystem::copy(MAMBA_GOLDEN_DIR "/models/hf_f32_tied", folder / "model");
  auto const to = [&](std::filesystem::path const& target, bool force) {
    words arguments{"--model",      (folder / "model").string(), "--tokens", (folder / "ids").string(), "--logits",
                    target.string()};
    if (force) arguments.emplace_back("--force");
    return run(arguments);
  };
  auto const kept = to(folder / "taken", false);
  CHECK(kept.refused("evaluate"));
  CHECK(kept.err.find("taken: exists already; --force replaces it") != std::string::npos);
  CHECK(test::read_text(folder / "taken") == "mine");
  for (char const* const name : {"model.safetensors", "config.json"}) {
    auto const before = test::read_text(folder / "model" / name);
    std::filesystem::create_hard_link(folder / "model" / name, folder / (std::string("link to ") + name));
    for (bool const force : {false, true}) {
      for (auto const& target : {folder / "model" / name, folder / (std::string("link to ") + name)}) {
        auto const refused = to(target, force);
        CHECK(refused.refused("evaluate"));
        CHECK(refused.err.find("is a file of the model") != std::string::npos);
      }
    }
    CHECK(test::read_text(folder / "model" / name) == before);
  }
  auto const itself = to(folder / "ids", true);
  CHECK(itself.refused("evaluate"));
  CHECK(itself.err.find("ids: is the text itself, and would be overwritten") != std::string::npos);
  CHECK(test::read_text(folder / "ids") == "1 2 3");
  CHECK(to(folder / "taken", true).status == 0);
  CHECK(mamba::io::safetensors::archive::open(folder / "taken").at("logits").shape == std::vector<std::size_t>{3, 97});
}
