// SPDX-License-Identifier: MIT
#include <mamba/math/polynomial.hpp>
#include <mamba/simd/load_store.hpp>
#include <support/accuracy.hpp>

#include <doctest/doctest.h>

namespace {

template <class T>
constexpr T constant[] = {T(7)};
template <class T>
constexpr T cubic[] = {T(1), T(-2), T(3), T(0.5)};

template <class V>
using scalar_of = mamba::simd::scalar_of<V>;

}  // namespace

TEST_CASE_TEMPLATE("polynomial: coefficients ascend, in scalars and in every lane", T, float, double) {
  auto const one_term = [](auto x) { return mamba::math::polynomial(x, constant<scalar_of<decltype(x)>>); };
  auto const four_terms = [](auto x) { return mamba::math::polynomial(x, cubic<scalar_of<decltype(x)>>); };
  // Every value below is exact in T, so no tolerance is due.
  for (T const x : {T(0), T(1), T(-1), T(2), T(-3), T(0.5)}) {
    CHECK(test::maps(one_term, x, T(7)));
    CHECK(test::maps(four_terms, x, T(1) - T(2) * x + T(3) * x * x + T(0.5) * x * x * x));
  }
  CHECK(test::maps(four_terms, std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::quiet_NaN()));
}
