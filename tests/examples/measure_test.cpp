// SPDX-License-Identifier: MIT
#include <support/measure.hpp>

#include <doctest/doctest.h>

#include <vector>

TEST_CASE("measure: numbers and sizes are printed as people read them") {
  CHECK(examples::three_digits(0) == "0.00");
  CHECK(examples::three_digits(1.234) == "1.23");
  CHECK(examples::three_digits(9.996) == "10.0");
  CHECK(examples::three_digits(12.34) == "12.3");
  CHECK(examples::three_digits(99.96) == "100");
  CHECK(examples::three_digits(1234.5678) == "1235");
  CHECK(examples::readable_bytes(999) == "999 bytes");
  CHECK(examples::readable_bytes(1000) == "1.00 kB");
  CHECK(examples::readable_bytes(35'200'000) == "35.2 MB");
  CHECK(examples::readable_bytes(999'600'000) == "1.00 GB");
  CHECK(examples::readable_bytes(12'000'000'000'000'000) == "12000 TB");
}

TEST_CASE("measure: rates are finite") {
  CHECK(examples::rate(0, 0) == 0);
  CHECK(examples::rate(10, 2) == 5);
  CHECK(examples::rate(10, 0) > 0);
  examples::stopwatch const watch;
  double const first = watch.seconds();
  CHECK(first >= 0);
  CHECK(watch.seconds() >= first);
}

TEST_CASE("measure: peak memory grows with what is used") {
  auto const before = examples::peak_memory();
  CHECK(before > 100'000);
  std::vector<char> const much(64'000'000, 'x');
  CHECK(much[12345] == 'x');
  CHECK(examples::peak_memory() >= before);
  CHECK(examples::peak_memory() > 64'000'000);
}
