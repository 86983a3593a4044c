// SPDX-License-Identifier: MIT
// Six selective scans as transformers computes them in true float64 (tests/golden/scan/make.py): the reference and both
// precisions of the kernel against numbers that this library had no part in.
#include <doctest/doctest.h>

#include <mamba/io/safetensors/archive.hpp>
#include <mamba/kernels/scan/selective_scan.hpp>
#include <mamba/ssm/selective/selective_scan.hpp>
#include <support/scan_case.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace {

using mamba::kernels::channel_blocked;
using test::scan_case;
using test::table;

struct golden {
  scan_case<double> given;
  table<double> y, h_last;
};

table<double> read(mamba::io::safetensors::archive const& from, std::string const& name) {
  auto const* const found = from.find(name);
  if (found == nullptr) return {};
  REQUIRE(found->type == mamba::io::dtype::f64);
  bool const line = found->shape.size() == 1;
  table<double> out(line ? 1 : found->shape.at(0), found->shape.at(line ? 0 : 1));
  mamba::io::read_values<double>(*found, 0, out.cells());
  return out;
}

std::vector<golden> cases() {
  auto const file = mamba::io::safetensors::archive::open(std::filesystem::path(MAMBA_GOLDEN_DIR) /
                                                          "scan/selective_scan.safetensors");
  std::vector<golden> out;
  for (int i = 0; file.find(std::to_string(i) + ".y") != nullptr; ++i) {
    auto const get = [&](char const* name) { return read(file, std::to_string(i) + "." + name); };
    golden g;
    g.given = {get("delta"), get("A"), get("B"), get("C"), get("D").cells(), get("x"), get("z"), get("h0")};
    g.y = get("y");
    g.h_last = get("h_last");
    if (g.given.h.empty()) g.given.h = table<double>(g.given.a.extent(0), g.given.a.extent(1));
    out.push_back(g);
  }
  return out;
}

/// ‖found − expected‖ / ‖expected‖.
template <class Found>
double relative_error(Found const& found, table<double> const& expected) {
  double off = 0, size = 0;
  for (std::size_t i = 0; i < expected.extent(0); ++i) {
    for (std::size_t j = 0; j < expected.extent(1); ++j) {
      double const difference = static_cast<double>(found(i, j)) - expected(i, j);
      off += difference * difference;
      size += expected(i, j) * expected(i, j);
    }
  }
  return std::sqrt(off / size);
}

template <class T>
struct outcome {
  table<T> y;
  channel_blocked<T> h;
};

template <class T>
outcome<T> by_kernel(scan_case<T> const& s) {
  auto const blocked = [](table<T> const& t) {
    channel_blocked<T> out(t.extent(0), t.extent(1));
    for (std::size_t d = 0; d < t.extent(0); ++d) {
      for (std::size_t n = 0; n < t.extent(1); ++n) out(d, n) = t(d, n);
    }
    return out;
  };
  outcome<T> out{table<T>(s.x.extent(0), s.x.extent(1)), blocked(s.h)};
  auto const z = s.z.empty() ? mamba::matrix_view<T const>() : s.z.view();
  mamba::kernels::selective_scan(
      {.delta = s.delta.view(), .b = s.b.view(), .c = s.c.view(), .x = s.x.view(), .z = z, .d = s.d}, blocked(s.a),
      out.h, out.y.view());
  return out;
}

TEST_CASE("scan golden: six cases, with and without D, gate and initial state") {
  auto const all = cases();
  REQUIRE(all.size() == 6);
  CHECK(all[0].given.x.extent(0) == 12);
  CHECK(all[3].given.x.extent(1) == 7);
  CHECK(all[3].given.h.extent(1) == 24);
  CHECK(std::count_if(all.begin(), all.end(), [](golden const& g) { return g.given.z.empty(); }) == 3);
  CHECK(std::count_if(all.begin(), all.end(), [](golden const& g) { return g.given.d.empty(); }) == 2);
}

TEST_CASE("scan golden: the reference in double is transformers within 1e-13") {
  for (golden const& g : cases()) {
    auto s = g.given;
    auto const y = s.run();
    CHECK(relative_error(y, g.y) < 1e-13);
    CHECK(relative_error(s.h, g.h_last) < 1e-13);
  }
}

TEST_CASE("scan golden: the kernel in double is transformers within 1e-13, and each number within its bound") {
  for (golden const& g : cases()) {
    auto const seen = by_kernel(g.given);
    CHECK(relative_error(seen.y, g.y) < 1e-13);
    CHECK(relative_error(seen.h, g.h_last) < 1e-13);
    // transformers' own roundings are as many as the kernel's: twice the bound has room for both.
    test::scan_bound<double> const bound(g.given.as<long double>(), test::inputs::exact);
    CHECK(test::worst(seen.y, g.y.as<long double>(), bound.y) <= 2);
    CHECK(test::worst(seen.h, g.h_last.as<long double>(), bound.h) <= 2);
  }
}

TEST_CASE("scan golden: the kernel in float is within the bound of its roundings and of its rounded inputs") {
  double most = 0;
  for (golden const& g : cases()) {
    auto const seen = by_kernel(g.given.as<float>());
    test::scan_bound<float> const bound(g.given.as<long double>(), test::inputs::rounded);
    double const y = test::worst(seen.y, g.y.as<long double>(), bound.y);
    double const h = test::worst(seen.h, g.h_last.as<long double>(), bound.h);
    CHECK(y <= 1);
    CHECK(h <= 1);
    most = std::max({most, y, h});
  }
  MESSAGE("at most ", most, " of the bound");
}

}  // namespace
