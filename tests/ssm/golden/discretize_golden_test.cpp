// SPDX-License-Identifier: MIT
// Twenty dense systems, each by eight rules, as scipy.signal.cont2discrete computes them
// (tests/golden/discretize/make.py): stable, unstable, singular, stiff, slow, and with a B a million times larger.
#include <doctest/doctest.h>

#include <mamba/io/safetensors/archive.hpp>
#include <mamba/ssm/discretize/discretize.hpp>

#include <algorithm>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace {

using namespace mamba::ssm;
using system = dense_system<double, mamba::dynamic, mamba::dynamic>;

class golden {
 public:
  golden()
      : file_(mamba::io::safetensors::archive::open(std::filesystem::path(MAMBA_GOLDEN_DIR) /
                                                    "discretize/discretize.safetensors")) {}

  [[nodiscard]] bool has(int i) const { return file_.find(std::to_string(i) + ".A") != nullptr; }

  [[nodiscard]] matrix<double> get(int i, std::string const& name) const {
    auto const& found = file_.at(std::to_string(i) + "." + name);
    REQUIRE(found.type == mamba::io::dtype::f64);
    auto const rows = index(found.shape.at(0)), columns = found.shape.size() == 1 ? 1 : index(found.shape.at(1));
    std::vector<double> values(size(rows * columns));
    mamba::io::read_values<double>(found, 0, values);
    return Eigen::Map<Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(values.data(), rows,
                                                                                              columns);
  }

 private:
  mamba::io::safetensors::archive file_;
};

/// ‖found − expected‖/‖expected‖.
double relative(matrix<double> const& found, matrix<double> const& expected) {
  REQUIRE(found.rows() == expected.rows());
  REQUIRE(found.cols() == expected.cols());
  REQUIRE(found.allFinite());  // a NaN is lost in a maximum
  double const off = (found - expected).norm();
  return off == 0 ? 0 : off / expected.norm();
}

// scipy's numbers are within 1e-14 of extended precision (make.py asserts it). Ours are within 4 (N + 2M) ε (1 + ‖ΔA‖)
// by the card of matrix_exponential: 8e-14 for N = 16, 5e-13 for the stiff system with ‖ΔA‖ = 101; the LUs, with
// condition numbers up to (1 + ‖ΔA‖)², as far. 1e-12 has room for the norms that enter as factors.
constexpr double tolerance = 1e-12;

TEST_CASE("discretize golden: A and B of twenty systems by eight rules of scipy") {
  golden const file;
  int cases = 0;
  double worst = 0;
  int i = 0;
  for (; file.has(i); ++i) {
    INFO("system ", i);
    auto const a = file.get(i, "A"), b = file.get(i, "B");
    double const delta = file.get(i, "delta")(0);
    system const s{a, b, matrix<double>::Zero(1, a.rows()), matrix<double>::Zero(1, b.cols())};
    auto const is = [&](char const* rule, matrix<double> const& a_bar, matrix<double> const& b_bar) {
      INFO(rule);
      double const off = std::max(relative(a_bar, file.get(i, std::string(rule) + ".A")),
                                  relative(b_bar, file.get(i, std::string(rule) + ".B")));
      CHECK(off <= tolerance);
      worst = std::max(worst, off);
      ++cases;
    };
    auto const one_input = [&](char const* rule, auto const& d) { is(rule, d.a_bar, d.b_bar); };
    one_input("euler", forward_euler(delta, s));
    one_input("backward_diff", backward_euler(delta, s));
    one_input("bilinear", bilinear(delta, s));
    one_input("gbt25", generalized_bilinear(delta, 0.25, s));
    one_input("gbt75", generalized_bilinear(delta, 0.75, s));
    one_input("zoh", zero_order_hold(delta, s));
    // scipy's state is h − B̄ x: what our two inputs do to it is B̄₋ + Ā B̄.
    auto const linear = first_order_hold(delta, s);
    is("foh", linear.a_bar, linear.b_bar_before + linear.a_bar * linear.b_bar);
    CHECK(relative(linear.b_bar, file.get(i, "foh.B_now")) <= tolerance);
    // With λ = 0 the exponential-trapezoidal rule hears the input only when the step begins: scipy's "impulse".
    auto const begin = exponential_trapezoidal(delta, 0.0, s);
    is("impulse", begin.a_bar, begin.b_bar_before);
    CHECK(begin.b_bar.norm() == 0);
    auto const selective = zero_order_hold_a_euler_b(delta, s);
    CHECK(relative(selective.a_bar, file.get(i, "zoh.A")) <= tolerance);
    CHECK(relative(selective.b_bar, file.get(i, "euler.B")) <= tolerance);
  }
  CHECK(i == 20);
  CHECK(cases == 160);
  MESSAGE(cases, " cases, worst relative error ", worst);
}

}  // namespace
