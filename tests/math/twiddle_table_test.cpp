// SPDX-License-Identifier: MIT
#include <mamba/math/twiddle_table.hpp>
#include <support/near.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <complex>
#include <numbers>
#include <vector>

namespace math = mamba::math;

namespace {

using wide = std::complex<long double>;

template <class T>
wide widened(math::complex<T> const& w) {
  return {static_cast<long double>(w.re), static_cast<long double>(w.im)};
}

/// The ρ of node h by its definition: the top's, or ± the root of the node above.
template <class T>
wide rho(math::twiddle_table<T> const& tree, math::modulus top, std::size_t h) {
  if (h == 1) return top == math::modulus::cyclic ? wide(1, 0) : wide(0, -1);
  return h % 2 == 0 ? widened(tree.twiddle(h / 2)) : -widened(tree.twiddle(h / 2));
}

}  // namespace

TEST_CASE_TEMPLATE("twiddle_table: the root of every node squares to the node's modulus", T, float, double) {
  double const eps = static_cast<double>(std::numeric_limits<T>::epsilon());
  for (math::modulus const top : {math::modulus::cyclic, math::modulus::right_angle}) {
    for (std::size_t n = 1; n <= 4096; n *= 2) {
      math::twiddle_table<T> const tree(n, top);
      REQUIRE(tree.size() == n);
      double worst = 0;
      for (std::size_t h = 1; h < n; ++h) {
        wide const w = widened(tree.twiddle(h));
        // Both are rounded, by ε/4 in each part at most: |2ω δω| + |δρ| ≤ 3 · √2 ε/4 < 1.07 ε.
        worst = std::max(worst, static_cast<double>(std::abs(w * w - rho(tree, top, h))) / eps);
      }
      CHECK(worst <= 1.07);
    }
  }
}

TEST_CASE_TEMPLATE("twiddle_table: each part within half an ulp of its cosine, and within an ulp of zero exact", T,
                   float, double) {
  constexpr std::size_t n = 2048;
  for (math::modulus const top : {math::modulus::cyclic, math::modulus::right_angle}) {
    math::twiddle_table<T> const tree(n, top);
    std::vector<long double> turns(2 * n);  // of ρ_h, by halving: another road than the integers of the header
    turns[1] = top == math::modulus::cyclic ? 0.0L : -0.25L;
    double worst = 0;
    for (std::size_t h = 1; h < n; ++h) {
      turns[2 * h] = turns[h] / 2;
      turns[2 * h + 1] = turns[h] / 2 - 0.5L;
      long double const angle = 2 * std::numbers::pi_v<long double> * turns[2 * h];
      auto const re = static_cast<double>(std::fabs(static_cast<long double>(tree.twiddle(h).re) - std::cos(angle)));
      auto const im = static_cast<double>(std::fabs(static_cast<long double>(tree.twiddle(h).im) - std::sin(angle)));
      worst = std::max({worst, re, im});
    }
    // Half an ulp below 1 is ε/4; the angle's own rounding in long double adds 2⁻⁶³ or so.
    CHECK(worst <= static_cast<double>(std::numeric_limits<T>::epsilon()) * 0.2501);
  }
}

TEST_CASE("twiddle_table: the first roots by hand; 1, −i and the diagonal come out exact") {
  math::twiddle_table<double> const cyclic(8, math::modulus::cyclic);
  CHECK(cyclic.twiddle(1).re == 1);  // z⁸ − 1 = (z⁴ − 1)(z⁴ + 1)
  CHECK(cyclic.twiddle(1).im == 0);
  CHECK(cyclic.twiddle(2).re == 1);
  CHECK(cyclic.twiddle(3).re == 0);  // z⁴ + 1 = (z² + i)(z² − i)
  CHECK(cyclic.twiddle(3).im == -1);
  CHECK(cyclic.twiddle(6).re == -cyclic.twiddle(6).im);  // z² + i: its roots lie on the diagonal
  math::twiddle_table<double> const right(4, math::modulus::right_angle);
  CHECK(right.twiddle(1).re == -right.twiddle(1).im);  // z⁴ + i
  CHECK(test::ulps(right.twiddle(1).re, std::numbers::sqrt2_v<long double> / 2) <= 0.501);
}

TEST_CASE("twiddle_table: a tree that ends at leaves has the roots of the whole tree") {
  math::twiddle_table<float> const whole(256, math::modulus::right_angle);
  math::twiddle_table<float> const cut(256, math::modulus::right_angle, 16);
  for (std::size_t h = 1; h < 16; ++h) {
    CHECK(cut.twiddle(h).re == whole.twiddle(h).re);
    CHECK(cut.twiddle(h).im == whole.twiddle(h).im);
  }
}

TEST_CASE("twiddle_table: contracts") {
  using tree = math::twiddle_table<float>;
  CHECK_THROWS_AS(tree(12, math::modulus::cyclic), mamba::contract_violation);
  CHECK_THROWS_AS(tree(0, math::modulus::cyclic), mamba::contract_violation);
  CHECK_THROWS_AS(tree(16, math::modulus::cyclic, 32), mamba::contract_violation);
  CHECK_THROWS_AS(tree(16, math::modulus::cyclic, 3), mamba::contract_violation);
}
