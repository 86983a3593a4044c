// SPDX-License-Identifier: MIT
// mamba/ssm/systems/change_basis.hpp — the same system in other coordinates, h = V g.  [floor 3]
//
//     A → V⁻¹ A V,     B → V⁻¹ B,     C → C V,     D → D
#pragma once

#include <mamba/ssm/systems/continuous.hpp>
#include <mamba/ssm/systems/transition.hpp>

#include <Eigen/LU>

namespace mamba::inline MAMBA_ABI::ssm {

/// (A, B) in other coordinates: A → V⁻¹ A V, B → V⁻¹ B.
///
/// Paper:   S4, Lemma 3.1 (conjugation).
/// Domain:  V invertible; transition and V real or complex, both or either.
/// Error:   of the order of N ε κ(V) of ‖V⁻¹‖ ‖A‖ ‖V‖ and ‖V⁻¹‖ ‖B‖, κ the condition number.
template <class T, std::size_t N, class V>
[[nodiscard]] auto change_basis(transition<T, N> const& s, V const& v) {
  using U = decltype(T() * typename V::Scalar());
  matrix<U, N> const basis = v.template cast<U>();
  auto const inverse = basis.partialPivLu();
  return transition<U, N>{inverse.solve(s.a.template cast<U>() * basis), inverse.solve(s.b.template cast<U>())};
}

/// The same map from x to y, as a dense system, with C → C V as well.
///
/// Paper:   S4, Lemma 3.1 (conjugation).
/// Domain:  as above.
/// Error:   as above, and (N + 2) ε |C||V| in C V.
template <template <class, std::size_t, std::size_t> class system, state_matrix A, std::size_t M, std::size_t P,
          class V>
[[nodiscard]] auto change_basis(system<A, M, P> const& s, V const& v) {
  using U = decltype(number_of<A>() * typename V::Scalar());
  auto const dense = to_dense(s);
  auto const& [a, b, c, d] = dense;
  matrix<U, states_of<A>> const basis = v.template cast<U>();
  auto const inverse = basis.partialPivLu();
  return system<matrix<U, states_of<A>>, M, P>{inverse.solve(a.template cast<U>() * basis),
                                               inverse.solve(b.template cast<U>()), c.template cast<U>() * basis,
                                               d.template cast<U>()};
}

}  // namespace mamba::inline MAMBA_ABI::ssm
