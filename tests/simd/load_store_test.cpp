// SPDX-License-Identifier: MIT
#include <mamba/simd/load_store.hpp>

#include <doctest/doctest.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace simd = mamba::simd;

TEST_CASE_TEMPLATE("load_store: whole values, from every alignment", T, float, double) {
  using V = simd::batch<T>;
  constexpr std::size_t lanes = simd::lanes<T>;
  std::vector<T> from(3 * lanes), to(3 * lanes, T(-1));
  for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<T>(i);
  for (std::size_t shift = 0; shift <= lanes; ++shift) {
    to.assign(to.size(), T(-1));
    simd::store<V>(to.data() + shift, simd::load<V>(from.data() + shift));
    for (std::size_t i = 0; i < to.size(); ++i) {
      CHECK(to[i] == (i >= shift && i < shift + lanes ? from[i] : T(-1)));
    }
  }
  T one = T(3);
  T other = T(0);
  simd::store<T>(&other, simd::load<T>(&one));
  CHECK(other == T(3));
}

TEST_CASE_TEMPLATE("load_store: the first n lanes, zeros after them, and no byte beyond touched", T, float, double) {
  using V = simd::batch<T>;
  constexpr std::size_t lanes = simd::lanes<T>;
  for (std::size_t n = 0; n <= lanes; ++n) {
    // Exactly n elements on the heap: a read or write past them is what AddressSanitizer looks for.
    std::unique_ptr<T[]> const from(new T[n]);
    std::unique_ptr<T[]> const exact(new T[n]);
    for (std::size_t i = 0; i < n; ++i) from[i] = static_cast<T>(i + 1);
    V const v = simd::load_first<V>(from.get(), n);
    T all[lanes];
    simd::store<V>(all, v);
    for (std::size_t i = 0; i < lanes; ++i) CHECK(all[i] == (i < n ? static_cast<T>(i + 1) : T(0)));
    simd::store_first<V>(exact.get(), v, n);
    for (std::size_t i = 0; i < n; ++i) CHECK(exact[i] == static_cast<T>(i + 1));

    std::vector<T> guarded(2 * lanes, T(-7));
    simd::store_first<V>(guarded.data() + 1, simd::load_first<V>(from.get(), n), n);
    CHECK(guarded[0] == T(-7));
    for (std::size_t i = 1 + n; i < guarded.size(); ++i) CHECK(guarded[i] == T(-7));
  }
}

TEST_CASE_TEMPLATE("load_store: all 65,536 halves, widened with the bits of a scalar conversion", Half, mamba::bfloat16,
                   mamba::float16) {
  using V = simd::batch<float>;
  constexpr std::size_t lanes = simd::lanes<float>;
  std::size_t wrong = 0;
  for (std::uint32_t first = 0; first < 0x10000U; first += lanes) {
    Half from[lanes];
    float to[lanes];
    for (std::size_t i = 0; i < lanes; ++i) from[i].bits = static_cast<std::uint16_t>(first + i);
    simd::store<V>(to, simd::load<V>(from));
    for (std::size_t i = 0; i < lanes; ++i) {
      auto const expected = std::bit_cast<std::uint32_t>(static_cast<float>(from[i]));
      if (std::bit_cast<std::uint32_t>(to[i]) != expected) ++wrong;
    }
  }
  CHECK(wrong == 0);
}
