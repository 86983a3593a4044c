// SPDX-License-Identifier: MIT
#include <support/side_by_side.hpp>

#include <support/error_of.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace {

std::string report_of(std::string const& set, std::string const& rows) {
  return R"({"context": {"num_cpus": 2, "mamba": ")" + set +
         R"(", "processor": "P", "compiler": "g++ 12", "flags": "-O3", "floors, 1 thread": "read 16 GB/s"},)" +
         R"("benchmarks": [)" + rows + "]}";
}

std::string row_of(std::string const& name, double time, std::string const& more = "") {
  return R"({"run_name": ")" + name + R"(", "run_type": "iteration", "real_time": )" + std::to_string(time) +
         R"(, "time_unit": "ms")" + more + "}";
}

bench::report read(std::string const& label, std::string const& text) {
  mamba::io::json_document const file(text, label + ".json");
  return bench::read_report(label, file.root());
}

}  // namespace

TEST_CASE("side_by_side: a row has the figures of both builds, and their ratio") {
  auto const native =
      read("native", report_of("avx512", row_of("matmul/q8/threads:1/real_time", 0.5,
                                                R"(, "items_per_second": 2000, "int8_%": 77.4, "read_%": 3)")));
  auto const v3 = read("v3", report_of("avx2", row_of("matmul/q8/threads:1/real_time", 1.25,
                                                      R"(, "items_per_second": 800, "int8_%": 49.6, "read_%": 1)")));
  CHECK(bench::side_by_side({native, v3}) ==
        "- **native**: P, g++ 12, -O3 (`avx512`)\n"
        "  - floors with 1 thread: read 16 GB/s\n"
        "- **v3**: P, g++ 12, -O3 (`avx2`)\n"
        "  - floors with 1 thread: read 16 GB/s\n"
        "\n"
        "| | native | of its floor | tokens/s | v3 | of its floor | tokens/s | time over native's |\n"
        "|---|---:|---:|---:|---:|---:|---:|---:|\n"
        "| matmul/q8/threads:1 | 500 µs | 77 % int8 | 2000 | 1.25 ms | 50 % int8 | 800 | 2.50 |\n");
}

TEST_CASE("side_by_side: a build with the first one's instruction set is named and has no columns") {
  auto const text = report_of("avx2", row_of("a/real_time", 1));
  std::string const table = bench::side_by_side({read("native", text), read("v3", text)});
  CHECK(test::has(table, "- **v3**: the same instruction set as native (`avx2`), so it has no columns of its own\n"));
  CHECK(test::has(table, "\n| | native | of its floor | tokens/s |\n|---|---:|---:|---:|\n| a | 1.00 ms | – | – |\n"));
}

TEST_CASE("side_by_side: a benchmark that one build lacks has dashes there") {
  auto const native = read("native", report_of("avx512", row_of("a", 1) + "," + row_of("b", 2)));
  auto const v3 = read("v3", report_of("avx2", row_of("c", 3) + "," + row_of("b", 3)));
  std::string const table = bench::side_by_side({native, v3});
  CHECK(test::has(table,
                  "\n| a | 1.00 ms | – | – | – | – | – | – |\n"
                  "| b | 2.00 ms | – | – | 3.00 ms | – | – | 1.50 |\n"
                  "| c | – | – | – | 3.00 ms | – | – | – |\n"));
}

TEST_CASE("read_report: floors put together count before a single one; of repetitions the median counts") {
  auto const together =
      read("r", report_of("s", row_of("model/iterations:1/manual_time", 4, R"(, "floor_%": 61, "FMA_%": 50)")));
  REQUIRE(together.rows.size() == 1);
  CHECK(together.rows[0].name == "model");
  CHECK(together.rows[0].share == 61);
  CHECK(together.rows[0].what.empty());
  auto const repeated =
      read("r", report_of("s", row_of("a", 9) + "," + row_of("a", 5, R"(, "aggregate_name": "mean")") + "," +
                                   row_of("a", 4, R"(, "aggregate_name": "median")")));
  REQUIRE(repeated.rows.size() == 1);
  CHECK(repeated.rows[0].seconds == doctest::Approx(4e-3));
}

TEST_CASE("read_report: what is no report is refused by name") {
  CHECK(test::has(test::error_of([] { read("r", "{}"); }), "r.json: context is missing"));
  auto const units = report_of("s", R"({"run_name": "a", "real_time": 1, "time_unit": "h"})");
  CHECK(test::has(test::error_of([&] { read("r", units); }), R"(time_unit is "h", expected ns, us, ms or s)"));
  auto const untimed = report_of("s", R"({"run_name": "a", "time_unit": "s"})");
  CHECK(test::has(test::error_of([&] { read("r", untimed); }), "real_time is missing, expected a number"));
}
