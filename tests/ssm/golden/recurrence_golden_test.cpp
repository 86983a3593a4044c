// SPDX-License-Identifier: MIT
// 12 small systems as the Annotated S4 runs them in true float64 (tests/golden/recurrence): its recurrence from any
// state, its kernel and its convolutions, against ours.
#include <doctest/doctest.h>

#include <mamba/io/safetensors/archive.hpp>
#include <mamba/ssm/convolution/chunk_convolution.hpp>
#include <mamba/ssm/convolution/fft_convolution.hpp>
#include <mamba/ssm/convolution/krylov_kernel.hpp>
#include <mamba/ssm/discretize/discretize.hpp>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

namespace {

using mamba::ssm::matrix;
using mamba::ssm::sequence;
using mamba::ssm::vector;

matrix<double> read(mamba::io::safetensors::archive const& file, int index, std::string const& name) {
  auto const& found = file.at(std::to_string(index) + "." + name);
  REQUIRE(found.type == mamba::io::dtype::f64);
  std::vector<double> cells(found.data.size() / sizeof(double));
  mamba::io::read_values<double>(found, 0, cells);
  auto const rows = mamba::ssm::index(found.shape.at(0));
  using row_major = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  return Eigen::Map<row_major const>(cells.data(), rows, static_cast<Eigen::Index>(cells.size()) / rows);
}

double relative(matrix<double> const& found, matrix<double> const& expected) {
  return (found - expected).norm() / expected.norm();
}

// The bilinear rule solves with I − ΔA/2, whose condition is below 10 here: 10·N u ≤ 2e-14 in Ā and B̄. What an Ā that
// is off by so much does grows with the steps that are remembered, of which a step of 1/L has some L/2 ≤ 64: 1e-12 is
// within it, and 3e-14 what is found. The same Ā on both sides leaves the sums: L·N u = 2e-13 at worst.
TEST_CASE("recurrence golden: the Annotated S4's recurrence, kernel and convolutions") {
  auto const file = mamba::io::safetensors::archive::open(std::filesystem::path(MAMBA_GOLDEN_DIR) /
                                                          "recurrence/recurrence.safetensors");
  double most = 0;
  int count = 0;
  for (; file.find(std::to_string(count) + ".A") != nullptr; ++count) {
    auto const get = [&](char const* name) { return read(file, count, name); };
    sequence<double> const u = get("u");
    double const delta = 1 / static_cast<double>(u.rows());
    mamba::ssm::dense_system<double> const continuous{get("A"), get("B"), get("C"), matrix<double, 1>{{0}}};
    auto const s = bilinear(delta, continuous);
    CHECK(relative(s.a_bar, get("A_bar")) < 1e-13);
    CHECK(relative(s.b_bar, get("B_bar")) < 1e-13);

    vector<double> h = get("h0"), zero = zero_state(s), chunk = get("h0");
    auto const kernel = krylov_kernel(s, mamba::ssm::size(u.rows()));
    double const off[] = {relative(recurrence(s, h, u), get("y")),
                          relative(recurrence(s, zero, u), get("y_run")),
                          relative(kernel, get("K")),
                          relative(mamba::ssm::fft_convolve(kernel, u), get("y_fft")),
                          relative(mamba::ssm::convolve(kernel, u), get("y_direct")),
                          relative(chunk_convolution(s, kernel, chunk, u), get("y"))};
    for (double const one : off) CHECK(one < 1e-12);
    CHECK(relative(h, get("h_last")) < 1e-12);
    CHECK(relative(chunk, get("h_last")) < 1e-12);
    most = std::max(most, *std::max_element(std::begin(off), std::end(off)));
  }
  CHECK(count == 12);
  MESSAGE(count, " cases, at most ", most, " apart");
}

}  // namespace
