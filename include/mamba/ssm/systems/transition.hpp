// SPDX-License-Identifier: MIT
// mamba/ssm/systems/transition.hpp — (A, B), the state equation without an output.  [floor 3]
//
//     h'(t) = A h(t) + B x(t)
#pragma once

#include <mamba/core/contracts.hpp>
#include <mamba/ssm/systems/continuous.hpp>

namespace mamba::inline MAMBA_ABI::ssm {

/// The state equation of N states with one input. Every HiPPO measure is one of these.
template <scalar T, std::size_t N = dynamic>
struct transition {
  matrix<T, N> a;  ///< [N, N]
  vector<T, N> b;  ///< [N]
};

/// The same system with time scaled by θ: what took one second takes θ.
///
///     A → A/θ,     B → B/θ
///
/// Paper:   HiPPO, appendix B.2: a window of length 1 becomes one of length θ.
/// Units:   theta [s] where A is a pure number.
/// Domain:  theta > 0.
/// Error:   one rounding for each entry.
template <class T, std::size_t N>
[[nodiscard]] transition<T, N> rescale_time(transition<T, N> const& s, real_of<T> theta) {
  return {s.a / theta, s.b / theta};
}

/// The system with (A, B), the output matrix C, and no skip.
///
///     h'(t) = A h(t) + B x(t)          y(t) = C h(t)
///
/// Shapes:  c [P, N]; one output is a row.
template <class T, std::size_t N, class C>
[[nodiscard]] auto with_output(C const& c, transition<T, N> const& s) {
  constexpr std::size_t P = extent_of(C::RowsAtCompileTime);
  MAMBA_EXPECTS(c.cols() == s.b.size(), "with_output: C must have one column per state", c.cols(), s.b.size());
  return dense_system<T, N, 1, P>{s.a, s.b, c, matrix<T, P, 1>::Zero(c.rows(), 1)};
}

namespace detail {

/// The number of states, static or an argument, as an Eigen index.
template <std::size_t N>
[[nodiscard]] Eigen::Index states(std::size_t n) {
  MAMBA_EXPECTS(n != dynamic, "a state of dynamic size needs its size as an argument");
  MAMBA_EXPECTS(N == dynamic || N == n, "the state's size differs from the one in the type", n, N);
  return index(n);
}

/// A vector and a matrix from the formula of one entry.
template <class T, std::size_t N, class Formula>
[[nodiscard]] vector<T, N> entries(Eigen::Index rows, Formula formula) {
  vector<T, N> v = vector<T, N>::Zero(rows, 1);
  for (Eigen::Index n = 0; n < rows; ++n) v(n) = formula(n);
  return v;
}
template <class T, std::size_t N, class Formula>
[[nodiscard]] matrix<T, N> square(Eigen::Index rows, Formula formula) {
  matrix<T, N> a = matrix<T, N>::Zero(rows, rows);
  for (Eigen::Index n = 0; n < rows; ++n) {
    for (Eigen::Index k = 0; k < rows; ++k) a(n, k) = formula(n, k);
  }
  return a;
}

}  // namespace detail

}  // namespace mamba::inline MAMBA_ABI::ssm
