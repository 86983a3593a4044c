// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/convolution/fourier_transform.hpp>
#include <support/kernel_systems.hpp>
#include <support/random_discrete.hpp>

#include <complex>
#include <limits>
#include <numbers>

namespace {

using mamba::dynamic;
using mamba::ssm::matrix;
using mamba::ssm::spectra;
using test::random_sequence;
namespace ssm = mamba::ssm;
using complex = std::complex<double>;
constexpr double eps = std::numeric_limits<double>::epsilon();
constexpr double pi = std::numbers::pi;

// The transform's own definition, 16 sums of 16: each within 16 roundings and the angles' of what is added.
TEST_CASE("fourier_transform: the transform is the one of its formula, and comes back") {
  test::random rng(1);
  auto const x = random_sequence<double, dynamic>(rng, 11, 2);
  auto const found = spectra(x, 16);
  for (Eigen::Index w = 0; w < 16; ++w) {
    for (Eigen::Index m = 0; m < 2; ++m) {
      complex sum = 0;
      for (Eigen::Index k = 0; k < 11; ++k) {
        sum += x(k, m) * std::polar(1.0, -2 * std::numbers::pi * static_cast<double>(w * k % 16) / 16);
      }
      CHECK(std::abs(found(w, m) - sum) < 20 * 2.2e-16 * x.col(m).cwiseAbs().sum());
    }
  }
  auto const back = mamba::ssm::from_spectra<double>(found);
  CHECK((back.topRows(11) - x).norm() < 10 * 2.2e-16 * x.norm());
  CHECK(back.bottomRows(5).norm() < 10 * 2.2e-16 * x.norm());
}

// By the sum itself: L terms, each off by its angle's rounding and its own.
TEST_CASE("fourier_transform: the inverse Fourier transform, of lengths prime and not") {
  test::random rng(6);
  for (std::size_t const L : {0U, 1U, 2U, 3U, 7U, 12U, 64U, 97U}) {
    auto const X = test::random_entries<complex>(rng, L, 2);
    auto const x = ssm::from_spectra<complex>(X);
    REQUIRE(x.rows() == X.rows());
    for (Eigen::Index j = 0; j < x.rows(); ++j) {
      for (Eigen::Index col = 0; col < 2; ++col) {
        complex sum = 0;
        for (Eigen::Index k = 0; k < x.rows(); ++k) {
          sum += X(k, col) * std::polar(1.0, 2 * pi * static_cast<double>((j * k) % x.rows()) / static_cast<double>(L));
        }
        CHECK(std::abs(x(j, col) - sum / static_cast<double>(L)) <= static_cast<double>(8 + L) * eps);
      }
    }
  }
}

}  // namespace
