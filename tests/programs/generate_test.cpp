// SPDX-License-Identifier: MIT
#include <mamba/io/text/utf8.hpp>
#include <support/run_program.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <vector>

namespace {

std::string const generate = MAMBA_GENERATE;
using words = std::vector<std::string>;

// Without the prompt, so that what is drawn can be compared.
test::ended run(words const& arguments, std::string const& environment = "") {
  words all{generate, "--echo", "no"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return test::run(all, "< /dev/null", environment);
}

}  // namespace

TEST_CASE("generate: text to standard output, everything else to standard error") {
  auto const ended = run({"-p", "ROMEO:", "-n", "40", "--seed", "1"});
  CHECK(ended.status == 0);
  CHECK(ended.out.size() >= 40);  // bytes; a byte that is no character is printed as one
  for (char const* const part :
       {"prompt: 6 tokens, ", "generation: 40 tokens, ", "tokens/s", "peak memory: ", "seed: 1"})
    CHECK(ended.err.find(part) != std::string::npos);
  CHECK(ended.err.find('\r') == std::string::npos);  // no progress bar without a terminal
  CHECK(run({"-p", "ROMEO:", "-n", "0"}).out.empty());
}

TEST_CASE("generate: a seed decides the text, threads and the way of the prompt don't") {
  words const plain{"-p", "ROMEO:\n", "-n", "48", "--seed", "7"};
  auto const expected = run(plain).out;
  CHECK(run(plain).out == expected);
  CHECK(run({"-p", "ROMEO:\n", "-n", "48", "--seed", "8"}).out != expected);
  CHECK(run({"-p", "ROMEO:\n", "-n", "48", "--seed", "7", "--threads", "1"}).out == expected);
  CHECK(run({"-p", "ROMEO:\n", "-n", "48", "--seed", "7", "--threads", "2"}).out == expected);
  CHECK(run(plain, "OMP_NUM_THREADS=3").out == expected);
  CHECK(run({"--ids", "82 79 77 69 79 58 10", "-n", "48", "--seed", "7"}).out == expected);

  test::temporary_folder const folder;
  test::write_text(folder / "prompt", "ROMEO:\n");
  CHECK(run({"--prompt-file", (folder / "prompt").string(), "-n", "48", "--seed", "7"}).out == expected);
  CHECK(test::run_reading({generate, "--echo", "no", "-n", "48", "--seed", "7"}, "ROMEO:\n").out == expected);
  CHECK(test::run_reading({generate, "--echo", "no", "-p", "-", "-n", "48", "--seed", "7"}, "ROMEO:\n").out ==
        expected);
  CHECK(test::run({"/bin/sh", "-c", "printf 'ROMEO:\\n' | '" + generate + "' --echo no -n 48 --seed 7"}).out ==
        expected);
}

TEST_CASE("generate: a prompt of any length, and none at all") {
  std::string const text = test::read_text(MAMBA_DEFAULT_MODEL_DIR "/heldout.txt").substr(0, 300);
  auto const whole = test::run_reading({generate, "-n", "8", "-t", "0"}, text);
  CHECK(whole.status == 0);
  CHECK(whole.err.find("prompt: 300 tokens") != std::string::npos);
  auto const none = run({"-n", "8", "--seed", "1"});
  CHECK(none.status == 0);
  CHECK(none.out.size() >= 8);
  CHECK(test::run({generate, "-n", "8", "--seed", "1"}, "0<&-").out == none.out);  // standard input closed
  CHECK(run({"-p", "", "-n", "8", "--seed", "1"}).out == none.out);
  CHECK(run({"-p", "\n", "-n", "8", "--seed", "1"}).out == none.out);  // a byte model starts from a new line
}

TEST_CASE("generate: a prompt that comes late on a pipe is waited for, with a notice") {
  auto const late = test::run({"/bin/sh", "-c", "(sleep 4; printf KING) | '" + generate + "' -n 8 -t 0"});
  CHECK(late.status == 0);
  CHECK(late.out == test::run({generate, "-p", "KING", "-n", "8", "-t", "0"}).out);
  CHECK(late.err.find("waiting for a prompt on standard input") != std::string::npos);
  auto const soon = test::run({"/bin/sh", "-c", "printf KING | '" + generate + "' -n 8 -t 0"});
  CHECK(soon.out == late.out);
  CHECK(soon.err.find("waiting") == std::string::npos);
}

TEST_CASE("generate: a closed standard input is no prompt, and never something else") {
  auto const closed = test::run({generate, "-p", "-", "-n", "3"}, "0<&-");
  CHECK(closed.refused("generate"));
  CHECK(closed.err.find("standard input: cannot be read") != std::string::npos);
}

TEST_CASE("generate: the text begins with the prompt, unless that is not wanted") {
  auto const continuation = run({"-p", "ROMEO:", "-n", "20", "-t", "0"}).out;
  CHECK(continuation.size() == 20);
  CHECK(test::run({generate, "-p", "ROMEO:", "-n", "20", "-t", "0"}).out == "ROMEO:" + continuation);
  CHECK(test::run({generate, "--ids", "82 79 77 69 79 58", "-n", "20", "-t", "0"}).out == "ROMEO:" + continuation);
  CHECK(test::run({generate, "-p", "ROMEO:", "-n", "0"}).out == "ROMEO:");
  CHECK(test::run({generate, "-p", "ROMEO:", "-n", "20", "-t", "0", "--stop", "ROMEO:"}).out ==
        "ROMEO:" + continuation);
  // A prompt that ends within a character: its bytes wait for what follows.
  auto const cut = test::run({generate, "--ids", "82 226 130", "-n", "20", "-t", "0"}).out;
  CHECK(cut == mamba::io::utf8::replace_invalid(cut));
}

TEST_CASE("generate: greedy needs no seed, and temperature 0 is top-k 1") {
  auto const expected = run({"-p", "KING", "-n", "30", "-t", "0", "--seed", "1"}).out;
  CHECK(run({"-p", "KING", "-n", "30", "-t", "0", "--seed", "2"}).out == expected);
  CHECK(run({"-p", "KING", "-n", "30", "--top-k", "1", "--seed", "3"}).out == expected);
  CHECK(run({"-p", "KING", "-n", "30", "--top-p", "0", "--seed", "4"}).out == expected);
  CHECK(run({"-p", "KING", "-n", "30", "--min-p", "1", "--seed", "5"}).out == expected);
  CHECK(run({"-p", "KING", "-n", "30", "-t", "0", "--repetition-penalty", "3"}).out != expected);
}

TEST_CASE("generate: stops before a stop string, wherever tokens end") {
  auto const expected = run({"-p", "ROMEO:", "-n", "60", "-t", "0"}).out;
  REQUIRE(expected.size() == 60);
  std::string const stop = expected.substr(20, 5);
  auto const ended = run({"-p", "ROMEO:", "-n", "60", "-t", "0", "--stop", "@@@", "--stop", stop});
  CHECK(ended.status == 0);
  CHECK(ended.out == expected.substr(0, expected.find(stop)));
  CHECK(run({"-p", "ROMEO:", "-n", "60", "-t", "0", "--stop", expected.substr(50) + "@"}).out == expected);
}

TEST_CASE("generate: whatever bytes are drawn, the stream is UTF-8") {
  for (char const* const seed : {"1", "2", "3"}) {
    auto const ended = run({"-p", "x", "-n", "300", "-t", "1000", "--seed", seed});
    CHECK(ended.status == 0);
    CHECK(ended.out == mamba::io::utf8::replace_invalid(ended.out));
    CHECK(ended.out.find(mamba::io::utf8::replacement) != std::string::npos);
  }
}

TEST_CASE("generate: every format of weights, and every small checkpoint") {
  for (char const* const format : {"f32", "f16", "bf16", "q8", "q4", "ternary", "f64"}) {
    CAPTURE(format);
    auto const ended = run({"-p", "ROMEO:", "-n", "10", "-t", "0", "--weights", format});
    CHECK(ended.status == 0);
    CHECK(ended.out.size() == 10);
  }
  for (auto const& entry : std::filesystem::directory_iterator(MAMBA_GOLDEN_DIR "/models")) {
    if (!entry.is_directory()) continue;
    CAPTURE(entry.path().string());
    auto const ended = run({"--model", entry.path().string(), "--ids", "1 2 3", "-n", "10", "--seed", "1"});
    CHECK(ended.status == 0);
    CHECK(ended.err.find("generation: 10 tokens") != std::string::npos);
  }
}

TEST_CASE("generate: a full disk is an error, a reader who has left is none") {
  if (std::filesystem::exists("/dev/full")) {
    auto const full = test::run({generate, "-p", "x", "-n", "5"}, "< /dev/null > /dev/full");
    CHECK(full.refused("generate"));
    CHECK(full.err.find("standard output") != std::string::npos);
  }
  // The shell's status is head's; generate must write no error, though 20000 tokens are far from done.
  auto const left = test::run(
      {"/bin/sh", "-c", "{ '" + generate + "' -p x -n 20000 --seed 1; echo \"status $?\" >&2; } | head -c 5"});
  CHECK(left.out.size() == 5);
  CHECK(left.err == "status 0\n");
}
