// SPDX-License-Identifier: MIT
// mamba/ssm/scan/affine.hpp — a step of a recurrence as a map, and steps in a row as one map.  [floor 3]
//
//     h ↦ a h + b          a, b:  numbers · a diagonal_matrix and a vector · a matrix and a vector
#pragma once

#include <mamba/core/contracts.hpp>
#include <mamba/ssm/scan/recurrence.hpp>

#include <type_traits>
#include <vector>

namespace mamba::inline MAMBA_ABI::ssm {

/// The map h ↦ a h + b. A recurrence is one such map after another.
template <class A, class B = A>
struct affine {
  A a;
  B b;

  [[nodiscard]] B operator()(B const& h) const { return a * h + b; }
};

/// Two maps as one, the earlier first.
///
///     a₂ (a₁ h + b₁) + b₂  =  (a₂ a₁) h + (a₂ b₁ + b₂)
///
/// Paper:   S5, Appendix H; Mamba, section 3.3.2.
/// Why:     it is associative, so that steps may be combined in any grouping, side by side; not commutative: a matrix,
///          a vector and even a number's b know which step came first.
/// Cost:    one product more than a step for modes, N³ for dense a: a dense scan pays for its shallow tree.
template <class A, class B>
[[nodiscard]] affine<A, B> compose(affine<A, B> const& later, affine<A, B> const& earlier) {
  return {later.a * earlier.a, later.a * earlier.b + later.b};
}

/// The same as the operator of a scan, whose arguments come in the order of time.
struct in_order {
  template <class A, class B>
  [[nodiscard]] affine<A, B> operator()(affine<A, B> const& earlier, affine<A, B> const& later) const {
    return compose(later, earlier);
  }
};

/// The map whose b is h and which changes nothing else, for maps with an a of this kind: a scan that starts from it has
/// the states of a recurrence from h as its b.
template <class A, class B>
[[nodiscard]] affine<A, B> starting_from(A const& a, B const& h) {
  return {identity_like(a), h};
}

/// The steps of a discrete system as maps, one for each input: h ↦ Ā h + B̄ x_k.
///
///     of two inputs:   h ↦ Ā h + B̄ x_k + B̄₋ x_{k−1},        x₋₁ = x_before, zero unless given
///
/// Shapes:  x [L, M], x_before [M] → L maps; of a diagonal_matrix for a diagonal system, of a matrix for a dense one.
/// Cost:    O(L N) memory for a diagonal system, O(L N²) for a dense one.
/// See:     to_dense() for a diagonal plus low rank; two_point_state, whose h is where a scan starts and whose x_before
///          belongs here.
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

/// The answers that belong to the states of scanned maps: y_k = C b_k + D x_k.
///
/// Shapes:  L maps, x [L, M] → y [L, P].
template <recurrent System, class Map, class Input>
[[nodiscard]] auto outputs(System const& s, std::vector<Map> const& scanned, Input const& x) {
  using answer = decltype(output(s, scanned[0].b, x.row(0).transpose().eval()));
  Eigen::Matrix<typename answer::Scalar, Eigen::Dynamic, answer::RowsAtCompileTime> y(x.rows(), s.c.rows());
  for (std::size_t k = 0; k < scanned.size(); ++k) {
    y.row(index(k)) = output(s, scanned[k].b, x.row(index(k)).transpose().eval()).transpose();
  }
  return y;
}

}  // namespace mamba::inline MAMBA_ABI::ssm
