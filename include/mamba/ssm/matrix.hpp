// SPDX-License-Identifier: MIT
// mamba/ssm/matrix.hpp — matrices and sequences of the lecture: Eigen's, sized by our letters.  [floor 3]
//
//     matrix<double, 4>          4 × 4, inside the object          vector<double, N>        a column of N
//     matrix<double, dynamic>    any size, on the heap             sequence<double, M>      L × M: row k is time k
#pragma once

#include <mamba/tensor/eigen.hpp>
#include <mamba/tensor/extents.hpp>

#include <complex>
#include <concepts>

namespace mamba::inline MAMBA_ABI::ssm {

namespace detail {

/// A static size is not a promise to live on the stack: what is larger than 16 KiB goes to the heap.
template <class T, std::size_t R, std::size_t C>
constexpr int eigen_extent(std::size_t extent) noexcept {
  bool const both_known = R != dynamic && C != dynamic;
  bool const large = both_known && (R > 16384 || C > 16384 || R * C * sizeof(T) > 16384);
  return extent == 1 ? 1 : extent == dynamic || large ? Eigen::Dynamic : static_cast<int>(extent);
}

template <class T>
struct real_behind {
  using type = T;
};
template <class T>
struct real_behind<std::complex<T>> {
  using type = T;
};

}  // namespace detail

/// The real number behind a scalar: double for double and for complex<double>.
template <class T>
using real_of = typename detail::real_behind<T>::type;

template <class T>
using complex_of = std::complex<real_of<T>>;

template <class T>
inline constexpr bool is_complex = !std::same_as<T, real_of<T>>;

/// What an entry of the lecture's matrices may be: float, double, long double, or a complex of one.
template <class T>
concept scalar = std::floating_point<real_of<T>>;

/// R × C numbers; either extent may be dynamic.
template <class T, std::size_t R = dynamic, std::size_t C = R>
using matrix = Eigen::Matrix<T, detail::eigen_extent<T, R, C>(R), detail::eigen_extent<T, R, C>(C)>;

/// A column of N numbers.
template <class T, std::size_t N = dynamic>
using vector = matrix<T, N, 1>;

/// L × M numbers: row k is what happens at time k. With one channel it is a column vector.
template <class T, std::size_t M = 1>
using sequence = matrix<T, dynamic, M>;

/// The size N as an Eigen index.
[[nodiscard]] constexpr Eigen::Index index(std::size_t n) noexcept { return static_cast<Eigen::Index>(n); }

/// An Eigen index as a size.
[[nodiscard]] constexpr std::size_t size(Eigen::Index n) noexcept { return static_cast<std::size_t>(n); }

}  // namespace mamba::inline MAMBA_ABI::ssm
