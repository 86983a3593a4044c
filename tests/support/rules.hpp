// SPDX-License-Identifier: MIT
// tests/support/rules.hpp — the rules of discretisation as a list, for what must hold for each of them.
#pragma once

#include <mamba/ssm/discretize/rules.hpp>

#include <utility>

namespace test {

/// Calls f(name, rule) for every rule; rule(delta, a, b) discretises a mode, rule(delta, system) a system whose header
/// the caller has included.
template <class F>
void each_rule(F const& f) {
  using namespace mamba::ssm;
  f("forward_euler", [](auto d, auto const&... s) { return forward_euler(d, s...); });
  f("backward_euler", [](auto d, auto const&... s) { return backward_euler(d, s...); });
  f("bilinear", [](auto d, auto const&... s) { return bilinear(d, s...); });
  f("generalized_bilinear", [](auto d, auto const&... s) { return generalized_bilinear(d, decltype(d)(0.3), s...); });
  f("zero_order_hold", [](auto d, auto const&... s) { return zero_order_hold(d, s...); });
  f("zero_order_hold_a_euler_b", [](auto d, auto const&... s) { return zero_order_hold_a_euler_b(d, s...); });
  f("first_order_hold", [](auto d, auto const&... s) { return first_order_hold(d, s...); });
  f("exponential_trapezoidal",
    [](auto d, auto const&... s) { return exponential_trapezoidal(d, decltype(d)(0.7), s...); });
}

/// Whether what a rule returned has a second input.
template <class Discrete>
inline constexpr bool two_inputs = requires(Discrete d) { d.b_bar_before; };

}  // namespace test
