// SPDX-License-Identifier: MIT
// mamba/ssm/scan/affine.hpp — a step of a recurrence as an affine map, and compositions of steps.  [floor 3]
//
//     h ↦ a h + b          a, b:  numbers · a diagonal_matrix and a vector · a matrix and a vector
#pragma once

#include <mamba/core/contracts.hpp>
#include <mamba/ssm/scan/recurrence.hpp>

#include <type_traits>
#include <vector>

namespace mamba::inline MAMBA_ABI::ssm {

/// The map h ↦ a h + b. A recurrence is a composition of such maps.
template <class A, class B = A>
struct affine {
  A a;
  B b;

  [[nodiscard]] B operator()(B const& h) const { return a * h + b; }
};

/// The composition of two maps, the earlier applied first.
///
///     a₂ (a₁ h + b₁) + b₂  =  (a₂ a₁) h + (a₂ b₁ + b₂)
///
/// Paper:   S5, Appendix H; Mamba, section 3.3.2.
/// Why:     composition is associative, so that steps may be combined in any grouping, in parallel. It is not
///          commutative, not even for numbers.
/// Error:   (N + 2) ε of |a₂||a₁| and of |a₂||b₁| + |b₂| entry by entry, N = 1 for numbers and modes.
/// Cost:    one product more than a step for modes, N³ for dense a.
template <class A, class B>
[[nodiscard]] affine<A, B> compose(affine<A, B> const& later, affine<A, B> const& earlier) {
  return {later.a * earlier.a, later.a * earlier.b + later.b};
}

/// compose() as the operator of a scan, whose arguments are in the order of time.
struct compose_in_time_order {
  template <class A, class B>
  [[nodiscard]] affine<A, B> operator()(affine<A, B> const& earlier, affine<A, B> const& later) const {
    return compose(later, earlier);
  }
};

/// The initial element of a scan of maps with an a of this kind: a = I, b = h. The b of the scanned maps are then the
/// states of the recurrence from h.
template <class A, class B>
[[nodiscard]] affine<A, B> initial_element(A const& a, B const& h) {
  return {identity_like(a), h};
}

/// The steps of a discrete system as maps, one per input: h ↦ Ā h + B̄ x_k.
///
///     of two inputs:   h ↦ Ā h + B̄ x_k + B̄₋ x_{k−1},        x₋₁ = x_before, zero unless given
///
/// Shapes:  x [L, M], x_before [M] → L maps; of a diagonal_matrix for a diagonal system, of a matrix for a dense one.
/// Error:   (M + 2) ε |B̄||x| entry by entry, twice that with two inputs; Ā is copied.
/// Cost:    O(L N) memory for a diagonal system, O(L N²) for a dense one.
/// See:     to_dense() for a diagonal plus low rank; two_point_state for the initial h and x_before.
template <recurrent System, class Input>
[[nodiscard]] auto maps(System const& s, Input const& x) {
  MAMBA_EXPECTS(x.cols() == s.b_bar.cols(), "maps: x must have the system's inputs", x.cols(), s.b_bar.cols());
  using map = affine<decltype(System::a_bar), decltype(zero_state(s))>;
  std::vector<map> out;
  for (Eigen::Index k = 0; k < x.rows(); ++k) out.push_back({s.a_bar, s.b_bar * x.row(k).transpose()});
  return out;
}
template <class System, class Input, class Before>
[[nodiscard]] auto maps(two_point<System> const& s, Input const& x, Before const& x_before) {
  MAMBA_EXPECTS(x_before.size() == s.b_bar.cols(), "maps: x_before must have the system's inputs", x_before.size(),
                s.b_bar.cols());
  auto out = maps(static_cast<System const&>(s), x);
  for (Eigen::Index k = 0; k < x.rows(); ++k) {
    if (k == 0) out[0].b += s.b_bar_before * x_before;
    if (k > 0) out[size(k)].b += s.b_bar_before * x.row(k - 1).transpose();
  }
  return out;
}
template <class System, class Input>
[[nodiscard]] auto maps(two_point<System> const& s, Input const& x) {
  return maps(s, x, zero_state(s).x_before);
}

/// The outputs at the states of scanned maps: y_k = C b_k + D x_k.
///
/// Shapes:  L maps, x [L, M] → y [L, P].
/// Error:   that of output().
template <recurrent System, class Map, class Input>
[[nodiscard]] auto outputs(System const& s, std::vector<Map> const& scanned, Input const& x) {
  using y_vector = decltype(output(s, scanned[0].b, x.row(0).transpose().eval()));
  Eigen::Matrix<typename y_vector::Scalar, Eigen::Dynamic, y_vector::RowsAtCompileTime> y(x.rows(), s.c.rows());
  for (std::size_t k = 0; k < scanned.size(); ++k) {
    y.row(index(k)) = output(s, scanned[k].b, x.row(index(k)).transpose().eval()).transpose();
  }
  return y;
}

}  // namespace mamba::inline MAMBA_ABI::ssm
