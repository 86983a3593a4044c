// SPDX-License-Identifier: MIT
#include <mamba/simd/real.hpp>

#include <doctest/doctest.h>

#include <concepts>
#include <cstddef>
#include <cstdint>

namespace simd = mamba::simd;

namespace {

template <class V>
concept accepted = simd::real<V>;

}  // namespace

TEST_CASE("real: float, double and their batches, and nothing else") {
  CHECK(accepted<float>);
  CHECK(accepted<double>);
  CHECK(accepted<simd::batch<float>>);
  CHECK(accepted<simd::batch<double>>);
  CHECK_FALSE(accepted<int>);
  CHECK_FALSE(accepted<long double>);
  CHECK_FALSE(accepted<simd::batch<std::int32_t>>);
  CHECK_FALSE(accepted<float*>);
}

TEST_CASE_TEMPLATE("real: the scalar, the width and the word of a value", T, float, double) {
  using V = simd::batch<T>;
  CHECK(std::same_as<simd::scalar_of<T>, T>);
  CHECK(std::same_as<simd::scalar_of<V>, T>);
  CHECK_FALSE(simd::is_batch<T>);
  CHECK(simd::is_batch<V>);
  CHECK(simd::width<T> == 1);
  CHECK(simd::width<V> == simd::lanes<T>);
  CHECK(simd::lanes<T> * sizeof(T) == sizeof(V));
  CHECK(sizeof(simd::uint_like<T>) == sizeof(T));
  CHECK(sizeof(simd::uint_like<V>) == sizeof(V));
  CHECK(std::same_as<simd::uint_like<float>, std::uint32_t>);
  CHECK(std::same_as<simd::uint_like<double>, std::uint64_t>);
}
