// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/kernels/convolution/sequences.hpp>

#include <type_traits>

namespace {

using mamba::dynamic;
using mamba::tensor;
using mamba::kernels::channel_major;
using mamba::kernels::sequences;

static_assert(std::is_convertible_v<tensor<float, 3, 2>&, sequences<float>>);
static_assert(std::is_convertible_v<tensor<float, dynamic, 2> const&, sequences<float const>>);
static_assert(!std::is_convertible_v<tensor<float, 3, 2> const&, sequences<float>>);
static_assert(std::is_convertible_v<channel_major<float>, sequences<float>>);
static_assert(std::is_convertible_v<channel_major<float>, sequences<float const>>);
static_assert(std::is_convertible_v<channel_major<float const>, sequences<float const>>);
static_assert(!std::is_convertible_v<channel_major<float const>, sequences<float>>);
static_assert(!std::is_convertible_v<channel_major<double>, sequences<float>>);

TEST_CASE("sequences: one index order, both layouts") {
  tensor<float, 3, 2> time_first;
  tensor<float, dynamic, dynamic> channel_first(2, 3);
  for (std::size_t t = 0; t < 3; ++t) {
    for (std::size_t d = 0; d < 2; ++d) time_first(t, d) = channel_first(d, t) = static_cast<float>(10 * t + d);
  }
  sequences<float const> const a = time_first;
  sequences<float> const b = channel_major{channel_first};
  CHECK(!a.channel_first());
  CHECK(b.channel_first());
  CHECK(a.length() == 3);
  CHECK(b.length() == 3);
  CHECK(a.channels() == 2);
  CHECK(b.channels() == 2);
  for (std::size_t t = 0; t < 3; ++t) {
    for (std::size_t d = 0; d < 2; ++d) CHECK(a(t, d) == b(t, d));
  }
  b(2, 1) = 7;
  CHECK(channel_first(1, 2) == 7);
  CHECK(b.numbers().data() == channel_first.data());
  static_assert(std::is_same_v<decltype(channel_major{std::as_const(channel_first)}), channel_major<float const>>);
}

}  // namespace
