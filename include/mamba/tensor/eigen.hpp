// SPDX-License-Identifier: MIT
// mamba/tensor/eigen.hpp — maps from views to Eigen; no type of ours has Eigen's storage.  [floor 1]
#pragma once

#include <mamba/tensor/view.hpp>

#include <Eigen/Core>

namespace mamba::inline MAMBA_ABI {

static_assert(MAMBA_EIGEN_ALIGN == EIGEN_MAX_STATIC_ALIGN_BYTES || EIGEN_MAX_STATIC_ALIGN_BYTES == 0,
              "mamba: core/abi.hpp and Eigen disagree about Eigen's static alignment");

namespace detail {
constexpr int eigen_extent(std::size_t extent) noexcept {
  return extent == dynamic ? Eigen::Dynamic : static_cast<int>(extent);
}

template <class T, std::size_t R, std::size_t C>
using eigen_matrix =
    Eigen::Matrix<std::remove_cv_t<T>, eigen_extent(R), eigen_extent(C),
                  (C == 1 && R != 1 ? Eigen::ColMajor : Eigen::RowMajor)>;  // as Eigen requires of column vectors
}  // namespace detail

/// A matrix view as an Eigen map: row-major as PyTorch stores it, with the view's pitch.
///
/// Shapes:  view<T, R, C> → R×C map; static extents stay static. Writing through the map writes the view.
template <class T, std::size_t R, std::size_t C>
[[nodiscard]] auto as_eigen(view<T, R, C> v) noexcept {
  using matrix = detail::eigen_matrix<T, R, C>;
  using mapped = std::conditional_t<std::is_const_v<T>, matrix const, matrix>;
  if constexpr (C == 1 && R != 1) {
    using stride = Eigen::InnerStride<>;  // one column: consecutive entries lie a pitch apart
    return Eigen::Map<mapped, Eigen::Unaligned, stride>(v.data(), static_cast<Eigen::Index>(v.extent(0)),
                                                        static_cast<Eigen::Index>(v.extent(1)),
                                                        stride(static_cast<Eigen::Index>(v.pitch())));
  } else {
    using stride = Eigen::OuterStride<>;
    return Eigen::Map<mapped, Eigen::Unaligned, stride>(v.data(), static_cast<Eigen::Index>(v.extent(0)),
                                                        static_cast<Eigen::Index>(v.extent(1)),
                                                        stride(static_cast<Eigen::Index>(v.pitch())));
  }
}

/// A vector view as an Eigen column vector.
template <class T, std::size_t N>
[[nodiscard]] auto as_eigen(view<T, N> v) noexcept {
  using vector = Eigen::Matrix<std::remove_cv_t<T>, detail::eigen_extent(N), 1>;
  using mapped = std::conditional_t<std::is_const_v<T>, vector const, vector>;
  return Eigen::Map<mapped>(v.data(), static_cast<Eigen::Index>(v.extent(0)));
}

}  // namespace mamba::inline MAMBA_ABI
