// SPDX-License-Identifier: MIT
// mamba/ssm/systems/structured_matrix.hpp — the A of a system: dense, diagonal, diagonal plus low rank.  [floor 3]
//
//                                A                operations of all three
//     matrix<T, N>               any              A * h, to_dense(A), all_modes(A)
//     diagonal_matrix<T, N>      diag λ           of the first two: A * A, C * A, identity_like(A), which exp and
//     low_rank_matrix<T, N, R>   diag λ − P Qᴴ    powers need; of the third they are dense
//
// With modes::half, what is stored is one of each conjugate pair of rows and columns.
#pragma once

#include <mamba/ssm/systems/matrix.hpp>
#include <mamba/ssm/systems/modes.hpp>

namespace mamba::inline MAMBA_ABI::ssm {

/// diag λ: N independent modes. With modes::half, N counts the stored ones.
template <scalar T, std::size_t N = dynamic, modes Kept = modes::all>
struct diagonal_matrix {
  static_assert(can_keep<Kept, T>, "modes::half needs complex modes: a real one has no conjugate to stand for");
  using Scalar = T;
  static constexpr std::size_t states = N;
  static constexpr modes kept = Kept;

  vector<T, N> lambda;  ///< [N]

  diagonal_matrix() = default;
  /// diag λ of a column λ, also by assignment.
  template <class Column>
  diagonal_matrix(Eigen::MatrixBase<Column> const& modes) : lambda(modes) {}

  /// Mode n.
  [[nodiscard]] T& operator[](Eigen::Index n) { return lambda[n]; }
  [[nodiscard]] T const& operator[](Eigen::Index n) const { return lambda[n]; }
  [[nodiscard]] T& operator()(Eigen::Index n) { return lambda(n); }
  [[nodiscard]] T const& operator()(Eigen::Index n) const { return lambda(n); }
  [[nodiscard]] bool operator==(diagonal_matrix const& other) const { return lambda == other.lambda; }
};

/// Λ − P Qᴴ: diagonal plus rank R. With modes::half, Qᴴh means 2 Re of the stored part.
template <scalar T, std::size_t N = dynamic, std::size_t R = 1, modes Kept = modes::all>
struct low_rank_matrix {
  static_assert(can_keep<Kept, T>, "modes::half needs complex modes: a real one has no conjugate to stand for");
  using Scalar = T;
  static constexpr std::size_t states = N;
  static constexpr modes kept = Kept;

  vector<T, N> lambda;  ///< [N]
  matrix<T, N, R> p;    ///< [N, R]
  matrix<T, N, R> q;    ///< [N, R]
};

namespace detail {

template <class D>
void is_eigen(Eigen::MatrixBase<D> const&);
template <class T, std::size_t N, modes K>
void is_diagonal(diagonal_matrix<T, N, K> const&);
template <class T, std::size_t N, std::size_t R, modes K>
void is_low_rank(low_rank_matrix<T, N, R, K> const&);

}  // namespace detail

/// A matrix of Eigen's, of any kind.
template <class A>
concept dense_matrix = requires(A const& a) { detail::is_eigen(a); };

/// A diagonal_matrix.
template <class A>
concept diagonal = requires(A const& a) { detail::is_diagonal(a); };

/// A low_rank_matrix.
template <class A>
concept low_rank = requires(A const& a) { detail::is_low_rank(a); };

/// The A of a system: Eigen's matrices, and types that state their number of states and the modes they keep.
template <class A>
concept state_matrix = dense_matrix<A> || requires {
  typename A::Scalar;
  A::states;
  A::kept;
};

namespace detail {

template <class A>
struct facts_of {
  static constexpr std::size_t states = A::states;
  static constexpr modes kept = A::kept;
  using skip = real_of<typename A::Scalar>;  // D is real, whatever the coordinates of the states
};
template <dense_matrix A>
struct facts_of<A> {
  static constexpr std::size_t states = extent_of(A::RowsAtCompileTime);
  static constexpr modes kept = modes::all;
  using skip = typename A::Scalar;
};

/// v, and below it its conjugate.
template <class V>
[[nodiscard]] auto with_conjugate(V const& v) {
  matrix<typename V::Scalar, dynamic, extent_of(V::ColsAtCompileTime)> both(2 * v.rows(), v.cols());
  both.topRows(v.rows()) = v;
  both.bottomRows(v.rows()) = v.conjugate();
  return both;
}

}  // namespace detail

/// The entries of A, its number of states (or stored modes), and which modes it keeps.
template <state_matrix A>
using number_of = typename A::Scalar;
template <state_matrix A>
inline constexpr std::size_t states_of = detail::facts_of<A>::states;
template <state_matrix A>
inline constexpr modes kept_of = detail::facts_of<A>::kept;

/// A h.
///
/// Shapes:  A [N, N], h [N, any].
/// Error:   diagonal: one rounding for each entry (3 ε where complex); low rank (N + R + 4) ε (|Λ| + |P||Qᴴ|)|h| entry
///          by entry.
/// Cost:    O(N) diagonal, O(NR) diagonal plus low rank, for each column.
template <class T, std::size_t N, modes K, class H>
[[nodiscard]] auto operator*(diagonal_matrix<T, N, K> const& a, Eigen::MatrixBase<H> const& h) {
  return (a.lambda.asDiagonal() * h.derived()).eval();
}
template <class T, std::size_t N, std::size_t R, modes K, class H>
[[nodiscard]] auto operator*(low_rank_matrix<T, N, R, K> const& a, Eigen::MatrixBase<H> const& h) {
  return (a.lambda.asDiagonal() * h.derived() - a.p * whole<K>(a.q.adjoint() * h.derived())).eval();
}

/// C A, and A A: diagonal stays diagonal.
///
/// Error:   one rounding for each entry (3 ε where complex).
template <class C, class T, std::size_t N, modes K>
[[nodiscard]] auto operator*(Eigen::MatrixBase<C> const& c, diagonal_matrix<T, N, K> const& a) {
  return (c.derived() * a.lambda.asDiagonal()).eval();
}
template <class T, std::size_t N, modes K>
[[nodiscard]] diagonal_matrix<T, N, K> operator*(diagonal_matrix<T, N, K> const& a, diagonal_matrix<T, N, K> const& b) {
  return {a.lambda.cwiseProduct(b.lambda)};
}

/// I of A's kind and size; of a number, 1.
template <class A>
[[nodiscard]] A identity_like([[maybe_unused]] A const& a) {
  if constexpr (dense_matrix<A>) {
    return A::Identity(a.rows(), a.cols());
  } else if constexpr (diagonal<A>) {
    return {decltype(a.lambda)::Ones(a.lambda.size())};
  } else {
    return A(1);
  }
}

/// A with every mode written out: the stored half, then its conjugates. [N] → [2N]
template <state_matrix A>
[[nodiscard]] auto all_modes(A const& a) {
  using T = number_of<A>;
  if constexpr (kept_of<A> == modes::all) {
    return a;
  } else if constexpr (diagonal<A>) {
    return diagonal_matrix<T>{detail::with_conjugate(a.lambda)};
  } else {
    return low_rank_matrix<T, dynamic, extent_of(decltype(a.p)::ColsAtCompileTime)>{
        detail::with_conjugate(a.lambda), detail::with_conjugate(a.p), detail::with_conjugate(a.q)};
  }
}

/// A written out as a matrix of all modes.
///
/// Error:   (R + 3) ε (|Λ| + |P||Qᴴ|) entry by entry for diagonal plus low rank; the others are copied.
template <state_matrix A>
[[nodiscard]] auto to_dense(A const& a) {
  if constexpr (dense_matrix<A>) {
    return a;
  } else if constexpr (kept_of<A> == modes::half) {
    return to_dense(all_modes(a));
  } else {
    matrix<number_of<A>, states_of<A>> dense = a.lambda.asDiagonal();
    if constexpr (low_rank<A>) dense -= a.p * a.q.adjoint();
    return dense;
  }
}

}  // namespace mamba::inline MAMBA_ABI::ssm
