// SPDX-License-Identifier: MIT
#include <mamba/simd/compat.hpp>
#include <support/random.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>

namespace simd = mamba::simd;

namespace {

template <class T>
constexpr T infinity = std::numeric_limits<T>::infinity();
template <class T>
constexpr T not_a_number = std::numeric_limits<T>::quiet_NaN();

/// The one value in all lanes of v; fails the test if they differ.
template <class T>
T lane_of(simd::batch<T> v) {
  T out[simd::lanes<T>];
  v.store_unaligned(out);
  for (T const& lane : out) CHECK(std::memcmp(&lane, &out[0], sizeof(T)) == 0);
  return out[0];
}

/// Hides a value from the optimiser, so that a test computes at run time.
template <class T>
T unknown(T x) {
  T volatile kept = x;
  return kept;
}

}  // namespace

TEST_CASE_TEMPLATE("compat: fma rounds once exactly where simd::fused is set", T, float, double) {
  // (1 + ε)² = 1 + 2ε + ε²: the last term is left by the subtraction of 1 + 2ε only if the product is not rounded.
  T const eps = std::numeric_limits<T>::epsilon();
  T const a = unknown(T(1) + eps);
  T const c = unknown(-(T(1) + 2 * eps));
  T const expected = simd::fused ? eps * eps : T(0);
  CHECK(simd::fma(a, a, c) == expected);
  CHECK(lane_of(simd::fma(simd::batch<T>(a), simd::batch<T>(a), simd::batch<T>(c))) == expected);
}

TEST_CASE_TEMPLATE("compat: fms and fnma are fma with a sign", T, float, double) {
  test::random rng(sizeof(T));
  for (int i = 0; i < 1000; ++i) {
    T const a = unknown(static_cast<T>(rng.uniform(-1, 1)));
    T const b = unknown(static_cast<T>(rng.uniform(-1, 1)));
    T const c =
        i % 3 == 0 ? unknown(a * b) : unknown(static_cast<T>(rng.uniform(-1, 1)));  // cancels, but for a rounding
    simd::batch<T> const va(a), vb(b), vc(c);
    CHECK(simd::fms(a, b, c) == simd::fma(a, b, -c));
    CHECK(simd::fnma(a, b, c) == simd::fma(-a, b, c));
    CHECK(lane_of<T>(simd::fms(va, vb, vc)) == simd::fma(a, b, -c));
    CHECK(lane_of<T>(simd::fnma(va, vb, vc)) == simd::fma(-a, b, c));
  }
}

TEST_CASE_TEMPLATE("compat: mul_unfused is rounded before it is added, under any -ffp-contract", T, float, double) {
  T const eps = std::numeric_limits<T>::epsilon();
  T const a = unknown(T(1) + eps);
  T const c = unknown(-(T(1) + 2 * eps));
  CHECK(simd::mul_unfused(a, a) + c == T(0));
  CHECK(c + simd::mul_unfused(a, a) == T(0));
  CHECK(-c - simd::mul_unfused(a, a) == T(0));
  simd::batch<T> const va(a);
  simd::batch<T> const vc(c);
  CHECK(lane_of<T>(simd::mul_unfused(va, va) + vc) == T(0));
  CHECK(lane_of<T>(vc + simd::mul_unfused(va, va)) == T(0));
  CHECK(lane_of<T>(-vc - simd::mul_unfused(va, va)) == T(0));
}

TEST_CASE_TEMPLATE("compat: fma and mul_unfused of scalars have the bits of a lane", T, float, double) {
  test::random rng(1);
  for (int i = 0; i < 1000; ++i) {
    auto const a = static_cast<T>(rng.normal());
    auto const b = static_cast<T>(rng.normal());
    auto const c = static_cast<T>(rng.normal());
    CHECK(simd::fma(a, b, c) == lane_of(simd::fma(simd::batch<T>(a), simd::batch<T>(b), simd::batch<T>(c))));
    CHECK(simd::mul_unfused(a, b) == lane_of(simd::mul_unfused(simd::batch<T>(a), simd::batch<T>(b))));
  }
}

TEST_CASE_TEMPLATE("compat: scale is ldexp, subnormal results and overflow included", T, float, double) {
  if constexpr (simd::scales<simd::batch<T>>) {
    test::random rng(2);
    for (int n = -1200; n <= 1200; ++n) {
      T const p = unknown(static_cast<T>(rng.uniform(0.5, 2)));
      CHECK(lane_of<T>(simd::scale(simd::batch<T>(p), simd::batch<T>(static_cast<T>(n)))) == std::ldexp(p, n));
    }
  }
}

TEST_CASE_TEMPLATE("compat: maximum and minimum keep a NaN, which the machine drops from one of the operands", T, float,
                   double) {
  using V = simd::batch<T>;
  struct row {
    T x, bound, least, most;
  };
  for (row const r : {row{T(1), T(2), T(2), T(1)}, row{T(3), T(2), T(3), T(2)}, row{T(2), T(2), T(2), T(2)},
                      row{-infinity<T>, T(2), T(2), -infinity<T>}, row{infinity<T>, T(2), infinity<T>, T(2)}}) {
    CHECK(simd::maximum(r.x, r.bound) == r.least);
    CHECK(simd::minimum(r.x, r.bound) == r.most);
    CHECK(lane_of(simd::maximum(V(r.x), V(r.bound))) == r.least);
    CHECK(lane_of(simd::minimum(V(r.x), V(r.bound))) == r.most);
  }
  T const nan = unknown(not_a_number<T>);
  CHECK(std::isnan(simd::maximum(nan, T(0))));
  CHECK(std::isnan(simd::minimum(nan, T(0))));
  CHECK(std::isnan(lane_of(simd::maximum(V(nan), V(T(0))))));
  CHECK(std::isnan(lane_of(simd::minimum(V(nan), V(T(0))))));
}

TEST_CASE_TEMPLATE("compat: select, abs, sqrt, any", T, float, double) {
  using V = simd::batch<T>;
  CHECK(simd::select(true, T(1), T(2)) == T(1));
  CHECK(simd::select(false, T(1), T(2)) == T(2));
  CHECK(lane_of(simd::select(V(T(1)) < V(T(2)), V(T(3)), V(T(4)))) == T(3));
  CHECK(lane_of(simd::select(V(T(2)) < V(T(1)), V(T(3)), V(T(4)))) == T(4));
  CHECK(lane_of(simd::select(V(not_a_number<T>) < V(T(1)), V(T(3)), V(T(4)))) == T(4));

  CHECK(std::signbit(simd::abs(T(-0.0))) == false);
  CHECK(std::signbit(lane_of(simd::abs(V(T(-0.0))))) == false);
  CHECK(lane_of(simd::abs(V(T(-3)))) == T(3));
  CHECK(simd::abs(-infinity<T>) == infinity<T>);
  CHECK(std::isnan(lane_of(simd::abs(V(not_a_number<T>)))));

  T const two = unknown(T(2));
  CHECK(simd::sqrt(two) == std::sqrt(two));
  CHECK(lane_of(simd::sqrt(V(two))) == std::sqrt(two));
  CHECK(std::isnan(lane_of(simd::sqrt(V(T(-1))))));

  T values[simd::lanes<T>] = {};
  CHECK_FALSE(simd::any(V::load_unaligned(values) > V(T(0))));
  for (std::size_t i = 0; i < simd::lanes<T>; ++i) {
    values[i] = T(1);
    CHECK(simd::any(V::load_unaligned(values) > V(T(0))));
    values[i] = T(0);
  }
  CHECK(simd::any(true));
  CHECK_FALSE(simd::any(false));
}

TEST_CASE_TEMPLATE("compat: bit_cast there and back changes no bit, and integer shifts work on them", T, float,
                   double) {
  using bits = simd::uint_of<T>;
  static_assert(sizeof(bits) == sizeof(T) && sizeof(simd::int_of<T>) == sizeof(T));
  test::random rng(2);
  for (int i = 0; i < 1000; ++i) {
    auto const word = static_cast<bits>(rng.bits());
    auto const batch = simd::bit_cast<T>(simd::batch<bits>(word));
    bits lane[simd::lanes<T>];
    simd::bit_cast<bits>(batch).store_unaligned(lane);
    for (bits const b : lane) CHECK(b == word);
    simd::batch<bits>(simd::batch<bits>(word) >> 5).store_unaligned(lane);
    for (bits const b : lane) CHECK(b == static_cast<bits>(word >> 5U));
    simd::batch<bits>(simd::batch<bits>(word) << 5).store_unaligned(lane);
    for (bits const b : lane) CHECK(b == static_cast<bits>(word << 5U));
  }
  CHECK(simd::bit_cast<bits>(T(0)) == 0);
  CHECK(simd::bit_cast<T>(simd::bit_cast<bits>(T(-1.5))) == T(-1.5));
}
