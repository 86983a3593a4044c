// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/kernels/scan/complex_blocked_view.hpp>

#include <complex>
#include <vector>

namespace {

using mamba::kernels::complex_blocked;
using mamba::kernels::complex_blocked_view;

TEST_CASE("complex_blocked_view: the numbers of a complex_blocked, and of planes that lie elsewhere") {
  for (std::size_t const channels : {1U, 7U, 16U, 37U}) {
    complex_blocked<double> m(channels, 5);
    for (std::size_t d = 0; d < channels; ++d) {
      for (std::size_t n = 0; n < 5; ++n) m.set(d, n, {static_cast<double>(10 * d + n), -static_cast<double>(n) - 1});
    }
    complex_blocked_view<double const> const v(m);
    std::vector<double> const re(m.re.span().begin(), m.re.span().end()), im(m.im.span().begin(), m.im.span().end());
    complex_blocked_view<double const> const apart({re.data(), channels, 5}, {im.data(), channels, 5});
    CHECK(v.channels() == channels);
    CHECK(v.depth() == 5);
    CHECK(v.blocks() == m.blocks());
    for (std::size_t d = 0; d < channels; ++d) {
      for (std::size_t n = 0; n < 5; ++n) {
        REQUIRE(v(d, n) == m(d, n));
        REQUIRE(apart(d, n) == m(d, n));
      }
    }
    CHECK(v.plane(0).block(0) == m.re.block(0));
    CHECK(v.plane(1).block(0) == m.im.block(0));
    CHECK(apart.plane(1).block(0) == im.data());
  }
}

// A constant may hold one.
constexpr complex_blocked_view<float const> nothing;
static_assert(nothing.channels() == 0 && nothing.plane(1).size() == 0);

}  // namespace
