// SPDX-License-Identifier: MIT
#include <mamba/io/safetensors/archive.hpp>
#include <support/run_program.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace {

using mamba::io::dtype;
using words = std::vector<std::string>;

std::string const model = MAMBA_DEFAULT_MODEL_DIR;
std::string const goldens = MAMBA_GOLDEN_DIR "/models/";

test::ended run(words const& arguments) {
  words all{MAMBA_QUANTIZE};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return test::run(all);
}

/// The bytes of the logits that evaluate writes for some ids; the text of its error where it fails.
std::string logits(std::string const& path, words const& more = {}) {
  test::temporary_folder const folder;
  test::write_text(folder / "ids", "1 2 3 0 4 5 1");
  words all{MAMBA_EVALUATE,         "--model", path, "--tokens", (folder / "ids").string(), "--logits",
            (folder / "l").string()};
  all.insert(all.end(), more.begin(), more.end());
  auto const ended = test::run(all);
  CHECK_MESSAGE(ended.status == 0, ended.err);
  return ended.status == 0 ? test::read_text(folder / "l") : ended.err;
}

std::size_t entries(std::filesystem::path const& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

}  // namespace

TEST_CASE("quantize: the file has the bits that --weights makes when it loads the original") {
  test::temporary_folder const folder;
  for (std::string const source : {"hf_f32_tied", "hf_f32_shards_trained", "original_f16_untied_trained"}) {
    std::string const in = goldens + source;
    REQUIRE_MESSAGE(std::filesystem::exists(in), in);
    for (std::string const format : {"q8", "q4", "ternary"}) {
      std::string const expected = logits(in, {"--weights", format});
      std::string const out = (folder / (source + "-" + format)).string();
      auto const made = run({in, out, "--weights", format, "--threads", "2"});
      CHECK_MESSAGE(made.status == 0, made.err);
      CHECK(made.out.empty());
      CHECK(logits(out) == expected);
      CHECK(logits(out, {"--weights", format}) == expected);
      bool const shards = std::filesystem::exists(in + "/model.safetensors.index.json");
      std::string const file = in + (shards ? "/model.safetensors.index.json" : "/model.safetensors");
      REQUIRE(run({file, out + ".safetensors", "--weights", format, "--threads", "1"}).status == 0);
      CHECK(logits(out + ".safetensors") == expected);
      CHECK(test::read_text(out + ".safetensors") == test::read_text(out + "/model.safetensors"));
    }
  }
}

TEST_CASE("quantize: f32, f16 and bf16 are tensors that any reader loads, small ones in F32") {
  test::temporary_folder const folder;
  for (std::string const format : {"f32", "f16", "bf16"}) {
    std::string const out = (folder / format).string();
    REQUIRE(run({model, out, "--weights", format}).status == 0);
    CHECK(logits(out, {"--weights", format}) == logits(model, {"--weights", format}));
    auto const file = mamba::io::safetensors::archive::open(out);
    CHECK(file.parts()[0].metadata.at("format") == "pt");
    CHECK_FALSE(file.parts()[0].metadata.contains("mamba.weights"));
    for (auto const& t : file.tensors()) {
      bool const matrix = t.name.ends_with("_proj.weight") || t.name.find("embedding") != t.name.npos;
      CHECK(mamba::io::name_of(t.type) == (!matrix || format == "f32" ? "F32" : format == "f16" ? "F16" : "BF16"));
    }
  }
}

TEST_CASE("quantize: matrices come first, on a cache line, as U8; all else is F32") {
  test::temporary_folder const folder;
  std::string const out = (folder / "out.safetensors").string();
  REQUIRE(run({model, out, "--weights", "ternary"}).status == 0);
  auto const file = mamba::io::safetensors::archive::open(out);
  auto const& said = file.parts()[0].metadata;
  CHECK(said.at("mamba.version") == "1");
  CHECK(said.at("mamba.weights") == "ternary");
  CHECK(said.at("mamba.config") == test::read_text(model + "/config.json"));
  CHECK_FALSE(said.contains("format"));
  bool numbers = false;
  for (auto const& t : file.tensors()) {
    auto const found = said.find("mamba.matrix." + t.name);
    CHECK((t.type == dtype::u8) == (found != said.end()));
    numbers = numbers || t.type == dtype::f32;
    CHECK(t.type == (numbers ? dtype::f32 : dtype::u8));
    if (numbers) continue;
    CHECK(found->second.starts_with(t.name.ends_with("in_proj.weight") ? "ternary [" : "q4 ["));
    CHECK(reinterpret_cast<std::uintptr_t>(t.data.data()) % 64 == 0);
  }
}

TEST_CASE("quantize: a folder is complete, and what it has is the original's") {
  test::temporary_folder const folder;
  auto const in = folder / "in";
  std::filesystem::create_directory(in);
  for (auto const& entry : std::filesystem::directory_iterator(goldens + "hf_f32_tied")) {
    auto const name = entry.path().filename();
    if (name == "config.json" || name == "model.safetensors") std::filesystem::copy_file(entry.path(), in / name);
  }
  for (char const* const name : {"tokenizer_config.json", "heldout.txt", "LICENSE", "NOTICE"})
    test::write_text(in / name, std::string("the text of ") + name);
  test::write_text(in / "something.bin", "else");
  auto const out = folder / "deep" / "out";
  auto const made = run({in.string(), out.string() + "/", "--weights", "q8"});
  CHECK_MESSAGE(made.status == 0, made.err);
  CHECK(made.err.empty());
  for (char const* const name : {"config.json", "tokenizer_config.json", "heldout.txt", "LICENSE", "NOTICE"})
    CHECK(test::read_text(out / name) == test::read_text(in / name));
  CHECK(entries(out) == 6);

  // From a file that is alone: its configuration comes out as it went in.
  auto const alone = folder / "alone" / "file.safetensors";
  std::filesystem::create_directory(alone.parent_path());
  REQUIRE(run({in.string(), alone.string(), "--weights", "f16"}).status == 0);
  auto const again = folder / "again";
  REQUIRE(run({alone.string(), again.string(), "--weights", "q4"}).status == 0);
  CHECK(test::read_text(again / "config.json") == test::read_text(in / "config.json"));
  CHECK(entries(again) == 2);
}

TEST_CASE("quantize: with a single file the message names a missing tokenizer") {
  test::temporary_folder const folder;
  auto const in = folder / "in";
  std::filesystem::copy(goldens + "hf_f32_tied", in);
  test::write_text(in / "tokenizer.json", "{}");
  auto const out = folder / "out.safetensors";
  auto const made = run({in.string(), out.string(), "--weights", "q8"});
  CHECK(made.status == 0);
  CHECK(made.err.find("needs a copy of " + (in / "tokenizer.json").string()) != std::string::npos);
  CHECK(run({in.string(), (in / "q8.safetensors").string(), "--weights", "q8"}).err.empty());
}

TEST_CASE("quantize: another format than the file's is refused, and so is quantising twice") {
  test::temporary_folder const folder;
  std::string const out = (folder / "q4").string();
  REQUIRE(run({model, out, "--weights", "q4"}).status == 0);
  for (std::string const format : {"f32", "f64", "q8", "ternary"}) {
    auto const ended = test::run({MAMBA_GENERATE, "--model", out, "-p", "x", "-n", "1", "--weights", format});
    CHECK(ended.refused("generate"));
    CHECK(ended.err.find("has its weights in q4, which --weights " + format + " cannot change") != std::string::npos);
  }
  CHECK(test::run({MAMBA_GENERATE, "--model", out, "-p", "x", "-n", "1"}).status == 0);
  auto const twice = run({out, (folder / "again").string(), "--weights", "q8"});
  CHECK(twice.refused("quantize"));
  CHECK(twice.err.find("model.safetensors: has its weights in q4 already") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(folder / "again"));
  CHECK(test::run({MAMBA_INSPECT, out}).out.find("mamba.weights: q4") != std::string::npos);
}

TEST_CASE("quantize: nothing is overwritten") {
  test::temporary_folder const folder;
  auto const refuses = [&](std::filesystem::path const& out, char const* what) {
    auto const ended = run({model, out.string(), "--weights", "q8"});
    CHECK(ended.refused("quantize"));
    CHECK_MESSAGE(ended.err.find(what) != std::string::npos, ended.err);
  };
  auto const file = folder / "out.safetensors";
  test::write_text(file, "mine");
  refuses(file, "out.safetensors: is there already");
  CHECK(test::read_text(file) == "mine");
  std::filesystem::create_directory(folder / "folder.safetensors");
  refuses(folder / "folder.safetensors", "is there already");
  std::filesystem::create_symlink("nowhere", folder / "link.safetensors");
  refuses(folder / "link.safetensors", "is there already");
  for (char const* const name :
       {"model.safetensors", "config.json", "tokenizer.json", "model.safetensors.index.json"}) {
    auto const out = folder / "out";
    std::filesystem::create_directory(out);
    test::write_text(out / name, "mine");
    refuses(out, name);
    CHECK(test::read_text(out / name) == "mine");
    CHECK(entries(out) == 1);
    std::filesystem::remove_all(out);
  }
  refuses(model, "is there already");
  refuses(file / "below", "the folder cannot be made");
  refuses(folder / "no" / "such" / "out.safetensors", "cannot be written");
}

TEST_CASE("quantize: bad input is one sentence, and leaves nothing behind") {
  test::temporary_folder const folder;
  std::string const out = (folder / "deep" / "out").string();
  auto const refuses = [&](words const& arguments, char const* what) {
    auto const ended = run(arguments);
    CHECK(ended.refused("quantize"));
    CHECK_MESSAGE(ended.err.find(what) != std::string::npos, ended.err);
  };
  refuses({}, "IN is missing");
  refuses({model}, "OUT is missing");
  refuses({model, out}, "--weights is missing");
  refuses({model, out, "--weights", "q5"}, "must be one of f32, f16, bf16, q8, q4, ternary");
  refuses({model, out, "--weights", "f64"}, "must be one of f32, f16, bf16, q8, q4, ternary");
  refuses({model, out, "more", "--weights", "q8"}, "more");
  refuses({"", out, "--weights", "q8"}, "IN must not be empty");
  refuses({(folder / "none").string(), out, "--weights", "q8"}, "no such file or folder");
  // A file beside the model that cannot be copied: found after the folder was made, before the weights are written.
  auto const in = folder / "in";
  std::filesystem::copy(goldens + "hf_f32_tied", in);
  std::filesystem::create_directory(in / "merges.txt");
  refuses({in.string(), out, "--weights", "q8"}, "merges.txt: is a folder");
  CHECK_FALSE(std::filesystem::exists(folder / "deep"));
}

TEST_CASE("quantize: Ctrl-C leaves all or nothing, whenever it comes") {
  test::temporary_folder const folder;
  auto const out = folder / "out";
  int stopped = 0;
  for (int milliseconds = 5; milliseconds <= 120; milliseconds += 5) {
    std::string const delay = std::to_string(milliseconds / 1000.0);
    auto const ended = test::run(
        {"timeout", "-s", "INT", delay, MAMBA_QUANTIZE, model, out.string(), "--weights", "ternary", "--threads", "1"});
    if (!std::filesystem::exists(out)) {
      ++stopped;
      CHECK(ended.status != 0);
    } else {
      CHECK(entries(out) == 3);
      CHECK(mamba::io::safetensors::archive::open(out).parts()[0].metadata.contains("mamba.weights"));
      std::filesystem::remove_all(out);
    }
    CHECK(entries(folder.path()) == 0);
  }
  CHECK(stopped > 0);
}

TEST_CASE("quantize: --header writes C++ source whole or not at all, and again, but over nothing else") {
  test::temporary_folder const folder;
  std::string const in = goldens + "hf_f32_tied";
  std::string const header = (folder / "tiny.hpp").string();
  auto const made = run({in, "--header", header, "--weights", "q8", "--lanes", "4"});
  REQUIRE_MESSAGE(made.status == 0, made.err);
  CHECK(made.out.empty());
  std::string const text = test::read_text(header);
  CHECK(text.find("namespace tiny {") != text.npos);
  CHECK(text.find("mamba::simd::lanes<float> == 4 ") != text.npos);
  CHECK(run({in, "--header", header, "--weights", "f32", "--namespace", "app::net"}).status == 0);
  CHECK(test::read_text(header).find("namespace app::net {") != text.npos);
  CHECK(entries(folder.path()) == 1);

  test::write_text(folder / "mine.hpp", "int x;");
  auto const fails = [&](words const& arguments, char const* what) {
    auto const ended = run(arguments);
    CHECK(ended.status == 1);
    CHECK_MESSAGE(ended.err.find(what) != std::string::npos, ended.err);
  };
  fails({in, "--header", (folder / "mine.hpp").string(), "--weights", "q8"}, "is there already");
  CHECK(test::read_text(folder / "mine.hpp") == "int x;");
  // Nor over what it reads, by whatever name: a hard link, a symbolic link.
  std::filesystem::copy(in, folder / "in");
  std::string const read = (folder / "in/model.safetensors").string();
  auto const weights = test::read_text(read);
  std::filesystem::create_hard_link(read, folder / "in/hard.hpp");
  std::filesystem::create_symlink(read, folder / "in/soft.hpp");
  for (std::string const& to : {read, (folder / "in/hard.hpp").string(), (folder / "in/soft.hpp").string()})
    fails({(folder / "in").string(), "--header", to, "--weights", "q8", "--namespace", "net"}, "is there already");
  CHECK(test::read_text(read) == weights);
  std::filesystem::remove_all(folder / "in");
  fails({in, "--header", (folder / "no" / "such.hpp").string(), "--weights", "q8"}, "cannot be written");
  fails({in, "--header", (folder / "my-net.hpp").string(), "--weights", "q8"},
        "my-net.hpp: 'my-net' is not a C++ identifier, expected a namespace in --namespace");
  auto const before = test::read_text(header);
  for (auto const& [name, why] : {std::pair{"class", "'class' is a C++ keyword"},
                                  {"app::co_await", "'co_await' is a C++ keyword"},
                                  {"_Net", "'_Net' is reserved"},
                                  {"a__b", "'a__b' is reserved"},
                                  {"2nd", "'2nd' is not a C++ identifier"}}) {
    fails({in, "--header", header, "--weights", "q8", "--namespace", name}, why);
  }
  fails({in, "--header", (folder / "new.hpp").string(), "--weights", "q8"}, "'new' is a C++ keyword");
  CHECK(test::read_text(header) == before);
  fails({in, "--header", header, "--weights", "q8", "--lanes", "3"}, "--lanes must be one of 1, 4, 8, 16");
  fails({in, (folder / "out").string(), "--header", header, "--weights", "q8"}, "exclude each other");
  fails({in, (folder / "out").string(), "--weights", "q8", "--lanes", "4"}, "--lanes needs --header");
  fails({in, "--header", header}, "--weights is missing");
  CHECK(entries(folder.path()) == 2);
}
