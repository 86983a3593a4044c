// SPDX-License-Identifier: MIT
// tests/support/hippo_golden.hpp — the matrices of tests/golden/hippo, and how far ours are from them.
#pragma once

#include <doctest/doctest.h>

#include <mamba/io/safetensors/archive.hpp>
#include <mamba/ssm/systems/transition.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace test {

/// A tensor of one or two axes in double, a row for each entry of the first.
[[nodiscard]] inline mamba::ssm::matrix<double> golden_matrix(mamba::io::safetensors::archive const& file,
                                                              std::string const& name) {
  auto const& found = file.at(name);
  REQUIRE(found.type == mamba::io::dtype::f64);
  auto const rows = found.shape.at(0), columns = found.shape.size() == 2 ? found.shape.at(1) : 1;
  std::vector<double> values(rows * columns);
  mamba::io::read_values<double>(found, 0, values);
  using row_major = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  return Eigen::Map<row_major const>(values.data(), mamba::ssm::index(rows), mamba::ssm::index(columns));
}

[[nodiscard]] inline mamba::io::safetensors::archive hippo_file(char const* name) {
  return mamba::io::safetensors::archive::open(std::filesystem::path(MAMBA_GOLDEN_DIR) / "hippo" / name);
}

/// Compares every case of a measure of the S4 code: ours(n, parameters) makes the transition, and every entry must be
/// within allowed(n, parameters)·ε of it, relative to the S4 code's number. Answers how many cases there were.
inline int compare_transitions(
    std::string const& measure,
    std::function<mamba::ssm::transition<double>(std::size_t, mamba::ssm::matrix<double> const&)> const& ours,
    std::function<double(std::size_t, mamba::ssm::matrix<double> const&)> const& allowed) {
  auto const file = hippo_file("transitions.safetensors");
  int i = 0;
  double most = 0, share = 0;
  for (; file.find(measure + "." + std::to_string(i) + ".A") != nullptr; ++i) {
    auto const get = [&](char const* name) { return golden_matrix(file, measure + "." + std::to_string(i) + name); };
    auto const a = get(".A"), b = get(".B"), rows = get(".rows"), parameters = get(".parameters");
    auto const n = mamba::ssm::size(b.size());
    mamba::ssm::transition<double> const found = ours(n, parameters);
    REQUIRE(found.a.rows() == b.size());
    auto const near = [&](double x, double expected) {
      double const off = std::fabs(x - expected) / std::numeric_limits<double>::epsilon();
      double const relative = off == 0 ? 0 : off / std::fabs(expected);
      most = std::max(most, relative);
      share = std::max(share, relative / allowed(n, parameters));
      return relative <= allowed(n, parameters);
    };
    for (Eigen::Index r = 0; r < rows.size(); ++r) {
      for (Eigen::Index k = 0; k < b.size(); ++k) {
        REQUIRE(near(found.a(static_cast<Eigen::Index>(rows(r)), k), a(r, k)));
      }
    }
    for (Eigen::Index k = 0; k < b.size(); ++k) REQUIRE(near(found.b(k), b(k)));
  }
  MESSAGE(measure, ": ", i, " cases, at most ", most, " eps apart, ", share, " of what is allowed");
  return i;
}

}  // namespace test
