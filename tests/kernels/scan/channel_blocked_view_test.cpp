// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/kernels/scan/channel_blocked_view.hpp>

namespace {

using mamba::kernels::channel_blocked;
using mamba::kernels::channel_blocked_view;

TEST_CASE("channel_blocked_view: the numbers of a channel_blocked, element by element, padding included") {
  for (std::size_t const channels : {1U, 7U, 16U, 37U}) {
    channel_blocked<double> m(channels, 5);
    for (std::size_t d = 0; d < channels; ++d) {
      for (std::size_t n = 0; n < 5; ++n) m(d, n) = static_cast<double>(10 * d + n);
    }
    channel_blocked_view<double const> const v(m);
    CHECK(v.channels() == channels);
    CHECK(v.depth() == 5);
    CHECK(v.blocks() == m.blocks());
    CHECK(v.size() == m.span().size());
    for (std::size_t d = 0; d < channels; ++d) {
      for (std::size_t n = 0; n < 5; ++n) REQUIRE(v(d, n) == m(d, n));
    }
    for (std::size_t b = 0; b < v.blocks(); ++b) CHECK(v.block(b) == m.block(b));
  }
}

}  // namespace
