// SPDX-License-Identifier: MIT
#include <support/flush_subnormals.hpp>
#include <support/latency.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

TEST_CASE("latency: quantiles are the nearest rank") {
  std::vector<float> times;
  for (int i = 1; i <= 1000; ++i) times.push_back(static_cast<float>(i));
  CHECK(examples::quantile(times, 0.5) == 500);
  CHECK(examples::quantile(times, 0.999) == 999);
  CHECK(examples::quantile(times, 1) == 1000);
  CHECK(examples::quantile({3.0F}, 0.5) == 3);
  CHECK(examples::quantile({}, 0.5) == 0);
}

TEST_CASE("latency: every time is in one bin, and the budget counts what is longer") {
  std::vector<float> const times{1e-7F, 2e-7F, 2e-7F, 3e-6F, 1e-3F};
  for (int const per_octave : {1, 2, 8}) {
    std::size_t sum = 0;
    double last = 0;
    for (auto const& bin : examples::histogram(times, per_octave)) {
      CHECK(bin.low >= last);
      last = bin.high;
      sum += bin.count;
    }
    CHECK(sum == times.size());
    CHECK(last > 1e-3);
  }
  CHECK(examples::histogram({}, 2).empty());
  CHECK(examples::latency_line(times, 2e-6).find("over the budget: 2") != std::string::npos);
  CHECK(examples::latency_line(times) == "median 200 ns, 99.9th percentile 1.00 ms, maximum 1.00 ms");
  CHECK(examples::histogram_text(times).find("2  ###\n") != std::string::npos);
}

TEST_CASE("latency: as many times are kept as were announced, in order") {
  examples::latencies times(3);
  for (int i = 0; i < 5; ++i) times.time([] {});
  auto const sorted = times.sorted();
  CHECK(sorted.size() == 3);
  CHECK(sorted[0] <= sorted[2]);
}

TEST_CASE("latency: a page fault is counted") {
  auto const before = examples::disturbances::so_far();
  std::vector<char> const much(64'000'000, 'x');
  CHECK(much.back() == 'x');
  CHECK((examples::disturbances::so_far() - before).minor_faults > 0);
}

TEST_CASE("flush_subnormals: subnormal results are zero while it lives") {
  float volatile smallest = std::numeric_limits<float>::min();
  float const subnormal = smallest / 2;
  CHECK(subnormal > 0);
  float flushed = 1;
  {
    examples::flush_subnormals const flush;
    flushed = smallest / 2;
  }
#if defined(__SSE2__) || defined(__aarch64__)
  CHECK(flushed == 0);
#endif
  float const again = smallest / 2;
  CHECK(again > 0);
}
