// SPDX-License-Identifier: MIT
// tests/support/recurrence_case.hpp — diagonal recurrences with random numbers, and how far a kernel may be off.
#pragma once

#include <mamba/ssm/scan/diagonal_recurrence.hpp>
#include <support/random.hpp>
#include <support/scan_case.hpp>

#include <cmath>
#include <complex>
#include <limits>
#include <type_traits>
#include <vector>

namespace test {

/// The arguments of a diagonal recurrence over modes of type C (T, or complex<T> for half of the modes); h is the state
/// before it.
template <class C, class T>
struct recurrence_case {
  table<C> a, b, c, h;
  std::vector<T> d;
  table<T> x;
};

template <class C>
using long_of = std::conditional_t<mamba::ssm::is_complex<C>, std::complex<long double>, long double>;

/// |ā| from 0.3 to 1, so that errors of many steps add up; b̄, c, d, x and h of the order of 1.
template <class C, class T>
[[nodiscard]] recurrence_case<C, T> random_recurrence(random& rng, std::size_t L, std::size_t D, std::size_t N,
                                                      bool with_d) {
  auto const number = [&](double size) {
    if constexpr (mamba::ssm::is_complex<C>) {
      double const angle = rng.uniform(-3.2, 3.2);
      return C(static_cast<T>(size * std::cos(angle)), static_cast<T>(size * std::sin(angle)));
    } else {
      return static_cast<C>(rng.below(4) == 0 ? -size : size);
    }
  };
  recurrence_case<C, T> out{{D, N}, {D, N}, {D, N}, {D, N}, {}, {L, D}};
  for (C& v : out.a.cells()) v = number(1 - 0.7 * std::pow(rng.uniform(0, 1), 3));
  for (auto* m : {&out.b, &out.c, &out.h}) {
    for (C& v : m->cells()) v = number(rng.uniform(0, 2));
  }
  for (T& v : out.x.cells()) v = static_cast<T>(rng.uniform(-2, 2));
  for (std::size_t i = 0; with_d && i < D; ++i) out.d.push_back(static_cast<T>(rng.uniform(-2, 2)));
  return out;
}

/// The exact y and h of a case, and how far kernels::diagonal_recurrence<T> may be from them.
///
/// With u = ε/2 and every magnitude from the recurrence itself, per step (complex terms in parentheses: a complex
/// component has one multiply-add more, and two components make √2):
///
///     b̄ x      u |b̄x|                    the product
///     h        u |h'|                    the multiply-add, whose result it is
///              √2 u (2|b̄x| + |āh| + |h'|)   (the same, with the one in between: at most |āh| + |b̄x| large)
///     c·h      (N + 4) u Σ|c h|          N multiply-adds in a row, or N/W and log₂ W additions
///              (2N + 4) u 2Σ|c h|
///     D x      u |y|                     one multiply-add more
///
/// An error of h is carried on and shrinks with |ā|, as h does. Without fused multiply-add each is two roundings.
template <class C, class T>
struct exact_recurrence {
  using E = long_of<C>;
  table<long double> y, y_bound, h_bound;
  table<E> h;

  exact_recurrence(recurrence_case<C, T> const& s, bool unit_input)
      : y(s.x.extent(0), s.x.extent(1)),
        y_bound(s.x.extent(0), s.x.extent(1)),
        h_bound(s.h.extent(0), s.h.extent(1)),
        h(s.h.extent(0), s.h.extent(1)) {
    constexpr bool half = mamba::ssm::is_complex<C>;
    std::size_t const N = s.h.extent(1);
    auto const in_long = [](table<C> const& t) {
      table<E> out(t.extent(0), t.extent(1));
      for (std::size_t i = 0; i < t.cells().size(); ++i) out.cells()[i] = E(t.cells()[i]);
      return out;
    };
    auto const a = in_long(s.a), c = in_long(s.c);
    auto b = in_long(s.b);
    if (unit_input) b.cells().assign(b.cells().size(), E(1));
    h = in_long(s.h);
    auto const x = s.x.template as<long double>();
    constexpr long double u =
        std::numeric_limits<T>::epsilon() / 2.0L * 1.01L * (mamba::simd::fused ? 1 : 2);  // 1 %: products of roundings
    long double const root = half ? std::sqrt(2.0L) : 1.0L, twice = half ? 2 : 1;
    for (std::size_t t = 0; t < x.extent(0); ++t) {
      for (std::size_t i = 0; i < x.extent(1); ++i) {
        long double size = 0, error = 0;
        for (std::size_t n = 0; n < N; ++n) {
          long double const kept = std::abs(a(i, n) * h(i, n)), entering = std::abs(b(i, n) * x(t, i));
          long double const after = std::abs(a(i, n) * h(i, n) + b(i, n) * x(t, i));
          h_bound(i, n) = std::abs(a(i, n)) * h_bound(i, n) + root * u * (twice * entering + (half ? kept : 0) + after);
          error += std::abs(c(i, n)) * h_bound(i, n);
          h(i, n) = a(i, n) * h(i, n) + b(i, n) * x(t, i);
          size += std::abs(c(i, n) * h(i, n));
        }
        long double const skip = s.d.empty() ? 0 : std::fabs(static_cast<long double>(s.d[i]) * x(t, i));
        y_bound(t, i) = twice * error + u * ((twice * static_cast<long double>(N) + 5) * twice * size + skip);
      }
    }
    h = in_long(s.h);
    std::vector<long double> const d(s.d.begin(), s.d.end());
    mamba::ssm::diagonal_recurrence<half ? mamba::ssm::modes::half : mamba::ssm::modes::all>(a, b, c, d, x, h, y);
  }
};

}  // namespace test
