// SPDX-License-Identifier: MIT
#include <mamba/math/complex_phi.hpp>
#include <support/random.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>

namespace math = mamba::math;

namespace {

using wide = std::complex<long double>;

/// Σ zᵏ/(k + first)!, from its smallest terms: for |z| ≤ 4 no term exceeds the sum of ours more than 200 times.
wide series(wide z, int first) {
  wide terms[60];
  wide term = 1;
  for (int k = 1; k <= first; ++k) term /= static_cast<long double>(k);
  for (int k = 0; k < 60; ++k) {
    terms[k] = term;
    term *= z / static_cast<long double>(k + first + 1);
  }
  wide sum = 0;
  for (int k = 59; k >= 0; --k) sum += terms[k];
  return sum;
}

// The textbook quotients in extended precision, where they lose less than a double's rounding, else the series.
wide exact_expm1(wide z) { return std::abs(z) < 4 ? z * series(z, 1) : std::exp(z) - 1.0L; }
wide exact_phi1(wide z) { return std::abs(z) < 4 ? series(z, 1) : (std::exp(z) - 1.0L) / z; }
wide exact_phi2(wide z) { return std::abs(z) < 4 ? series(z, 2) : (std::exp(z) - 1.0L - z) / z / z; }

struct worst_case {
  double error = 0;  ///< in ε of the scale
  wide at = 0;
};

/// The worst |found − exact|/scale(z) in ε over random z with magnitudes from 1e-20 to 60 and Re z in [low, high].
template <class T, class Ours, class Exact, class Scale>
worst_case sweep(double low, double high, Ours ours, Exact exact, Scale scale) {
  test::random rng(sizeof(T));
  worst_case worst;
  for (int i = 0; i < 30000; ++i) {
    double const size = i % 2 == 0 ? std::exp(rng.uniform(-46, 4.1)) : rng.uniform(0, 60);
    double const angle = rng.uniform(-3.1416, 3.1416);
    std::complex<T> const z(static_cast<T>(std::clamp(size * std::cos(angle), low, high)),
                            static_cast<T>(size * std::sin(angle)));
    wide const precise(z.real(), z.imag());
    auto const found = ours(z);
    double const error =
        static_cast<double>(std::abs(wide(found.real(), found.imag()) - exact(precise)) / scale(precise)) /
        static_cast<double>(std::numeric_limits<T>::epsilon());
    if (!(error <= worst.error)) worst = {error, precise};
  }
  return worst;
}

#define CHECK_WORST(expression, bound)                                                           \
  do {                                                                                           \
    auto const found = (expression);                                                             \
    INFO("worst error ", found.error, " eps at ", static_cast<double>(found.at.real()), " + i ", \
         static_cast<double>(found.at.imag()));                                                  \
    CHECK(found.error <= (bound));                                                               \
  } while (false)

}  // namespace

TEST_CASE_TEMPLATE("complex phi: expm1, phi1 and phi2 within their cards", T, float, double) {
  auto const relative = [](auto exact) { return [=](wide z) { return std::abs(exact(z)); }; };
  auto const e = [](auto z) { return math::expm1(z); };
  auto const p1 = [](auto z) { return math::phi1(z); };
  auto const p2 = [](auto z) { return math::phi2(z); };
  CHECK_WORST(sweep<T>(-60, 60, e, exact_expm1, relative(exact_expm1)), 3.0);
  CHECK_WORST(sweep<T>(-60, 60, p1, exact_phi1, relative(exact_phi1)), 4.0);
  CHECK_WORST(sweep<T>(-60, 1, p2, exact_phi2, relative(exact_phi2)), 6.0);
  auto const parts = [](wide z) { return (std::abs(exact_phi1(z)) + 1) / std::abs(z); };
  CHECK_WORST(sweep<T>(1, 60, p2, exact_phi2, parts), 6.0);
}

TEST_CASE("complex phi: eᶻ − 1 keeps its digits beside the zeros 2πik") {
  // In float, so that the reference in extended precision has digits left where e^z is within 1e-6 of 1.
  test::random rng(3);
  for (int i = 0; i < 3000; ++i) {
    double const turn = 6.283185307179586 * (1.0 + static_cast<double>(rng.below(5)));
    double const off = std::exp(rng.uniform(-12, -1));
    std::complex<float> const z(static_cast<float>(off * rng.uniform(-1, 1)), static_cast<float>(turn + off));
    wide const exact = std::exp(wide(z.real(), z.imag())) - 1.0L;
    auto const found = math::expm1(z);
    CHECK(static_cast<double>(std::abs(wide(found.real(), found.imag()) - exact) / std::abs(exact)) <=
          3 * static_cast<double>(std::numeric_limits<float>::epsilon()));
  }
}

TEST_CASE_TEMPLATE("complex phi: real numbers give what the reals give, conjugates conjugates", T, float, double) {
  test::random rng(4);
  // Both are within their cards: 2 ulp and 4 ε, 5 ulp and 6 ε; an ulp is at most an ε of the value.
  auto const near = [](std::complex<T> a, T b, T eps) {
    return std::abs(a - b) <= eps * std::numeric_limits<T>::epsilon() * std::fabs(b);
  };
  for (int i = 0; i < 3000; ++i) {
    auto const x = static_cast<T>(rng.uniform(-30, 1)), y = static_cast<T>(rng.uniform(-30, 30));
    CHECK(near(math::phi1(std::complex<T>(x)), math::phi1(x), 6));
    CHECK(near(math::phi2(std::complex<T>(x)), math::phi2(x), 11));
    std::complex<T> const z(x, y);
    // Not bit for bit: a compiler may fuse other products in one of the two.
    auto const apart = [](auto a, auto b) { return std::abs(a - b) / std::abs(b) / std::numeric_limits<T>::epsilon(); };
    CHECK(apart(math::phi1(std::conj(z)), std::conj(math::phi1(z))) <= 8);
    CHECK(apart(math::phi2(std::conj(z)), std::conj(math::phi2(z))) <= 12);
  }
}

TEST_CASE("complex phi: special values") {
  using complex = std::complex<double>;
  constexpr double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  CHECK(math::phi1(complex(0)) == complex(1));
  CHECK(math::phi2(complex(0)) == complex(0.5));
  CHECK(math::phi1(complex(-infinity)) == complex(0));
  CHECK(math::phi1(complex(1e-300, -1e-300)).real() == 1);
  for (complex const z : {complex(nan, 0), complex(0, nan), complex(nan, nan), complex(-3, nan)}) {
    CHECK(std::isnan(math::phi1(z).real()));
    CHECK(std::isnan(math::phi2(z).real()));
    CHECK(std::isnan(math::expm1(z).real()));
  }
  // A full turn leaves nothing of the mean, ∫₀¹ e^(2πis) ds = 0, and −1/(2πi) of its moment.
  complex const turn(0, 6.283185307179586);
  CHECK(std::abs(math::phi1(turn)) < 1e-16);
  CHECK(std::abs(math::phi2(turn) + 1.0 / turn) < 1e-16);
}

TEST_CASE("complex phi: long double, for references") {
  constexpr long double eps = std::numeric_limits<long double>::epsilon();
  test::random rng(5);
  for (int i = 0; i < 300; ++i) {
    double const size = std::exp(rng.uniform(-46, 0.4)), angle = rng.uniform(-3.1416, 3.1416);
    wide const z(size * std::cos(angle), size * std::sin(angle));
    CHECK(std::abs(math::phi1(z) - series(z, 1)) <= 20 * eps * std::abs(series(z, 1)));
    CHECK(std::abs(math::phi2(z) - series(z, 2)) <= 30 * eps * std::abs(series(z, 2)));
  }
}
