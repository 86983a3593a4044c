// SPDX-License-Identifier: MIT
// compat_test.cpp tests fma, mul_unfused, maximum and minimum beside those of batches; here is what scalars alone have.
#include <mamba/simd/scalar.hpp>
#include <support/random.hpp>

#include <doctest/doctest.h>

#include <concepts>
#include <cstdint>

namespace simd = mamba::simd;

TEST_CASE_TEMPLATE("scalar: opaque changes no bit", T, float, double) {
  test::random rng(1);
  for (int i = 0; i < 1000; ++i) {
    auto const word = static_cast<simd::uint_of<T>>(rng.bits());
    auto v = simd::bit_cast<T>(word);
    simd::detail::opaque(v);
    CHECK(simd::bit_cast<simd::uint_of<T>>(v) == word);
  }
}

TEST_CASE_TEMPLATE("scalar: integers as wide as the numbers", T, float, double) {
  CHECK(std::signed_integral<simd::int_of<T>>);
  CHECK(std::unsigned_integral<simd::uint_of<T>>);
  CHECK(sizeof(simd::int_of<T>) == sizeof(T));
  CHECK(sizeof(simd::uint_of<T>) == sizeof(T));
}

TEST_CASE("scalar: a portable build never fuses, another one exactly where the machine can") {
  CHECK(simd::fused == (!MAMBA_SIMD_PORTABLE && simd::detail::may_contract));
}
