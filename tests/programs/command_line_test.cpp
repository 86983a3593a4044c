// SPDX-License-Identifier: MIT
// Wrong arguments and files: the programs end with status 1 and one sentence, nothing else.
#include <support/run_program.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

#include <sys/stat.h>

namespace {

std::string const generate = MAMBA_GENERATE;
std::string const evaluate = MAMBA_EVALUATE;
std::string const inspect = MAMBA_INSPECT;
std::string const embed = MAMBA_EMBED;
using words = std::vector<std::string>;

words with(std::string const& program, words const& arguments) {
  words all{program};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

// The program refuses the arguments in one sentence that has this part.
void refuses(std::string const& program, words const& arguments, std::string const& part) {
  auto const ended = test::run(with(program, arguments));
  std::string const name = std::filesystem::path(program).filename().string();
  CAPTURE(name);
  std::string all;
  for (auto const& a : arguments) all += " '" + a + "'";
  CAPTURE(all);
  CHECK_MESSAGE(ended.refused(name), "status ", ended.status, ", said: ", ended.err);
  CHECK_MESSAGE(ended.err.find(part) != std::string::npos, "said: ", ended.err, " but not: ", part);
}

}  // namespace

TEST_CASE("command line: help and version go to standard output") {
  for (std::string const& program : {generate, evaluate}) {
    auto const help = test::run({program, "--help"});
    CHECK(help.status == 0);
    CHECK(help.err.empty());
    for (char const* const option : {"--model", "--weights", "--threads", "--config", "--profile", "--version"})
      CHECK(help.out.find(option) != std::string::npos);
    CHECK(test::run({program, "-h"}).out == help.out);
    auto const version = test::run({program, "--version"});
    CHECK(version.status == 0);
    CHECK(version.err.empty());
    CHECK(version.out.find("0.") != std::string::npos);
  }
}

TEST_CASE("command line: what every program has, those that run no model included") {
  for (std::string const& program : {inspect, embed}) {
    auto const help = test::run({program, "--help"});
    CHECK(help.status == 0);
    CHECK(help.err.empty());
    for (char const* const option : {"--threads", "--version"}) CHECK(help.out.find(option) != std::string::npos);
    auto const version = test::run({program, "--version"});
    CHECK(version.status == 0);
    CHECK(version.out.find("0.") != std::string::npos);
    CHECK(test::run({program, "--threads", "4096"}).status == 0);
    refuses(program, {"--threads", "4097"}, "--threads must be a whole number from 1 to 4096");
    refuses(program, {"--threads", ""}, "--threads must be a whole number");
    refuses(program, {"--no-such-option"}, "--no-such-option");
  }
  refuses(inspect, {""}, "FILE must not be empty");
  refuses(inspect, {"one", "two"}, "two");
  if (!std::filesystem::exists("/dev/full")) return;
  for (words const& command :
       {words{inspect}, {inspect, "--help"}, {inspect, "--version"}, {embed}, {embed, "--help"}}) {
    auto const full = test::run(command, "< /dev/null > /dev/full");
    CHECK(full.status == 1);
    CHECK(full.err.find("cannot write to standard output") != std::string::npos);
  }
}

TEST_CASE("command line: wrong options") {
  for (std::string const& program : {generate, evaluate}) {
    refuses(program, {"--no-such-option"}, "--no-such-option");
    refuses(program, {"stray"}, "stray");
    refuses(program, {"--model"}, "--model");
    refuses(program, {"--weights", "q5"}, "must be one of f32, f16, bf16, q8, q4, ternary");
    refuses(program, {"--weights", "Q4"}, "must be one of f32, f16, bf16, q8, q4, ternary");
    refuses(program, {"--weights", ""}, "must be one of f32, f16, bf16, q8, q4, ternary");
    refuses(program, {"--threads", "0"}, "--threads must be a whole number");
    refuses(program, {"--threads", "-1"}, "--threads must be a whole number");
    refuses(program, {"--threads", "99999999999999999999"}, "--threads must be a whole number");
    refuses(program, {"--threads", "two"}, "--threads must be a whole number");
    refuses(program, {"--profile", "x"}, "--config");
    for (char const* const option : {"--model", "--config", "--profile"})
      refuses(program, {option, ""}, std::string(option) + " must not be empty");
    refuses(program, {"--config", "no/such.yaml"}, "no/such.yaml: cannot be opened");
  }
}

TEST_CASE("command line: wrong options of generate") {
  refuses(generate, {"-t", "-1"}, "--temperature must be a number");
  refuses(generate, {"-t", "warm"}, "--temperature must be a number");
  refuses(generate, {"-t", "nan"}, "--temperature must be a number");
  refuses(generate, {"--top-p", "1.5"}, "--top-p must be a number from 0 to 1");
  refuses(generate, {"--min-p", "-0.1"}, "--min-p must be a number from 0 to 1");
  refuses(generate, {"--top-k", "-1"}, "--top-k must be a whole number");
  refuses(generate, {"--top-k", "1.5"}, "--top-k must be a whole number");
  refuses(generate, {"--repetition-penalty", "0"}, "--repetition-penalty must be a number");
  refuses(generate, {"-n", "-5"}, "--tokens must be a whole number");
  refuses(generate, {"-n", "many"}, "--tokens must be a whole number");
  refuses(generate, {"--seed", "-1"}, "--seed must be a whole number");
  refuses(generate, {"--echo", "perhaps"}, "--echo must be one of yes, no");
  refuses(generate, {"--stop", ""}, "--stop must not be empty");
  refuses(generate, {"-p", "a", "--prompt-file", "b"}, "excludes");
  refuses(generate, {"--prompt-file", "no/such.txt"}, "no/such.txt: cannot be opened");
  refuses(generate, {"--prompt-file", "/"}, "is a folder");
  refuses(generate, {"--prompt-file", ""}, "--prompt-file must not be empty");
  refuses(generate, {"--ids", "1 2 256"}, "id 256 is outside the vocabulary of 256");
  refuses(generate, {"--ids", "-1"}, "outside the vocabulary");
  refuses(generate, {"--ids", "one"}, "is not a token id");
}

TEST_CASE("command line: wrong options and texts of evaluate") {
  test::temporary_folder const folder;
  auto const file = [&](std::string const& text) {
    test::write_text(folder / "text", text);
    return (folder / "text").string();
  };
  refuses(evaluate, {"--chunk", "0"}, "--chunk must be a whole number");
  refuses(evaluate, {"--text", "a", "--tokens", "b"}, "excludes");
  for (char const* const option : {"--text", "--tokens", "--logits"})
    refuses(evaluate, {option, ""}, std::string(option) + " must not be empty");
  refuses(evaluate, {"--text", "no/such.txt"}, "no/such.txt: cannot be opened");
  refuses(evaluate, {"--tokens", "no/such.txt"}, "no/such.txt: cannot be opened");
  refuses(evaluate, {"--text", file("")}, "is empty");
  refuses(evaluate, {"--text", file("x")}, "has one token");
  refuses(evaluate, {"--tokens", file(" \n")}, "is empty");
  refuses(evaluate, {"--tokens", file("1 2\n3 x")}, "line 2, token 4: \"x\" is not a token id");
  refuses(evaluate, {"--tokens", file("1 256")}, "id 256 is outside the vocabulary of 256");
  refuses(evaluate, {"--tokens", file("1 -2")}, "id -2 is outside the vocabulary of 256");
  std::string const text = file("some text");
  refuses(evaluate, {"--text", text, "--logits", "/no/such/folder/out.safetensors"}, "cannot be written");
  refuses(evaluate, {"--text", text, "--logits", folder.path().string()}, "cannot be written");
  // A byte model's vocabulary may be smaller than 256: not every text has ids then.
  refuses(evaluate, {"--model", MAMBA_GOLDEN_DIR "/models/hf_f32_tied", "--text", file("\xf0\x9f\x90\x8d")},
          "outside the model's vocabulary of 97");
}

TEST_CASE("command line: wrong checkpoints") {
  test::temporary_folder const folder;
  std::string const model = folder.path().string();
  std::string const golden = MAMBA_GOLDEN_DIR "/models/hf_f32_tied";
  std::string const config = test::read_text(golden + "/config.json");
  std::string const tensors = test::read_text(golden + "/model.safetensors");
  test::write_text(folder / "text", "some text");
  auto const both_refuse = [&](std::string const& path, std::string const& part) {
    refuses(generate, {"--model", path, "-p", "a"}, part);
    refuses(evaluate, {"--model", path, "--text", (folder / "text").string()}, part);
  };
  both_refuse("no/such/model", "no/such/model");
  both_refuse(model, "config.json");
  test::write_text(folder / "config.json", config);
  both_refuse(model, "model.safetensors");
  test::write_text(folder / "model.safetensors", "");
  both_refuse(model, "model.safetensors");
  test::write_text(folder / "model.safetensors", tensors.substr(0, 100));
  both_refuse(model, "model.safetensors");
  test::write_text(folder / "model.safetensors", tensors.substr(0, tensors.size() - 1));
  both_refuse(model, "model.safetensors");
  test::write_text(folder / "model.safetensors", tensors + "x");
  both_refuse(model, "model.safetensors");
  test::write_text(folder / "model.safetensors", tensors);
  test::write_text(folder / "config.json", "");
  both_refuse(model, "config.json");
  test::write_text(folder / "config.json", "{\"model_type\": \"gpt2\"}");
  both_refuse(model, "config.json");
  test::write_text(folder / "config.json", config);
  test::write_text(folder / "tokenizer.json", "{}");
  both_refuse(model, "tokenizer.json");
  test::write_text(folder / "tokenizer.json",
                   R"({"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false},
                       "decoder": {"type": "ByteLevel"}, "model": {"type": "BPE", "vocab": {}, "merges": []}})");
  both_refuse(model, "tokenizer.json: model.vocab is empty");
  std::filesystem::remove(folder / "tokenizer.json");
  std::filesystem::create_symlink("tokenizer.json", folder / "tokenizer.json");
  both_refuse(model, "tokenizer.json: cannot be opened");
  std::filesystem::remove(folder / "tokenizer.json");
  REQUIRE(::mkfifo((folder / "tokenizer.json").c_str(), 0600) == 0);
  both_refuse(model, "tokenizer.json: is not a regular file");
}

TEST_CASE("command line: a profile sets options, and the command line overrides it") {
  test::temporary_folder const folder;
  std::string const file = (folder / "p.yaml").string();
  test::write_text(file,
                   "short: {tokens: 7, seed: 5, temperature: 0.9, prompt: 'ROMEO:', stop: [\"@@\", '##']}\n"
                   "typo: {temprature: 1}\n"
                   "kind: {temperature: warm}\n"
                   "list: {prompt: [a, b]}\n"
                   "nested: {config: x}\n"
                   "model: {model: no/such/model}\n");
  auto const profile = [&](std::string const& name, words more = {}) {
    words arguments{generate, "--config", file, "--profile", name};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return test::run(arguments);
  };
  auto const plain = test::run({generate, "-p", "ROMEO:", "-n", "7", "--seed", "5", "-t", "0.9"});
  CHECK(plain.status == 0);
  CHECK(plain.out.size() == 6 + 7);
  CHECK(profile("short").out == plain.out);
  CHECK(profile("short", {"-n", "3"}).out == plain.out.substr(0, 6 + 3));
  CHECK(profile("short", {"--ids", "82 79 77 69 79 58"}).out == plain.out);  // instead of the profile's prompt
  CHECK(profile("short", {"--stop", plain.out.substr(8, 1)}).out.size() <= 8);
  refuses(generate, {"--config", file}, "choose one with --profile: short, typo, kind, list, nested, model");
  refuses(generate, {"--config", file, "--profile", "none"}, "has no profile none, it has short, typo");
  refuses(generate, {"--config", file, "--profile", "typo"}, "p.yaml:2: unknown option temprature, known are");
  refuses(generate, {"--config", file, "--profile", "kind"}, "p.yaml:3: --temperature must be a number");
  refuses(generate, {"--config", file, "--profile", "list"}, "p.yaml:4: prompt takes one value, not a list");
  refuses(generate, {"--config", file, "--profile", "nested"}, "p.yaml:5: unknown option config");
  refuses(generate, {"--config", file, "--profile", "model"}, "no/such/model");
}

TEST_CASE("command line: the bundled profiles work") {
  for (char const* const name : {"greedy", "precise", "creative"}) {
    CAPTURE(name);
    auto const ended = test::run({generate, "--config", MAMBA_PROFILES, "--profile", name, "-n", "4", "-p", "a"});
    CHECK(ended.status == 0);
    CHECK(ended.out.size() >= 4);
  }
}
