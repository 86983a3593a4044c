// SPDX-License-Identifier: MIT
// The batch of one lane, whichever batch this build uses: its lane has the bits of the scalar, and no product merges.
#include <mamba/simd/portable_batch.hpp>
#include <support/random.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>

namespace simd = mamba::simd;
using simd::portable_batch;

namespace {

template <class T>
T unknown(T x) {
  T volatile kept = x;
  return kept;
}

}  // namespace

TEST_CASE_TEMPLATE("portable_batch: operators are those of the scalar, bit by bit", T, float, double) {
  test::random rng(sizeof(T));
  for (int i = 0; i < 1000; ++i) {
    auto const a = unknown(static_cast<T>(rng.normal()));
    auto const b = unknown(static_cast<T>(rng.normal()));
    auto const c = unknown(static_cast<T>(rng.normal()));
    portable_batch<T> const va(a), vb(b), vc(c);
    CHECK((va + vb).get(0) == a + b);
    CHECK((va - vb).get(0) == a - b);
    CHECK((va * vb).get(0) == simd::mul_unfused(a, b));
    CHECK((va / vb).get(0) == a / b);
    CHECK((-va).get(0) == -a);
    CHECK(simd::fma(va, vb, vc).get(0) == simd::fma(a, b, c));
    CHECK(simd::fms(va, vb, vc).get(0) == simd::fms(a, b, c));
    CHECK(simd::fnma(va, vb, vc).get(0) == simd::fnma(a, b, c));
    CHECK(simd::mul_unfused(va, vb).get(0) == simd::mul_unfused(a, b));
    CHECK(simd::any(va < vb) == (a < b));
    CHECK(simd::any(!(va < vb)) == !(a < b));
    CHECK(simd::any((va < vb) & (va < vc)) == (a < b && a < c));
    CHECK(simd::any((va < vb) | (va < vc)) == (a < b || a < c));
    CHECK(simd::select(va < vb, va, vb).get(0) == (a < b ? a : b));
    CHECK(simd::maximum(va, vb).get(0) == simd::maximum(a, b));
    CHECK(simd::minimum(va, vb).get(0) == simd::minimum(a, b));
    CHECK(simd::abs(va).get(0) == std::fabs(a));
    CHECK(simd::sqrt(va * va).get(0) == std::sqrt(simd::mul_unfused(a, a)));
  }
}

TEST_CASE_TEMPLATE("portable_batch: mul_unfused is rounded before it is added, under any -ffp-contract", T, float,
                   double) {
  T const eps = std::numeric_limits<T>::epsilon();
  portable_batch<T> const a(unknown(T(1) + eps));
  portable_batch<T> const c(unknown(-(T(1) + 2 * eps)));
  CHECK((a * a + c).get(0) == T(0));
  CHECK((c + a * a).get(0) == T(0));
  CHECK((-c - a * a).get(0) == T(0));
  portable_batch<T> sum = c;
  sum += a * a;
  CHECK(sum.get(0) == T(0));
}

TEST_CASE_TEMPLATE("portable_batch: maximum and minimum keep a NaN, and a comparison with one is false", T, float,
                   double) {
  portable_batch<T> const nan(unknown(std::numeric_limits<T>::quiet_NaN()));
  portable_batch<T> const one(T(1));
  CHECK(std::isnan(simd::maximum(nan, one).get(0)));
  CHECK(std::isnan(simd::minimum(nan, one).get(0)));
  CHECK_FALSE(simd::any(nan < one));
  CHECK_FALSE(simd::any(nan == nan));
  CHECK(simd::any(nan != nan));
}

TEST_CASE("portable_batch: integers wrap, shift and mask") {
  using words = portable_batch<std::uint32_t>;
  using numbers = portable_batch<std::int32_t>;
  CHECK((words(0xffffffffU) + words(2U)).get(0) == 1U);
  CHECK((words(0U) - words(1U)).get(0) == 0xffffffffU);
  CHECK((words(0x10001U) * words(0x10001U)).get(0) == 0x20001U);
  CHECK((words(0xf0f0U) & words(0xff00U)).get(0) == 0xf000U);
  CHECK((words(0xf0f0U) | words(0xff00U)).get(0) == 0xfff0U);
  CHECK((words(0xf0f0U) ^ words(0xff00U)).get(0) == 0x0ff0U);
  CHECK((~words(0U)).get(0) == 0xffffffffU);
  CHECK((words(0x80000001U) << 1).get(0) == 2U);
  CHECK((words(0x80000001U) >> 1).get(0) == 0x40000000U);
  CHECK((numbers(-8) >> 1).get(0) == -4);
  CHECK((numbers(std::numeric_limits<std::int32_t>::max()) + numbers(1)).get(0) ==
        std::numeric_limits<std::int32_t>::min());
  CHECK((-numbers(5)).get(0) == -5);
  CHECK(simd::to_float(numbers(-7)).get(0) == -7.0F);
  CHECK(simd::bit_cast<float>(words(0x3f800000U)).get(0) == 1.0F);
}

TEST_CASE("portable_batch: one lane in memory") {
  float from[] = {1, 2};
  float to[] = {3, 4};
  auto const v = portable_batch<float>::load_unaligned(from);
  v.store_unaligned(to);
  CHECK(to[0] == 1.0F);
  CHECK(to[1] == 4.0F);
  CHECK(sizeof(portable_batch<float>) == sizeof(float));
  CHECK(portable_batch<double>::size == 1);
}
