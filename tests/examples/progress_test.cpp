// SPDX-License-Identifier: MIT
#include <support/progress.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

TEST_CASE("progress: a line shows share, speed and what is left") {
  CHECK(examples::progress_line("reading", 0, 100, 1) == "reading [>                   ]   0 %, 0.00 tokens/s");
  CHECK(examples::progress_line("reading", 50, 100, 2) ==
        "reading [==========>         ]  50 %, 25.0 tokens/s, 2 s left");
  CHECK(examples::progress_line("reading", 100, 100, 2) == "reading [====================] 100 %, 50.0 tokens/s");
  CHECK(examples::progress_line("writing", 100, 100, 2, "numbers") ==
        "writing [====================] 100 %, 50.0 numbers/s");
  CHECK(examples::progress_line("reading", 0, 0, 0) == "reading [====================] 100 %, 0.00 tokens/s");
  CHECK(examples::progress_line("reading prompt text", 1, 1000000000, 1e6).size() <= 79);
}

TEST_CASE("progress: nothing is drawn in the first half second, then at most ten lines a second, and the end wipes") {
  double now = 0;
  std::vector<std::string> lines;
  {
    examples::progress bar(
        "x", 1000, [&](std::string const& line) { lines.push_back(line); }, [&] { return now; });
    for (std::size_t i = 0; i <= 49; ++i) {
      now = static_cast<double>(i) * 0.01;
      bar.update(i);
    }
    CHECK(lines.empty());
    for (std::size_t i = 50; i <= 149; ++i) {
      now = static_cast<double>(i) * 0.01;
      bar.update(i);
    }
    CHECK(lines.size() >= 9);
    CHECK(lines.size() <= 10);
    for (auto const& line : lines) CHECK(line.find("\rx [") == 0);
    bar.finish();
    CHECK(lines.back() == "\r\x1b[K");
  }
  CHECK(lines.back() == "\r\x1b[K");
  CHECK(lines.size() <= 11);  // wiped once, though the destructor came after finish()
}

TEST_CASE("progress: nothing is printed for short work, or without a terminal") {
  double now = 0.3;
  std::vector<std::string> lines;
  {
    examples::progress bar(
        "x", 10, [&](std::string const& line) { lines.push_back(line); }, [&] { return now; });
    bar.update(10);
  }
  CHECK(lines.empty());
  now = 100;
  examples::progress unseen("x", 10, nullptr, [&] { return now; });
  unseen.update(5);
  unseen.finish();
}
