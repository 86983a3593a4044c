// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/systems/scalar.hpp>

#include <type_traits>

namespace {

namespace ssm = mamba::ssm;

TEST_CASE("scalar: scalars, and the real numbers behind them") {
  static_assert(std::is_same_v<ssm::real_of<std::complex<float>>, float>);
  static_assert(std::is_same_v<ssm::real_of<long double>, long double>);
  static_assert(std::is_same_v<ssm::complex_of<double>, std::complex<double>>);
  static_assert(std::is_same_v<ssm::complex_of<std::complex<double>>, std::complex<double>>);
  static_assert(ssm::is_complex<std::complex<double>> && !ssm::is_complex<double>);
  static_assert(ssm::scalar<std::complex<float>> && !ssm::scalar<int>);
  CHECK(ssm::scalar<long double>);
}

}  // namespace
