// SPDX-License-Identifier: MIT
#include <mamba/simd/transform.hpp>
#include <support/random.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstring>
#include <limits>
#include <span>
#include <vector>

namespace simd = mamba::simd;

TEST_CASE_TEMPLATE("transform: every length and misalignment; nothing outside is written", T, float, double) {
  constexpr std::size_t lanes = simd::lanes<T>;
  for (std::size_t n = 0; n <= 2 * lanes + 1; ++n) {
    for (std::size_t const shift : {std::size_t{0}, lanes / 4, 3 * lanes / 5}) {
      std::vector<T> a(n), b(n + shift), out(n + shift + 2, T(-7));
      for (std::size_t i = 0; i < n; ++i) {
        a[i] = static_cast<T>(i) + T(1);
        b[i + shift] = static_cast<T>(3 * i);
      }
      simd::transform(
          std::span<T>(out).subspan(shift, n), [](auto x, auto y) { return x * x - y; }, a,
          std::span<T const>(b).subspan(shift, n));
      for (std::size_t i = 0; i < n; ++i) {
        CHECK(out[shift + i] == (static_cast<T>(i) + T(1)) * (static_cast<T>(i) + T(1)) - static_cast<T>(3 * i));
      }
      for (std::size_t i = 0; i < shift; ++i) CHECK(out[i] == T(-7));
      CHECK(out[shift + n] == T(-7));
      CHECK(out[shift + n + 1] == T(-7));
    }
  }
}

TEST_CASE_TEMPLATE("transform: an element has the same bits wherever it stands, also in place", T, float, double) {
  // 1/3 + x·x leaves rounding to the formula; body and tail must agree on it.
  constexpr std::size_t lanes = simd::lanes<T>;
  auto const f = [](auto x) { return simd::fma(x, x, decltype(x)(T(1) / T(3))); };
  test::random rng(3);
  for (int i = 0; i < 50; ++i) {
    auto const value = static_cast<T>(rng.normal());
    std::vector<T> values(2 * lanes + lanes / 2 + 1, value);
    simd::transform(std::span<T>(values), f, values);
    for (T const& v : values) CHECK(std::memcmp(&v, &values[0], sizeof(T)) == 0);
  }
}

TEST_CASE("transform: a NaN stays in its lane") {
  std::vector<float> x(21, 2.0F);
  x[18] = std::numeric_limits<float>::quiet_NaN();
  simd::transform(
      std::span<float>(x), [](auto v) { return v + v; }, x);
  for (std::size_t i = 0; i < x.size(); ++i) CHECK((x[i] == 4.0F) == (i != 18));
}

#if MAMBA_CONTRACTS
TEST_CASE("transform: refuses spans of different length") {
  std::vector<float> in(3), out(4);
  CHECK_THROWS_AS(simd::transform(
                      std::span<float>(out), [](auto v) { return v; }, in),
                  mamba::contract_violation);
}
#endif
