// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/kernels/scan/channel_blocked.hpp>
#include <support/bits.hpp>

#include <cstdint>
#include <vector>

namespace {

using mamba::dynamic;
using mamba::kernels::channel_blocked;

template <class T>
void check_layout() {
  constexpr std::size_t W = channel_blocked<T>::lanes;
  for (std::size_t D = 0; D <= 2 * W + 1; ++D) {
    for (std::size_t const N : {1U, 2U, 16U, 24U}) {
      channel_blocked<T> m(D, N);
      REQUIRE(m.channels() == D);
      REQUIRE(m.depth() == N);
      REQUIRE(m.extent(0) == D);
      REQUIRE(m.extent(1) == N);
      REQUIRE(m.blocks() == (D + W - 1) / W);
      REQUIRE(m.span().size() == m.blocks() * N * W);
      for (std::size_t d = 0; d < D; ++d) {
        for (std::size_t n = 0; n < N; ++n) m(d, n) = static_cast<T>(1 + d * N + n);
      }
      auto const& seen = m;
      for (std::size_t b = 0; b < m.blocks(); ++b) {
        REQUIRE(reinterpret_cast<std::uintptr_t>(seen.block(b)) % (W * sizeof(T)) == 0);
        for (std::size_t n = 0; n < N; ++n) {
          for (std::size_t lane = 0; lane < W; ++lane) {
            std::size_t const d = b * W + lane;
            REQUIRE(seen.block(b)[n * W + lane] == (d < D ? static_cast<T>(1 + d * N + n) : T(0)));
            if (d < D) REQUIRE(&seen(d, n) == &seen.block(b)[n * W + lane]);
          }
        }
      }
      m.fill(T(3));
      T sum = 0;
      for (T const v : m.span()) sum += v;
      REQUIRE(sum == static_cast<T>(3 * D * N));  // the padding is zero still
    }
  }
}

TEST_CASE("channel_blocked: m(d, n) is data[d / W][n][d % W], with zeros for the missing channels") {
  check_layout<float>();
  check_layout<double>();
}

TEST_CASE("channel_blocked: static extents have the layout of dynamic ones") {
  channel_blocked<float, 33, 5> fixed;
  channel_blocked<float, dynamic, 5> mixed(33, 5);
  channel_blocked<float> run(33, 5);
  CHECK(fixed.channels() == 33);
  CHECK(fixed.blocks() == run.blocks());
  for (std::size_t d = 0; d < 33; ++d) {
    for (std::size_t n = 0; n < 5; ++n) fixed(d, n) = mixed(d, n) = run(d, n) = static_cast<float>(d * 5 + n);
  }
  CHECK(test::same_bits(fixed.span(), run.span()));
  CHECK(test::same_bits(mixed.span(), run.span()));
}

TEST_CASE("channel_blocked: a value") {
  channel_blocked<double> a(3, 2), b(3, 2);
  CHECK(a == b);
  b(2, 1) = 1;
  CHECK(a != b);
  a = b;
  CHECK(a == b);
  a(0, 0) = 5;
  CHECK(b(0, 0) == 0);
  CHECK(channel_blocked<double>(3, 2) != channel_blocked<double>(2, 3));
  CHECK(channel_blocked<double>().blocks() == 0);
}

TEST_CASE("channel_blocked: from a row-major array, a tensor or columns of a matrix, and back") {
  float const numbers[] = {1, 2, 3, 4, 5, 6};
  channel_blocked<float> const from_array({numbers, 3, 2});
  CHECK(from_array.channels() == 3);
  CHECK(from_array(0, 1) == 2);
  CHECK(from_array(2, 0) == 5);
  float back[6] = {};
  from_array.copy_to({back, 3, 2});
  CHECK(test::same_bits(std::span<float const>(back), std::span<float const>(numbers)));

  mamba::tensor<double, 19, 3> t;
  for (std::size_t i = 0; i < t.size(); ++i) t.span()[i] = static_cast<double>(i);
  channel_blocked const from_tensor(t);
  static_assert(std::is_same_v<decltype(from_tensor), channel_blocked<double, 19, 3> const>);
  for (std::size_t d = 0; d < 19; ++d) CHECK(from_tensor(d, 2) == static_cast<double>(3 * d + 2));
  channel_blocked const from_columns(t.view().columns(1, 2));
  CHECK(from_columns.depth() == 2);
  CHECK(from_columns(18, 0) == 55);
  for (std::size_t i = from_columns.channels(); i < from_columns.blocks() * from_columns.lanes; ++i) {
    CHECK(from_columns.block(i / from_columns.lanes)[i % from_columns.lanes] == 0);  // padding
  }
  mamba::tensor<double, dynamic, dynamic> again(19, 3), narrow(19, 2);
  from_tensor.copy_to(again);
  CHECK(test::same_bits(std::span<double const>(again.span()), std::span<double const>(t.span())));
  CHECK_THROWS_AS(from_tensor.copy_to(narrow), mamba::contract_violation);
  CHECK_THROWS_AS((channel_blocked<double, 19, 2>(t)), mamba::contract_violation);
}

TEST_CASE("channel_blocked: a wrong size for a static axis is a broken contract") {
  CHECK_THROWS_AS((channel_blocked<float, 33, 5>(32, 5)), mamba::contract_violation);
  CHECK_THROWS_AS((channel_blocked<float, dynamic, 5>(33, 4)), mamba::contract_violation);
}

}  // namespace
