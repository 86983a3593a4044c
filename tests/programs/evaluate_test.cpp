// SPDX-License-Identifier: MIT
#include <mamba/io/safetensors/archive.hpp>
#include <support/run_program.hpp>

#include <doctest/doctest.h>

#include <algorithm>
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

/// The rows of a checkpoint's embedding.
std::size_t rows_of(std::filesystem::path const& model) {
  auto const tensors = mamba::io::safetensors::archive::open(model);
  for (char const* const name : {"backbone.embedding.weight", "backbone.embeddings.weight"})
    if (auto const* const found = tensors.find(name)) return found->shape[0];
  return 0;
}

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

TEST_CASE("evaluate: one width of the logits, whichever of the two configurations a checkpoint has") {
  // The same weights twice: an original configuration of 93 tokens padded to 96, and transformers' of 96.
  test::temporary_folder const folder;
  std::filesystem::path const original = MAMBA_GOLDEN_DIR "/models/original_bf16_padded_vocab";
  std::filesystem::create_directory(folder / "hf");
  std::filesystem::copy(original / "model.safetensors", folder / "hf");
  test::write_text(folder / "hf/config.json",
                   R"({"model_type": "mamba", "hidden_size": 37, "num_hidden_layers": 2, "vocab_size": 96,)"
                   R"( "state_size": 1, "conv_kernel": 2})");
  test::write_text(folder / "ids", "1 92 3 4 5 90 7");
  auto const with = [&](std::filesystem::path const& model, char const* out) {
    auto const ended =
        run({"--model", model.string(), "--tokens", (folder / "ids").string(), "--logits", (folder / out).string()});
    REQUIRE_MESSAGE(ended.status == 0, ended.err);
    return results(ended);
  };
  CHECK(with(original, "a.safetensors") == with(folder / "hf", "b.safetensors"));
  CHECK(test::read_text(folder / "a.safetensors") == test::read_text(folder / "b.safetensors"));
  CHECK(mamba::io::safetensors::archive::open(folder / "a.safetensors").at("logits").shape ==
        std::vector<std::size_t>{7, 96});
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
    std::size_t const width = expected.shape[1];  // without the rows that pad the vocabulary
    std::vector<double> reference(expected.shape[0] * width);
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
      REQUIRE(logits.shape == std::vector<std::size_t>{expected.shape[0], rows_of(entry.path())});
      std::vector<double> found(logits.shape[0] * logits.shape[1]);
      mamba::io::read_values<double>(logits, 0, found);
      double difference = 0;
      for (std::size_t i = 0; i < reference.size(); ++i) {
        double const off = found[i / width * logits.shape[1] + i % width] - reference[i];
        difference += off * off;
      }
      return std::sqrt(difference / norm);
    };
    // In double only the rounding of the file to float is left: half an ε of float for each number.
    CHECK(distance("f64") < 6e-8);
    // In float the deepest (24 layers) may differ by what plain float32 does, 4.6e-6 as the goldens record, times 1.5.
    CHECK(distance("f32") < 6.9e-6);
  }
}

TEST_CASE("evaluate: what fewer bits cost, by KL divergence from f32, on the held-out text of the model that ships") {
  test::temporary_folder const folder;
  std::string text = test::read_text(MAMBA_DEFAULT_MODEL_DIR "/heldout.txt");
#if defined(MAMBA_SANITIZED)
  text = text.substr(0, 3000);  // the whole text would take minutes and show nothing more
#else
  text = text.substr(0, 30000);
#endif
  test::write_text(folder / "text", text);
  struct limits {
    char const* format;
    double divergence, agreement;  // nats per token, percent; half as much again as the whole text has
  };
  for (auto const& limit : {limits{"f32", 1e-12, 100}, limits{"f16", 1e-12, 100}, limits{"bf16", 2e-5, 99},
                            limits{"q8", 3e-4, 98.5}, limits{"q4", 0.01, 93}, limits{"ternary", 0.14, 78}}) {
    auto const ended = run({"--weights", limit.format, "--against", "f32", "--text", (folder / "text").string()});
    REQUIRE_MESSAGE(ended.status == 0, ended.err);
    INFO(std::string(limit.format), ": ", results(ended));
    double const divergence = value(ended, "KL to f32");
    CHECK(divergence >= -1e-12);
    CHECK(divergence <= limit.divergence);
    CHECK(value(ended, "top-1 agreement with f32") >= limit.agreement);
  }
}

TEST_CASE("evaluate: --against is the divergence of the logits that --logits writes, whatever --chunk is") {
  test::temporary_folder const folder;
  std::string const text = test::read_text(MAMBA_DEFAULT_MODEL_DIR "/heldout.txt").substr(2000, 200);
  test::write_text(folder / "text", text);
  auto const logits = [&](char const* format) {
    std::string const file = (folder / format).string() + ".safetensors";
    REQUIRE(run({"--text", (folder / "text").string(), "--weights", format, "--logits", file}).status == 0);
    std::vector<double> all(text.size() * 256);
    mamba::io::read_values<double>(mamba::io::safetensors::archive::open(file).at("logits"), 0, all);
    return all;
  };
  auto const p = logits("f32"), q = logits("q4");
  double divergence = 0, agreed = 0;
  for (std::size_t t = 0; t + 1 < text.size(); ++t) {
    double p_sum = 0, q_sum = 0, row = 0;
    std::size_t p_best = 0, q_best = 0;
    for (std::size_t i = 0; i < 256; ++i) {
      p_sum += std::exp(p[t * 256 + i]);
      q_sum += std::exp(q[t * 256 + i]);
      if (p[t * 256 + i] > p[t * 256 + p_best]) p_best = i;
      if (q[t * 256 + i] > q[t * 256 + q_best]) q_best = i;
    }
    for (std::size_t i = 0; i < 256; ++i) {
      double const log_p = p[t * 256 + i] - std::log(p_sum), log_q = q[t * 256 + i] - std::log(q_sum);
      row += std::exp(log_p) * (log_p - log_q);
    }
    divergence += row;
    if (p_best == q_best) agreed += 1;
  }
  auto const predictions = static_cast<double>(text.size() - 1);
  auto const with = [&](char const* chunk, char const* threads) {
    return run({"--text", (folder / "text").string(), "--weights", "q4", "--against", "f32", "--chunk", chunk,
                "--threads", threads});
  };
  auto const ended = with("256", "2");
  CHECK(std::fabs(value(ended, "KL to f32") / (divergence / predictions) - 1) < 1e-5);  // six digits are printed
  CHECK(std::fabs(value(ended, "top-1 agreement with f32") - 100 * agreed / predictions) < 1e-3);
  CHECK(results(with("7", "1")) == results(ended));
}

TEST_CASE("evaluate: --against needs numbers; matrices in blocks have one format") {
  test::temporary_folder const folder;
  std::string const out = (folder / "q4.safetensors").string();
  REQUIRE(test::run({MAMBA_QUANTIZE, MAMBA_DEFAULT_MODEL_DIR, out, "--weights", "q4"}).status == 0);
  test::write_text(folder / "text", "some text");
  auto const ended = run({"--model", out, "--text", (folder / "text").string(), "--against", "f32"});
  CHECK(ended.refused("evaluate"));
  CHECK(ended.err.find("has its weights in q4 only; give the original, with --weights q4") != std::string::npos);
  auto const same = run({"--model", out, "--text", (folder / "text").string(), "--against", "q4"});
  CHECK(value(same, "top-1 agreement with q4") == 100);
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

TEST_CASE("evaluate: --logits replaces neither the file of --config nor that of standard input") {
  test::temporary_folder const folder;
  std::string const profiles = "one:\n  chunk: 3\n";
  test::write_text(folder / "profiles", profiles);
  test::write_text(folder / "text", "some text");
  std::filesystem::create_hard_link(folder / "profiles", folder / "link");
  std::filesystem::create_symlink(folder / "profiles", folder / "symlink");
  for (char const* const target : {"profiles", "link", "symlink"}) {
    auto const ended = run({"--config", (folder / "profiles").string(), "--text", (folder / "text").string(), "--force",
                            "--logits", (folder / target).string()});
    CHECK(ended.refused("evaluate"));
    CHECK(ended.err.find("is the file of --config, and would be overwritten") != std::string::npos);
    CHECK(test::read_text(folder / "profiles") == profiles);
  }
  std::string const text = (folder / "text").string();
  auto const piped = test::run({evaluate, "--text", "-", "--force", "--logits", text}, "< '" + text + "'");
  CHECK(piped.refused("evaluate"));
  CHECK(test::read_text(text) == "some text");
}

TEST_CASE("evaluate: tokens/s is the model's own, with and without a comparison") {
  // f64 takes several times as long as q8, so a rate with both in it would be a fifth of q8's.
  test::temporary_folder const folder;
  test::write_text(folder / "text", test::read_text(MAMBA_DEFAULT_MODEL_DIR "/heldout.txt").substr(0, 1000));
  double alone = 0, compared = 0;  // the best of five: other programs can only slow it down
  for (int round = 0; round < 5; ++round) {
    words arguments{"--text", (folder / "text").string(), "--weights", "q8", "--threads", "1"};
    alone = std::max(alone, value(run(arguments), "tokens/s"));
    arguments.insert(arguments.end(), {"--against", "f64"});
    compared = std::max(compared, value(run(arguments), "tokens/s"));
  }
  CHECK(compared > 0.35 * alone);
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
  test::write_text(folder / "model/generation_config.json", "{}");
  for (char const* const name : {"model.safetensors", "config.json", "generation_config.json"}) {
    auto const before = test::read_text(folder / "model" / name);
    std::filesystem::create_hard_link(folder / "model" / name, folder / (std::string("link to ") + name));
    std::filesystem::create_symlink(folder / "model" / name, folder / (std::string("symlink to ") + name));
    for (bool const force : {false, true}) {
      for (auto const& target : {folder / "model" / name, folder / (std::string("link to ") + name),
                                 folder / (std::string("symlink to ") + name)}) {
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
