// SPDX-License-Identifier: MIT
// mamba/ssm/systems/matrix.hpp — Eigen's matrices, vectors and sequences, with sizes by letter.  [floor 3]
//
//     matrix<double, 4>          4 × 4, inside the object          vector<double, N>        a column of N
//     matrix<double, dynamic>    any size, on the heap             sequence<double, M>      L × M: row k is time k
#pragma once

#include <mamba/ssm/systems/scalar.hpp>
#include <mamba/tensor/eigen.hpp>
#include <mamba/tensor/extents.hpp>

namespace mamba::inline MAMBA_ABI::ssm {

namespace detail {

/// Matrices of static size above 16 KiB are stored on the heap.
template <class T, std::size_t R, std::size_t C>
constexpr int stored_extent(std::size_t extent) noexcept {
  bool const both_known = R != dynamic && C != dynamic;
  bool const large = both_known && (R > 16384 || C > 16384 || R * C * sizeof(T) > 16384);
  return mamba::detail::eigen_extent(large && extent != 1 ? dynamic : extent);
}

}  // namespace detail

/// R × C numbers; either extent may be dynamic.
template <class T, std::size_t R = dynamic, std::size_t C = R>
using matrix = Eigen::Matrix<T, detail::stored_extent<T, R, C>(R), detail::stored_extent<T, R, C>(C)>;

/// A column of N numbers.
template <class T, std::size_t N = dynamic>
using vector = matrix<T, N, 1>;

/// L × M numbers: row k belongs to time k. With one channel it is a column vector.
template <class T, std::size_t M = 1>
using sequence = matrix<T, dynamic, M>;

/// The size N as an Eigen index.
[[nodiscard]] constexpr Eigen::Index index(std::size_t n) noexcept { return static_cast<Eigen::Index>(n); }

/// An Eigen index as a size.
[[nodiscard]] constexpr std::size_t size(Eigen::Index n) noexcept { return static_cast<std::size_t>(n); }

/// The extent of an Eigen type, `dynamic` where it is Eigen::Dynamic.
[[nodiscard]] constexpr std::size_t extent_of(int eigen) noexcept {
  return eigen == Eigen::Dynamic ? dynamic : static_cast<std::size_t>(eigen);
}

}  // namespace mamba::inline MAMBA_ABI::ssm
